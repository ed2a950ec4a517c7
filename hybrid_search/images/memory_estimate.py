"""How much memory the decoding of a picture takes, estimated from its header."""

from __future__ import annotations

from PIL import ImageFile

from hybrid_search.images.opener import OpenImage

_STORED = {"1": 1, "L": 1, "P": 1}
"""Bytes in which Pillow keeps a pixel; four in most modes."""
_DECODERS = {"webp": 12, "avif": 10, "heif": 10, "jp2": 18, "tiff": 6}
"""Bytes a pixel that decoders take for themselves: canvases, planes of colour, numbers of 32 bits, a strip that is the
whole picture. Those that are not named here work by rows."""
JXL_BYTES = 24
"""Bytes a pixel that it takes to decode JPEG XL, which is done as soon as it is opened."""
_COEFFICIENT = 2
"""Bytes of a coefficient, all of which are kept for a progressive JPEG at whatever size it is decoded."""
_BUFFERS = 2**20
"""Bytes for rows and tables."""
_FILE = 2
"""Times that a file's bytes are there: as read, and without what pixels do not need."""


def memory_needed(opened: OpenImage, format: str, full: tuple[int, int]) -> int:
    """Return an upper estimate of the bytes that it takes to make upright RGB pixels of an image.

    Parameters
    ----------
    opened : OpenImage
        With its size as it will be decoded: a draft may be smaller than the picture.
    format : str
        As `sniff` says.
    full : tuple of int
        Width and height of the picture.
    """
    header = opened.header
    reduced: object = getattr(header, "reduce", 0)
    # a number in JPEG 2000 alone, else Pillow's method of that name
    halvings = reduced if isinstance(reduced, int) else 0
    pixels = -(-header.width >> halvings) * -(-header.height >> halvings)
    again = 4 if header.info.get("icc_profile") or opened.orientation not in (None, 1) else 0
    each = _DECODERS.get(format, 0) + _of_mode(header, again)
    return pixels * each + _coefficients(header, full) + _FILE * len(opened.plain.data) + _BUFFERS


def _of_mode(header: ImageFile.ImageFile, again: int) -> int:
    """Return the bytes a pixel of the decoded image and of copies beside it: on white, as RGB, turned (`again`)."""
    stored = _STORED.get(header.mode, 4)
    if header.mode in ("I", "F") or header.mode.startswith("I;16"):
        return 14 + again
    if header.mode == "RGB" and "transparency" not in header.info:
        return 4 + again
    if header.mode == "RGBA":
        return 9 + again
    if header.mode in ("LA", "La", "PA", "RGBa") or "transparency" in header.info:
        return stored + 9 + again
    return stored + 4 + again


def _coefficients(header: ImageFile.ImageFile, full: tuple[int, int]) -> int:
    layers = getattr(header, "layer", None)
    if not layers or not header.info.get("progressive"):
        return 0
    widest, highest = max(each[1] for each in layers) or 1, max(each[2] for each in layers) or 1
    samples = sum(each[1] * each[2] for each in layers) / (widest * highest)
    return int(full[0] * full[1] * samples * _COEFFICIENT)
