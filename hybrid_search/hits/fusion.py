"""Several ranked lists as one: by reciprocal ranks, or by weighted scores."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

Shares = Mapping[str, Mapping[str, float]]
"""By leg and id, what part of the leg's weight a hit gets, in [0, 1]; all of it when absent."""


def rrf(
    legs: Mapping[str, Sequence[str]],
    *,
    weights: Mapping[str, float] | None = None,
    shares: Shares | None = None,
    constant: int = 60,
) -> dict[str, float]:
    """Fuse ranked lists by reciprocal ranks: each leg adds weight · share / (constant + rank) to its ids.

    The method is that of Cormack, Clarke and Büttcher (2009), whose constant is 60; the shares are our own.

    Parameters
    ----------
    legs : mapping of str to sequence of str
        Ids per leg, best first, none twice.
    weights : mapping of str to float, optional
        How much each leg counts, 1 when absent.
    shares : mapping of str to mapping of str to float, optional
        What part of that each id gets, all when absent.

    Returns
    -------
    dict of str to float
        Fused score per id, best first; equal ones in the order of their ids, whatever the order of the legs.

    Examples
    --------
    >>> rrf({"text": ["a", "b"], "vector": ["b"]}) == {"b": 1 / 61 + 1 / 62, "a": 1 / 61}
    True
    """
    weights = weights or {}
    parts: dict[str, list[float]] = {}
    for name, ids in legs.items():
        for rank, id in enumerate(ids, start=1):
            part = weights.get(name, 1.0) * _share(shares, name, id)
            parts.setdefault(id, []).append(part / (constant + rank))
    return _ranked(parts)


def weighted_sum(
    legs: Mapping[str, Mapping[str, float]],
    *,
    weights: Mapping[str, float] | None = None,
    shares: Shares | None = None,
    unbounded: Collection[str] = ("text",),
) -> dict[str, float]:
    """Fuse scored lists by adding weight × score; an id that a leg lacks gets 0 from it.

    Cosines and signature similarities have a scale of their own, whose 1 is "the same", and are added as they are,
    negative ones as 0. BM25 has a floor (0: no word matches) but no ceiling, so scores of `unbounded` legs are
    divided by the best in their list. Dividing by the range of each list (min–max) instead would make the last hit
    of a list worth nothing, and the only near-duplicate, however poor, worth as much as an exact copy.

    Parameters
    ----------
    legs : mapping of str to mapping of str to float
        Score per id, per leg.
    weights : mapping of str to float, optional
        How much each leg counts, 1 when absent.
    shares : mapping of str to mapping of str to float, optional
        What part of that each id gets, all when absent.
    unbounded : collection of str
        Legs whose scores have no ceiling.

    Returns
    -------
    dict of str to float
        Fused score per id, best first; equal ones in the order of their ids, whatever the order of the legs.

    Examples
    --------
    >>> weighted_sum({"text": {"a": 8.0, "b": 2.0}, "vector": {"b": 0.5}}, weights={"vector": 2})
    {'b': 1.25, 'a': 1.0}
    """
    weights = weights or {}
    parts: dict[str, list[float]] = {}
    for name, scores in legs.items():
        best = max(scores.values(), default=0.0)
        scale = best if name in unbounded and best > 0 else 1.0
        for id, score in scores.items():
            part = weights.get(name, 1.0) * _share(shares, name, id)
            parts.setdefault(id, []).append(part * max(score, 0.0) / scale)
    return _ranked(parts)


def _share(shares: Shares | None, name: str, id: str) -> float:
    return (shares or {}).get(name, {}).get(id, 1.0)


def _ranked(parts: Mapping[str, Sequence[float]]) -> dict[str, float]:
    # Added from the smallest up: sums of floats depend on their order, and the legs have none.
    scores = {id: sum(sorted(added)) for id, added in parts.items()}
    return dict(sorted(scores.items(), key=lambda entry: (-entry[1], entry[0])))
