"""The command `train head`: a map of stored vectors in which what belongs together lies closer."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hybrid_search.cli import exits
from hybrid_search.cli.commands.train_report import bound, epochs_bar, figures_table, finish, interruptible
from hybrid_search.cli.output.embedder_files import check_free
from hybrid_search.cli.parsing import options
from hybrid_search.cli.parsing.session import backend_at
from hybrid_search.errors.numbers import counted

if TYPE_CHECKING:
    from hybrid_search.training.head import TrainedHead


def head(
    context: typer.Context,
    out: options.Trained,
    source: Annotated[
        Literal["labels", "tags", "groups", "folders"],
        typer.Option(
            "--from", help="What says that pictures belong together: labels, tags, groups of copies, or their folders."
        ),
    ],
    location: options.Index = None,
    embedder: Annotated[
        str | None, options.value("--embedder", "NAME", "Whose vectors to learn from; the index's first by default.")
    ] = None,
    loss: Annotated[
        Literal["triplet", "contrastive", "supcon"],
        typer.Option(
            "--loss", help="From triplets with semi-hard negatives, from pairs, or from each against all (supcon)."
        ),
    ] = "triplet",
    margin: Annotated[
        float | None,
        options.value(
            "--margin",
            "X",
            "How far apart what does not belong together is pushed: 0.2 for triplets, 1 for pairs.",
            min=0,
        ),
    ] = None,
    dims: Annotated[
        int | None, options.value("--dims", "N", "Length of the new vectors; else that of the old, at most 512.", min=1)
    ] = None,
    hidden: Annotated[int, options.value("--hidden", "N", "Units of a hidden layer beside the linear map.", min=0)] = 0,
    epochs: options.Epochs = 60,
    patience: options.Patience = 8,
    seed: options.Seed = 0,
    force: options.Force = False,
    keep: Annotated[bool, options.flag("--keep", help="Write the file even where there is no gain.")] = False,
    no_progress: options.NoProgress = False,
    as_json: options.AsJson = False,
) -> None:
    """Train a head on the vectors of an index, so that pictures that belong together are found together.

    Nothing is decoded or embedded again. A part of the pictures, and where there are ten labels or more a fifth of
    these, are held out; the file is written only if held-out pictures find their like better than before, beyond
    chance. For example:

        hybrid-search train head --from tags --out mine.head
        hybrid-search embed head:mine.head
    """
    from hybrid_search.embedders.trained.head_embedder import KIND
    from hybrid_search.training.examples import read_examples, spec_in
    from hybrid_search.training.head import HeadOptions, train_head

    replaced = check_free(out, force=force)
    if loss == "supcon" and margin is not None:
        raise typer.BadParameter("--loss supcon has none", param_hint="--margin")
    chosen = HeadOptions(loss, margin, dims, hidden, epochs, patience, seed=seed)
    with closing(backend_at(context, location)) as backend:
        key, spec = spec_in(backend, embedder=embedder)
        examples = read_examples(backend, key, source=source)
    with interruptible(), epochs_bar("validation mAP", shown=not no_progress) as progress:
        trained = train_head(examples, options=chosen, progress=progress)
    written = trained.is_gain or keep
    finish(
        trained,
        out,
        made={
            "kind": KIND,
            "base": {"name": spec.name, "version": spec.version, "dims": spec.dims},
            "from": source,
        },
        text=_report(trained),
        facts={"base": spec.name, "from": source},
        notes=[_verdict(trained), *([] if written else [f"{out} was not written; --keep writes it all the same"])],
        written=written,
        replaced=replaced,
        as_json=as_json,
    )
    raise typer.Exit(exits.OK if written else exits.NOTHING)


def _report(trained: TrainedHead) -> str:
    parts, pair = trained.learned_from, ("before", "after")
    known = counted(trained.known.pictures, "held-out picture")
    compared = {known: (trained.known, pair)}
    if trained.new is not None:
        labels = counted(parts["new_labels"], "label")
        compared[f"{counted(trained.new.pictures, 'picture')} of {labels} of which it saw none"] = (trained.new, pair)
    labels = counted(parts["labels"] - parts["new_labels"], "label")
    learned = f"learned from {counted(parts['train'], 'picture')} of {labels}"
    told = f"kept what epoch {trained.best_epoch} of {trained.epochs} gave"
    return f"{learned}; {told}\n{figures_table(compared)}"


def _verdict(trained: TrainedHead) -> str:
    verdict = "gain" if trained.is_gain else "no gain"
    said = f"{verdict}: {bound(trained.known)} on held-out pictures"
    if trained.best_epoch == 0:
        said += "; no epoch was better than none"
    if trained.new is not None:
        said += f", {bound(trained.new)} on labels that it never saw"
    return said
