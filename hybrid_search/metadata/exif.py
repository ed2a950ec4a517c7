"""EXIF tags by ExifRead: bounded work on hostile files, quick on large maker notes, never an exception."""

from __future__ import annotations

import io
import logging
import re
import struct
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from exifread.core.exif_header import ExifHeader
from exifread.core.ifd_tag import IfdTag
from exifread.tags.exif import GPS_TAGS
from exifread.tags.fields import FIELD_DEFINITIONS, FieldType
from exifread.utils import Ratio

from hybrid_search.metadata.values import clean_text, decode_text, shown, wide_text

MAX_VALUES = 200_000
"""Values read from one file (a byte of text or of a maker note counts a hundredth): more than any camera writes."""
MAX_TAGS = 1_000
"""Tags of one IFD."""
MAX_IFDS = 8
"""Image, thumbnail and a few more; a document of a thousand pages has one IFD for each."""
MAX_VALUE = 1_000
"""Characters kept of one raw value."""
MAX_TOTAL = 24_000
"""Characters kept of all raw values of one image."""

_BLOBS = {0x02BC: "xmp", 0x83BB: "iptc", 0x8649: "photoshop"}
_WIDE = range(0x9C9B, 0x9CA0)
_PLAIN = ("EXIF", "GPS", "Image", "Interoperability")
_FORMATS = {(1, False): "B", (1, True): "b", (2, False): "H", (2, True): "h", (4, False): "I", (4, True): "i"}
_FLOATS = {FieldType.FLOAT_32: "f", FieldType.FLOAT_64: "d"}


_reading = threading.local()


# ExifRead logs every odd value; while this module reads, they become warnings of the image and nothing is logged
logging.getLogger("exifread").addFilter(lambda record: not getattr(_reading, "now", False))


@dataclass
class ExifTags:
    """Tags by ExifRead's names ("Image Make", "EXIF FNumber", …), blocks of other kinds that were among them, warnings.

    Parameters
    ----------
    tags : dict of str to IfdTag
        Tags, as ExifRead gives them.
    blobs : dict of str to bytes
        "xmp", "iptc" and "photoshop" blocks that TIFF keeps as tags, and "comment", the raw UserComment.
    big_endian : bool
        The byte order, which also is that of Unicode user comments.
    """

    tags: dict[str, IfdTag] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    big_endian: bool = False

    def values(self, *names: str) -> Any:
        """Return the values of the first of these tags that the file has: a list or a text; None without any."""
        for name in names:
            tag = self.tags.get(name)
            if tag is not None:
                return decode_text(tag.values) if isinstance(tag.values, bytes) else tag.values
        return None

    def text(self, *names: str) -> str:
        """Return the first of these tags that holds text other than blanks, or the empty string."""
        for name in names:
            value = self.values(name)
            if isinstance(value, str) and (text := clean_text(value)):
                return text
        return ""


class _TooMuch(Exception):
    """A file asks for more work than any real photo needs."""


