"""Files reduced to what their pixels need: text, comments and other frames cost the decoder neither time nor memory."""

from __future__ import annotations

import re
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hybrid_search.errors import ImageUnreadable
from hybrid_search.images.parts import (
    MAX_PARTS,
    Part,
    TooManyParts,
    gif_blocks,
    icns_icons,
    iso_boxes,
    jpeg_segments,
    photoshop_resources,
    png_chunks,
    riff_chunks,
)

MAX_PROFILE = 16 * 2**20
"""Bytes to which a colour profile may grow. Those of printers have up to 4 MB."""
MAX_NOTE = 2**20
"""Bytes of EXIF or XMP in which the orientation is looked for; it stands near their beginning."""
MAX_TABLES = 4 * 2**20
"""Bytes of a JPEG's tables before its first scan; real files have less than 2 kB."""
MAX_PROFILE_SEGMENTS = 255
"""Segments of one profile in a JPEG: their number is a byte."""

_EXIF, _XMP, _PROFILE = b"Exif\x00", b"http://ns.adobe.com/xap/1.0/\x00", b"ICC_PROFILE\x00"
_PNG_XMP, _PNG_EXIF = b"XML:com.adobe.xmp\x00", b"Raw profile type exif\x00"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_LOSSLESS = frozenset((0xC3, 0xC7, 0xCB, 0xCF))
_HAS_EXIF, _HAS_XMP = 0x08, 0x04  # flags of WebP's VP8X chunk
_PPM_TOKEN = re.compile(rb"\s*(#|[^\s#]{1,20})")


_COUNTED: dict[str, Callable[[bytes], Iterator[Part]]] = {
    "avif": iso_boxes,
    "heif": iso_boxes,
    "icns": icns_icons,
    "jp2": iso_boxes,
    "psd": lambda data: photoshop_resources(data, 34 + int.from_bytes(data[26:30], "big")),
}
"""Formats that are decoded as they are, if they have not too many parts."""


@dataclass(frozen=True)
class StrippedFile:
    """A file without what does not matter to its pixels.

    Parameters
    ----------
    data : bytes
        What the decoder gets.
    exif, xmp : bytes, optional
        Where the orientation may stand; None when they were left in `data`.
    profile : bytes, optional
        The colour profile; None when there is none, or it was left in `data`.
    cut : bool
        Whether the file lacks its end, so that pixels may be missing.
    """

    data: bytes
    exif: bytes | None = None
    xmp: bytes | None = None
    profile: bytes | None = None
    cut: bool = False


def plain(name: str, data: bytes, format: str) -> StrippedFile:
    """Return what the decoder of a format needs of a file.

    Raises
    ------
    ImageUnreadable
        When it is a kind of JPEG that no decoder here knows.
    TooManyParts
        When the file is cut into more parts than are read.
    """
    if format == "jpeg":
        return _plain_jpeg(name, data)
    if format == "png":
        return _plain_png(data)
    if format == "webp":
        return _plain_webp(data)
    if format == "gif":
        return StrippedFile(_plain_gif(data))
    if format in _COUNTED:
        # their decoders walk them too, and one in Python takes a second for 200,000 parts
        deque(_COUNTED[format](data), maxlen=0)
    return StrippedFile(_plain_ppm(data) if format == "ppm" else data)


def _plain_jpeg(name: str, data: bytes) -> StrippedFile:
    kept, exif, xmp, tables = _JpegHead(data), b"", b"", 0
    for kind, start, end in jpeg_segments(data):
        marker, head = kind[0], data[start : min(end, start + 64)]
        if marker == 0xDA:
            cut = data.rfind(b"\xff\xd9", end) < 0
            return StrippedFile(kept.join(start - 4), exif, xmp, cut=cut)
        if marker == 0xE1 and head.startswith(_EXIF):
            exif = exif or data[start + 6 : end]
        elif marker == 0xE1 and head.startswith(_XMP):
            xmp = xmp or data[start + len(_XMP) : end]
        elif 0xE0 <= marker <= 0xEF:
            kept.application(marker, head, start, end)
        elif marker != 0xFE and not 0xD0 <= marker <= 0xD8:
            if marker in _FRAMES:
                _check_frame(name, marker, head)
            kept.table(start, end)
            tables += end - start
            if tables > MAX_TABLES:
                raise ImageUnreadable(name, f"its tables take more than {MAX_TABLES >> 20} MiB, the most that is read")
    raise ImageUnreadable(name, "the data are damaged (there are no pixels in it)")


class _JpegHead:
    """The segments before the pixels that a decoder gets, of each kind no more than one file can mean."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._tables = [data[:2]]
        self._adobe = b""
        self._left = {b"JFIF\x00": 1, _PROFILE: MAX_PROFILE_SEGMENTS}

    def table(self, start: int, end: int) -> None:
        """Keep a segment without which nothing can be decoded."""
        self._tables.append(self._data[start - 4 : end])

    def application(self, marker: int, head: bytes, start: int, end: int) -> None:
        """Keep a segment that says how the colours are to be read; libjpeg believes Adobe's last."""
        wanted = {0xE0: b"JFIF\x00", 0xE2: _PROFILE}.get(marker)
        if marker == 0xEE and head.startswith(b"Adobe"):
            self._adobe = self._data[start - 4 : end]
        elif wanted and head.startswith(wanted) and self._left[wanted] > 0:
            self._left[wanted] -= 1
            self.table(start, end)

    def join(self, scan: int) -> bytes:
        """Return the file, its first scan beginning at `scan`."""
        return b"".join([*self._tables, self._adobe, self._data[scan:]])


