"""The size of a JPEG XL image from its header, as its decoder tells it only after decoding everything."""

from __future__ import annotations

from hybrid_search.images.parts import iso_boxes

_RATIOS = ((1, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_DISTRIBUTION = (9, 13, 18, 30)  # bits of a side; both are of ISO/IEC 18181-1, D.2


class _Bits:
    """Reads numbers of a few bits, the least significant bit first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        number = self._value & ((1 << count) - 1)
        self._value >>= count
        return number


def jxl_size(data: bytes) -> tuple[int, int]:
    """Return width and height by the SizeHeader of the codestream (ISO/IEC 18181-1, D.2).

    Parameters
    ----------
    data : bytes
        A bare codestream, or a container with boxes.

    Raises
    ------
    ValueError
        When there is no codestream.
    """
    start = 0 if data.startswith(b"\xff\x0a") else _codestream(data)
    if data[start : start + 2] != b"\xff\x0a":
        raise ValueError("no JPEG XL codestream")
    bits = _Bits(data[start + 2 : start + 18])
    small = bits.take(1)
    height = _side(bits, small)
    ratio = bits.take(3)
    if ratio:
        return height * _RATIOS[ratio][0] // _RATIOS[ratio][1], height
    return _side(bits, small), height


def _side(bits: _Bits, small: int) -> int:
    if small:
        return 8 * (bits.take(5) + 1)
    return 1 + bits.take(_DISTRIBUTION[bits.take(2)])


def _codestream(data: bytes) -> int:
    """Return where the first jxlc or jxlp box keeps its bytes of the codestream."""
    for kind, start, _ in iso_boxes(data):
        if kind in (b"jxlc", b"jxlp"):
            return start + (4 if kind == b"jxlp" else 0)
    raise ValueError("no JPEG XL codestream")
