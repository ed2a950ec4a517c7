"""The parts of which files are made: segments, chunks and boxes, walked in one pass and never without end."""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_PARTS = 200_000
"""Parts of one file: a PNG of 512 MB in chunks of 8 kB, as libpng writes them, has 65,536. Walking them takes 0.2 s."""

Part = tuple[bytes, int, int]
"""Kind, and where the content begins and ends; the end is that of the file where the part is cut off."""

_MARKER = re.compile(rb"\xff+[\xc0-\xfe]")
_MARKER_BEHIND_GARBAGE = re.compile(rb"(?<!\xff)\xff+[\xc0-\xfe]")
"""It tries each run of fill bytes once, from its beginning, and passes over it at the speed of memory."""
_PNG_KIND = re.compile(rb"[A-Za-z]{4}")
_GIF_BLOCK = re.compile(rb"[!,;]")
_BARE = range(0xD0, 0xD9)
_END, _SCAN = 0xD9, 0xDA  # JPEG markers: end of image, start of scan


class NotRead(ValueError):
    """Why a sound file is not read; the message is the reason of an ImageUnreadable."""


class TooManyParts(NotRead):
    """A file is cut into more parts than are read of it."""

    def __init__(self, parts: str, limit: int) -> None:
        super().__init__(f"it is cut into more than {limit:,} {parts}, the most that are read; save it anew as PNG")


def _bounded(parts: Iterator[Part], name: str) -> Iterator[Part]:
    for count, part in enumerate(parts):
        if count >= MAX_PARTS:
            raise TooManyParts(name, MAX_PARTS)
        yield part


def jpeg_segments(data: bytes) -> Iterator[Part]:
    """Yield the segments of a JPEG before its pixels, and the first that begins a scan; garbage between is skipped.

    The kind is the second byte of the marker; the content begins behind the two bytes of the length. Markers without a
    length have no content.
    """
    return _bounded(_jpeg_segments(data), "segments")


def _jpeg_segments(data: bytes) -> Iterator[Part]:
    position = 2
    while (found := _MARKER.match(data, position) or _MARKER_BEHIND_GARBAGE.search(data, position)) is not None:
        marker, start = data[found.end() - 1], found.end()
        if marker == _END or start + 2 > len(data):
            return
        if marker in _BARE:
            position = start
            yield bytes([marker]), start, start
            continue
        position = start + max(int.from_bytes(data[start : start + 2], "big"), 2)
        yield bytes([marker]), start + 2, min(position, len(data))
        if marker == _SCAN:
            return


def png_chunks(data: bytes) -> Iterator[Part]:
    """Yield the chunks of a PNG up to IEND; what has no name of four letters ends it, too."""
    return _bounded(_png_chunks(data), "chunks")


def _png_chunks(data: bytes) -> Iterator[Part]:
    position = 8
    while position + 8 <= len(data):
        kind, start = data[position + 4 : position + 8], position + 8
        if not _PNG_KIND.fullmatch(kind):
            return
        length = int.from_bytes(data[position : position + 4], "big")
        yield kind, start, min(start + length, len(data))
        if kind == b"IEND":
            return
        position = start + length + 4


def riff_chunks(data: bytes) -> Iterator[Part]:
    """Yield the chunks of a WebP."""
    return _bounded(_riff_chunks(data), "chunks")


def _riff_chunks(data: bytes) -> Iterator[Part]:
    position = 12
    while position + 8 <= len(data):
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        yield data[position : position + 4], position + 8, min(position + 8 + length, len(data))
        position += 8 + length + length % 2


def iso_boxes(data: bytes) -> Iterator[Part]:
    """Yield the top-level boxes of HEIF, JPEG 2000, JPEG XL and CR3."""
    return _bounded(_iso_boxes(data), "boxes")


def _iso_boxes(data: bytes) -> Iterator[Part]:
    position = 0
    while position + 8 <= len(data):
        length, kind, head = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8], 8
        if length == 1:
            length, head = int.from_bytes(data[position + 8 : position + 16], "big"), 16
        elif length == 0:
            length = len(data) - position
        if length < head:
            return
        yield kind, min(position + head, len(data)), min(position + length, len(data))
        position += length


def icns_icons(data: bytes) -> Iterator[Part]:
    """Yield the icons of an ICNS file."""
    return _bounded(_icns_icons(data), "icons")


def _icns_icons(data: bytes) -> Iterator[Part]:
    position = 8
    while position + 8 <= len(data):
        length = int.from_bytes(data[position + 4 : position + 8], "big")
        if length < 8:
            return
        yield data[position : position + 4], position + 8, min(position + length, len(data))
        position += length


def photoshop_resources(data: bytes, position: int) -> Iterator[Part]:
    """Yield Photoshop's image resources from a position on, their kind being the two bytes of their number."""
    return _bounded(_photoshop_resources(data, position), "resources")


def _photoshop_resources(data: bytes, position: int) -> Iterator[Part]:
    while data[position : position + 4] == b"8BIM" and position + 12 <= len(data):
        name = data[position + 6] + 1
        start = position + 6 + name + name % 2 + 4
        length = int.from_bytes(data[start - 4 : start], "big")
        yield data[position + 4 : position + 6], start, min(start + length, len(data))
        position = start + length + length % 2


def gif_table(flags: bytes) -> int:
    """Return the bytes of a colour table by the flags before it."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def gif_blocks(data: bytes) -> Iterator[Part]:
    """Yield the extensions of a GIF before its first frame (by their label), and that frame's descriptor (",").

    Each sub-block counts as a part: a comment may consist of millions.
    """
    position, left = 13 + gif_table(data[10:11]), MAX_PARTS
    while (found := _GIF_BLOCK.search(data, position)) is not None:
        start = found.start()
        if found[0] != b"!":
            yield found[0], start, len(data)
            return
        position = start + 2
        while position < len(data) and data[position]:
            position += 1 + data[position]
            left -= 1
            if left < 0:
                raise TooManyParts("blocks", MAX_PARTS)
        position += 1
        left -= 1
        yield data[start + 1 : start + 2], start, min(position, len(data))


def gif_extensions(data: bytes) -> Iterator[Part]:
    """Yield all extensions of a GIF by their label, content from the length of the first sub-block on.

    The walk ends where the file is cut into more parts than are read: what lies behind them is no more than a note.
    """
    position, left = 13 + gif_table(data[10:11]), MAX_PARTS
    while left > 0 and (found := _GIF_BLOCK.search(data, position)) is not None and found[0] != b";":
        start = found.start()
        if found[0] == b"!":
            label, position = data[start + 1 : start + 2], start + 2
        else:
            # a frame: nine bytes and a colour table before the size of its codes
            table = data[start + 9 : start + 10]
            label, position = b"", start + 11 + (3 << (table[0] & 7) + 1 if table > b"\x7f" else 0)
        content = position
        while left > 0 and position < len(data) and data[position]:
            position += 1 + data[position]
            left -= 1
        position, left = position + 1, left - 1
        if label:
            yield label, content, min(position, len(data))


def gif_text(content: bytes) -> bytes:
    """Return what the sub-blocks of a GIF's extension hold together."""
    blocks, position = list[bytes](), 0
    while position < len(content) and content[position]:
        blocks.append(content[position + 1 : position + 1 + content[position]])
        position += 1 + content[position]
    return b"".join(blocks)
