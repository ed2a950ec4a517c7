"""What a training says at its end: figures before and after, and in words whether they are a gain."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hybrid_search.cli.output.progress_bar import progress_bar

if TYPE_CHECKING:
    from hybrid_search.training.early_stopping import Epoch
    from hybrid_search.training.ranking_gain import RankingGain


@contextmanager
def epochs_bar(measure: str, *, shown: bool) -> Iterator[Callable[[Epoch], None] | None]:
    """Show the epochs of a training with the best validation so far; give what is to be told of each."""
    from hybrid_search.ingest import Progress

    with progress_bar(shown=shown) as bar:
        if bar is None:
            yield None
            return
        yield lambda epoch: bar(Progress(epoch.number, epoch.of, 0, f"{measure} {abs(epoch.best):.4f}"))


def figures_table(compared: Mapping[str, tuple[RankingGain, Sequence[str]]]) -> str:
    """Return figures as lines, in percent: for each title those before and after, under the names of the two."""
    lines = [f"{'':42}{'recall@1':>10}{'recall@5':>10}{'recall@10':>11}{'mAP':>8}"]
    for title, (comparison, names) in compared.items():
        lines.append(title)
        for name, figures in zip(names, (comparison.before, comparison.after), strict=True):
            shares = [100 * figures.success[k] for k in (1, 5, 10)]
            precision = 100 * figures.mean_average_precision
            lines.append(f"  {name:40}{shares[0]:>10.1f}{shares[1]:>10.1f}{shares[2]:>11.1f}{precision:>8.1f}")
    return "".join(f"{line}\n" for line in lines)


def bound(comparison: RankingGain) -> str:
    """Return the difference in mean average precision, in points, with its 95 % interval."""
    difference, low, high = (100 * each for each in (comparison.difference, comparison.low, comparison.high))
    return f"mAP {difference:+.1f} points (95 % interval {low:+.1f} to {high:+.1f})"
