"""Runs and undoings that are killed, interrupted or refused at every single step that they take on the disk.

`survive` breaks a run, or the undoing of one, at the first call, the second, … until it comes to its end; after each it
checks that no picture is lost and that `undo` restores the exact tree. It forks for every step, which a process with
threads must not: tests run it by `tests.support.processes.call`.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hybrid_search.duplicates.act.actions import apply
from hybrid_search.duplicates.act.keep import parse_keep
from hybrid_search.duplicates.act.plan import Plan, make_plan
from hybrid_search.duplicates.act.undo import undo
from tests.support.picture_files import copies, pictures, sha256, tree, write

STEPS = (
    *("open", "write", "fsync", "replace", "rename", "unlink", "link", "symlink", "mkdir", "ftruncate"),
    *("utime", "chmod", "rmdir"),
)
KILLED, INTERRUPTED, ENDED = 9, 10, 0


class Faults:
    """Breaks the n-th step on the disk.

    Parameters
    ----------
    kind : {"kill", "before", "after", "error", "full"}
        The process ends, Ctrl-C comes before or after the step, the step fails, the disk is full from that step on.
    at : int
        Which step, from 1.
    """

    def __init__(self, kind: str, at: int) -> None:
        self.kind, self.at, self.count = kind, at, 0

    def install(self) -> None:
        for name in STEPS:
            setattr(os, name, self._broken(name, getattr(os, name)))

    def _broken(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **options: Any) -> Any:
            if self.kind == "full":
                writes = name in ("write", "mkdir", "link", "symlink") or (name == "open" and args[1] & os.O_CREAT)
                self.count += bool(writes)
                if writes and self.count >= self.at:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(args[0]))
                return real(*args, **options)
            self.count += 1
            if self.count != self.at:
                return real(*args, **options)
            if self.kind == "kill":
                os._exit(KILLED)
            if self.kind == "before":
                raise KeyboardInterrupt
            if self.kind == "error":
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            real(*args, **options)
            raise KeyboardInterrupt

        return step


def far_apart() -> None:
    """Have files of the two folders lie on two drives, as far as renaming goes."""
    real = os.replace

    def replace(source: Any, target: Any, **options: Any) -> None:
        if ("/moved/" in str(source)) != ("/moved/" in str(target)):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        real(source, target, **options)

    os.replace = replace  # type: ignore[assignment]


def build(folder: Path) -> Plan:
    """Write two groups of pictures and return what is to become of them."""
    shutil.rmtree(folder, ignore_errors=True)
    write(folder / "photos/a/one.jpg", b"first picture" * 100, mtime=1_400_000_000)
    write(folder / "photos/b/one.jpg", b"first picture" * 100, mtime=1_500_000_000, mode=0o640)
    write(folder / "photos/b/c/two.png", b"second picture" * 90, mtime=1_450_000_000, mode=0o600)
    write(folder / "photos/two (1).png", b"second picture" * 90, mtime=1_460_000_000, mode=0o444)
    for name in ("a/one", "b/one"):
        write(folder / f"photos/{name}.jpg.xmp", b"sidecar" * 20, mtime=1_470_000_000, mode=0o604)
    first = copies([folder / "photos/a/one.jpg", folder / "photos/b/one.jpg"])
    second = copies([folder / "photos/b/c/two.png", folder / "photos/two (1).png"])
    return make_plan([first, second], keep=parse_keep("oldest-file"))


def run(plan: Plan, action: Any, folder: Path) -> None:
    target = folder / "moved" / "here" if action == "move" else None
    apply(plan, action, folder=target, root=folder / "photos", journal=folder / "journal", dry_run=False)


def broken(work: Callable[[], object], faults: Faults, *, far: bool) -> int:
    """Do something in a process of its own that breaks; returns how it ended."""
    child = os.fork()
    if not child:
        try:
            faults.install()
            if far:
                far_apart()
            work()
        except KeyboardInterrupt:
            os._exit(INTERRUPTED)
        except Exception:
            # refusals such as a journal that cannot be written; what is left on the disk is what counts
            os._exit(ENDED if faults.count < faults.at else INTERRUPTED)
        os._exit(ENDED if faults.count < faults.at else INTERRUPTED)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def every_copy(folder: Path) -> Counter[str]:
    """Count the files of each content, those under hidden names too, here and in the trash."""
    places = (folder, Path(os.environ["HOME"]) / "data/Trash/files")
    return Counter(sha256(path.read_bytes()) for place in places for path in place.rglob("*") if path.is_file())


def check_nothing_lost(folder: Path, wanted: set[str]) -> None:
    assert wanted <= pictures(folder / "photos"), "a picture is lost"


def survive(folder: Path, action: Any, kind: str, what: str, *, far: bool) -> int:
    """Break a run, or its undoing, at every step; returns how many steps that were."""
    for at in range(1, 1000):
        plan = build(folder)
        before, wanted = tree(folder / "photos"), pictures(folder / "photos")
        held = every_copy(folder)
        if what == "undo":
            run(plan, action, folder)
            assert tree(folder / "photos") != before
            ended = broken(lambda: undo(folder / "journal", dry_run=False), Faults(kind, at), far=far)
        else:
            ended = broken(lambda plan=plan: run(plan, action, folder), Faults(kind, at), far=far)  # type: ignore[misc]
        check_nothing_lost(folder, wanted)
        if action != "delete":
            assert not held - every_copy(folder), "a copy is nowhere any more"
        if kind not in ("kill", "error"):  # where removing a file fails, it stays
            assert not list(folder.rglob(".hybrid-search-*")), "a file is left under a hidden name"
        for path in (folder / "photos/a/one.jpg", folder / "photos/b/c/two.png"):
            assert path.is_file() and not path.is_symlink(), "a kept file was touched"
        if (folder / "journal").exists():
            restore(folder, action, before, wanted, exactly=kind != "error")
        else:
            assert tree(folder / "photos") == before, "something was done before there was a journal"
        if ended == ENDED:
            return at - 1
    raise AssertionError("it never came to its end")


def restore(folder: Path, action: str, before: dict[str, Any], wanted: set[str], *, exactly: bool) -> None:
    """Undo what is left of a run, twice, and compare the tree with what it was.

    A `chmod` that failed is told and not tried again, so that then the bytes alone are compared.
    """
    for _ in range(2):
        try:
            report = undo(folder / "journal", dry_run=False)
        except Exception as error:
            assert "first line" in str(error), error
            break
        if action in ("move", "hardlink", "symlink"):
            assert not report.failed, report.failed
        check_nothing_lost(folder, wanted)
    if action in ("move", "hardlink", "symlink"):
        now = tree(folder / "photos")
        if not exactly:
            now, before = ({name: facts[-1] for name, facts in found.items()} for found in (now, before))
        assert now == before, f"the tree is not what it was: {now.items() ^ before.items()}"
        assert not list((folder / "moved").rglob("*"))
    else:
        assert not list(folder.rglob(".hybrid-search-*")), "a file lies under a hidden name"


def survive_in_home(folder: str, action: str, kind: str, what: str, distance: str) -> int:
    """Do that with a home folder, and so a trash, on the same drive."""
    os.environ.update(HOME=f"{folder}-home", XDG_DATA_HOME=f"{folder}-home/data")
    os.makedirs(os.environ["HOME"], exist_ok=True)
    return survive(Path(folder), action, kind, what, far=distance == "far")
