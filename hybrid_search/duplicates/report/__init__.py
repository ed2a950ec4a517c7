"""Groups of copies for people and programs: facts, differences, a page to choose on."""

from __future__ import annotations
