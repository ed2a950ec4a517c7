"""Groups with their files, read from the index some at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hybrid_search.backends import Backend
from hybrid_search.duplicates.collect.documents import Documents, Places, present_files
from hybrid_search.duplicates.collect.groups import Grouping
from hybrid_search.duplicates.model import DuplicateGroup, Member
from hybrid_search.duplicates.same_file import own_files
from hybrid_search.hits.evidence import Evidence

_TOGETHER = 100  # groups read at once; no measurement is kept


def members(
    backend: Backend, documents: Documents, found: Sequence[Grouping], places: Places
) -> Iterator[DuplicateGroup]:
    """Give groups with all fields of their documents; what has vanished meanwhile is left out.

    Parameters
    ----------
    backend : Backend
    documents : Documents
    found : sequence of Grouping
    places : Places
        Which files count, and which represent.
    """
    for start in range(0, len(found), _TOGETHER):
        some = found[start : start + _TOGETHER]
        ids = [id for each in some for id in (each.representative, *(id for id, _ in each.others))]
        sources = dict(backend.scan({"ids": {"values": ids}}))
        for each in some:
            files = own_files(_files(each, sources, places))
            present = [file for file in files if file.source.get("missing") is not True]
            if len(present) > 1 and any(places.side(file.path) == 2 for file in present):
                # the first stays even when its file is gone, as the others match it
                yield DuplicateGroup(each.representative, (files[0], *(one for one in present if one is not files[0])))


def _files(found: Grouping, sources: Mapping[str, Mapping[str, Any]], places: Places) -> list[Member]:
    if found.representative not in sources:
        return []
    first, *copies = _of_document(found.representative, None, sources, places)
    if places.between is not None:
        copies = [copy for copy in copies if places.side(copy.path) == 2]
    for id, evidence in found.others:
        if id in sources:
            others = _of_document(id, evidence, sources, places)
            copies += [file for file in others if places.between is None or places.side(file.path) == 2]
    copies.sort(key=lambda copy: (0, 0.0) if copy.evidence is None else copy.evidence.strength)
    return [first, *copies]


def _of_document(
    id: str, evidence: Evidence | None, sources: Mapping[str, Mapping[str, Any]], places: Places
) -> list[Member]:
    """Return the files of a document, those that represent first."""
    paths = sorted(present_files(sources[id]), key=lambda path: places.side(path) or 3)
    paths = [path for path in paths if places.side(path)] or paths[:1]
    same = Evidence("bytes", distance=0.0)
    return [
        Member(id, path, same if evidence is None and number else evidence, sources[id])
        for number, path in enumerate(paths)
    ]


def is_reviewed(found: Grouping, documents: Documents) -> bool:
    """Tell whether a person has dealt with a group, and nothing has joined it since."""
    rows = [documents.rows[id] for id in (found.representative, *(id for id, _ in found.others))]
    files: Counter[str] = Counter()
    for row in rows:
        files[documents.shas[row]] += documents.files(row)
    # what one of them knows is enough: another may have been removed and have come back
    return any(
        documents.stored_of(row).reviewed and files <= Counter(documents.stored_of(row).reviewed_with) for row in rows
    )
