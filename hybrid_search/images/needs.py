"""How much memory the decoding of a picture takes, estimated from its header."""

from __future__ import annotations

from PIL import ImageFile

__all__ = ["JXL_BYTES", "memory_needed"]

_STORED = {"1": 1, "L": 1, "P": 1}
"""Bytes in which Pillow keeps a pixel; four in most modes."""
_DECODERS = {"webp": 20, "avif": 14, "heif": 14, "jp2": 28, "tiff": 4}
"""Bytes a pixel that decoders take for themselves: canvases, planes of colour, numbers of 32 bits, a strip that is the
whole picture. Those that are not named here work by rows."""
JXL_BYTES = 32
"""Bytes a pixel that it takes to decode JPEG XL, which is done as soon as it is opened."""
_COEFFICIENTS = 2
"""Bytes of a coefficient, all of which are kept for a progressive JPEG at whatever size it is decoded."""
_FILE = 3
"""Times that a file's bytes are there: as read, without what pixels do not need, and as the decoder has them."""


def memory_needed(header: ImageFile.ImageFile, format: str, file_bytes: int, full: tuple[int, int]) -> int:
    """Return an upper estimate of the bytes that it takes to make upright RGB pixels of an image.

    Parameters
    ----------
    header : ImageFile
        With its size as it will be decoded: a draft may be smaller than the picture.
    format : str
        As `sniff` says.
    file_bytes : int
        Size of the file.
    full : tuple of int
        Width and height of the picture.
    """
    pixels = header.width * header.height
    each = _DECODERS.get(format, 0) + _stored(header.mode) + _converted(header)
    return pixels * each + _coefficients(header, full) + _FILE * file_bytes


def _stored(mode: str) -> int:
    return 2 if mode.startswith("I;16") else _STORED.get(mode, 4)


def _converted(header: ImageFile.ImageFile) -> int:
    """Return the bytes a pixel that copies take beside the decoded image: of colours, on white, turned."""
    profile = 4 if header.info.get("icc_profile") else 0
    if header.mode.startswith("I;16"):
        return 9
    if header.mode in ("I", "F"):
        return 13
    if header.mode == "RGBA":
        return 5 + profile
    if header.mode in ("LA", "La", "PA", "RGBa") or "transparency" in header.info:
        return 9 + profile
    return 4 + profile


def _coefficients(header: ImageFile.ImageFile, full: tuple[int, int]) -> int:
    layers = getattr(header, "layer", None)
    if not layers or not header.info.get("progressive"):
        return 0
    widest, highest = max(each[1] for each in layers) or 1, max(each[2] for each in layers) or 1
    samples = sum(each[1] * each[2] for each in layers) / (widest * highest)
    return int(full[0] * full[1] * samples * _COEFFICIENTS)
