"""Animations reduced to what all of their frames need: `plain` keeps the first frame alone."""

from __future__ import annotations

from collections.abc import Iterator

from hybrid_search.images.parts import MAX_PARTS, TooManyParts, png_chunks, riff_chunks

_PNG = frozenset((b"IHDR", b"PLTE", b"tRNS", b"acTL", b"fcTL", b"fdAT", b"IDAT", b"IEND"))
_WEBP = frozenset((b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L"))


def whole(data: bytes, format: str) -> bytes:
    """Return a GIF, PNG or WebP without its comments, texts and metadata, with all of its frames.

    Raises
    ------
    TooManyParts
        When the file is cut into more parts than are read.
    """
    if format == "png":
        return data[:8] + b"".join(data[start - 8 : end + 4] for kind, start, end in png_chunks(data) if kind in _PNG)
    if format == "gif":
        return b"".join(_gif_frames(data)) + b";"
    body = b"".join(
        data[start - 8 : end] + bytes((end - start) % 2) for kind, start, end in riff_chunks(data) if kind in _WEBP
    )
    return b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body


def _gif_frames(data: bytes) -> Iterator[bytes]:
    """Give the head of a GIF, then its graphic controls and images (GIF89a, appendix A)."""
    position, left = 13 + _table(data[10:11]), MAX_PARTS
    yield data[:position]
    while position < len(data) and data[position] in b"!,":
        start, is_image = position, data[position : position + 1] == b","
        # the blocks begin behind an image's descriptor, table and code size, or behind an extension's label
        position += 11 + _table(data[start + 9 : start + 10]) if is_image else 2
        while position < len(data) and data[position]:
            position += 1 + data[position]
            left -= 1
            if left < 0:
                raise TooManyParts("blocks", MAX_PARTS)
        position += 1
        if is_image or data[start + 1] == 0xF9:
            yield data[start:position]


def _table(flags: bytes) -> int:
    """Return the bytes of a colour table by the flags before it."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0
