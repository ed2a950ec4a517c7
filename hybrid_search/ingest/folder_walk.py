"""The pictures below a folder, each with what tells whether it has changed."""

from __future__ import annotations

import contextlib
import fnmatch
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from hybrid_search.images import is_candidate, sniff
from hybrid_search.metadata import SidecarNames

SYSTEM_FOLDERS = frozenset(
    {"@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "__MACOSX", "node_modules", "lost+found"}
)
VIDEOS = frozenset(
    f".{suffix}"
    for suffix in (
        "mp4 m4v mov qt avi mkv webm mpg mpeg mpe m2v mts m2ts m2t 3gp 3g2 wmv asf flv f4v ogv vob mod tod mxf dv lrv"
    ).split()
)
"""Lower-case suffixes of films."""
_COMPANIONS = (".xmp", ".json", ".aae", ".thm", ".pp3", ".dop")
"""What programs keep beside pictures."""
_SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "zbthumbnail.info", "picasa.ini"})
_HEAD = 256
_UNSURE = ("tga", "pcx", "ppm", "sgi")
"""Formats that too many other files begin like."""


@dataclass(frozen=True, slots=True)
class FolderFile:
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
    all_files: bool = False,
    on_error: Callable[[str, OSError], None] | None = None,
    on_other: Callable[[str], None] | None = None,
) -> Iterator[FolderFile]:
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
    all_files : bool
        Without `include`: also take files of other names, or without a suffix, that begin as a picture does.
    on_error : callable, optional
        Told of folders that cannot be listed; the walk goes on.
    on_other : callable, optional
        Told, without `include`, of files that are not taken; not of those that belong to pictures or to the system.
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
        sidecars = _sidecar_times(entries)
        names = SidecarNames(sidecars)
        for entry, is_wanted in _files(wanted, top, include=include, all_files=all_files):
            if is_wanted:
                # a file that vanished between listing and looking is no file of this folder
                with contextlib.suppress(OSError):
                    yield _found(entry.path, entry.stat(), sidecars, names)
            elif on_other is not None and not include and not _is_companion(entry.name):
                on_other(entry.path)


def is_video(path: str) -> bool:
    """Tell by its suffix alone whether a file is a film.

    Examples
    --------
    >>> is_video("holiday/MVI_0001.MOV"), is_video("IMG_0001.CR2")
    (True, False)
    """
    return PurePath(path).suffix.lower() in VIDEOS


def _files(
    entries: Sequence[os.DirEntry[str]], top: str, *, include: Sequence[str], all_files: bool
) -> Iterator[tuple[os.DirEntry[str], bool]]:
    """Give the files of a folder, each with whether it is taken."""
    for entry in entries:
        try:
            is_file = entry.is_file()
        except OSError:
            continue
        if is_file:
            yield entry, _matches(entry, top, include) if include else _is_picture(entry, all_files=all_files)


def _is_picture(entry: os.DirEntry[str], *, all_files: bool) -> bool:
    """Tell whether a file is worth reading: by its name, or else by how it begins."""
    if is_candidate(entry.name) or not all_files:
        return is_candidate(entry.name)
    try:
        with open(entry.path, "rb") as file:
            return sniff(file.read(_HEAD)) not in (None, *_UNSURE)
    except OSError:
        # a file that cannot be read may be anything
        return False


def _is_companion(name: str) -> bool:
    return name.lower().endswith(_COMPANIONS) or name.lower() in _SYSTEM_FILES


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


def _found(path: str, status: os.stat_result, sidecars: dict[str, int], names: SidecarNames) -> FolderFile:
    beside = tuple((beside.name, sidecars[beside.name]) for beside in names.of(os.path.basename(path)))
    return FolderFile(path, status.st_size, status.st_mtime_ns, beside)


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
