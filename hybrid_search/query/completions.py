"""What may be meant by the beginning of a word: tags, people, places, cameras, labels and file names of an index."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import TYPE_CHECKING, Any, Literal, get_args

from hybrid_search.document.definition import field_types
from hybrid_search.document.search_text import name_words
from hybrid_search.errors import QueryError
from hybrid_search.query.checked_options import whole
from hybrid_search.query.understood.vocabulary import PLACES

if TYPE_CHECKING:
    from hybrid_search.backends import Backend
    from hybrid_search.query.index_state import IndexState

Kind = Literal["tag", "person", "place", "camera", "lens", "label", "file"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_FIELDS: Mapping[str, Kind] = {
    "tags": "tag",
    "people": "person",
    **dict.fromkeys(PLACES, "place"),
    "camera.make": "camera",
    "camera.model": "camera",
    "lens": "lens",
    "labels": "label",
    "written_labels": "label",
}
_MOST_NAMES = 5_000
"""Of one field; all together stay below the 65,536 buckets that a server makes for one request."""
_PRESENT = {"bool": {"must_not": [{"term": {"missing": True}}]}}


@dataclass(frozen=True)
class Completion:
    """A name in an index that goes on as a prefix begins.

    Parameters
    ----------
    text : str
        The name, as the index compares it: in small letters.
    kind : {"tag", "person", "place", "camera", "lens", "label", "file"}
        What it names.
    pictures : int
        How many pictures have it, without those whose files have vanished.
    """

    text: str
    kind: Kind
    pictures: int


class NameTable:
    """The names of an index in the order of their words, so that those that begin alike stand together.

    Parameters
    ----------
    completions : sequence of Completion
        Each name of each kind once.

    Examples
    --------
    >>> table = NameTable([Completion("new york university", "place", 3), Completion("union", "tag", 1)])
    >>> [found.text for found in table.starting("uni", 5)]
    ['union', 'new york university']
    """

    def __init__(self, completions: Sequence[Completion]) -> None:
        self._completions = completions
        entries = sorted(entry for place, each in enumerate(completions) for entry in _entries(place, each.text))
        self._keys = [key for key, _ in entries]
        self._places = [place for _, place in entries]

    def starting(self, prefix: str, k: int) -> list[Completion]:
        """Return k names with a word that goes on so: first those that begin with it, then those of more pictures."""
        wanted = " ".join(name_words(prefix))
        if not wanted:
            return []
        places: dict[int, bool] = {}
        for at in range(bisect_left(self._keys, wanted), bisect_left(self._keys, wanted + "\U0010ffff")):
            place, inside = self._places[at]
            places[place] = places.get(place, True) and inside

        def order(place: int) -> tuple[bool, int, str]:
            return places[place], -self._completions[place].pictures, self._completions[place].text

        return [self._completions[place] for place in nsmallest(k, places, key=order)]


def index_names(backend: Backend, definition: Mapping[str, Any]) -> NameTable:
    """Return the names of an index as it is now."""
    return NameTable(_read_names(backend.search(_names_body(definition))["aggregations"]))


def suggest(prefix: str, *, index: IndexState, k: int) -> list[Completion]:
    """Return what may be meant by a prefix; names of files where others leave room.

    Raises
    ------
    QueryError
        When the prefix is no text, or k no number from 1.
    """
    if not isinstance(prefix, str):
        raise QueryError(f"a prefix is the beginning of a word (got {prefix!r:.60})")
    whole("k", k, least=1)
    found = index.names().starting(prefix, k)
    return [*found, *_files(index.backend, prefix, k - len(found))]


def _names_body(definition: Mapping[str, Any]) -> dict[str, Any]:
    types = field_types(definition)
    aggs = {name: {"terms": {"field": name, "size": _MOST_NAMES}} for name in _FIELDS if name in types}
    return {"size": 0, "track_total_hits": False, "query": _PRESENT, "aggs": aggs}


def _read_names(aggregations: Mapping[str, Any]) -> list[Completion]:
    counts: dict[tuple[str, Kind], int] = {}
    for name, found in aggregations.items():
        for bucket in found["buckets"]:
            key = str(bucket["key"]).replace("_", " "), _FIELDS[name]
            # a label that is written and predicted, or a city that is a region, is counted once
            counts[key] = max(counts.get(key, 0), bucket["doc_count"])
    return [Completion(text, kind, pictures) for (text, kind), pictures in counts.items()]


def _files(backend: Backend, prefix: str, k: int) -> list[Completion]:
    words = name_words(prefix)
    if k < 1 or not words:
        return []
    *before, last = words
    starts = [{"match": {"filename_text": {"query": word}}} for word in before]
    starts.append({"prefix": {"filename_text": {"value": last}}})
    begins = {"prefix": {"filename": {"value": prefix.strip().lower()}}}
    query = {"bool": {"should": [begins, {"bool": {"must": starts}}], "minimum_should_match": 1}}
    body = {
        "size": k,
        "track_total_hits": False,
        "_source": False,
        "query": {"bool": {"filter": [query, _PRESENT]}},
        "collapse": {"field": "filename"},
        "sort": [{"filename": "asc"}],
    }
    hits = backend.search(body)["hits"]["hits"]
    names = list(dict.fromkeys(str(hit["sort"][0]) for hit in hits))
    if not names:
        return []
    counted = backend.search(
        {
            "size": 0,
            "track_total_hits": False,
            "query": {"bool": {"filter": [{"terms": {"filename": names}}, _PRESENT]}},
            "aggs": {str(at): {"filter": {"term": {"filename": name}}} for at, name in enumerate(names)},
        }
    )["aggregations"]
    return [Completion(name, "file", counted[str(at)]["doc_count"]) for at, name in enumerate(names)]


def _entries(place: int, text: str) -> Iterator[tuple[str, tuple[int, bool]]]:
    """Yield a name from each of its words on, with its place, and whether that is inside it."""
    words = name_words(text)
    for at in range(len(words)):
        yield " ".join(words[at:]), (place, at > 0)
