"""How a picture is to be turned, read from EXIF or XMP in time that does not depend on what else these hold."""

from __future__ import annotations

import re
import struct

_ORIENTATION = 0x0112  # the EXIF tag
_NUMBERS = {1: "B", 3: "H", 4: "I"}
_XMP = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')
MAX_TAGS = 1_000
"""Tags that are looked through; a camera writes about twenty beside the orientation."""


def orientation_in(exif: bytes, xmp: bytes) -> int | None:
    """Return the orientation that EXIF gives, else that of XMP, else None.

    Parameters
    ----------
    exif : bytes
        A TIFF structure, with or without "Exif" and two NUL before it.
    xmp : bytes
        An XMP packet.

    Examples
    --------
    >>> orientation_in(b"", b'<rdf:Description tiff:Orientation="6"/>')
    6
    """
    found = _in_exif(exif.removeprefix(b"Exif\x00\x00"))
    if found is None and (match := _XMP.search(xmp)):
        return int(match[1])
    return found


def _in_exif(block: bytes) -> int | None:
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None or len(block) < 8:
        return None
    start = int(struct.unpack_from(order + "I", block, 4)[0])
    if start + 2 > len(block):
        return None
    count = int(struct.unpack_from(order + "H", block, start)[0])
    for at in range(start + 2, min(start + 2 + 12 * min(count, MAX_TAGS), len(block) - 11), 12):
        tag, kind, length = struct.unpack_from(order + "HHI", block, at)
        if tag == _ORIENTATION:
            if kind not in _NUMBERS or length != 1:
                return None
            return int(struct.unpack_from(order + _NUMBERS[kind], block, at + 8)[0])
    return None