def _check_frame(name: str, marker: int, head: bytes) -> None:
    """Tell a kind that libjpeg does not decode from damage (ITU-T T.81, table B.2)."""
    bits = head[0] if head else 8
    lossless = marker in _LOSSLESS and 2 <= bits <= 16
    if bits != 8 and (bits in (12, 16) or lossless):
        raise ImageUnreadable(name, f"JPEG images of {bits} bits a colour are not supported; convert it to PNG or TIFF")


def _plain_png(data: bytes) -> StrippedFile:
    """Return a PNG with its pixels in one chunk and with an end; checksums of ancillary chunks decide what is kept."""
    kept, pixels, profile, exif, xmp = list[bytes](), list[memoryview](), None, b"", b""
    view, kind = memoryview(data), b""
    for kind, start, end in png_chunks(data):
        if kind == b"IDAT":
            pixels.append(view[start:end])
        elif kind in (b"IHDR", b"PLTE") or (kind == b"tRNS" and _is_intact(data, start, end)):
            kept.append(data[start - 8 : end + 4])
        elif kind == b"iCCP" and profile is None:
            profile = _inflated(data[start:end].partition(b"\x00")[2][1:], MAX_PROFILE)
        elif kind == b"eXIf":
            exif = exif or data[start : min(end, start + MAX_NOTE)]
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            head = data[start : min(end, start + 32)]
            if head.startswith(_PNG_XMP):
                xmp = xmp or _png_text(kind, data[start + len(_PNG_XMP) : end])
            elif head.startswith(_PNG_EXIF):
                exif = exif or _hexadecimal(_png_text(kind, data[start + len(_PNG_EXIF) : end]))
    interlaced = data[28:29] == b"\x01"
    length = sum(map(len, pixels))
    # Pillow does not look at the checksum of pixels, whose stream has one of its own
    body: list[bytes | memoryview] = [length.to_bytes(4, "big") + b"IDAT", *pixels, bytes(4)] if pixels else []
    end_of_file = bytes(4) + b"IEND\xaeB`\x82"
    cut = kind != b"IEND" and not interlaced
    return StrippedFile(b"".join([data[:8], *kept, *body, end_of_file]), exif, xmp, profile, cut)


def _is_intact(data: bytes, start: int, end: int) -> bool:
    return zlib.crc32(data[start - 4 : end]) == int.from_bytes(data[end : end + 4], "big")


def _png_text(kind: bytes, rest: bytes) -> bytes:
    """Return the first bytes of a text, `rest` being what follows its keyword."""
    if kind == b"zTXt":
        return _inflated(rest[1:], MAX_NOTE) or b""
    if kind == b"iTXt":
        text = rest[2 : MAX_NOTE + 2].split(b"\x00", 2)[-1]
        return (_inflated(text, MAX_NOTE) or b"") if rest[:1] == b"\x01" else text
    return rest[:MAX_NOTE]


def _inflated(data: bytes, limit: int) -> bytes | None:
    try:
        return zlib.decompressobj().decompress(data, limit)
    except zlib.error:
        return None


def _hexadecimal(text: bytes) -> bytes:
    """Return the block that ImageMagick writes as hexadecimal digits below three lines of heading."""
    try:
        return bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode("ascii"))
    except ValueError:
        return b""


def _plain_webp(data: bytes) -> StrippedFile:
    """Return a WebP of one frame, its sizes those of what is there: a file cut off behind its pixels is whole."""
    kept, exif, xmp, animated = list[bytes](), b"", b"", False
    for kind, start, end in riff_chunks(data):
        chunk = data[start - 8 : end] + bytes((end - start) % 2)
        if kind == b"VP8X" and not kept and end - start >= 10:
            flags = chunk[8] & ~(_HAS_EXIF | _HAS_XMP)
            kept.append(chunk[:8] + bytes([flags]) + chunk[9:])
        elif kind in (b"ICCP", b"ANIM", b"ALPH", b"VP8 ", b"VP8L") or (kind == b"ANMF" and not animated):
            animated = animated or kind == b"ANMF"
            kept.append(chunk)
        elif kind == b"EXIF":
            exif = exif or data[start:end]
        elif kind == b"XMP ":
            xmp = xmp or data[start:end]
    body = b"".join(kept)
    return StrippedFile(b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body, exif, xmp)


def _plain_gif(data: bytes) -> bytes:
    """Return a GIF without its comments and application extensions, from its first frame on as it is."""
    if len(data) < 13:
        return data
    control, head = b"", 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    for kind, start, end in gif_blocks(data):
        if kind == b"\xf9":
            control = data[start:end]
        elif kind == b",":
            return data[:head] + control + data[start:]
    return data[:head] + b";"


def _plain_ppm(data: bytes) -> bytes:
    """Return a PPM without the comments of its header, which Pillow reads byte by byte."""
    tokens, position, comments = list[bytes](), 2, 0
    while len(tokens) < (2 if data[1:2] in b"14" else 3):
        found = _PPM_TOKEN.match(data, position)
        if found is None:
            return data
        position = found.end()
        if found[1] != b"#":
            tokens.append(found[1])
            continue
        line, comments = data.find(b"\n", position), comments + 1
        if comments > MAX_PARTS:
            raise TooManyParts("comments", MAX_PARTS)
        feed = data.find(b"\r", position, line if line >= 0 else len(data))
        position = max(feed if feed >= 0 else line, position) + 1
    return data[:2] + b"\n" + b" ".join(tokens) + data[position:] if comments else data
