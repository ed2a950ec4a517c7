"""What a kill or a full disk leaves in an index's folder, told apart from what may hold a document.

Nothing is removed here that a commit names, or that a creation which was cut short does not leave: a folder that lacks
one small file is damaged, and not free.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

DRAFT = ".draft"
"""The ending of a file that is not whole yet; `rows.replace_file` gives it its name when it is."""

_FILES = ("definition.json", "definition.copy.json", "format.json", "statistics.json", "writer.lock")
_FOLDERS = ("tantivy", "vectors")
_OWN = {*_FILES, *_FOLDERS, *(name + DRAFT for name in _FILES)}
_BEGUN = {"definition.json", "definition.copy.json", "writer.lock", *(name + DRAFT for name in _FILES)}
"""What a creation writes before format.json, which it writes last; besides, tantivy's folder without a segment."""
_BEGUN_TANTIVY = re.compile(r"meta\.json|\.managed\.json|\.tantivy-\w+\.lock|\.tmp\w+")
_SEGMENT_FILE = re.compile(r"([0-9a-f]{32})\.(?:(\d+)\.del|[a-z]+(?:\.temp)?)")
_TEMPORARY = re.compile(r"\.tmp\w+")
"""tantivy's own drafts."""


def holdings(folder: Path) -> list[str]:
    """Return what an index's folder has beyond what a creation leaves that was cut short, as paths inside it.

    Nothing of it may be taken for a leftover: documents, vectors, counts of them, or a commit that names segments.
    """
    found = [name for name in ("format.json", "statistics.json") if (folder / name).exists()]
    tantivy = folder / "tantivy"
    for name in _names(tantivy):
        if not _BEGUN_TANTIVY.fullmatch(name) or (name == "meta.json" and _segments(tantivy)):
            found.append(f"tantivy/{name}")
    for place, _, names in os.walk(folder / "vectors"):
        found += [os.path.relpath(os.path.join(place, name), folder) for name in names]
    return sorted(found)


def foreign(folder: Path) -> list[str]:
    """Return the names in a folder that are none of an index's."""
    return sorted(set(_names(folder)) - _OWN)


def begin_anew(folder: Path) -> None:
    """Remove what a creation left that was cut short, but for the lock; raises OSError when there is anything else."""
    for name in _BEGUN - {"writer.lock"}:
        (folder / name).unlink(missing_ok=True)
    tantivy, vectors = folder / "tantivy", folder / "vectors"
    for name in _names(tantivy):
        if _BEGUN_TANTIVY.fullmatch(name):
            (tantivy / name).unlink()
    for place, _, _ in os.walk(vectors, topdown=False):
        os.rmdir(place)
    with suppress(FileNotFoundError):
        tantivy.rmdir()


def remove_own(folder: Path) -> None:
    """Remove all files of an index, and its folder unless something else is in it."""
    import shutil

    for name in sorted(_OWN & set(_names(folder))):
        if name in _FOLDERS:
            shutil.rmtree(folder / name, ignore_errors=True)
        else:
            with suppress(OSError):
                (folder / name).unlink()
    with suppress(OSError):
        folder.rmdir()


def sweep(folder: Path) -> None:
    """Remove what a writer left that was killed or ran out of space; the caller holds the lock of the one writer.

    Of tantivy's files those go that the last commit does not name: a file of deletions would be in the way of the next
    one, which gets the same name after as many operations. Readers keep what they have open.
    """
    drafts = [folder / (name + DRAFT) for name in _FILES]
    drafts += (folder / "vectors").glob(f"*/*{DRAFT}")
    for draft in drafts:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    tantivy = folder / "tantivy"
    with _no_reader_opens(tantivy):
        named = named_files(tantivy)
        if named is None:
            return
        for name in _names(tantivy):
            if _TEMPORARY.fullmatch(name) or (_SEGMENT_FILE.fullmatch(name) and not _is_named(name, named)):
                with suppress(OSError):
                    (tantivy / name).unlink()


def named_files(tantivy: Path) -> dict[str, int | None] | None:
    """Return the segments that the last commit names, as files are called, with the number of their deletions.

    None when the commit cannot be read.
    """
    try:
        return {
            uuid.UUID(segment["segment_id"]).hex: segment["deletes"]["opstamp"] if segment.get("deletes") else None
            for segment in _segments(tantivy, strict=True)
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _is_named(name: str, named: dict[str, int | None]) -> bool:
    segment, rest = name.split(".", 1)
    if segment not in named or rest.endswith(".temp"):
        return False
    return not rest.endswith(".del") or rest == f"{named[segment]}.del"


def _segments(tantivy: Path, *, strict: bool = False) -> list[Any]:
    try:
        return list(json.loads((tantivy / "meta.json").read_bytes())["segments"])
    except (OSError, ValueError, KeyError, TypeError):
        if strict:
            raise
        return []


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


@contextmanager
def _no_reader_opens(tantivy: Path) -> Iterator[None]:
    """Hold the lock that tantivy takes while a reader reads a commit and opens its files, one after the other."""
    try:
        import fcntl

        handle = os.open(tantivy / ".tantivy-meta.lock", os.O_RDWR | os.O_CREAT, 0o666)
    except (ImportError, OSError):
        # on Windows a file that is open cannot be removed, so that nothing has to be kept from it
        yield
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
