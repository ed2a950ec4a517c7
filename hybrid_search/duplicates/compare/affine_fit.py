"""One affine transform that takes many corners of one picture to those of another.

Every match proposes the similarity of its own scale and turn, all matches vote, and the winner is refined by least
squares: the one-point variant of geometric hashing, as in James Philbin et al., "Object retrieval with large
vocabularies and fast spatial matching", CVPR 2007.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid_search.duplicates.compare.features import FeatureMatches

_LEAST = 4  # matches that agree; as all below, no measurement is kept
_LOG_SCALE = 0.55  # scales within a factor of 1.7 agree
_TURN = np.radians(32.0)
# pixels, and share of the distance from the one that proposes, within which corners agree
_NEAR, _NEAR_SHARE = 8.0, 0.12
_EXACT = 3.0  # pixels within which a match agrees with the fit
_ROUNDS = 4  # of least squares
_SCALES = (0.15, 7.0)  # of an edited picture
_STRETCH = 1.8  # longest over shortest axis of an edited picture
_VOTERS = 300  # clearest matches, which propose


@dataclass(frozen=True, eq=False)
class Fit:
    """A transform and the corners that agree on it.

    Parameters
    ----------
    matrix : (2, 3) float64
        From pixels of the first picture to pixels of the second.
    inliers : int
        Matches within 3 pixels of it.
    """

    matrix: NDArray[np.float64]
    inliers: int


def fit(matches: FeatureMatches) -> Fit | None:
    """Return the transform on which the most matches agree, None when four or more do not."""
    inside = _votes(matches)
    if inside is None:
        return None
    best: Fit | None = None
    for _ in range(_ROUNDS):
        matrix = _affine(matches.a[inside], matches.b[inside])
        if matrix is None or not _plausible(matrix):
            return best
        inside = np.abs(_moved(matrix, matches.a) - matches.b) < _EXACT
        if np.count_nonzero(inside) < _LEAST:
            return best
        if best is None or np.count_nonzero(inside) >= best.inliers:
            best = Fit(matrix, int(np.count_nonzero(inside)))
    return best


def _votes(matches: FeatureMatches) -> NDArray[np.bool_] | None:
    """Return the matches that agree with the proposal of most, None when those are few."""
    if len(matches) < _LEAST:
        return None
    # matches come with the clearest first: those propose, all vote
    proposed = matches.similarity[:_VOTERS, None]
    scales = np.abs(matches.similarity)
    scale, turn = np.log(scales), matches.similarity / scales
    agree = np.abs(scale - scale[:_VOTERS, None]) < _LOG_SCALE
    agree &= (turn * turn[:_VOTERS, None].conj()).real > np.cos(_TURN)
    from_here = matches.b - matches.b[:_VOTERS, None]
    apart = np.abs(proposed * (matches.a - matches.a[:_VOTERS, None]) - from_here)
    agree &= apart < _NEAR + _NEAR_SHARE * np.abs(from_here)
    votes = agree.sum(axis=1)
    winner = int(np.argmax(votes))
    return agree[winner] if votes[winner] >= _LEAST else None


def _affine(a: NDArray[np.complex128], b: NDArray[np.complex128]) -> NDArray[np.float64] | None:
    design = np.column_stack([a.real, a.imag, np.ones(len(a))])
    solution, _, rank, _ = np.linalg.lstsq(design, np.column_stack([b.real, b.imag]), rcond=None)
    return np.asarray(solution.T) if rank == 3 else None


def _moved(matrix: NDArray[np.float64], points: NDArray[np.complex128]) -> NDArray[np.complex128]:
    x = matrix[0, 0] * points.real + matrix[0, 1] * points.imag + matrix[0, 2]
    y = matrix[1, 0] * points.real + matrix[1, 1] * points.imag + matrix[1, 2]
    return np.asarray(x + 1j * y)


def _plausible(matrix: NDArray[np.float64]) -> bool:
    """Tell whether it could be an edited picture: no mirror, no extreme scale, little stretch or shear."""
    linear = matrix[:, :2]
    largest, least = np.linalg.svd(linear, compute_uv=False)
    scale = float(np.sqrt(largest * least))
    return bool(
        np.linalg.det(linear) > 0 and least > 0 and largest / least <= _STRETCH and _SCALES[0] <= scale <= _SCALES[1]
    )
