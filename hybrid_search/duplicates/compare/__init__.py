"""Two pictures compared: by their signatures, by local features, pixel by pixel."""

from __future__ import annotations
