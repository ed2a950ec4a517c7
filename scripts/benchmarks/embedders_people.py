"""Pictures of people and of things, found by one word: labels of ImageNet know no people, captions do."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_search.embedders.minilm import MiniLM
from hybrid_search.embedders.trained.joint_embedder import map_images, map_texts
from hybrid_search.evaluate import evaluate_vectors
from hybrid_search.ingest.labelling import class_vectors
from hybrid_search.training.joint import JointOptions, fit_joint
from scripts.benchmarks.embedders_words import Captions, read_captions
from scripts.benchmarks.joint_methods import FOLDS, embed
from scripts.benchmarks.machine import table

SHOWN_BY = {
    "child": "child children kid kids boy boys girl girls baby toddler toddlers",
    "man": "man men guy guys",
    "woman": "woman women lady ladies",
    "people": "people crowd group men women children",
    "dog": "dog dogs puppy",
    "bicycle": "bike bicycle bikes bicycles bicyclist",
    "beach": "beach shore sand seashore",
}
"""Words of a caption that tell that a picture shows a class."""
_WITNESSES = 2


def measure(photos: Path, *, quick: bool = False) -> str:
    """Return the table of average precision by class, for `lite+minilm` untrained, and after training on captions."""
    captions = read_captions(photos)
    if captions is None:
        return "### People and things\n\nNot measured: there is no captions.csv beside the photos.\n"
    if quick:
        captions = dict(list(captions.items())[:100])
    # the vectors of ConSE stand beside those of what is learned, as `train joint` leaves them
    pairs = replace(embed(photos, captions)["lite+minilm"], speaks=True)
    classes = list(SHOWN_BY)
    shown = np.stack([_shown(name, captions) for name in classes])
    told = class_vectors(MiniLM(), classes)
    folds = np.array_split(np.random.default_rng(0).permutation(len(pairs)), FOLDS)
    untrained, learned = [], []
    for fold in folds:
        untrained.append(_precision(told, pairs.images[fold][:, -told.shape[1] :], shown[:, fold]))
        maps, _ = fit_joint(pairs.part(np.setdiff1d(np.arange(len(pairs)), fold)), options=JointOptions("cca"))
        learned.append(_precision(map_texts(told, maps), map_images(pairs.images[fold], maps), shown[:, fold]))
    rows: list[list[object]] = [
        ["share of such photos %", *(100 * shown.mean(axis=1))],
        ["`lite+minilm`", *np.nanmean(untrained, axis=0)],
        ["`joint` by CCA, learned from the others' captions", *np.nanmean(learned, axis=0)],
    ]
    return (
        f"### People and things: average precision of one word, {len(captions)} photos of Flickr8k in {FOLDS} parts\n\n"
        f"{table(['', *classes], rows)}\nA photo shows a class when {_WITNESSES} of its 5 captions have the word or "
        "another for it; asked is `a photo of a …`, in each part alone.\n"
    )


def _shown(name: str, captions: Captions) -> NDArray[np.bool_]:
    words = re.compile(rf"\b({'|'.join(SHOWN_BY[name].split())})\b", re.IGNORECASE)
    return np.array([sum(bool(words.search(text)) for text in told) >= _WITNESSES for told in captions.values()])


def _precision(questions: NDArray[np.float32], gallery: NDArray[np.float32], shown: NDArray[np.bool_]) -> list[float]:
    """Return the average precision of each class in percent, not a number where no photo shows it."""
    return [
        100 * evaluate_vectors(question[None], gallery, relevant=own[None]).mean_average_precision
        if own.any()
        else float("nan")
        for question, own in zip(questions, shown, strict=True)
    ]
