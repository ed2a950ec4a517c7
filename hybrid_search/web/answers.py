"""Hits, documents and counts as the JSON of the HTTP interface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hybrid_search.hits.readable import light, why

if TYPE_CHECKING:
    from hybrid_search.document.document import Document
    from hybrid_search.hits.hits import Hit, Hits

FACETS = (
    "camera.model:8",
    "taken_at:year",
    "place.country:8",
    "place.city:8",
    "people:8",
    "tags:12",
    "labels:12",
    "format",
)
"""What the page counts."""


def hits_json(hits: Hits) -> dict[str, Any]:
    """Return hits with what is said of them all; the request that was sent is left to `/api/v1/request`."""
    return {
        "total": hits.total,
        "ended": hits.ended,
        "took_ms": hits.took_ms,
        "understood": [
            {"part": part.part, "meaning": part.meaning, "applied": part.clause is not None} for part in hits.understood
        ],
        "did_you_mean": [asdict(correction) for correction in hits.did_you_mean],
        "unavailable": [error.message for error in hits.unavailable],
        "facets": facets_json(hits.facets),
        "hits": [_hit(hit) for hit in hits],
    }


def document_json(document: Document) -> dict[str, Any]:
    """Return a document: the fields that a person reads, and the names of the raw EXIF."""
    source = {**light(document.source), **({"exif": exif} if (exif := document.source.get("exif")) else {})}
    return {"id": document.id, "source": source}


def facets_json(facets: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
    r"""Return counts, each with the filter that leaves those pictures alone.

    Examples
    --------
    >>> facets_json({"tags:5": {'a "b"': 2}})[0]["values"]
    [{'value': 'a "b"', 'count': 2, 'filter': 'tags:"a \\"b\\""'}]
    """
    return [
        {
            "facet": name,
            "field": (field := name.partition(":")[0]),
            "values": [
                {"value": value, "count": count, "filter": _filter(field, value)} for value, count in counts.items()
            ],
        }
        for name, counts in facets.items()
    ]


def _hit(hit: Hit) -> dict[str, Any]:
    told = hit.to_dict()
    return {**told, "why": why(hit.matched), "source": light(hit.source)}


def _filter(field: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{field}:"{escaped}"'
