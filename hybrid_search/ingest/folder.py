"""The pictures below a folder, each with what tells whether it has changed."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hybrid_search.images import is_candidate
from hybrid_search.metadata import SidecarNames

__all__ = ["Found", "walk"]

SYSTEM_FOLDERS = frozenset(
    {"@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "__MACOSX", "node_modules", "lost+found"}
)


@dataclass(frozen=True, slots=True)
class Found:
    """A file as the folder shows it: absolute path, size in bytes, time of change in ns, sidecars beside it."""

    path: str
    bytes: int
    mtime_ns: int
    sidecars: tuple[tuple[str, int], ...] = ()


def walk(
    root: Path,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    hidden: bool = False,
    follow_symlinks: bool = False,
    on_error: Callable[[str, OSError], None] | None = None,
) -> Iterator[Found]:
    """Yield every picture below a folder, in the order of names; a file is yielded as itself.

    No folder is walked twice. Folders that symbolic links lead to come last, so that a picture has its own path where
    it has one.

    Parameters
    ----------
    root : Path
        A folder, or one file.
    include : sequence of str
        Glob patterns for names or paths relative to the folder. With none, files are taken by the suffixes of known
        image formats; with some, every file that matches one is taken, whatever its suffix.
    exclude : sequence of str
        Glob patterns of files and folders to leave out; they win over `include`.
    hidden : bool
        Also take files and folders whose name begins with a dot. System folders are skipped always.
    follow_symlinks : bool
        Also walk folders that symbolic links lead to; `root` itself may always be one.
    on_error : callable, optional
        Told of folders that cannot be listed; the walk goes on.
    """
    top = os.path.abspath(root)
    if not os.path.isdir(top):
        try:
            times = _sidecars_beside(top)
            yield _found(top, os.stat(top), times, SidecarNames(times))
        except OSError as error:
            if on_error is not None:
                on_error(top, error)
        return
    pending, linked, seen = [top], list[str](), set()
    while pending or linked:
        folder = pending.pop() if pending else linked.pop(0)
        try:
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            if on_error is not None:
                on_error(folder, error)
            continue
        wanted = [entry for entry in entries if _wanted(entry, top, exclude=exclude, hidden=hidden)]
        folders = [entry for entry in wanted if _is_folder(entry)]
        pending.extend(entry.path for entry in reversed(folders) if not entry.is_symlink())
        linked.extend(entry.path for entry in folders if entry.is_symlink() and follow_symlinks)
        yield from _pictures(wanted, top, include=include, sidecars=_sidecar_times(entries))


def _pictures(
    entries: Sequence[os.DirEntry[str]], top: str, *, include: Sequence[str], sidecars: dict[str, int]
) -> Iterator[Found]:
    names = SidecarNames(sidecars)
    for entry in entries:
        try:
            if not entry.is_file():
                continue
            if _matches(entry, top, include) if include else is_candidate(entry.name):
                yield _found(entry.path, entry.stat(), sidecars, names)
        except OSError:
            # a file that vanished between listing and looking is no file of this folder
            continue


def _wanted(entry: os.DirEntry[str], top: str, *, exclude: Sequence[str], hidden: bool) -> bool:
    if entry.name.startswith(".") and not hidden:
        return False
    return entry.name not in SYSTEM_FOLDERS and not _matches(entry, top, exclude)


def _matches(entry: os.DirEntry[str], top: str, patterns: Sequence[str]) -> bool:
    relative = os.path.relpath(entry.path, top).replace(os.sep, "/") if patterns else ""
    return any(fnmatch.fnmatch(entry.name, glob) or fnmatch.fnmatch(relative, glob) for glob in patterns)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _found(path: str, status: os.stat_result, sidecars: dict[str, int], names: SidecarNames) -> Found:
    beside = tuple((beside.name, sidecars[beside.name]) for beside in names.of(os.path.basename(path)))
    return Found(path, status.st_size, status.st_mtime_ns, beside)


def _sidecars_beside(path: str) -> dict[str, int]:
    try:
        return _sidecar_times(os.scandir(os.path.dirname(path)))
    except OSError:
        # a file may be read in a folder that must not be listed
        return {}


def _sidecar_times(entries: Sequence[os.DirEntry[str]] | Iterator[os.DirEntry[str]]) -> dict[str, int]:
    times = {}
    for entry in entries:
        if entry.name.lower().endswith((".xmp", ".json")):
            try:
                times[entry.name] = entry.stat().st_mtime_ns
            except OSError:
                continue
    return times
