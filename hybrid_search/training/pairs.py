"""What a joint space is learned from: vectors of pictures, and vectors of what is written about each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hybrid_search.errors import TrainingImpossible

LEAST = 20
"""Pictures with texts, below which nothing is learned that holds for others."""


@dataclass(frozen=True)
class Pairs:
    """Vectors of pictures and of their texts; several texts may be of one picture.

    Parameters
    ----------
    images : (n, d) float32 ndarray
    texts : (m, t) float32 ndarray
        Rows of unit length.
    owners : (m,) intp ndarray
        The row of the picture that each text is of; every picture has one at least.
    speaks : bool
        Whether the last t numbers of pictures are in the space of the texts already.
    """

    images: NDArray[np.float32]
    texts: NDArray[np.float32]
    owners: NDArray[np.intp]
    speaks: bool = False

    def __len__(self) -> int:
        return len(self.images)

    @property
    def weights(self) -> NDArray[np.float64]:
        """What each text counts, (m,): every picture counts the same, however much is written about it."""
        share: NDArray[np.float64] = 1 / np.bincount(self.owners, minlength=len(self))[self.owners] / len(self)
        return share

    def means(self) -> NDArray[np.float64]:
        """Return the mean of each picture's texts, (n, t) float64."""
        sums = np.zeros((len(self), self.texts.shape[1]))
        np.add.at(sums, self.owners, self.texts * (self.weights * len(self))[:, None])
        return sums

    def part(self, rows: NDArray[np.intp]) -> Pairs:
        """Return some of the pictures, with their texts.

        Examples
        --------
        >>> pairs = Pairs(np.eye(3, dtype=np.float32), np.eye(4, dtype=np.float32), np.array([0, 1, 2, 2]))
        >>> pairs.part(np.array([2, 0])).owners.tolist()
        [1, 0, 0]
        """
        place = np.full(len(self), -1, np.intp)
        place[rows] = np.arange(len(rows))
        kept = place[self.owners] >= 0
        return replace(self, images=self.images[rows], texts=self.texts[kept], owners=place[self.owners[kept]])

    def checked(self) -> Pairs:
        """Return the pictures that have a text of known words, with these texts.

        Raises
        ------
        TrainingImpossible
            When fewer than `LEAST` are left, or all their vectors are the same.
        """
        known = np.any(self.texts != 0, axis=1)
        rows = np.unique(self.owners[known])
        usable = replace(self, texts=self.texts[known], owners=self.owners[known]).part(rows)
        if len(usable) < LEAST:
            reason = f"{len(usable)} pictures have a text of known words, and {LEAST} are the least"
            raise TrainingImpossible("a joint space", f"{reason}; caption more pictures")
        for side, vectors in (("pictures", usable.images), ("texts", usable.texts)):
            if np.ptp(vectors, axis=0).max() == 0:
                raise TrainingImpossible("a joint space", f"all {side} have the same vector")
        return usable
