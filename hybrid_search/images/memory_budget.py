"""A budget of memory that all threads of the process share while they decode."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

SHARE = 4
"""A quarter of the memory is for decoding: networks, the index and other programs need the rest."""
LEAST = 512 * 2**20
"""Bytes that are allowed on the smallest machine: a photo of 100 megapixels with its colour profile."""
LARGE = 8
"""What needs more than an eighth of the budget is large; of such pictures one is decoded at a time."""

_CGROUP = Path("/sys/fs/cgroup")
_LIMITS = ("memory.max", "memory.high", "memory.limit_in_bytes")


class Budget:
    """Bytes in use, and the pictures that wait for theirs, first come first served.

    A picture that waits keeps later ones waiting: small ones without end would keep a large one from its turn.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        self._used = 0
        self._large = 0

    @contextmanager
    def hold(self, count: int, total: int) -> Iterator[None]:
        """Wait until `count` of `total` bytes are free, and take them for the time of the block."""
        large, ticket = int(count > total // LARGE), object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                self._changed.wait_for(lambda: self._waiting[0] is ticket and self._fits(count, large, total))
            except BaseException:
                self._waiting.remove(ticket)
                self._changed.notify_all()
                raise
            self._waiting.popleft()
            self._used += count
            self._large += large
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._used -= count
                self._large -= large
                self._changed.notify_all()

    def _fits(self, count: int, large: int, total: int) -> bool:
        # what needs more than there is has been refused before, unless another caller has a smaller budget
        return not self._used or (self._used + count <= total and not (large and self._large))


decoding = Budget()
"""The budget of this process."""


@cache
def default_budget() -> int:
    """Return the bytes that decoding may take when nobody says so: a quarter of the memory, at least 512 MiB."""
    return max(machine_memory() // SHARE, LEAST)


def machine_memory() -> int:
    """Return the bytes of memory of this machine, or of the container that limits the process."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        # Windows has no sysconf; four gigabytes is what the smallest machine there has
        memory = 4 * 2**30
    return min([memory, *_cgroup_limits()])


def _cgroup_limits() -> Iterator[int]:
    """Yield the limits of this process's groups and of those around them, of cgroup v1 and v2."""
    try:
        groups = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except (OSError, UnicodeDecodeError):
        groups = []
    for number, controllers, own in [["0", "", "/"], ["", "memory", "/"], *groups]:
        if number == "0" or "memory" in controllers.split(","):
            top = _CGROUP / controllers if controllers else _CGROUP
            folder = top / own.strip("/")
            for each in (folder, *folder.parents)[: len(Path(own).parts)]:
                yield from _limits_of(each)


def _limits_of(folder: Path) -> Iterator[int]:
    for name in _LIMITS:
        try:
            yield int((folder / name).read_text())
        except (OSError, ValueError):
            # no such file, or the word "max"
            continue
