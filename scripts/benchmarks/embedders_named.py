"""Any embedders by name, such as a model of a hub in a folder, or a file of word vectors: what they find."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_search.embedders import Embedder, TextEmbedder
from hybrid_search.embedders.registry import get_embedder, get_text_embedder, known_text_embedders
from hybrid_search.evaluate import Figures, evaluate_vectors
from hybrid_search.ingest.labelling import class_vectors
from hybrid_search.training.joint import JointOptions
from hybrid_search.training.pairs import Pairs
from scripts.benchmarks.embedders_similar import categories, embedded, read_split
from scripts.benchmarks.embedders_words import COLUMNS, Captions, read_captions
from scripts.benchmarks.joint_methods import FOLDS, cross_validate
from scripts.benchmarks.machine import table


def measure(photos: Path, *, names: Sequence[str], quick: bool = False) -> str:
    """Return the tables of the embedders that are named, of pictures and of texts alone."""
    captions = read_captions(photos)
    if captions is None:
        return "### Embedders by name\n\nNot measured: there is no captions.csv beside the photos.\n"
    if quick:
        captions = dict(list(captions.items())[:100])
    texts = [name for name in names if name.partition(":")[0] in known_text_embedders()]
    pictures = [name for name in names if name not in texts]
    parts = [_pictures(pictures, photos, captions, quick=quick)] if pictures else []
    return "\n".join([*parts, *([_texts(texts, photos, captions)] if texts else [])])


# -- pictures, and words where the embedder knows them ---------------------------------------------------------------


def _pictures(names: Sequence[str], photos: Path, captions: Captions, *, quick: bool) -> str:
    caltech = photos.parent.parent / "caltech101"
    rows = []
    for name in names:
        embedder = get_embedder(name)
        found: list[object] = [""] * len(COLUMNS)
        if embedder.embeds_text:
            gallery = embedded(embedder, [photos / picture for picture in captions])
            found = _cells(evaluate_vectors(_asked(embedder, captions), gallery, relevant=_own(captions)))
        rows.append([f"`{name}`", *found, *_classes(embedder, caltech, quick=quick)])
    count = sum(len(told) for told in captions.values())
    header = ["embedder", *COLUMNS, "class of Caltech101 named %"]
    header += ["mAP %", "first of its class %", "of its class in the first 10 %"]
    return (
        f"### Embedders by name: {count:,} captions over {len(captions)} photos of Flickr8k, and Caltech101\n\n"
        f"{table(header, rows)}\nA class is named when, of 101 texts `a photo of a …`, the nearest to a picture is "
        "that of its folder; by chance that is 1 %. The rest is of 1,010 questions over 1,010 others (`split.txt`).\n"
    )


def _classes(embedder: Embedder, folder: Path, *, quick: bool) -> list[object]:
    """Return how many pictures of Caltech101 get the name of their folder, in percent, and the figures of `similar`."""
    names, asked = read_split(folder, quick=quick)
    vectors = embedded(embedder, [folder / name for name in names])
    named: object = ""
    if embedder.embeds_text and names:
        own = [name.partition("/")[0] for name in names]
        classes = sorted(set(own))
        told = class_vectors(embedder, [name.replace("_", " ").lower() for name in classes])
        named = 100 * float(np.mean(np.array(classes)[(vectors @ told.T).argmax(axis=1)] == np.array(own)))
    return [named, *categories(vectors, names, asked)]


# -- texts alone -----------------------------------------------------------------------------------------------------


def _texts(names: Sequence[str], photos: Path, captions: Captions) -> str:
    pictures = embedded(get_embedder("lite"), [photos / name for name in captions])
    owners = np.repeat(np.arange(len(captions)), [len(told) for told in captions.values()])
    rows = []
    for name in names:
        tower = get_text_embedder(name)
        asked = tower.embed_texts([told[0] for told in captions.values()])
        other = tower.embed_texts([told[1] for told in captions.values()])
        alone = evaluate_vectors(asked, other, relevant=np.eye(len(captions), dtype=bool))
        own, every = cross_validate(Pairs(pictures, _asked(tower, captions), owners), JointOptions("cca"))
        rows.append([f"`{name}`", *_cells(alone), *_cells(own), *_cells(every)])
    count = len(captions)
    header = ["text tower", *(f"captions: {each}" for each in COLUMNS)]
    header += [f"{size}: {each}" for size in (count // FOLDS, count) for each in COLUMNS]
    return (
        f"### Text towers by name, {count} photos of Flickr8k\n\n{table(header, rows)}\n"
        "Captions: one caption of each photo finds another of it, by their vectors alone. The others: text to image by "
        f"CCA with `lite`, {FOLDS} folds, among the photos of a fold and among all.\n"
    )


def _asked(tower: TextEmbedder, captions: Captions) -> NDArray[np.float32]:
    return tower.embed_texts([text for told in captions.values() for text in told])


def _own(captions: Captions) -> NDArray[np.bool_]:
    """Return which photo each caption belongs to, (captions, photos)."""
    return np.repeat(np.eye(len(captions), dtype=bool), [len(told) for told in captions.values()], axis=0)


def _cells(figures: Figures) -> list[object]:
    return [*(100 * figures.success[k] for k in (1, 5, 10)), figures.median_rank]
