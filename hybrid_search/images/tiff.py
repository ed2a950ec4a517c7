"""Camera RAW files that look like TIFF, told from TIFF by what their directories say."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_MAKE, _PHOTOMETRIC, _SUB_DIRECTORIES, _DNG_VERSION = 271, 262, 330, 50706  # tags of TIFF 6.0 and DNG
_SENSOR_DATA = {32803, 34892}  # colour filter array, and linear raw
_MAX_DIRECTORIES, _MAX_ENTRIES = 16, 512
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 13: 4}
_MAKES = {
    b"NIKON": "nef",
    b"SONY": "arw",
    b"PENTAX": "pef",
    b"RICOH": "pef",
    b"SAMSUNG": "srw",
    b"OLYMPUS": "orf",
    b"Hasselblad": "3fr",
    b"Phase One": "iiq",
    b"Leaf": "mos",
    b"EPSON": "erf",
    b"Mamiya": "mef",
    b"EASTMAN KODAK": "dcr",
    b"Kodak": "dcr",
}


def raw_kind(data: bytes) -> str | None:
    """Return the RAW format of a TIFF file that holds sensor data ("dng", "nef", …; "raw" when no maker is known).

    None when the file is a plain TIFF, or when `data` ends before its directories.
    """
    make, sensor = b"", False
    for tags in _directories(data):
        if _DNG_VERSION in tags:
            return "dng"
        make = make or tags.get(_MAKE, b"")
        sensor = sensor or _first_number(tags.get(_PHOTOMETRIC, b""), data) in _SENSOR_DATA
    if not sensor:
        return None
    return next((kind for maker, kind in _MAKES.items() if make.upper().startswith(maker.upper())), "raw")


def _first_number(value: bytes, data: bytes) -> int:
    return int.from_bytes(value[:2], "little" if data[:1] == b"I" else "big")


def _directories(data: bytes) -> Iterator[dict[int, bytes]]:
    """Yield tag → value bytes for every directory of a classic TIFF, sub-directories included, each once."""
    order = "<" if data[:1] == b"I" else ">"
    if len(data) < 8 or data[2:4] not in (b"*\x00", b"\x00*"):
        return
    pending, seen = [struct.unpack_from(order + "I", data, 4)[0]], set[int]()
    while pending and len(seen) < _MAX_DIRECTORIES:
        start = pending.pop(0)
        if start in seen or start < 8 or start + 2 > len(data):
            continue
        seen.add(start)
        count = min(struct.unpack_from(order + "H", data, start)[0], _MAX_ENTRIES)
        if start + 6 + 12 * count > len(data):
            continue
        tags = {}
        for at in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, length = struct.unpack_from(order + "HHI", data, at)
            size = min(_SIZES.get(kind, 0) * length, 64)
            place = at + 8 if size <= 4 else struct.unpack_from(order + "I", data, at + 8)[0]
            tags[tag] = data[place : place + size]
        children = tags.get(_SUB_DIRECTORIES, b"")
        pending += struct.unpack(f"{order}{len(children) // 4}I", children[: len(children) // 4 * 4])
        pending.append(struct.unpack_from(order + "I", data, start + 2 + 12 * count)[0])
        yield tags
