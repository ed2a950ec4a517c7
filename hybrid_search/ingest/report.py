"""What a run is asked to do, how far it is, and what became of every file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hybrid_search.images import DEFAULT_LIMITS, Limits


@dataclass(frozen=True)
class IngestOptions:
    """How a run goes about its work.

    Parameters
    ----------
    include, exclude : tuple of str
        Glob patterns; see `walk`.
    hidden : bool
        Also files and folders whose name begins with a dot.
    follow_symlinks : bool
        Also folders that symbolic links lead to.
    batch_size : int
        Pictures embedded together.
    commit_size : int
        Documents between commits: what an interruption can lose.
    workers : int, optional
        Threads that read and decode; by default one for each processor.
    limits : Limits
        The largest picture that is accepted.
    on_error : {"collect", "raise"}
        List unusable files in the report, or stop at the first.
    accept_missing : bool
        Mark vanished files also where all or nearly all pictures of the folder are gone, or the folder itself.
    all_files : bool
        Also files whose names say nothing, if they begin as a picture does.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    hidden: bool = False
    follow_symlinks: bool = False
    batch_size: int = 32
    commit_size: int = 1_000
    workers: int | None = None
    limits: Limits = DEFAULT_LIMITS
    on_error: Literal["collect", "raise"] = "collect"
    accept_missing: bool = False
    all_files: bool = False

    def __post_init__(self) -> None:
        if self.on_error not in ("collect", "raise"):
            raise ValueError(f'on_error is "collect" or "raise" (got {self.on_error!r})')
        if self.batch_size < 1 or self.commit_size < 1 or (self.workers is not None and self.workers < 1):
            raise ValueError(
                f"batch_size, commit_size and workers are at least 1 "
                f"(got {self.batch_size}, {self.commit_size}, {self.workers})"
            )


@dataclass(frozen=True)
class Failure:
    """One file that could not be indexed, and why."""

    path: str
    error: str


@dataclass(frozen=True)
class Progress:
    """How far a run is: files done of `total`, failures so far, the file just finished."""

    done: int
    total: int | None
    failed: int
    path: str


@dataclass(frozen=True)
class IngestReport:
    """What became of every file of a run.

    Parameters
    ----------
    added, updated, unchanged : int
        New documents; files that have other bytes, another place or another description now; files found as they were.
    failed : tuple of Failure
        Files that are not in the index, each with its reason.
    missing : int
        Pictures of the whole index whose files have all vanished: what `prune` would remove.
    withheld : int
        Pictures that have vanished and were not marked, because nearly all of the folder did: a drive may not be
        mounted.
    unused_captions : tuple of str
        Entries of the captions file that matched no picture, with their lines.
    seconds : float
        Wall time.
    from_stored : int
        Of the updated, those whose vector of an added embedder was made of one that the index had; no file was opened.
    copies : int
        Files with the same bytes as a picture that the index has at another path.
    moved : mapping of str to int
        Folders elsewhere where files of pictures that were found now are gone, each with the number of these pictures.
        The old paths are kept, behind the new ones, until `prune`.
    videos, others : int
        Files that were left out: films, and files that are no pictures by their names.
    placed, unplaced : int
        Pictures of an earlier run whose positions have names of places now; pictures whose positions have none because
        the extra `places` is not installed.
    ids : tuple of str or None
        Of pictures that were handed over one by one: the id of each in their order, None where it failed.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: tuple[Failure, ...] = ()
    missing: int = 0
    withheld: int = 0
    unused_captions: tuple[str, ...] = ()
    seconds: float = 0.0
    from_stored: int = 0
    copies: int = 0
    moved: Mapping[str, int] = field(default_factory=dict)
    videos: int = 0
    others: int = 0
    placed: int = 0
    unplaced: int = 0
    ids: tuple[str | None, ...] = ()
