"""What was found out about pairs, as the index keeps it: on the document of the two that was indexed last.

An entry names both documents' bytes, so that one whose bytes are others now counts no more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hybrid_search.backends import Action, Backend, Stored
from hybrid_search.backends.optimistic_update import Change, change_document
from hybrid_search.duplicates.collect.documents import Documents
from hybrid_search.duplicates.collect.groups import Link
from hybrid_search.errors import BulkError
from hybrid_search.hits.evidence import Evidence

_TOGETHER = 500  # documents of one request; no measurement is kept


def stored_links(documents: Documents, rule: str) -> Iterator[Link]:
    """Give the links that the index keeps of a rule, between documents that take part and still have their bytes."""
    for row, stored in documents.stored.items():
        if stored.rule != rule:
            continue
        for entry in stored.matches:
            other = documents.rows.get(str(entry["id"]))
            if other is None or entry["sha256"] != [documents.shas[row], documents.shas[other]]:
                continue
            ends = (documents.ids[row], documents.ids[other])
            first, second = ends if entry["first"] else ends[::-1]
            yield Link(first, second, Evidence.from_json(entry["found"]))


def save_links(
    backend: Backend,
    documents: Documents,
    links: Iterable[Link],
    rule: str,
    *,
    told: Mapping[int, Mapping[str, Any]] | None = None,
) -> None:
    """Keep links in the index, beside those of the same rule that are there; those of other rules go.

    Parameters
    ----------
    told : mapping, optional
        Other fields of documents' `duplicate`, by row, written on the way.

    Raises
    ------
    BulkError
        When the backend refuses a document.
    """
    by_holder: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for link in links:
        holder, other = documents.newer(documents.rows[link.first], documents.rows[link.second])
        by_holder[holder].append(_entry(documents, link, holder, other))
    others = dict(told or {})
    for holder, entries in by_holder.items():
        update_duplicate(backend, documents.ids[holder], _with_entries(entries, rule, others.pop(holder, {})))
    # what is told of groups is told anew by each run, so that no version is needed to lose nothing
    actions = [Action("update", documents.ids[row], {"duplicate": dict(fields)}) for row, fields in others.items()]
    for start in range(0, len(actions), _TOGETHER):
        outcomes = backend.bulk(actions[start : start + _TOGETHER])
        refused = [(each.id, each.error) for each in outcomes if each.error is not None and each.status != 404]
        if refused:
            raise BulkError(refused)


def _entry(documents: Documents, link: Link, holder: int, other: int) -> dict[str, Any]:
    return {
        "id": documents.ids[other],
        "sha256": [documents.shas[holder], documents.shas[other]],
        # the evidence stays as it was found: turned round and back, its numbers would be rounded
        "first": link.first == documents.ids[holder],
        "found": link.evidence.to_json(),
    }


def update_duplicate(backend: Backend, id: str, fields: Change) -> None:
    """Change fields of a document's `duplicate`, when it is still there.

    Raises
    ------
    BulkError
        When the backend refuses it.
    """
    outcome = change_document(backend, id, fields)
    if outcome.error is not None and outcome.status != 404:
        raise BulkError([(id, outcome.error)])


def _with_entries(entries: Sequence[Mapping[str, Any]], rule: str, told: Mapping[str, Any]) -> Change:
    def change(stored: Stored | None) -> Action | None:
        if stored is None or stored.source.get("sha256", entries[0]["sha256"][0]) != entries[0]["sha256"][0]:
            return None
        kept = stored.source.get("duplicate") or {}
        before = kept.get("evidence") or () if kept.get("rule") == rule else ()
        all_ = {str(entry["id"]): entry for entry in (*before, *entries)}
        fields = {**told, "matches": list(all_), "evidence": list(all_.values()), "rule": rule}
        return Action("update", "", {"duplicate": fields})

    return change
