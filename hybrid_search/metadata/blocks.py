"""Where metadata lies in a file: the EXIF, XMP and IPTC blocks of every container, found without decoding pixels."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from PIL import Image

from hybrid_search.images.parts import (
    gif_extensions,
    gif_text,
    iso_boxes,
    jpeg_segments,
    photoshop_resources,
    png_chunks,
    riff_chunks,
)
from hybrid_search.metadata.prompts import MAX_PROMPT
from hybrid_search.metadata.values import MAX_TEXT as MAX_CAPTION
from hybrid_search.metadata.values import clean_text, decode_text, shown

_XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\x00"
_XMP_MORE = b"http://ns.adobe.com/xmp/extension/\x00"
_GIF_XMP = b"\x0bXMP DataXMP"
_UUID_EXIF = b"JpgTiffExif->JP2"
_UUID_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_UUID_IPTC = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
_BIGTIFF_TAGS = {0x0100, 0x0101, 0x010E, 0x010F, 0x0110, 0x0112, 0x0131, 0x0132, 0x013B, 0x02BC, 0x4746, 0x4749}
_POINTERS = (0x8769, 0x8825)  # the tags that lead to the EXIF and GPS directories
MAX_BLOCK = 16 * 2**20
"""Bytes to which a compressed XMP packet may grow."""
MAX_TEXT = 2**20
"""Bytes to which any other compressed text may grow."""
MAX_TEXTS = 64
"""Chunks of text read from one PNG, comments from another file."""
PROMPTS = frozenset(
    "parameters prompt workflow invokeai_metadata sd-metadata generation_data comment description".split()
)
"""PNG's keywords, in lower case, under which image generators keep texts without end."""


