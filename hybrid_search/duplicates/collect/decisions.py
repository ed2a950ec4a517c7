"""What a person decided about copies, kept in the index by the bytes of the pictures.

"Not duplicates" stands on both documents, a review on every document of the group with what was in it, so that they
survive whatever changes names, places and descriptions, and one of the documents being removed and coming back.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from hybrid_search.backends import Action, Backend, Stored
from hybrid_search.duplicates.collect.documents import check_fields, present_files
from hybrid_search.duplicates.collect.links import update_duplicate
from hybrid_search.duplicates.model import DuplicateGroup
from hybrid_search.errors import DuplicatesError, QueryError

_KIND, _VERSION = "hybrid-search duplicate decisions", 1
_TOGETHER = 500  # hashes of one request; no measurement is kept


def keep_apart(backend: Backend, ids: Iterable[str]) -> int:
    """Note that no two of some pictures are copies of one: they never stand in one group again.

    Parameters
    ----------
    backend : Backend
    ids : iterable of str
        Of at least two documents.

    Returns
    -------
    int
        How many pairs that are.

    Raises
    ------
    DocumentNotFound
        When there is no such document.
    QueryError
        When two have the same bytes, so that there is nothing to tell apart.
    """
    check_fields(backend)
    shas = {id: str(backend.get(id).get("sha256") or id) for id in dict.fromkeys(ids)}
    for a, b in combinations(shas, 2):
        if shas[a] == shas[b]:
            raise QueryError(f"{a} and {b} have the same bytes; remove one of them, or leave both")
    for id, sha256 in shas.items():
        _keep_apart(backend, id, {other for other in shas.values() if other != sha256})
    backend.refresh()
    return len(shas) * (len(shas) - 1) // 2


def review(backend: Backend, group: DuplicateGroup | Iterable[str]) -> None:
    """Note that a person has dealt with a group: it does not come back unless something new joins it.

    Parameters
    ----------
    backend : Backend
    group : DuplicateGroup or iterable of str
        The group, or the ids of its documents.

    Raises
    ------
    DocumentNotFound
        When there is no such document.
    """
    check_fields(backend)
    ids = [member.id for member in group.members] if isinstance(group, DuplicateGroup) else group
    sources = {id: backend.get(id) for id in dict.fromkeys(ids)}
    files: Counter[str] = Counter()
    for id, source in sources.items():
        files[str(source.get("sha256") or id)] += len(present_files(source))
    for id in sources:
        _review(backend, id, files)
    backend.refresh()


def forget(backend: Backend, *, ids: Iterable[str] | None = None) -> int:
    """Take back what was decided about some pictures, or about all; returns of how many documents.

    Parameters
    ----------
    backend : Backend
    ids : iterable of str, optional
        Documents; what others know of them is taken back too.
    """
    check_fields(backend)
    if ids is None:
        changed = [id for id, _ in backend.scan(_decided(), fields=("sha256",))]
        for id in changed:
            update_duplicate(backend, id, _cleared)
    else:
        changed = list(dict.fromkeys(ids))
        shas = {str(backend.get(id).get("sha256") or id) for id in changed}
        for id in changed:
            update_duplicate(backend, id, _cleared)
        knowing = {"terms": {"duplicate.not_duplicates": sorted(shas)}}
        for id in [id for id, _ in backend.scan(knowing, fields=("sha256",))]:
            update_duplicate(backend, id, lambda stored: _changed(stored, without=shas))
    backend.refresh()
    return len(changed)


def export_decisions(backend: Backend) -> dict[str, Any]:
    """Return all decisions as JSON, by the sha256 of the pictures, for another index of the same pictures.

    Examples
    --------
    >>> from hybrid_search import HybridIndex
    >>> with HybridIndex(embedder="histogram+hog") as index:
    ...     export_decisions(index.backend)
    {'kind': 'hybrid-search duplicate decisions', 'version': 1, 'not_duplicates': [], 'reviewed': []}
    """
    pairs: set[tuple[str, str]] = set()
    groups: set[tuple[str, ...]] = set()
    for id, source in backend.scan(_decided(), fields=("sha256", "duplicate")):
        sha256, kept = str(source.get("sha256") or id), source["duplicate"]
        for other in kept.get("not_duplicates") or ():
            pairs.add((min(sha256, other), max(sha256, other)))
        if kept.get("reviewed"):
            groups.add(tuple(sorted(kept.get("reviewed_with") or ())))
    apart, reviewed = [list(pair) for pair in sorted(pairs)], [list(group) for group in sorted(groups)]
    return {"kind": _KIND, "version": _VERSION, "not_duplicates": apart, "reviewed": reviewed}


def import_decisions(backend: Backend, exported: Mapping[str, Any]) -> int:
    """Note the decisions that `export_decisions` gave, beside those that are there.

    Returns
    -------
    int
        How many documents they concern.

    Raises
    ------
    DuplicatesError
        When that is something else; nothing is changed then.
    """
    check_fields(backend)
    pairs, groups = _checked(exported)
    apart: dict[str, set[str]] = defaultdict(set)
    for one, other in pairs:
        apart[one].add(other)
        apart[other].add(one)
    reviewed: dict[str, list[Counter[str]]] = defaultdict(list)
    for group in groups:
        for sha256 in set(group):
            reviewed[sha256].append(Counter(group))
    concerned = list(_documents(backend, sorted({*apart, *reviewed})))
    for id, sha256 in concerned:
        if apart[sha256]:
            _keep_apart(backend, id, apart[sha256])
        for files in reviewed[sha256]:
            _review(backend, id, files)
    backend.refresh()
    return len(concerned)


def _checked(exported: Mapping[str, Any]) -> tuple[list[tuple[str, str]], list[list[str]]]:
    try:
        if (exported["kind"], exported["version"]) != (_KIND, _VERSION):
            raise DuplicatesError(f"these are no decisions of version {_VERSION} that an index has exported")
        pairs = [(str(one), str(other)) for one, other in exported["not_duplicates"]]
        return pairs, [[str(sha256) for sha256 in group] for group in exported["reviewed"]]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise DuplicatesError(f"these decisions are damaged ({type(error).__name__}: {error})") from error


def _documents(backend: Backend, shas: Sequence[str]) -> Iterator[tuple[str, str]]:
    for start in range(0, len(shas), _TOGETHER):
        some = {"terms": {"sha256": shas[start : start + _TOGETHER]}}
        for id, source in list(backend.scan(some, fields=("sha256",))):
            yield id, str(source["sha256"])


def _decided() -> dict[str, Any]:
    decided = [{"exists": {"field": "duplicate.not_duplicates"}}, {"term": {"duplicate.reviewed": True}}]
    return {"bool": {"should": decided, "minimum_should_match": 1}}


def _keep_apart(backend: Backend, id: str, shas: Iterable[str]) -> None:
    update_duplicate(backend, id, lambda stored: _changed(stored, apart=shas))


def _review(backend: Backend, id: str, files: Counter[str]) -> None:
    update_duplicate(backend, id, lambda stored: _changed(stored, reviewed=files))


def _changed(
    stored: Stored | None,
    *,
    apart: Iterable[str] = (),
    without: Iterable[str] = (),
    reviewed: Counter[str] | None = None,
) -> Action | None:
    """Return the change of a document's decisions: added to, never replaced."""
    if stored is None:
        return None
    kept = stored.source.get("duplicate") or {}
    before = set(kept.get("not_duplicates") or ())
    after = (before | set(apart)) - set(without)
    fields: dict[str, Any] = {"not_duplicates": sorted(after)} if after != before else {}
    if reviewed is not None:
        files = Counter(list(kept.get("reviewed_with") or ()))
        files |= reviewed
        fields |= {"reviewed": True, "reviewed_with": sorted(files.elements())}
    return Action("update", "", {"duplicate": fields}) if fields else None


def _cleared(stored: Stored | None) -> Action | None:
    if stored is None:
        return None
    return Action("update", "", {"duplicate": {"not_duplicates": None, "reviewed": None, "reviewed_with": None}})
