"""The files of tantivy's segments: which there must be, and whether they are as they were written.

Each ends with a footer: JSON with a CRC-32 of what stands before, its length, and a magic number (tantivy's
`directory/footer.rs`). A file is written once and never changed, so that one look is enough.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from hybrid_search.backends.embedded.orphan_files import named_files
from hybrid_search.errors import IndexCorrupt
from hybrid_search.errors.numbers import counted

PARTS = ("store", "fast", "term", "idx", "pos", "fieldnorm")
"""The endings of the files that every segment has; deletions come besides."""
_TAIL = struct.Struct("<II")
_MAGIC = 1337
"""Behind the length of tantivy's footers."""
_LONGEST_FOOTER = 50_000
"""tantivy refuses longer ones."""
_VERSION = {"major", "minor", "patch", "index_format_version"}
_BLOCK = 1 << 20
"""Bytes that are read at once; chosen, not measured."""
_AT_OPENING = 32 << 20
"""Bytes that are read at opening to be compared with their checksums: some 20 ms."""


def segment_files(tantivy: Path) -> list[str] | None:
    """Return the names of all files that the last commit needs; None when the commit cannot be read."""
    named = named_files(tantivy)
    if named is None:
        return None
    files = [f"{segment}.{part}" for segment in named for part in PARTS]
    return files + [f"{segment}.{number}.del" for segment, number in named.items() if number is not None]


def damage(path: Path, *, whole: bool = True) -> str | None:
    """Return what is wrong with a segment's file, None when nothing is; only size and footer unless `whole`."""
    try:
        with open(path, "rb") as file:
            found = _footer(file)
            if found is None:
                return "is cut off or overwritten at its end"
            length, crc = found
            if whole and _crc(file, length) != crc:
                return "does not have the checksum that it was written with"
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return None


def _footer(file: BinaryIO) -> tuple[int, int] | None:
    """Return how many bytes stand before the footer, and their CRC-32."""
    size = file.seek(0, 2)
    if size < _TAIL.size:
        return None
    file.seek(size - _TAIL.size)
    length, magic = _TAIL.unpack(file.read(_TAIL.size))
    start = size - _TAIL.size - length
    if magic != _MAGIC or length > _LONGEST_FOOTER or start < 0:
        return None
    file.seek(start)
    try:
        facts = json.loads(file.read(length))
        # without its version tantivy refuses a file, whatever else is in it
        if not _VERSION <= set(facts["version"]):
            return None
        return start, int(facts["crc"])
    except (ValueError, KeyError, TypeError):
        return None


def _crc(file: BinaryIO, length: int) -> int:
    file.seek(0)
    crc = 0
    while length > 0 and (block := file.read(min(_BLOCK, length))):
        crc, length = zlib.crc32(block, crc), length - len(block)
    return crc if length == 0 else -1


class SegmentChecks:
    """Remembers which files of a folder were found sound, so that each is looked at once.

    Parameters
    ----------
    tantivy : Path
        The folder of the documents.
    """

    def __init__(self, tantivy: Path) -> None:
        self._tantivy = tantivy
        self._sound: set[str] = set()

    def demand(self, location: str) -> None:
        """Raise IndexCorrupt before tantivy reads a file that is not as it was written: it may panic, or misread it."""
        # twice: a writer may commit between the look at the commit and the look at its files
        problems = list(self.problems()) and list(self.problems())
        if problems:
            more = f", and {counted(len(problems) - 1, 'file')} more" if len(problems) > 1 else ""
            raise IndexCorrupt(location, problems[0] + more)

    def problems(self) -> Iterator[str]:
        """Give what is wrong with the last commit, one sentence a file: the checksum of small files, else the ends."""
        files = segment_files(self._tantivy)
        if files is None:
            yield "tantivy/meta.json, which names the documents, is missing or damaged"
            return
        left = _AT_OPENING
        for path in sorted((self._tantivy / name for name in set(files) - self._sound), key=_size):
            left -= _size(path)
            if wrong := damage(path, whole=left >= 0):
                yield f"tantivy/{path.name} {wrong}"
            else:
                self._sound.add(path.name)
        self._sound &= set(files)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
