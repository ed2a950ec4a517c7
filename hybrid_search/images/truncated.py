"""Files that end early: decoded as far as they go, and taken when nearly all of their rows are there."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin

LEAST_SHARE = 0.95
"""Share of the rows that must be there. What a picture lacks of its lower edge then changes neither how people see it
nor what is computed of it; a download that broke off earlier is damaged, and worth fetching again."""

_JPEG_END = b"\xff\xd9"
_LOOK_AHEAD = b"\xff\x00" * 8
"""64 bits of ones, with which libjpeg, which reads 57 bits ahead, decodes the last block; no code consists of ones."""


class _Ended(Exception):
    """The decoder asks for more than the file has."""


class CutFile(ImageFile.ImageFile):
    """A file whose end may lack, with its rows counted as they come.

    Pillow's own switch for such files, LOAD_TRUNCATED_IMAGES, holds for all threads and takes any share of a picture.
    """

    cut = False
    """Set before loading: the file has no end."""
    missing_rows = 0
    """Rows that are not there, once the pixels are loaded; the last one that is stands in their place."""

    def load_prepare(self) -> None:
        """Fill a cut file with noise: rows that have it in the end were not decoded."""
        if self.cut:
            self.im = _noise(self.mode, self.size).im
        super().load_prepare()

    def load(self) -> Any:
        """Load the pixels.

        Raises
        ------
        OSError
            When the file is damaged, or less than `LEAST_SHARE` of the rows are there.
        """
        try:
            return super().load()
        except _Ended:
            self.tile = []
        self.missing_rows = self._count_missing()
        height = self.size[1]
        if self.missing_rows > height * (1 - LEAST_SHARE):
            raise OSError(f"the file ends early: {height - self.missing_rows:,} of {height:,} rows are there")
        if self.missing_rows:
            there = height - self.missing_rows
            last = self.crop((0, there - 1, self.size[0], there))
            self.paste(last.resize((self.size[0], self.missing_rows)), (0, there))
        return Image.Image.load(self)

    def _count_missing(self) -> int:
        rows = np.asarray(self).reshape(self.size[1], -1)
        untouched = (rows == np.asarray(_noise(self.mode, (self.size[0], 1))).reshape(1, -1)).all(axis=1)[::-1]
        return int(untouched.argmin()) if not untouched.all() else len(untouched)


def _noise(mode: str, size: tuple[int, int]) -> Image.Image:
    """Return an image whose rows are all the same noise."""
    count = len(Image.new(mode, (size[0], 1)).tobytes())
    row = np.random.default_rng(0).integers(0, 256, count, np.uint8).tobytes()
    return Image.frombytes(mode, size, row * size[1])


class JpegFile(CutFile, JpegImagePlugin.JpegImageFile):
    """A JPEG that may lack its end; Pillow looks for no resolution in EXIF."""

    _given = b""

    def load_read(self, read_bytes: int) -> bytes:
        """Return more of the file; behind its end first what lets libjpeg finish, then nothing can follow."""
        more = super().load_read(read_bytes)
        if more or not self.cut:
            return more
        if self._given:
            raise _Ended
        # the rows of a progressive file come all at once, and only when there is an end
        self._given = _JPEG_END if self._progressive else _LOOK_AHEAD
        return self._given

    def load(self) -> Any:
        """Load the pixels; see `CutFile`."""
        file, tile = self.fp, list(self.tile)
        loaded = super().load()
        if self.cut and self._progressive and tile and isinstance(file, io.BytesIO):
            self._check_scans(file.getvalue(), tile)
        return loaded

    @property
    def _progressive(self) -> bool:
        return bool(self.info.get("progressive"))

    def _check_scans(self, data: bytes, tile: list[Any]) -> None:
        """Raise OSError unless all scans are there, and the last one down to the last rows.

        Where the data end is seen by taking a few more bytes away: what changes lies behind them.
        """
        height, there = self.size[1], 0
        if _is_refined(data, [layer[0] for layer in self.layer]):
            whole = np.asarray(self)
            for count in (8, 64, 512, 4096):
                shorter = JpegFile(io.BytesIO(data[:-count]), "")
                shorter.cut, shorter.tile, shorter.decoderconfig = True, tile, self.decoderconfig
                shorter._size = self.size
                super(JpegFile, shorter).load()
                rows = (np.asarray(shorter) != whole).reshape(height, -1).any(axis=1)
                if rows.any():
                    there = int(rows.argmax()) + 1
                    break
        if there < height * LEAST_SHARE:
            raise OSError("the file ends early: it is progressive, and its last details are not there")

    def _read_dpi_from_exif(self) -> None:
        """Do nothing: reading all of EXIF for the resolution can cost more than the pixels."""


def _is_refined(data: bytes, components: list[int]) -> bool:
    """Tell whether the scans give every coefficient of every component to its last bit (ITU-T T.81, G.1.1.1.1)."""
    left = {component: set(range(64)) for component in components}
    for found in re.finditer(rb"\xff\xda..([\x01-\x04])", data, re.DOTALL):
        start, count = found.end(), found[1][0]
        scan = data[start : start + 2 * count + 3]
        if len(scan) == 2 * count + 3 and scan[-1] & 15 == 0:
            for component in scan[: 2 * count : 2]:
                left.get(component, set()).difference_update(range(scan[-3], scan[-2] + 1))
    return not any(left.values())


class PngFile(CutFile, PngImagePlugin.PngImageFile):
    """A PNG that may lack its end."""

    def load_read(self, read_bytes: int) -> bytes:
        """Return more of the pixels' stream."""
        more = super().load_read(read_bytes)
        if not more and self.cut:
            raise _Ended
        return more