@dataclass
class Blocks:
    """The blocks of metadata of one file, as they lie in it.

    Parameters
    ----------
    exif : bytes
        A TIFF structure that starts with its byte order; for TIFF and RAW the whole file.
    xmp : bytes
        An XMP packet, XML.
    xmp_more : bytes
        A second packet, where the first one of a JPEG has no room for all.
    iptc : bytes
        IPTC-IIM data sets.
    text : dict of str to str
        PNG text by keyword, its beginning.
    prompts : dict of str to str
        Long PNG texts of image generators by keyword in lower case, whole.
    comments : list of str
        Comments of JPEG and GIF.
    parts : dict of str to bytes
        TIFF structures whose only list of tags is "EXIF" or "GPS"; CR3 keeps them apart.
    warnings : list of str
        What could not be searched.
    """

    exif: bytes = b""
    xmp: bytes = b""
    xmp_more: bytes = b""
    iptc: bytes = b""
    text: dict[str, str] = field(default_factory=dict)
    prompts: dict[str, str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    parts: dict[str, bytes] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def put_exif(self, block: bytes) -> None:
        """Keep an EXIF block unless there is one; what comes before its byte order is dropped."""
        start = block.find(b"Exif\x00\x00", 0, 64)
        block = block[start + 6 :] if start >= 0 else block
        if not self.exif and block[:2] in (b"II", b"MM"):
            self.exif = block

    def put_comment(self, comment: bytes) -> None:
        """Keep one of the first comments of a file."""
        if len(self.comments) < MAX_TEXTS and (text := clean_text(decode_text(comment[:MAX_TEXT].strip(b"\x00 ")))):
            self.comments.append(text)

    def put_photoshop(self, block: bytes) -> None:
        """Keep what Photoshop's image resources hold."""
        for kind, start, end in photoshop_resources(block, max(block.find(b"8BIM"), 0)):
            if kind == b"\x04\x04":
                self.iptc = self.iptc or block[start:end]
            elif kind == b"\x04\x22":
                self.put_exif(block[start:end])
            elif kind == b"\x04\x24":
                self.xmp = self.xmp or block[start:end]


def find_blocks(data: bytes, format: str) -> Blocks:
    """Return the metadata blocks of a file.

    Parameters
    ----------
    data : bytes
        The whole file.
    format : str
        As `hybrid_search.images.sniff` names it.
    """
    blocks = Blocks()
    try:
        _read(data, format, blocks)
    except Exception as error:
        # decoders' own parsers fail in their own ways; what was found before is kept
        blocks.warnings.append(f"metadata cannot be found: {type(error).__name__} {shown(str(error))}")
    return blocks


def _read(data: bytes, format: str, blocks: Blocks) -> None:
    if format in ("jpeg", "mpo"):
        _read_jpeg(data, blocks)
    elif format == "png":
        _read_png(data, blocks)
    elif format == "gif":
        _read_gif(data, blocks)
    elif format == "webp":
        _read_webp(data, blocks)
    elif format in ("heif", "avif"):
        _read_with_pillow(data, format, blocks)
    elif format in ("jp2", "jxl"):
        _read_boxes(data, blocks)
    elif format == "cr3":
        _read_cr3(data, blocks)
    elif format == "psd":
        start = 30 + int.from_bytes(data[26:30], "big")
        length = int.from_bytes(data[start : start + 4], "big")
        blocks.put_photoshop(data[start + 4 : start + 4 + length])
    elif data[:4] in (b"II+\x00", b"MM\x00+"):
        _read_with_pillow(data, format, blocks)
    elif data[:2] in (b"II", b"MM"):
        blocks.exif = data
    elif format in ("raf", "mrw"):
        _read_raw(data, format, blocks)


def _read_jpeg(data: bytes, blocks: Blocks) -> None:
    photoshop, left, more = list[bytes](), MAX_BLOCK, dict[bytes, bytearray]()
    for kind, start, end in jpeg_segments(data):
        head = data[start : min(end, start + len(_XMP_HEADER))]
        if kind == b"\xe1" and head.startswith(b"Exif\x00"):
            blocks.put_exif(data[start:end])
        elif kind == b"\xe1" and head == _XMP_HEADER:
            blocks.xmp = blocks.xmp or data[start + len(_XMP_HEADER) : end]
        elif kind == b"\xe1" and data.startswith(_XMP_MORE, start):
            _put_part(data[start + len(_XMP_MORE) : end], more)
        elif kind == b"\xfe":
            blocks.put_comment(data[start:end])
        elif kind == b"\xed" and head.startswith(b"Photoshop 3.0\x00"):
            left -= end - start
            if left < 0:
                blocks.warnings.append(f"IPTC goes on behind {MAX_BLOCK >> 20} MiB; the rest was left out")
                break
            photoshop.append(data[start + 14 : end])
    if photoshop:
        blocks.put_photoshop(b"".join(photoshop))
    # the first packet names the one that goes on
    blocks.xmp_more = next((bytes(packet) for name, packet in more.items() if name in blocks.xmp), b"")


def _put_part(part: bytes, packets: dict[bytes, bytearray]) -> None:
    """Put a part of an extended packet in its place: 32 digits name it, then come its length and where the part is."""
    length, at = int.from_bytes(part[32:36], "big"), int.from_bytes(part[36:40], "big")
    if at < length <= MAX_BLOCK and (part[:32] in packets or len(packets) < 2):
        packet = packets.setdefault(part[:32], bytearray(length))
        content = part[40 : 40 + len(packet) - at]
        packet[at : at + len(content)] = content


def _read_png(data: bytes, blocks: Blocks) -> None:
    texts = 0
    for kind, start, end in png_chunks(data):
        if kind == b"eXIf":
            blocks.put_exif(data[start:end])
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            texts += 1
            if texts <= MAX_TEXTS:
                _read_png_text(kind, data[start:end], blocks)


def _read_png_text(kind: bytes, chunk: bytes, blocks: Blocks) -> None:
    keyword, _, rest = chunk.partition(b"\x00")
    name = keyword.decode("latin-1")
    left = MAX_PROMPT - sum(map(len, blocks.prompts.values())) if name.lower() in PROMPTS else MAX_TEXT
    limit = MAX_BLOCK if name == "XML:com.adobe.xmp" and not blocks.xmp else max(left, MAX_TEXT)
    if kind == b"zTXt":
        rest = _inflate(rest[1:], limit)
    elif kind == b"iTXt":
        compressed, (_, _, rest) = rest[:1] == b"\x01", (*rest[2:].split(b"\x00", 2), b"", b"", b"")[:3]
        rest = _inflate(rest, limit) if compressed else rest
    if name == "XML:com.adobe.xmp":
        blocks.xmp = blocks.xmp or rest
    elif name.lower().startswith("raw profile type "):
        _read_raw_profile(name[17:].lower(), rest, blocks)
    elif rest:
        blocks.text.setdefault(name, clean_text(decode_text(rest[:MAX_TEXT])))
        if MAX_CAPTION < len(rest) <= left and name.lower() in PROMPTS:
            blocks.prompts.setdefault(name.lower(), decode_text(rest))


def _read_raw_profile(name: str, text: bytes, blocks: Blocks) -> None:
    """Read what ImageMagick writes: a name, a length and hexadecimal digits."""
    lines = text.split(b"\n")
    try:
        profile = bytes.fromhex(b"".join(lines[3:]).decode("ascii"))
    except ValueError:
        return
    if name in ("exif", "app1") and profile.startswith(_XMP_HEADER):
        blocks.xmp = blocks.xmp or profile[len(_XMP_HEADER) :]
    elif name in ("exif", "app1"):
        blocks.put_exif(profile)
    elif name == "xmp":
        blocks.xmp = blocks.xmp or profile
    elif name in ("iptc", "8bim"):
        blocks.put_photoshop(profile)


def _inflate(data: bytes, limit: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, limit)
    except zlib.error:
        return b""


def _read_gif(data: bytes, blocks: Blocks) -> None:
    for kind, start, end in gif_extensions(data):
        if kind == b"\xfe":
            blocks.put_comment(gif_text(data[start : min(end, start + MAX_TEXT)]))
        elif kind == b"\xff" and data.startswith(_GIF_XMP, start):
            # the packet lies there as it is, with a trailer that ends it for readers of blocks
            blocks.xmp = blocks.xmp or data[start + len(_GIF_XMP) : end]


def _read_webp(data: bytes, blocks: Blocks) -> None:
    for kind, start, end in riff_chunks(data):
        if kind == b"EXIF":
            blocks.put_exif(data[start:end])
        elif kind == b"XMP ":
            blocks.xmp = data[start:end]


def _read_with_pillow(data: bytes, format: str, blocks: Blocks) -> None:
    """Read what only the decoders' own parsers find: items of HEIF and AVIF, tags of BigTIFF."""
    if format == "heif":
        import pillow_heif

        info = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False).info
    else:
        with Image.open(io.BytesIO(data)) as image:
            info = dict(image.info)
            info.setdefault("exif", _as_classic(image.getexif()))
    blocks.put_exif(info.get("exif") or b"")
    blocks.xmp = info.get("xmp") or b""
    for block in info.get("metadata") or ():
        if block.get("type") == "iptc":
            blocks.iptc = block.get("data", b"")


