"""Near-identical hits as one, with the others as its copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

COPY_DISTANCE = 0.4
"""Signature distance up to which Goldberg's method takes two images for copies of one."""
_COPIES_WITHIN = 30
"""How far below the hits that are shown their copies are looked for; each is read for it."""


def collapsed(
    ids: Sequence[str], found: Mapping[str, Mapping[str, Any]], *, grouped: bool, enough: int
) -> dict[str, tuple[str, ...]]:
    """Return the first ids that stay with their copies: as many as are shown, and those that follow within a page.

    Parameters
    ----------
    ids : sequence of str
        Best first.
    found : mapping
        Hits by id, with `fields.signature`.
    grouped : bool
        Whether the index has duplicate groups; their sources are read for it.
    enough : int
        How many are shown, and those before them.
    """
    looked = enough + _COPIES_WITHIN
    while True:
        first = ids[:looked]
        signatures = {id: found[id].get("fields", {}).get("signature") for id in first}
        sources = {id: found[id].get("_source", {}) for id in first} if grouped else {}
        groups = {id: source.get("duplicate", {}).get("group") for id, source in sources.items()}
        arrays = {
            id: np.asarray(values, np.int8).reshape(-1) for id, values in signatures.items() if values is not None
        }
        stay = collapse_copies(first, signatures=arrays, groups={id: group for id, group in groups.items() if group})
        if len(stay) >= enough or looked >= len(ids):
            return stay
        looked *= 2


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
    near = _near([id for id in ids if id in signatures], signatures, max_distance)
    copies: dict[str, list[str]] = {}
    by_group: dict[str, str] = {}
    for id in ids:
        original = by_group.get(groups[id]) if id in groups else None
        if original is None and id in near:
            original = next((other for other in near[id] if other in copies), None)
        if original is not None:
            copies[original].append(id)
        else:
            copies[id] = []
        if id in groups:
            by_group.setdefault(groups[id], original or id)
    return {id: tuple(same) for id, same in copies.items()}


def _near(ids: Sequence[str], signatures: Mapping[str, NDArray[np.int8]], max_distance: float) -> dict[str, list[str]]:
    """Return for ids near to one before them within the distance those, in their order."""
    if not ids:
        return {}
    rows = np.stack([signatures[id] for id in ids]).astype(np.float32)
    # as `goldberg.distance`, of all pairs at once; float32 holds these sums exactly, they are integers below 2²⁴
    products = (rows @ rows.T).astype(np.float64)
    squares = products.diagonal()
    lengths = np.sqrt(squares)
    apart = np.sqrt(squares + squares[:, None] - 2.0 * products)
    within = np.tril(apart <= max_distance * (lengths + lengths[:, None]), -1)
    within &= (squares > 0) & (squares[:, None] > 0)
    near: dict[str, list[str]] = {}
    for row, place in np.argwhere(within).tolist():  # in the order of rows, then of places
        near.setdefault(ids[row], []).append(ids[place])
    return near
