"""The journal of a run: what was about to happen to each file, on disk before it happens, so that it can be undone."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

from hybrid_search.duplicates.act.file_lock import lock
from hybrid_search.errors import ActionRefused, DuplicatesError, StorageFull

_KIND = "hybrid-search duplicates"
_VERSION = 1
_SUFFIX = ".journal.jsonl"


@dataclass(frozen=True)
class JournalEntry:
    """One file that a run was about to change.

    Parameters
    ----------
    number : int
        Its place in the run, from 1.
    record : mapping
        As `Journal.begin` wrote it.
    done : bool
        Whether the run noted that it came to its end; a run that was killed may have done it all the same.
    undoing, undone : bool
        Whether undoing it was begun since, and came to its end.
    """

    number: int
    record: Mapping[str, Any]
    done: bool = False
    undoing: bool = False
    undone: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it was left half done."""
        return self.done and not self.undoing


@dataclass(frozen=True)
class History:
    """What a journal says: the run's head, its entries in order, and the lines that cannot be read."""

    head: Mapping[str, Any]
    entries: tuple[JournalEntry, ...]
    damaged: tuple[int, ...] = ()


def journals_folder() -> Path:
    """Return the folder of journals in the user's data directory."""
    from platformdirs import user_data_path

    return user_data_path("hybrid-search", appauthor=False) / "journals"


def journal_path(folder: Path | None = None) -> Path:
    """Return the path of a journal that does not exist yet, named by the time."""
    moment = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H%M%S.%f")
    return (folder or journals_folder()) / f"{moment}-{secrets.token_hex(2)}{_SUFFIX}"


def journals(folder: Path | None = None) -> list[Path]:
    """Return all journals, the newest first."""
    return sorted((folder or journals_folder()).glob(f"*{_SUFFIX}"), reverse=True)


@contextmanager
def one_run_at_a_time() -> Iterator[None]:
    """Keep other runs of this user away, as two that keep different copies could remove both.

    Raises
    ------
    ActionRefused
        When another run is at work.
    """
    path = journals_folder() / "lock"
    descriptor = -1
    with suppress(OSError):
        # without a home folder that can be written, the locks on the pictures themselves have to do
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if descriptor >= 0 and not lock(descriptor, alone=True):
            raise ActionRefused(str(path), "another run is moving or removing files; wait until it has finished")
        yield
    finally:
        if descriptor >= 0:
            os.close(descriptor)


