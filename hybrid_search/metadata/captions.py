"""A captions file: what people wrote about many pictures, found by the path or the name of each."""

from __future__ import annotations

import ntpath
import os
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hybrid_search.metadata.captions_formats import Row, read_rows
from hybrid_search.metadata.model import FieldValue, Metadata, merge


@dataclass(frozen=True)
class CaptionEntry:
    """What a captions file says of one picture.

    Parameters
    ----------
    path : str
        As the file writes it.
    where : tuple of str
        The lines, or the numbers of the JSON records, that say it: ("line 2", "line 3").
    metadata : Metadata
        Its fields; several captions stand one per line.
    """

    path: str
    where: tuple[str, ...]
    metadata: Metadata

    def __str__(self) -> str:
        return f"{self.path} ({', '.join(self.where)})"


class Captions(Mapping[str, Metadata]):
    """What a captions file says, by path as the file writes it; `find` looks up a picture.

    Parameters
    ----------
    path : Path
        The captions file; relative paths in it start at its folder.
    entries : mapping of str to CaptionEntry
        By path as the file writes it.
    """

    def __init__(self, path: Path, entries: Mapping[str, CaptionEntry]) -> None:
        self.path = path
        self._entries = dict(entries)
        folder = os.path.abspath(path.parent)
        self._by_path = {_normal(os.path.join(folder, _portable(name))): entry for name, entry in entries.items()}
        self._by_name: dict[str, list[CaptionEntry]] = {}
        for name, entry in entries.items():
            self._by_name.setdefault(_normal(PurePosixPath(_portable(name)).name), []).append(entry)
        self._used: set[str] = set()

    def __getitem__(self, path: str) -> Metadata:
        return self._entries[path].metadata

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, path: Path) -> Metadata | None:
        """Return what the file says of a picture, or None.

        An entry is the picture's when it is its absolute path, its path from the folder of the captions file, or the
        only entry of its name whose folders (for an absolute path of another machine: whose last folder) agree.
        """
        full = _normal(os.path.abspath(path))
        entry = self._by_path.get(full) or self._by_ending(full)
        if entry is None:
            return None
        self._used.add(entry.path)
        return entry.metadata

    def _by_ending(self, full: str) -> CaptionEntry | None:
        parts = PurePosixPath(full).parts
        fitting = [
            (len(ending), entry)
            for entry in self._by_name.get(parts[-1] if parts else "", [])
            if parts[-len(ending := _ending(entry.path)) :] == ending
        ]
        longest = max((length for length, _ in fitting), default=0)
        best = [entry for length, entry in fitting if length == longest]
        return best[0] if len(best) == 1 else None

    def unused(self) -> tuple[CaptionEntry, ...]:
        """Return the entries that no call of `find` has returned, in the order of the file."""
        return tuple(entry for name, entry in self._entries.items() if name not in self._used)


def load_captions(path: str | os.PathLike[str]) -> Captions:
    """Read a captions file: CSV or TSV with a header, JSON Lines, JSON, or COCO captions.

    Columns (or keys) are `path` (or `image`, `file`, `filename`, …), `caption` (or `description`, `alt`, `text`, …),
    `title`, `tags` (or `keywords`, …), `taken_at` (or `date`, …), any other field of the mapping under its dotted name,
    and own fields as `extra.NAME`; docs/captions.md has all names. Several rows of one path add up: captions stand one
    per line, tags are united, of other fields the last value holds.

    Raises
    ------
    CaptionsUnreadable
        When the file cannot be read or parsed, has no column of paths, a column that is no field, or a value that its
        field cannot hold; the reason names the line.
    """
    file = Path(path)
    rows: dict[str, list[Row]] = {}
    for row in read_rows(file):
        rows.setdefault(row.path, []).append(row)
    return Captions(file, {name: _entry(name, found) for name, found in rows.items()})


def _entry(name: str, rows: list[Row]) -> CaptionEntry:
    merged = merge(*(Metadata(row.fields) for row in rows))
    captions = dict.fromkeys(str(row.fields["caption"]) for row in rows if "caption" in row.fields)
    fields: dict[str, FieldValue] = dict(merged.fields)
    if captions:
        fields["caption"] = "\n".join(captions)
    return CaptionEntry(name, tuple(row.where for row in rows), Metadata(fields))


def _portable(name: str) -> str:
    return name.replace("\\", "/") if "\\" in name and "/" not in name else name


def _normal(path: str) -> str:
    # one picture's name may be composed in the captions file and decomposed on the disk
    return unicodedata.normalize("NFC", os.path.normpath(path).replace(os.sep, "/"))


def _ending(name: str) -> tuple[str, ...]:
    portable = _portable(name)
    parts = PurePosixPath(_normal(portable)).parts
    absolute = portable.startswith("/") or bool(ntpath.splitdrive(name)[0])
    return parts[-2:] if absolute else tuple(part for part in parts if part != "..")
