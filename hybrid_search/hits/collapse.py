"""Near-identical hits as one, with the others as its copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hybrid_search.signature.goldberg import distance

COPY_DISTANCE = 0.4
"""Signature distance up to which Goldberg's method takes two images for copies of one."""


def collapse_copies(
    ids: Sequence[str],
    *,
    signatures: Mapping[str, NDArray[np.int8]],
    groups: Mapping[str, str],
    max_distance: float = COPY_DISTANCE,
) -> dict[str, tuple[str, ...]]:
    """Return the ids that stay, best first, each with its copies among those ranked below it.

    Every id is compared with those that stay, not with their copies, so that a chain of small changes is not one
    image in the end.

    Parameters
    ----------
    ids : sequence of str
        Best first.
    signatures : mapping of str to (648,) int8 ndarray
        Signatures by id; without one, or with an all-zero one, an image is nobody's copy by its looks.
    groups : mapping of str to str
        Duplicate groups that were decided before, by id; members are copies whatever their distance.
    """
    copies: dict[str, list[str]] = {}
    by_group: dict[str, str] = {}
    rows: list[str] = []
    matrix = np.empty((len(ids), 648), np.int8)
    for id in ids:
        original = by_group.get(groups[id]) if id in groups else None
        signature = signatures.get(id)
        usable = signature if signature is not None and np.any(signature) else None
        if original is None and usable is not None and rows:
            distances = np.atleast_1d(distance(usable, matrix[: len(rows)]))
            original = next((rows[row] for row in np.flatnonzero(distances <= max_distance)), None)
        if original is not None:
            copies[original].append(id)
        else:
            copies[id] = []
            if usable is not None:
                matrix[len(rows)] = usable
                rows.append(id)
        if id in groups:
            by_group.setdefault(groups[id], original or id)
    return {id: tuple(same) for id, same in copies.items()}