@dataclass
class Journal:
    """An open journal; every line is on disk before the call that writes it returns.

    Parameters
    ----------
    path : Path
        The file, whose lines are JSON with a checksum each.
    run : str
        What names this run's own temporary files.
    """

    path: Path
    run: str
    _descriptor: int = field(default=-1, repr=False)

    @classmethod
    def create(cls, path: Path, head: Mapping[str, Any]) -> Journal:
        """Begin a journal in a new file.

        Raises
        ------
        ActionRefused
            When the file exists already or cannot be written; StorageFull when the disk is full.
        """
        run = secrets.token_hex(6)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except OSError as error:
            raise _unwritable(path, error) from error
        journal = cls(path, run, descriptor)
        try:
            lock(descriptor, alone=True)
            journal._write({"journal": _KIND, "version": _VERSION, "run": run, "at": _now(), **head})
            sync_folder(path.parent)
        except OSError as error:
            journal.close()
            path.unlink(missing_ok=True)
            raise _unwritable(path, error) from error
        return journal

    @classmethod
    def reopen(cls, path: Path, *, skip_damaged: bool = False, look_only: bool = False) -> tuple[Journal, History]:
        """Open a journal to go on with it, and return what it says; `look_only` leaves the file as it is.

        Raises
        ------
        DuplicatesError
            When it is no journal, has damaged lines that are not to be skipped, or is being written.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY if look_only else os.O_RDWR | os.O_APPEND)
        except OSError as error:
            raise _unreadable(str(path), error.strerror or str(error)) from error
        journal = cls(path, "", descriptor)
        try:
            if not lock(descriptor, alone=True):
                raise _unreadable(str(path), "a run that writes it is still at work")
            data = path.read_bytes()
            history = read_history(path, data, skip_damaged=skip_damaged)
            # what a crash tore off was never acted upon, and must not damage the next line
            if not look_only:
                os.ftruncate(descriptor, data.rfind(b"\n") + 1)
        except BaseException:
            journal.close()
            raise
        journal.run = str(history.head["run"])
        return journal, history

    def begin(self, number: int, record: Mapping[str, Any]) -> None:
        """Note what is about to happen to a file; raises OSError when that cannot be made durable."""
        self._write({"step": "begin", "number": number, "at": _now(), **record})

    def note(self, step: str, number: int, **more: Any) -> None:
        """Note that something is done, failed or undone; if that cannot be written, the files tell it themselves."""
        with suppress(OSError):
            self._write({"step": step, "number": number, **more})

    def part(self, number: int) -> str:
        """Return the name of a temporary file that belongs to one entry of this run and to nobody else."""
        return f".hybrid-search-{self.run}-{number}.part"

    def close(self) -> None:
        """Release the file; calling it twice is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Journal:
        """Return itself; the journal is closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the journal."""
        self.close()

    def _write(self, record: Mapping[str, Any]) -> None:
        line = json.dumps({**record, "check": _check(record)}, sort_keys=True).encode() + b"\n"
        start = os.fstat(self._descriptor).st_size
        try:
            if os.write(self._descriptor, line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, start)
            raise


def read_history(path: Path, data: bytes, *, skip_damaged: bool = False) -> History:
    """Return what the bytes of a journal say.

    Raises
    ------
    DuplicatesError
        When it is no journal of a version that is known, or lines are damaged and not to be skipped.
    """
    *lines, _torn = data.split(b"\n")
    records = [_read_line(line) for line in lines]
    head = records[0] if records else None
    if head is None or head.get("journal") != _KIND:
        raise _unreadable(str(path), "its first line is not that of a journal")
    if head.get("version") != _VERSION:
        raise _unreadable(str(path), f"its version is {head.get('version')!r}, this version reads {_VERSION}")
    damaged = tuple(number for number, record in enumerate(records, 1) if record is None)
    if damaged and not skip_damaged:
        shown = ", ".join(map(str, damaged[:5]))
        raise _unreadable(
            str(path), f"damaged lines ({shown}); what the other lines say can be undone with skip_damaged"
        )
    return History(head, _entries([record for record in records[1:] if record is not None]), damaged)


def _unreadable(path: str, reason: str) -> DuplicatesError:
    message = f"cannot undo by the journal {path}: {reason}; nothing was changed"
    return DuplicatesError(message, path=path, reason=reason)


def sync_folder(folder: str | Path) -> None:
    """Make the names in a folder durable, where the system can do that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _entries(records: Sequence[Mapping[str, Any]]) -> tuple[JournalEntry, ...]:
    steps: dict[int, set[str]] = {}
    begun: dict[int, Mapping[str, Any]] = {}
    for record in records:
        number = int(record["number"])
        steps.setdefault(number, set()).add(str(record["step"]))
        if record["step"] == "begin":
            begun[number] = record
    later = ("done", "undoing", "undone")
    return tuple(
        JournalEntry(number, record, *(step in steps[number] for step in later)) for number, record in begun.items()
    )


def _read_line(line: bytes) -> dict[str, Any] | None:
    """Return the record of a line, None when its checksum says that it is not what was written."""
    try:
        record = json.loads(line)
        found = record.pop("check")
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return None
    return record if found == _check(record) else None


def _check(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:16]


def _now() -> int:
    return time.time_ns()


def _unwritable(path: Path, error: OSError) -> ActionRefused | StorageFull:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(str(path))
    return ActionRefused(str(path), f"the journal cannot be written there ({error.strerror}), so nothing was touched")
