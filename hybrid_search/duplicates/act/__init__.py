"""What becomes of the copies: which stay, and how the others go, so that no picture is lost."""

from __future__ import annotations
