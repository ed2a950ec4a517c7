"""Signatures of any number of pictures that do not exist, made from photos that do.

Each comes from the grey levels of two real photos: a part of one, mirrored or not, through which a part of another
shines faintly, as in a double exposure. This is done on 9 × 9 window means, all that a signature keeps of a picture,
and quantised by the rule of `signature.goldberg`, which `quantise` repeats for many at once. So what photos have
in common (light skies above, plain backgrounds, neighbours alike, borders) these have too, and with it what the cost of
a lookup depends on: which words how many pictures share. `shared_words` compares this with real photos. Random
numbers would share no words at all and make any lookup by words look fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.signature.goldberg import LENGTH, WORDS, _window_means, grey, signature

Signatures = NDArray[np.int8]

GRID = 9
LETTERS = 16
IDENTICAL = 2 / 255
# how much of a picture is the first photo; less, and plain regions become rare; more, and there are too few pictures
SHARE = (0.75, 1.0)

_STEPS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
_STARTS = np.linspace(0, LENGTH, WORDS, endpoint=False).astype(int)
_BATCH = 20_000


def read_photos(folder: Path) -> list[Image.Image]:
    """Return all pictures below a folder, decoded, in a fixed order."""
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in (".jpg", ".jpeg", ".png")]
    return [Image.open(path).convert("RGB") for path in paths]


def synthetic_signatures(photos: Sequence[Image.Image], count: int, *, seed: int = 5) -> Signatures:
    """Return `count` signatures of which no two are equal, (count, 648) int8."""
    random = np.random.default_rng(seed)
    key = random.integers(-(2**40), 2**40, LENGTH)
    made = np.empty((0, LENGTH), np.int8)
    while len(made) < count:
        first, second = (_parts(photos, 1 + (count - len(made)) // len(photos), random) for _ in range(2))
        share = random.uniform(*SHARE, len(first))[:, None, None]
        batches = [slice(at, at + _BATCH) for at in range(0, len(first), _BATCH)]
        new = [quantise(share[rows] * first[rows] + (1 - share[rows]) * second[rows]) for rows in batches]
        made = np.concatenate([made, *new])
        # equal signatures have equal products with a random vector, others as good as never
        products = np.concatenate([made[at : at + _BATCH] @ key for at in range(0, len(made), _BATCH)])
        made = made[np.sort(np.unique(products, return_index=True)[1])]
    return made[random.permutation(len(made))[:count]]


def quantise(means: NDArray[np.float64]) -> Signatures:
    """Return the signatures of grids of window means, (n, 9, 9) to (n, 648), equal to those of `signature`.

    A difference stands in a signature twice, once with each sign, so the larger half of either sign is that of all.
    """
    padded = np.pad(means, ((0, 0), (1, 1), (1, 1)), constant_values=np.nan)
    around = [padded[:, 1 + i : 1 + i + GRID, 1 + j : 1 + j + GRID] for i, j in _STEPS]
    apart = np.nan_to_num(means[..., None] - np.stack(around, axis=-1)).reshape(len(means), LENGTH)
    size = np.abs(apart)
    counted = size >= IDENTICAL
    ordered = np.sort(np.where(counted, size, 0), axis=1)
    pairs = counted.sum(axis=1) // 2
    middle = [LENGTH - 2 * pairs + 2 * ((pairs - shift) // 2) for shift in (1, 0)]
    low, high = (np.take_along_axis(ordered, np.minimum(at, LENGTH - 1)[:, None], axis=1) for at in middle)
    level = np.where(size > (low + high) / 2, 2, 1)
    # image-match writes its bins in place: with black beside white, all lands in the second
    level[ordered[:, -1] == 1] = 2
    return (np.sign(apart) * level * counted).astype(np.int8)


def real_signatures(photos: Sequence[Image.Image]) -> Signatures:
    """Return the signatures of photos, (n, 648) int8.

    Raises
    ------
    RuntimeError
        When `quantise` would have made others of the same window means.
    """
    real = np.stack([signature(photo) for photo in photos])
    if not np.array_equal(real, quantise(np.stack([_window_means(grey(photo)) for photo in photos]))):
        raise RuntimeError("synthetic signatures would not be quantised as real ones are: `quantise` differs")
    return real


def word_numbers(signatures: Signatures) -> NDArray[np.int32]:
    """Return the words of many signatures, (n, 63) int32."""
    signs = np.pad(np.sign(signatures), ((0, 0), (0, LETTERS)))
    found = np.zeros((len(signs), WORDS), np.int32)
    for letter in range(LETTERS):
        found += (signs[:, _STARTS + letter].astype(np.int32) + 1) * 3**letter
    return found


def shared_words(signatures: Signatures, *, pairs: int = 400_000, seed: int = 3) -> list[float]:
    """Return the shares of random pairs that have one or more, two or more, … six or more of 62 words in common.

    The seventh figure is the share of candidates (pairs with any of 63 words in common) that share the 63rd alone.
    """
    numbers = word_numbers(signatures)
    random = np.random.default_rng(seed)
    a, b = random.integers(0, len(numbers), (2, pairs))
    a, b = a[a != b], b[a != b]
    same = numbers[a] == numbers[b]
    common, last = same[:, :-1].sum(axis=1), same[:, -1]
    alone = ((common == 0) & last).sum() / ((common > 0) | last).sum()
    return [*(float((common >= least).mean()) for least in range(1, 7)), float(alone)]


def _parts(photos: Sequence[Image.Image], each: int, random: np.random.Generator) -> NDArray[np.float64]:
    means = np.concatenate([_means(grey(photo), each, random) for photo in photos])
    mirrored = random.random(len(means)) < 0.5
    means[mirrored] = means[mirrored, :, ::-1]
    return means[random.permutation(len(means))]


def _means(levels: NDArray[np.float64], each: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Return window means at 9 × 9 places in each of several parts of one picture, (each, 9, 9)."""
    sums = np.pad(levels.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    half = max(2.0, int(0.5 + min(levels.shape) / 25)) / 2
    windows = []
    for length in levels.shape:
        ends = np.array([random.uniform(0, 0.35, each), random.uniform(0.65, 1, each)]) * length
        places = np.linspace(*ends, GRID + 2, axis=1)[:, 1:-1].astype(int)
        windows += [np.maximum(places - half, 0).astype(int), np.minimum(places + half, length).astype(int)]
    top, bottom, left, right = windows[0][:, :, None], windows[1][:, :, None], windows[2][:, None], windows[3][:, None]
    inside = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    return np.asarray(inside / ((bottom - top) * (right - left)))
