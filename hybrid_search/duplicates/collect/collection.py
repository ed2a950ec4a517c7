"""All groups of copies in an index: only what is new is compared, and what was found stays in the index."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from hybrid_search.backends import Action, Backend, Stored
from hybrid_search.backends.optimistic_update import Change
from hybrid_search.duplicates.collect.candidate_pairs import Reach
from hybrid_search.duplicates.collect.checkpoint import Checkpoint
from hybrid_search.duplicates.collect.comparison import Comparison, Judging
from hybrid_search.duplicates.collect.documents import Documents, Places, check_fields
from hybrid_search.duplicates.collect.group_members import is_reviewed, members
from hybrid_search.duplicates.collect.groups import Grouping, group
from hybrid_search.duplicates.collect.links import update_duplicate
from hybrid_search.duplicates.model import DuplicateGroup
from hybrid_search.errors import QueryError
from hybrid_search.hits.evidence import DUPLICATE_TIERS, TIERS

_VERSION = 1
"""Raised when the same rule finds something else."""
_REACH = 0.45  # image-match's cutoff; docs/benchmarks.md has what lies beyond it
Folder = str | os.PathLike[str]


def duplicate_groups(
    backend: Backend,
    key: str,
    *,
    judge: Judging,
    tiers: Collection[str] = DUPLICATE_TIERS,
    max_distance: float | None = None,
    filter: Mapping[str, Any] | None = None,
    save: bool = True,
    reviewed: bool = False,
    between: tuple[Folder, Folder] | None = None,
    reference: Sequence[Folder] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[DuplicateGroup]:
    """Give the groups of copies, those of the largest pictures first; see `HybridIndex.duplicate_groups`.

    Nothing happens before the first group is asked for.

    Parameters
    ----------
    key : str
        The leaf of the embedding, under `embedding`, whose neighbours are compared too.
    judge : Judging
        Decides about each pair that is proposed.
    max_distance : float, optional
        Signature distance, in [0, 1], up to which the judge was told to look.
    filter : mapping, optional
        An Elasticsearch clause.

    Raises
    ------
    QueryError
        When a tier is not known, or one of two folders lies within the other.
    """
    check_fields(backend)
    _check_tiers(tiers)
    places = _places(between, reference)
    query = _query(filter, places)
    if save:
        backend.refresh()
    documents = Documents(backend, query, places)
    whole = filter is None and between is None
    rule = _rule(tiers, max_distance, places, judge)
    marks = Checkpoint.read(backend, rule)
    run = Comparison(
        backend,
        documents,
        query=query,
        places=places,
        judge=judge,
        tiers=tiers,
        reach=_reach(tiers, max_distance, key, judge),
        marks=marks,
        save_links=save and (whole or not marks.others),
        save_marks=save and whole,
        progress=progress,
    )
    run.run()
    found = list(_grouped(run, places))
    if save:
        run.save(_told(documents, found) if whole else {})
        if whole:
            _forget_others(backend, documents, rule)
            marks.tidy(backend, documents)
        backend.refresh()
    wanted = found if reviewed else [each for each in found if not is_reviewed(each, documents)]
    yield from members(backend, documents, wanted, places)


def _check_tiers(tiers: Collection[str]) -> None:
    unknown = [tier for tier in tiers if tier not in TIERS]
    if unknown or not tiers:
        raise QueryError(f"no tier {unknown[0]!r}; known: {', '.join(TIERS)}" if unknown else "no tiers are wanted")


def _places(between: tuple[Folder, Folder] | None, reference: Sequence[Folder]) -> Places:
    if between is None:
        return Places(tuple(_absolute(folder) for folder in reference))
    first, second = (_absolute(folder) for folder in between)
    places = Places(between=(first, second))
    if places.side(second) == 1 or Places(between=(second, first)).side(first) == 1:
        raise QueryError(f"of two folders none lies within the other (got {first} and {second})")
    return places


def _absolute(folder: Folder) -> str:
    return os.path.abspath(os.fspath(folder))


def _query(filter: Mapping[str, Any] | None, places: Places) -> dict[str, Any] | None:
    clauses = [dict(filter)] if filter is not None else []
    if places.between is not None:
        clauses.append({"terms": {"folder": list(places.between)}})
    return {"bool": {"filter": clauses}} if clauses else None


def _reach(tiers: Collection[str], max_distance: float | None, key: str, judge: Judging) -> Reach:
    if {"bytes", "pixels"}.issuperset(tiers):
        return Reach(0.0, turned=False, key=None)
    # there are ever more strangers beyond, and what is a copy nevertheless its embedding proposes
    return Reach(
        max_distance=max(max_distance or 0.0, min(judge.look_distance, _REACH)),
        turned=not {"bytes", "pixels", "near"}.issuperset(tiers),
        key=key if judge.needs_vectors else None,
    )


def _rule(tiers: Collection[str], max_distance: float | None, places: Places, judge: Judging) -> str:
    """Return a fingerprint of all that decides what a comparison finds."""
    ordered = [tier for tier in TIERS if tier in tiers]
    parts = (_VERSION, judge.version, ordered, max_distance, sorted(places.reference))
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _grouped(run: Comparison, places: Places) -> Iterator[Grouping]:
    """Give groups of at least two files that have something to decide."""
    documents, links = run.documents, run.links()
    rows = {documents.rows[id] for link in links for id in (link.first, link.second)} | set(documents.shared())
    # a picture whose files are gone stands for nothing, and must not be the one that is kept
    records = {documents.ids[row]: documents.record(row) for row in rows if documents.files(row)}
    for found in group(records, links, settle=run.settle, closed=places.between is not None):
        sides = [documents.sides[documents.rows[id]] for id in (found.representative, *(id for id, _ in found.others))]
        if any(side & 2 for side in sides) and (places.between is None or sides[0] & 1):
            yield found


def _told(documents: Documents, found: Iterable[Grouping]) -> dict[int, dict[str, Any]]:
    """Return what documents are to be told by row: the group they are in, or that they are in none any more."""
    wanted: dict[int, tuple[str, int]] = {}
    for each in found:
        rows = [documents.rows[id] for id in (each.representative, *(id for id, _ in each.others))]
        size = sum(documents.files(row) for row in rows)
        wanted |= {row: (each.representative, size) for row in rows}
    told: dict[int, dict[str, Any]] = {}
    for row, (representative, size) in wanted.items():
        stored = documents.stored_of(row)
        if (stored.group, stored.size) != (representative, size):
            told[row] = {"group": representative, "size": size}
    for row, stored in documents.stored.items():
        if stored.group is not None and row not in wanted:
            told[row] = {"group": None, "size": None}
    return told


def _forget_others(backend: Backend, documents: Documents, rule: str) -> None:
    """Take matches of other rules away."""
    for row, stored in documents.stored.items():
        if stored.matches and stored.rule != rule:
            update_duplicate(backend, documents.ids[row], _without_matches(rule))


def _without_matches(rule: str) -> Change:
    """Return the change that takes matches of other rules away, unless they were replaced in this run."""

    def change(stored: Stored | None) -> Action | None:
        if stored is None or (stored.source.get("duplicate") or {}).get("rule") == rule:
            return None
        return Action("update", "", {"duplicate": {"matches": None, "evidence": None, "rule": None}})

    return change
