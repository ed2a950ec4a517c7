"""TIFF by Pillow and libtiff, without what they ask of tags that do not matter to the pixels, and in silence."""

from __future__ import annotations

import ctypes
import importlib
from functools import cache
from typing import Any

from PIL import TiffImagePlugin

from hybrid_search.images.parts import NotRead

MAX_STRIPS = 500_000
"""Strips or tiles of one image. 256 megapixels in tiles of 32 × 32, smaller than any program writes, are 250,000."""

_RESOLUTION = (282, 283, 296)  # tags of TIFF 6.0, as below
_OFFSETS = (273, 324)  # of strips, of tiles
_COMPRESSION, _ORIENTATION = 259, 0x0112


class TiffFile(TiffImagePlugin.TiffImageFile):
    """A TIFF whose resolution may be anything, and which is not turned by its decoder."""

    def _setup(self) -> None:
        _silence_libtiff()
        tags: Any = self.tag_v2
        for tag in _RESOLUTION:
            # Pillow multiplies what stands there, whatever it is
            if tag in tags:
                del tags[tag]
        for tag in _OFFSETS:
            if len(tags.get(tag, ())) > MAX_STRIPS:
                raise NotRead(f"it has more than {MAX_STRIPS:,} strips, the most that are read; save it anew")
        if tags.get(_COMPRESSION, 1) not in TiffImagePlugin.COMPRESSION_INFO:
            raise NotRead(f"its compression {tags[_COMPRESSION]} is not supported; convert it to PNG")
        super()._setup()

    def load_end(self) -> None:
        """Leave the pixels as they are stored: a damaged EXIF directory would end their loading here."""
        self._size = self._tile_size

    @property
    def orientation(self) -> object:
        """The value of the tag, whatever it is."""
        return self.tag_v2.get(_ORIENTATION)


@cache
def _silence_libtiff() -> None:
    """Take from libtiff the functions that write its remarks to stderr; Pillow raises for what matters.

    The functions are those of the whole process, of that copy of libtiff which Pillow is linked to. A standard error
    that is redirected meanwhile would lose the lines of other threads.
    """
    try:
        library = ctypes.CDLL(importlib.import_module("PIL._imaging").__file__)
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            function = getattr(library, name)
            function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_void_p
            function(None)
    except (AttributeError, OSError):
        # where libtiff is linked into Pillow there is no such name
        return
