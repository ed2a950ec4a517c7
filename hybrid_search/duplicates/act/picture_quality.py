"""What keep rules must look into a picture for: whether it is grey, how coarsely it was saved, its format."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from hybrid_search.duplicates.model import Member
from hybrid_search.errors import ImageError
from hybrid_search.images import load_image
from hybrid_search.images.decoder_warnings import quiet
from hybrid_search.images.sniff import RAW_FORMATS

_LOSSLESS = frozenset({"png", "bmp", "ppm", "tga", "qoi", "sgi", "sun", "pcx", "psd", "tiff"})
_LOSSY = ("jxl", "heif", "avif", "jp2", "jpeg", "webp", "gif")
_UNKNOWN = 1e9  # coarser than any JPEG, whose tables have 255 at most
_GREY = 12
"""Difference of the channels, of 255, that JPEG leaves in a picture without colour."""
_BASE = 57.625
"""Mean of the luminance table that JPEG's Annex K proposes, which libjpeg scales: 100 % is its quality 50."""


def is_raw(member: Member) -> bool:
    """Tell whether a file is a camera's raw file."""
    return str(member.source.get("format") or "") in RAW_FORMATS


def format_rank(member: Member) -> int:
    """Return how much a format can hold: 0 for camera raw, 1 for TIFF and PSD, 2 for lossless, then the lossy ones."""
    format = str(member.source.get("format") or "")
    if format in RAW_FORMATS:
        return 0
    if format in ("tiff", "psd"):
        return 1
    if format in _LOSSLESS:
        return 2
    return 3 + (_LOSSY.index(format) if format in _LOSSY else len(_LOSSY))


def is_grey(member: Member) -> bool | None:
    """Tell whether a picture has no colour, by its thumbnail or else its file; None when neither can be read."""
    thumbnail = member.source.get("thumbnail")
    return _is_grey(str(thumbnail or member.path or ""), str(member.source.get("sha256") or ""))


def coarseness(member: Member) -> float:
    """Return the mean of a JPEG's luminance quantisation table, 1 to 255; 0 of lossless formats, 1e9 if unknown.

    The table tells how the file was saved last: a coarse picture that was saved again finely is not found out by it.
    """
    format = str(member.source.get("format") or "")
    if format in _LOSSLESS or format in RAW_FORMATS:
        return 0.0
    if format != "jpeg" or member.path is None:
        return _UNKNOWN
    return _coarseness(member.path, str(member.source.get("sha256") or ""))


def says_coarseness(member: Member) -> str:
    """Return in words how a file was saved, a JPEG by the quality that libjpeg's scale gives its table."""
    mean = coarseness(member)
    if mean == _UNKNOWN:
        return "unknown compression"
    if mean == 0:
        return "lossless"
    scale = 100 * mean / _BASE
    quality = (200 - scale) / 2 if scale <= 100 else 5000 / scale
    return f"JPEG quality about {max(1, min(100, round(quality)))}"


@lru_cache(maxsize=4096)
def _is_grey(image: str, sha256: str) -> bool | None:
    if not image:
        return None
    try:
        small = load_image(image, min_side=64)
    except ImageError:
        return None
    small.thumbnail((64, 64))
    pixels = np.asarray(small, np.int16)
    return bool(np.percentile(pixels.max(-1) - pixels.min(-1), 95) < _GREY)


@lru_cache(maxsize=4096)
def _coarseness(path: str, sha256: str) -> float:
    from PIL.JpegImagePlugin import JpegImageFile

    try:
        with quiet(), JpegImageFile(path) as header:
            table = header.quantization.get(0)
    except Exception:
        # a damaged header raises almost anything, and only means that the rule knows nothing
        return _UNKNOWN
    return float(np.mean(table)) if table else _UNKNOWN