class _Reader(ExifHeader):
    """ExifRead's reader, which takes the values of a tag in one piece and stops at a budget.

    ExifRead reads value by value, which takes 70 ms for a maker note of 40 kB, and repeats what a hostile count says,
    four billion times. The values are the same; the tests compare both readers on every file that is at hand.
    """

    def __init__(self, data: bytes, endian: str) -> None:
        super().__init__(io.BytesIO(data), endian, 0, 0, strict=False, debug=False, detailed=True)
        self.size = len(data)
        self.spent = 0.0
        self.blobs: dict[str, bytes] = {}
        self.warnings: list[str] = []
        self._tag = 0

    def list_ifd(self) -> list[int]:
        """Return the offsets of the first IFDs."""
        ifds: list[int] = []
        ifd = self._first_ifd()
        while ifd and ifd not in ifds and len(ifds) < MAX_IFDS:
            ifds.append(ifd)
            ifd = self._next_ifd(ifd)
        return ifds

    def _spend(self, amount: float) -> None:
        self.spent += amount
        if self.spent > MAX_VALUES:
            raise _TooMuch

    def dump_ifd(self, ifd: int, ifd_name: str, *rest: Any, **more: Any) -> None:
        """Read the tags of an IFD, unless it claims more of them than any has."""
        if self.s2n(ifd, 2) <= MAX_TAGS:
            super().dump_ifd(ifd, ifd_name, *rest, **more)
        elif ifd_name != "MakerNote":
            # maker notes of unknown kinds look like this to a reader that takes them for IFDs
            self.warnings.append(f"{ifd_name} IFD claims {self.s2n(ifd, 2)} tags")

    def _process_tag(
        self, ifd: int, ifd_name: str, tag_entry: Any, entry: int, tag: int, tag_name: str, *rest: Any, **more: Any
    ) -> None:
        self._spend(5)
        self._tag = tag
        try:
            super()._process_tag(ifd, ifd_name, tag_entry, entry, tag, tag_name, *rest, **more)
        except (ArithmeticError, LookupError, TypeError, ValueError, struct.error) as error:
            self.warnings.append(f"{ifd_name} {tag_name} cannot be read: {shown(str(error))}")

    def _process_ascii_field(self, ifd_name: str, tag_name: str, count: int, offset: int) -> str | bytes:
        self._spend(min(count, self.size) / 100)
        value: str | bytes = super()._process_ascii_field(ifd_name, tag_name, count, offset)
        return value

    def _process_field(self, tag_name: str, count: int, field_type: int, type_length: int, offset: int) -> list[Any]:
        blob = _BLOBS.get(self._tag)
        wanted = count < 1000 or tag_name in ("MakerNote", "CameraInfo", "UserComment") or blob is not None
        if not wanted or type_length == 0:
            return []
        count = min(count, self.size // type_length)
        self._spend(count / 100 if type_length == 1 else count)
        self.file_handle.seek(self.offset + offset)
        raw = self.file_handle.read(count * type_length)
        if blob is not None or tag_name == "UserComment":
            self.blobs.setdefault(blob or "comment", raw)
            if count >= 1000:
                return []
        raw = raw[: len(raw) - len(raw) % type_length].ljust(count * type_length, b"\x00")
        return self._unpack(raw, FieldType(field_type), type_length)

    def _unpack(self, raw: bytes, field_type: FieldType, length: int) -> list[Any]:
        order = "<" if self.endian == "I" else ">"
        signed = field_type in (FieldType.SIGNED_BYTE, FieldType.SIGNED_SHORT, FieldType.SIGNED_LONG)
        if field_type in (FieldType.RATIO, FieldType.SIGNED_RATIO):
            code = "i" if field_type is FieldType.SIGNED_RATIO else "I"
            numbers = struct.unpack(f"{order}{len(raw) // 4}{code}", raw)
            return [Ratio(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)]
        if code := _FLOATS.get(field_type, ""):
            return [(number,) for number in struct.unpack(f"{order}{len(raw) // length}{code}", raw)]
        return list(struct.unpack(f"{order}{len(raw) // length}{_FORMATS[length, signed]}", raw))


def read_exif(block: bytes, *, name: str = "Image") -> ExifTags:
    """Return the tags of an EXIF block; what cannot be read becomes a warning.

    Parameters
    ----------
    block : bytes
        A TIFF structure: the EXIF of a file, or a whole TIFF or RAW file.
    name : str
        What its first list of tags is: "Image", or where it is the only one "EXIF" or "GPS".
    """
    reader = _Reader(block, "I" if block[:1] == b"I" else "M")
    _reading.now = True
    try:
        if name == "Image":
            _read_ifds(reader)
        else:
            reader.dump_ifd(reader._first_ifd(), name, tag_dict=GPS_TAGS if name == "GPS" else None)
    except _TooMuch:
        reader.warnings.append("EXIF has more values than any camera writes; the rest was left out")
    except Exception as error:
        # ExifRead's maker note parsers trust their input; whatever they stumble over costs only what comes after it
        reader.warnings.append(f"EXIF cannot be read to its end: {type(error).__name__} {shown(str(error))}")
    finally:
        _reading.now = False
    return ExifTags(reader.tags, reader.blobs, reader.warnings, reader.endian == "M")


def _read_ifds(reader: _Reader) -> None:
    for number, ifd in enumerate(reader.list_ifd()):
        reader.dump_ifd(ifd, ("Image", "Thumbnail")[number] if number < 2 else f"IFD {number}")
    pointer = reader.tags.get("Image ExifOffset")
    if pointer is not None:
        if isinstance(pointer.values, list) and pointer.values and isinstance(pointer.values[0], int):
            reader.dump_ifd(pointer.values[0], "EXIF")
        else:
            reader.warnings.append(f"ExifOffset {shown(pointer.printable)} is not an offset")
    if "EXIF MakerNote" in reader.tags and "Image Make" in reader.tags:
        reader.decode_maker_note()


def flat_exif(tags: Mapping[str, IfdTag]) -> dict[str, str]:
    """Return tags as text under keys that a flattened field takes: no dots, no blanks, no NUL.

    A tag of the picture, of EXIF, GPS or interoperability has its own name ("Make", "FNumber", "GPSLatitude"); one of
    the thumbnail or the maker note has that word before it ("Thumbnail_Compression", "MakerNote_LensType"). Unknown
    maker note tags, binary values and empty ones are left out; a value has at most 1,000 characters, all together
    24,000.
    """
    flat: dict[str, str] = {}
    left = MAX_TOTAL
    for name, tag in sorted(tags.items(), key=_by_importance):
        group, _, leaf = name.partition(" ")
        if group not in (*_PLAIN, "Thumbnail", "MakerNote"):
            continue
        if group == "MakerNote" and leaf.startswith(("Tag 0x", "Unknown")):
            continue
        key = re.sub("[^A-Za-z0-9_]+", "_", leaf if group in _PLAIN else f"{group}_{leaf}").strip("_")
        value = _as_text(tag)
        if key and value and key not in flat and len(key) + len(value) <= left:
            flat[key] = value
            left -= len(key) + len(value)
    return flat


def _by_importance(item: tuple[str, IfdTag]) -> int:
    group = item[0].partition(" ")[0]
    return _PLAIN.index(group) if group in _PLAIN else 5 if group == "Thumbnail" else 6


def _as_text(tag: IfdTag) -> str:
    values = tag.values
    if isinstance(values, (str, bytes)):
        return clean_text(decode_text(values) if isinstance(values, bytes) else values, limit=MAX_VALUE)
    if tag.tag in _WIDE:
        return clean_text(wide_text(values), limit=MAX_VALUE)
    is_long = isinstance(values, Sequence) and len(values) > 16
    is_binary = is_long and FIELD_DEFINITIONS[tag.field_type][0] == 1
    if values == [] or (is_binary and not tag.prefer_printable):
        return ""
    return clean_text(str(tag.printable), limit=MAX_VALUE)