def _as_classic(exif: Image.Exif) -> bytes:
    """Return what a BigTIFF says of its picture as the TIFF structure that ExifRead reads."""
    classic = Image.Exif()
    for tag, value in exif.items():
        if tag in _BIGTIFF_TAGS or (tag >= 0x8000 and tag not in _POINTERS):
            classic[tag] = value
    for tag in _POINTERS:
        if part := exif.get_ifd(tag):
            classic[tag] = part
    return classic.tobytes()


def _read_boxes(data: bytes, blocks: Blocks) -> None:
    """Read the top-level boxes of JPEG 2000 and JPEG XL."""
    for kind, box in _boxes(data):
        if kind == b"Exif":
            # the standard puts an offset first, some writers do not
            plain = box[:4] in (b"II*\x00", b"MM\x00*")
            blocks.put_exif(box if plain else box[4 + int.from_bytes(box[:4], "big") :])
        elif kind == b"xml " and b"xmpmeta" in box[:4096]:
            blocks.xmp = blocks.xmp or box
        elif kind == b"uuid":
            content = box[16:]
            if box.startswith(_UUID_EXIF):
                blocks.put_exif(content)
            elif box.startswith(_UUID_XMP):
                blocks.xmp = blocks.xmp or content
            elif box.startswith(_UUID_IPTC):
                blocks.iptc = blocks.iptc or content


def _read_cr3(data: bytes, blocks: Blocks) -> None:
    """Read the boxes of Canon's CR3, which lie deep inside its first one."""
    for kind, name in ((b"CMT1", "Image"), (b"CMT2", "EXIF"), (b"CMT4", "GPS")):
        start = data.find(kind, 0, 2**18)
        if start >= 4:
            block = data[start + 4 : start - 4 + int.from_bytes(data[start - 4 : start], "big")]
            if name == "Image":
                blocks.put_exif(block)
            else:
                blocks.parts[name] = block
    for kind, box in _boxes(data):
        if kind == b"uuid" and box.startswith(_UUID_XMP):
            blocks.xmp = box[16:]


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    for kind, start, end in iso_boxes(data):
        if kind in (b"Exif", b"xml ", b"uuid"):
            yield kind, data[start:end]


def _read_raw(data: bytes, format: str, blocks: Blocks) -> None:
    if format == "raf":
        start, length = int.from_bytes(data[84:88], "big"), int.from_bytes(data[88:92], "big")
        _read_jpeg(data[start : start + length], blocks)
    else:
        start = data.find(b"\x00TTW", 0, 4096)
        blocks.put_exif(data[start + 8 :] if start >= 0 else b"")
