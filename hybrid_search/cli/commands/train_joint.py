"""The command `train joint`: words and pictures in one space, learned from captions."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hybrid_search.cli.commands.train_report import epochs_bar, finish, interruptible
from hybrid_search.cli.output import terminal
from hybrid_search.cli.output.embedder_files import check_free
from hybrid_search.cli.output.progress_bar import documents_bar
from hybrid_search.cli.parsing import options
from hybrid_search.cli.parsing.session import backend_at
from hybrid_search.errors.numbers import counted

if TYPE_CHECKING:
    from hybrid_search.document.definition import EmbeddingSpec
    from hybrid_search.embedders import Embedder, TextEmbedder
    from hybrid_search.training.joint import TrainedJoint
    from hybrid_search.training.pairs import Pairs

_EMBEDDER = "lite+minilm"


def joint(
    context: typer.Context,
    out: options.Trained,
    location: options.Index = None,
    captions: Annotated[
        Path | None,
        options.captions_file(
            "What is written about the pictures; what the index has of captions, titles or tags by default."
        ),
    ] = None,
    photos: Annotated[
        Path | None,
        options.value(
            "--photos", "FOLDER", "The pictures that --captions is about; else those of the index.", exists=True
        ),
    ] = None,
    image_embedder: Annotated[
        str | None,
        options.value(
            "--image-embedder",
            "NAME",
            f"Whose vectors to learn from: the index's first by default, of --photos those of {_EMBEDDER}.",
        ),
    ] = None,
    text_embedder: Annotated[
        str, options.value("--text-embedder", "NAME", "What turns the captions into vectors.")
    ] = "minilm",
    loss: Annotated[
        Literal["cca", "ridge", "cosine", "hinge"],
        typer.Option("--loss", help="How it learns: cca and ridge at once, cosine and hinge pass by pass."),
    ] = "cca",
    hidden: Annotated[int, options.value("--hidden", "N", "Units of a hidden layer, for cosine and hinge.", min=0)] = 0,
    epochs: options.Epochs = 60,
    patience: options.Patience = 8,
    seed: options.Seed = 0,
    force: options.Force = False,
    no_progress: options.NoProgress = False,
    as_json: options.AsJson = False,
) -> None:
    """Learn from captions where words and pictures belong together, so that text finds pictures that have none.

    The pictures are those of the index, and nothing is decoded or embedded again; or those of --photos. A fifth of
    them chooses how to learn, and another fifth, of which nothing was learned, says how well texts find pictures.
    Where the image embedder has meanings of the same text tower, as lite+minilm has, they are kept beside what is
    learned, with a share that the first fifth chooses. For example:

        hybrid-search train joint --captions captions.csv --out mine.joint
        hybrid-search embed joint:mine.joint
    """
    from hybrid_search.embedders.registry import get_text_embedder
    from hybrid_search.embedders.trained.joint_embedder import KIND
    from hybrid_search.embedders.trained.trained_file import describe
    from hybrid_search.training.joint import JointOptions, train_joint

    replaced = check_free(out, force=force)
    if hidden and loss in ("cca", "ridge"):
        raise typer.BadParameter("only --loss cosine and hinge have a hidden layer", param_hint="--hidden")
    if photos is not None and captions is None:
        raise typer.BadParameter("it needs --captions, which says what is written about them", param_hint="--photos")
    tower = get_text_embedder(text_embedder)
    with interruptible():
        if photos is not None and captions is not None:
            pairs, base = _embedded(photos, captions, image_embedder or _EMBEDDER, tower, shown=not no_progress)
        else:
            pairs, base = _stored(context, location, image_embedder, tower, captions)
        chosen = JointOptions(loss, hidden, epochs, patience, seed)
        with epochs_bar("validation", shown=not no_progress) as progress:
            trained = train_joint(pairs, options=chosen, progress=progress)
    finish(
        trained,
        out,
        made={"kind": KIND, "image_embedder": base, "text_embedder": describe(tower)},
        text=_report(trained, base["name"]),
        facts={"image_embedder": base["name"], "text_embedder": tower.name},
        replaced=replaced,
        as_json=as_json,
    )


def _embedded(
    photos: Path, captions: Path, name: str, tower: TextEmbedder, *, shown: bool
) -> tuple[Pairs, dict[str, Any]]:
    from hybrid_search.embedders.registry import get_embedder
    from hybrid_search.embedders.trained.trained_file import describe
    from hybrid_search.training.joint_sources import embed_pairs

    base = get_embedder(name)
    with documents_bar(shown=shown) as progress:
        read = embed_pairs(photos, captions, base, tower, progress=progress)
    for path in read.failed[:5]:
        terminal.note(f"left out, it cannot be read: {terminal.short_path(path)}")
    if len(read.failed) > 5:
        terminal.note(f"left out: {len(read.failed) - 5} more")
    return read.pairs, describe(base)


def _stored(
    context: typer.Context, location: str | None, name: str | None, tower: TextEmbedder, captions: Path | None
) -> tuple[Pairs, dict[str, Any]]:
    from hybrid_search.training.examples import spec_in
    from hybrid_search.training.joint_sources import read_pairs

    with closing(backend_at(context, location)) as backend:
        key, spec = spec_in(backend, embedder=name)
        pairs = read_pairs(backend, key, tower, captions=captions, base=_speaking(spec))
    return pairs, {"name": spec.name, "version": spec.version, "dims": spec.dims}


def _speaking(spec: EmbeddingSpec) -> Embedder | None:
    """Return the embedder of stored vectors if it embeds texts too; what cannot be had is not needed to learn."""
    from hybrid_search.document.definition import spec_of
    from hybrid_search.embedders.registry import get_embedder
    from hybrid_search.errors import EmbedderError

    if not spec.embeds_text:
        return None
    with suppress(EmbedderError):
        base = get_embedder(spec.name)
        return base if spec_of(base) == spec else None
    return None


def _report(trained: TrainedJoint, base: str) -> str:
    recall = [100 * trained.figures.success[k] for k in (1, 5, 10)]
    chance = 100 / trained.held_out
    learned = f"{counted(trained.texts, 'text')} of {counted(trained.pictures, 'picture')}"
    return (
        f"learned from {learned} ({trained.options.loss})\n"
        f"texts of {counted(trained.held_out, 'held-out picture')} find theirs among these:\n"
        f"  recall@1 {recall[0]:.1f} %, recall@5 {recall[1]:.1f} %, recall@10 {recall[2]:.1f} % "
        f"(by chance {chance:.1f}, {min(5 * chance, 100):.1f}, {min(10 * chance, 100):.1f} %), "
        f"median rank {trained.figures.median_rank:g}\n{_share(trained, base)}"
    )


def _share(trained: TrainedJoint, name: str) -> str:
    """Return in words what validation said of the image embedder's own meanings, where it has such."""
    setting = trained.setting
    if "share" not in setting:
        return ""
    if not setting["share"]:
        return f"  the meanings of {name} were left out: beside what was learned they did not help in validation\n"
    ranks = f"mean reciprocal rank {setting['beside']:.3f} in validation, {setting['alone']:.3f} without"
    return f"  {100 * setting['share']:.0f} % of a cosine is that of the meanings of {name}: {ranks}\n"
