"""Two aligned pictures block by block: how many blocks agree, and how many show that something else is there.

What was written or pasted over a picture adds to one of both; what moved between two pictures is missing in each at
another place. So blocks that contradict each other on both sides tell two moments from one picture that was edited.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image, ImageFilter

_TEXTURE = 5.0  # mean deviation, in grey levels, of a block that has texture; as all below, no measurement is kept
_STRONG = 10.0  # deviation of a block of much texture
_CLEAR = 0.6  # correlation below which small shifts are tried
_AGREE = 0.5  # correlation of blocks that agree
_WRITTEN = 3  # one block in three of a strip is unlike: a caption
_REACH = 2  # pixels of the shifts that are tried: a fit is exact to a pixel or two
_ONE_SIDED = 1.6  # ratio of deviations from which one picture has more texture
_GRAIN = 2.0  # grey levels added to both deviations of that ratio
_LEAN = 0.6  # of 1, from which a difference is light or shade added

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BlockAgreement:
    """What the blocks of two aligned pictures have in common, (n, n) each.

    Parameters
    ----------
    correlation : (n, n) float64
        Of the grey levels, at the best of all shifts by up to two pixels, in [−1, 1].
    a, b : (n, n) float64
        Standard deviation of the grey levels in either picture, 0 to 128.
    lean : (n, n) float64
        Whether the first is brighter all over, 1, or darker, −1, once both have one tone; between: here so, there so.
    """

    correlation: Array
    a: Array
    b: Array
    lean: Array

    @property
    def textured(self) -> float:
        """Share of the blocks that have something to compare, in [0, 1]."""
        return float(np.mean(self._has_texture))

    def agreement(self) -> float:
        """Return the share of textured blocks that correlate, in [0, 1], apart from a strip that was written over."""
        shares = []
        for inside in self._without_strips(_AGREE):
            compared = self._has_texture & inside
            count = np.count_nonzero(compared)
            shares.append(np.count_nonzero(compared & (self.correlation > _AGREE)) / count if count else 0.0)
        return float(max(shares))

    def contradictions(self, least: float) -> int:
        """Return how many blocks speak for two moments: apart from a strip, unlike in both or on both sides.

        What lies over one picture shows there as more texture, or as light or shade added to what the other has.

        Parameters
        ----------
        least : float
            Correlation below which blocks of much texture are unlike.
        """
        unlike = self._unlike(least)
        ratio = (self.a + _GRAIN) / (self.b + _GRAIN)
        more, less = unlike & (ratio > _ONE_SIDED), unlike & (ratio < 1 / _ONE_SIDED)
        as_much = unlike & ~more & ~less
        brighter, darker = as_much & (self.lean > _LEAN), as_much & (self.lean < -_LEAN)
        both = as_much & ~brighter & ~darker
        counts = []
        for inside in self._without_strips(_AGREE):
            sides = [int(np.count_nonzero(side & inside)) for side in (more, less, brighter, darker, both)]
            counts.append(min(sides[:2]) + min(sides[2:4]) + sides[4])
        return min(counts)

    @property
    def _has_texture(self) -> NDArray[np.bool_]:
        return (self.a + self.b) / 2 >= _TEXTURE

    def _unlike(self, least: float) -> NDArray[np.bool_]:
        return (self.correlation < least) & (np.maximum(self.a, self.b) >= _STRONG)

    def _without_strips(self, least: float) -> Iterator[NDArray[np.bool_]]:
        """Give the whole, then what is left without a strip along an edge of which a third is unlike: a caption."""
        n = len(self.correlation)
        yield np.ones((n, n), dtype=bool)
        unlike, strong = self._unlike(least), np.maximum(self.a, self.b) >= _STRONG
        counts = [(which.sum(axis=1), which.sum(axis=0)) for which in (unlike, strong)]
        for side in range(4):
            # how many there are in strips of one line, of two, … from the upper edge, the right, the lower, the left
            step = -1 if side in (1, 2) else 1
            written, all_there = (np.cumsum(lines[side % 2][::step][: n // 4]) for lines in counts)
            for depth in (np.flatnonzero((written > 2) & (_WRITTEN * written >= all_there)) + 1).tolist():
                inside = np.ones((n, n), dtype=bool)
                np.rot90(inside, side)[:depth] = False
                yield inside


def blocks_of(a: Image.Image, b: Image.Image, *, cells: int) -> BlockAgreement:
    """Return the blocks of two aligned grey pictures of one size; `cells` × `cells` of them."""
    first, second = (np.asarray(image.filter(ImageFilter.BoxBlur(1)), np.float64) for image in (a, b))
    high, wide = first.shape[0] // cells, first.shape[1] // cells
    mine, other = _centred(_cut(first, cells, high, wide)), _centred(_cut(second, cells, high, wide))
    deviations = mine.std(axis=1), other.std(axis=1)
    best = _correlation(mine, other)
    unclear = np.flatnonzero((best < _CLEAR) & ((deviations[0] + deviations[1]) / 2 >= _TEXTURE))
    if len(unclear):
        # a fit is exact to a pixel or two, which is much for fine texture
        windows = sliding_window_view(np.pad(first, _REACH, mode="edge"), (high, wide))
        tops, lefts = (unclear // cells) * high, (unclear % cells) * wide
        for down in range(2 * _REACH + 1):
            for right in range(2 * _REACH + 1):
                moved = _centred(windows[tops + down, lefts + right].reshape(len(unclear), -1))
                best[unclear] = np.maximum(best[unclear], _correlation(moved, other[unclear]))
    lean = _lean(_cut(first, cells, high, wide), _cut(second, cells, high, wide), best > _CLEAR)
    return BlockAgreement(*(values.reshape(cells, cells) for values in (best, *deviations, lean)))


def _lean(a: Array, b: Array, alike: NDArray[np.bool_]) -> Array:
    """Return how one-sided the differences of each block are, after the tone of what is alike was evened out."""
    x, y = (b[alike].reshape(-1), a[alike].reshape(-1)) if alike.any() else (b.reshape(-1), a.reshape(-1))
    slope = float(np.mean((x - x.mean()) * (y - y.mean())) / max(float(x.var()), 1e-9))
    apart = a - (y.mean() + slope * (b - x.mean()))
    return np.asarray(apart.sum(axis=1) / np.maximum(np.abs(apart).sum(axis=1), 1e-9))


def sharpness(a: Image.Image, b: Image.Image) -> float:
    """Return how alike two pictures are in fine detail, the duller over the sharper, in (0, 1]."""
    details = []
    for image in (a, b):
        levels = np.asarray(image, np.int16)
        inner = 4 * levels[1:-1, 1:-1]
        around = levels[:-2, 1:-1] + levels[2:, 1:-1] + levels[1:-1, :-2] + levels[1:-1, 2:]
        details.append(float(np.abs(inner - around).sum(dtype=np.int64)) / inner.size + 1e-3)
    return min(details) / max(details)


def _cut(levels: Array, cells: int, high: int, wide: int) -> Array:
    """Return the blocks, (cells², pixels); what does not divide is left out at the far edges."""
    parts = levels[: high * cells, : wide * cells].reshape(cells, high, cells, wide)
    return parts.transpose(0, 2, 1, 3).reshape(cells * cells, high * wide)


def _centred(parts: Array) -> Array:
    return np.asarray(parts - parts.mean(axis=1, keepdims=True))


def _correlation(a: Array, b: Array) -> Array:
    products, mine, other = (np.einsum("ij,ij->i", x, y) for x, y in ((a, b), (a, a), (b, b)))
    return np.asarray(products / np.maximum(np.sqrt(mine * other), 1e-9 * a.shape[1]))
