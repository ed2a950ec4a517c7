"""A progress bar on stderr: how many pictures, how fast, how long still."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hybrid_search.cli.output import terminal

if TYPE_CHECKING:
    from hybrid_search.ingest import Progress

_SETTLED = 2.0  # seconds; no measurement is kept


@contextmanager
def progress_bar(*, shown: bool) -> Iterator[Callable[[Progress], None] | None]:
    """Give a function that moves the bar; None where no bar is wanted, or where stderr is no terminal."""
    if not shown or not terminal.is_terminal(sys.stderr):
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[failed]}", style="red"),
        TextColumn("{task.description}", markup=False, style="dim"),
    )
    with Bars(*columns, console=terminal.console(stderr=True), transient=True) as bar:
        task = bar.add_task("looking for pictures", total=None, rate="", failed="")

        def report(progress: Progress) -> None:
            shown = bar.tasks[0]
            bar.update(
                task,
                completed=progress.done,
                total=progress.total,
                description=terminal.escape(progress.path.replace("\\", "/").rsplit("/", 1)[-1])[:40],
                rate=rate(shown.finished_speed or shown.speed, seconds=shown.elapsed),
                failed=f"{progress.failed} failed" if progress.failed else "",
            )

        yield report


def rate(speed: float | None, *, seconds: float | None) -> str:
    """Return how fast it goes; nothing in the first two seconds, in which it may be the time between two files.

    Examples
    --------
    >>> rate(100_098.0, seconds=0.01), rate(18.6, seconds=2.5), rate(1234.5, seconds=60.0), rate(0.31, seconds=9.0)
    ('', '19/s', '1,234/s', '0.3/s')
    """
    if not speed or seconds is None or seconds < _SETTLED:
        return ""
    return f"{speed:,.0f}/s" if speed >= 1 else f"{speed:.1f}/s"


@contextmanager
def documents_bar(*stages: str, shown: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Show how many documents of all are done; give what is to be told of them, None where nothing is shown.

    Of two stages the first is shown until one is done.
    """
    from hybrid_search.ingest import Progress

    stages = stages or ("",)
    with progress_bar(shown=shown) as bar:
        yield None if bar is None else lambda done, total: bar(Progress(done, total, 0, stages[0 if not done else -1]))
