"""What the commands below `train` share: the bar, Ctrl-C, the file, and figures before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import typer

from hybrid_search.cli import exits
from hybrid_search.cli.output import terminal
from hybrid_search.cli.output.embedder_files import told
from hybrid_search.cli.output.progress_bar import progress_bar

if TYPE_CHECKING:
    from hybrid_search.training.autoencoder import TrainedAutoencoder
    from hybrid_search.training.early_stopping import Epoch
    from hybrid_search.training.head import TrainedHead
    from hybrid_search.training.joint import TrainedJoint
    from hybrid_search.training.ranking_gain import RankingGain


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end the command, and say that nothing was written."""
    try:
        yield
    except KeyboardInterrupt:
        terminal.note("interrupted: nothing was written")
        raise typer.Exit(exits.INTERRUPTED) from None


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


def finish(
    trained: TrainedJoint | TrainedHead | TrainedAutoencoder,
    out: Path,
    *,
    made: Mapping[str, Any],
    text: str,
    facts: Mapping[str, Any] = MappingProxyType({}),
    notes: Iterable[str] = (),
    written: bool = True,
    replaced: bool,
    as_json: bool,
) -> None:
    """Write what was trained to its file, and say how good it is and how it is used.

    Parameters
    ----------
    made : mapping
        What the file says beside the figures: "kind", and what it was made from.
    text : str
        What to print where no JSON is asked for.
    facts : mapping
        What the JSON says beside the figures.
    written : bool
        Whether to write the file.
    """
    from hybrid_search.embedders.trained.trained_file import save

    figures = trained.to_dict()
    if written:
        save(out, trained.arrays, {**made, "seed": trained.options.seed, **figures})
    if as_json:
        from hybrid_search.cli.output.hit_formats import dump

        dump({**figures, **facts, "file": str(out) if written else None})
    else:
        terminal.write(text)
    for each in notes:
        terminal.note(each)
    if written:
        terminal.note(told(f"{made['kind']}:{out.absolute()}", replaced=replaced))
