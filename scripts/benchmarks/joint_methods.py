"""Joint spaces learned from captions: every method by cross-validation over the photos of Flickr8k."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.embedders.conse import LiteMinilm
from hybrid_search.embedders.lite import Lite
from hybrid_search.embedders.minilm import MiniLM
from hybrid_search.embedders.trained.joint_embedder import map_images, map_texts
from hybrid_search.evaluate.metrics import Figures, evaluate_parts
from hybrid_search.evaluate.vector_rankings import rank_gallery
from hybrid_search.images import load_image
from hybrid_search.training.joint import LOSSES, JointLoss, JointOptions, fit_joint
from hybrid_search.training.pairs import Pairs
from scripts.benchmarks.embedders_words import read_captions
from scripts.benchmarks.machine import table

FOLDS = 5
COLUMNS = ("R@1 %", "R@5 %", "R@10 %", "median rank")
Maps = Mapping[str, NDArray[np.float32]]


def measure(photos: Path, *, quick: bool = False) -> str:
    """Return the table of all methods on the vectors of `lite` and of `lite+minilm`, both with `minilm`."""
    captions = read_captions(photos)
    if captions is None:
        return "### Joint spaces\n\nNot measured: there is no captions.csv beside the photos.\n"
    if quick:
        captions = dict(list(captions.items())[:100])
    pairs = embed(photos, captions)
    rows = [["untrained: `lite+minilm` (ConSE)", "", *_cells(cross_validate(pairs["lite+minilm"], None))]]
    for name, of in pairs.items():
        rows += [_row(f"{loss}, `{name}` × `minilm`", of, loss) for loss in LOSSES]
    beside = replace(pairs["lite+minilm"], speaks=True)
    rows += [_row(f"{loss}, the same with ConSE beside it", beside, loss) for loss in LOSSES]
    count = len(captions)
    header = ["method", "s to train", *(f"{count // FOLDS}: {each}" for each in COLUMNS)]
    header += [f"{count}: {each}" for each in COLUMNS]
    return (
        f"### Joint spaces by {FOLDS}-fold cross-validation over {count} photos of Flickr8k, 5 captions each\n\n"
        f"{table(header, rows)}\nThe questions are the captions of the photos that were not learned from, all folds "
        f"together; the gallery is of these photos alone, {count // FOLDS} in a fold, or of all {count}, most of which "
        "were learned from. How strongly to smooth, when to stop, and what share of the cosine ConSE keeps beside it, "
        "is chosen by a fifth of what is learned from; the shares in brackets are those of the folds.\n"
    )


def embed(photos: Path, captions: Mapping[str, Sequence[str]]) -> dict[str, Pairs]:
    """Return photos and captions as pairs, by the name of the image embedder."""
    both = LiteMinilm(labels=0)
    names = list(captions)
    images = [
        both.embed_images([load_image(photos / name, min_side=both.min_side) for name in names[start : start + 32]])
        for start in range(0, len(names), 32)
    ]
    vectors = np.vstack(images)
    texts = MiniLM().embed_texts([text for told in captions.values() for text in told])
    owners = np.repeat(np.arange(len(names)), [len(told) for told in captions.values()])
    seen = vectors[:, : Lite.dims]
    alone = np.asarray(seen / np.linalg.norm(seen, axis=1, keepdims=True), np.float32)
    return {"lite": Pairs(alone, texts, owners), "lite+minilm": Pairs(vectors, texts, owners)}


def cross_validate(pairs: Pairs, options: JointOptions | None, *, seed: int = 0) -> tuple[Figures, Figures]:
    """Return the figures of text to image with each fold's photos as the gallery, and with all photos.

    Parameters
    ----------
    pairs : Pairs
        Of all photos.
    options : JointOptions, optional
        How to learn; by default nothing is, and the texts' vectors are compared with the last dims of the pictures'.
    seed : int
        Of the division into folds.
    """
    own, every, _ = _validated(pairs, options, seed=seed)
    return own, every


def _validated(
    pairs: Pairs, options: JointOptions | None, *, seed: int = 0
) -> tuple[Figures, Figures, list[Mapping[str, Any]]]:
    """Return what `cross_validate` does, and what was chosen in each fold."""
    folds = np.array_split(np.random.default_rng(seed).permutation(len(pairs)), FOLDS)
    own, every, chosen = [], [], []
    for number, fold in enumerate(folds):
        maps = None
        if options is not None:
            rest = np.setdiff1d(np.arange(len(pairs)), fold)
            maps, setting = fit_joint(pairs.part(rest), options=options)
            chosen.append(setting)
        images, texts = _mapped(pairs, maps)
        asked = np.flatnonzero(np.isin(pairs.owners, fold))
        own.append(_ranked(texts[asked], images[fold], pairs.owners[asked], fold, number))
        every.append(_ranked(texts[asked], images, pairs.owners[asked], np.arange(len(pairs)), number))
    return evaluate_parts(own), evaluate_parts(every), chosen


def _mapped(pairs: Pairs, maps: Maps | None) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    if maps is None:
        return pairs.images[:, -pairs.texts.shape[1] :], pairs.texts
    return map_images(pairs.images, maps), map_texts(pairs.texts, maps)


def _ranked(
    questions: NDArray[Any], gallery: NDArray[Any], owners: NDArray[np.intp], rows: NDArray[np.intp], fold: int
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return a run and what is relevant in it, for `evaluate_parts`."""
    order = rank_gallery(questions, gallery, relevant=owners[:, None] == rows)
    run = {f"{fold}-{at}": [str(rows[place]) for place in places] for at, places in enumerate(order)}
    return run, {f"{fold}-{at}": [str(owner)] for at, owner in enumerate(owners)}


def _row(method: str, pairs: Pairs, loss: JointLoss) -> list[object]:
    start = time.process_time()
    *figures, chosen = _validated(pairs, JointOptions(loss))
    spent = (time.process_time() - start) / FOLDS
    shares = ", ".join(f"{setting['share']:g}" for setting in chosen if "share" in setting)
    return [f"{method} ({shares})" if shares else method, spent, *_cells(figures)]


def _cells(both: Sequence[Figures]) -> list[float]:
    return [
        value for figures in both for value in (*(100 * figures.success[k] for k in (1, 5, 10)), figures.median_rank)
    ]
