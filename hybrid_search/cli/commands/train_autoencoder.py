"""The command `train autoencoder`: codes learned from pictures alone, without labels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hybrid_search.cli.commands.train_report import bound, epochs_bar, figures_table, finish, interruptible
from hybrid_search.cli.output.embedder_files import check_free
from hybrid_search.cli.output.progress_bar import documents_bar
from hybrid_search.cli.parsing import options
from hybrid_search.cli.parsing.session import backend_at
from hybrid_search.errors.numbers import counted

if TYPE_CHECKING:
    from hybrid_search.training.autoencoder import TrainedAutoencoder
    from hybrid_search.training.training_pictures import Pictures


def autoencoder(
    context: typer.Context,
    out: options.Trained,
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER", exists=True, file_okay=False, help="Pictures to learn from; else those of the index."
        ),
    ] = None,
    location: options.Index = None,
    dims: Annotated[int, options.value("--dims", "N", "Length of the vectors.", min=1)] = 128,
    size: Annotated[
        int, options.value("--size", "N", "Sides of the squares it sees, in pixels: 8, 16, 24, ….", min=8)
    ] = 64,
    epochs: options.Epochs = 40,
    patience: options.Patience = 5,
    seed: options.Seed = 0,
    force: options.Force = False,
    no_progress: options.NoProgress = False,
    as_json: options.AsJson = False,
) -> None:
    """Train an autoencoder: it learns to paint pictures again from noisy ones, and its codes become vectors.

    At most 20,000 pictures are learned from; those of an index come from its thumbnails. How well it paints, and how
    well its codes find pictures of the same folder compared with histogram+hog, is measured on held-out pictures.
    For example:

        hybrid-search train autoencoder photos --out mine.auto
        hybrid-search embed autoencoder:mine.auto
    """
    from hybrid_search.embedders.trained.autoencoder_embedder import KIND
    from hybrid_search.training.autoencoder import AutoencoderOptions, train_autoencoder

    replaced = check_free(out, force=force)
    if size % 8:
        raise typer.BadParameter(f"--size is a multiple of 8 (got {size})")
    chosen = AutoencoderOptions(dims, size, epochs, patience, seed=seed)
    with interruptible():
        pictures = _pictures(context, folder, location, size=size, seed=seed, shown=not no_progress)
        with epochs_bar("validation error", shown=not no_progress) as progress:
            trained = train_autoencoder(pictures, options=chosen, progress=progress)
    finish(
        trained,
        out,
        made={"kind": KIND, "dims": dims, "size": size},
        text=_report(trained),
        notes=_notes(trained),
        replaced=replaced,
        as_json=as_json,
    )


def _pictures(
    context: typer.Context, folder: Path | None, location: str | None, *, size: int, seed: int, shown: bool
) -> Pictures:
    from hybrid_search.training.training_pictures import pictures_below, pictures_in

    with documents_bar("reading", shown=shown) as progress:
        if folder is not None:
            return pictures_below(folder, size=size, seed=seed, progress=progress)
        with closing(backend_at(context, location)) as backend:
            return pictures_in(backend, size=size, seed=seed, progress=progress)


def _report(trained: TrainedAutoencoder) -> str:
    parts, errors = trained.learned_from, trained.reconstruction
    kept = f"kept what epoch {trained.best_epoch} of {trained.epochs} gave"
    learned = f"learned from {counted(parts['train'], 'picture')}; {kept}"
    painted = (
        f"mean squared error on {counted(parts['test'], 'held-out picture')}: {errors.autoencoder:.4f}; "
        f"of the noisy pictures {errors.noisy:.4f}, of the mean picture {errors.mean:.4f}"
    )
    table = ""
    if (found := trained.retrieval) is not None:
        title = f"{counted(found.pictures, 'held-out picture')} finding those of the same folder"
        table = figures_table({title: (found, ("histogram+hog, untrained", "autoencoder"))})
    return f"{learned}\n{painted}\n{table}"


def _notes(trained: TrainedAutoencoder) -> Iterator[str]:
    if not trained.reconstruction.is_learned:
        yield "it paints no better than what takes no learning; more pictures or epochs may help"
    if trained.retrieval is None:
        yield "no gain is claimed: the pictures lie in one folder, so nothing says which belong together"
    else:
        verdict = "gain" if trained.is_gain else "no gain"
        yield f"{verdict} over histogram+hog: {bound(trained.retrieval)}"
