"""Is this picture already here? One picture compared with an index."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.backends import Backend
from hybrid_search.document.definition import field_types
from hybrid_search.document.picture import Picture, read_picture
from hybrid_search.duplicates.candidate_body import BOOST, SIGNATURE, VECTOR, Box, parts, propose, quarter_turns
from hybrid_search.duplicates.compare.judge import LOOK_DISTANCE, Judge
from hybrid_search.duplicates.model import Subject, taken
from hybrid_search.errors import QueryError
from hybrid_search.hits.evidence import TIERS, Evidence
from hybrid_search.hits.hits import Hit, Hits
from hybrid_search.images import Source, read_source
from hybrid_search.query.body import json_body
from hybrid_search.query.filters import parse_filter
from hybrid_search.query.missing_files import present_only
from hybrid_search.signature.orientations import turned_signatures

if TYPE_CHECKING:
    from hybrid_search.embedders import Embedder
    from hybrid_search.images import ImageLike, Limits
    from hybrid_search.query.filters import Filter

_K = 10  # proposals by each vector; no measurement is kept
_PART_K = 5  # proposals for each part; no measurement is kept

EvidenceById = dict[str, tuple[Evidence, Mapping[str, Any]]]


@dataclass(frozen=True)
class Lookup:
    """What one lookup is made with.

    Parameters
    ----------
    backend : Backend
    judge : Judge
    key : str
        The leaf of the embedding under `embedding`.
    embedder : callable
        Gives the embedder; called only when vectors are needed.
    limits : Limits
        The largest picture that is accepted.
    """

    backend: Backend
    judge: Judge
    key: str
    embedder: Callable[[], Embedder]
    limits: Limits


def find_duplicates(lookup: Lookup, image: ImageLike, *, filter: Filter | None = None, k: int = 100) -> Hits:
    """Return the stored copies of one picture, the surest first; see `HybridIndex.find_duplicates`."""
    if k < 1:
        raise QueryError(f"k must be at least 1 (got {k})")
    source = read_source(image, limits=lookup.limits)
    min_side = lookup.embedder().min_side if lookup.judge.needs_vectors else 1
    picture = read_picture(source, min_side=min_side, limits=lookup.limits)
    asked = parse_filter(filter, field_types(lookup.backend.definition()))
    # a copy that is gone is none: the picture looked up may be the last
    clauses = (*asked, *present_only(lookup.backend, asked))
    body = _body(lookup, picture, clauses)
    response = lookup.backend.search(body)
    subject = _subject(picture, source)
    response = _without_decided(response, subject.sha256)
    found = _judged(partial(lookup.judge.judge, subject), response)
    # where nothing at all was proposed there is nothing to propose for a part either
    may_be_part = "edited" in lookup.judge.tiers and lookup.judge.compares_parts and response["hits"]["hits"]
    if may_be_part and not any(evidence.is_duplicate for evidence, _ in found.values()):
        found = _by_parts(lookup, subject, picture.prepared.image, clauses, known=found)
    return _hits(found, response, body, k=k)


def _body(lookup: Lookup, picture: Picture, clauses: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    prepared = picture.prepared
    flat = not prepared.signature.any()
    without = flat or lookup.judge.tiers == ("bytes",)
    vectors: Sequence[NDArray[np.float32]] = ()
    if lookup.judge.needs_vectors:
        vectors = list(lookup.embedder().embed_images(quarter_turns(prepared.image)))
    return propose(
        sha256=picture.sha256,
        signatures=np.empty((0, 648), np.int8) if without else turned_signatures(prepared.image),
        max_distance=lookup.judge.look_distance,
        vectors=vectors,
        field=f"embedding.{lookup.key}",
        filter=clauses,
        k=_K,
    )


def _subject(picture: Picture, source: Source) -> Subject:
    fields = picture.metadata.fields
    camera = (fields.get(f"camera.{leaf}") for leaf in ("make", "model", "serial"))
    return Subject(
        id="",
        sha256=picture.sha256,
        width=picture.prepared.width,
        height=picture.prepared.height,
        signature=picture.prepared.signature if picture.prepared.signature.any() else None,
        taken_at=taken(fields),
        camera=" ".join(str(part) for part in camera if part),
        example=source,
    )


def _judged(judge: Callable[..., Evidence | None], response: Mapping[str, Any]) -> EvidenceById:
    found: EvidenceById = {}
    for hit in response["hits"]["hits"]:
        source = hit.get("_source", {})
        other = Subject.of(str(hit["_id"]), source, signature=_stored_signature(hit))
        evidence = judge(other, cosine=_cosine(hit))
        if evidence is not None:
            found[other.id] = (evidence, source)
    return found


def _without_decided(response: Mapping[str, Any], sha256: str) -> dict[str, Any]:
    """Return a response without those of which somebody has said that they are no copies of this picture."""
    hits = [
        hit
        for hit in response["hits"]["hits"]
        if sha256 not in hit.get("_source", {}).get("duplicate", {}).get("not_duplicates", ())
    ]
    return {**response, "hits": {**response["hits"], "hits": hits}}


def _stored_signature(hit: Mapping[str, Any]) -> NDArray[np.int8] | None:
    stored = hit.get("fields", {}).get("signature")
    return None if stored is None else np.asarray(stored, np.int8).reshape(-1)


def _cosine(hit: Mapping[str, Any]) -> float | None:
    scores = [float(score) for name, score in hit.get("matched_queries", {}).items() if name.startswith(VECTOR)]
    return 2.0 * max(scores) / BOOST - 1.0 if scores else None


def _by_parts(
    lookup: Lookup, whole: Subject, image: Image.Image, clauses: Sequence[Mapping[str, Any]], *, known: EvidenceById
) -> EvidenceById:
    """Ask for each part of a picture as for a picture of its own; nothing but what its pixels confirm is found."""
    cut = parts(image)
    if not cut:
        return known
    vectors = lookup.embedder().embed_images([part for _, part in cut])
    bodies = [
        propose(
            sha256="",
            signatures=np.empty((0, 648), np.int8),
            max_distance=LOOK_DISTANCE,
            vectors=[vector],
            field=f"embedding.{lookup.key}",
            filter=clauses,
            k=_PART_K,
        )
        for vector in vectors
    ]
    confirmed: EvidenceById = {}
    for (box, part), whole_response in zip(cut, lookup.backend.msearch(bodies), strict=True):
        response = _without_decided(whole_response, whole.sha256)
        example = Source(f"part {box}", pixels=part)
        subject = Subject("", example.sha256, width=part.width, height=part.height, example=example)
        judged = partial(lookup.judge.judge_part, whole, subject, to_part=_to_part(image, box, part))
        for id, (evidence, source) in _judged(judged, response).items():
            if id not in confirmed or evidence.strength < confirmed[id][0].strength:
                confirmed[id] = (evidence, source)
    return {**known, **confirmed}


def _to_part(image: Image.Image, box: Box, part: Image.Image) -> NDArray[np.float64]:
    """Return the matrix from points of a picture to points of a part of it, (3, 3), in units of the longer sides."""
    longest, scale = max(part.size), max(image.size) / max(part.size)
    left, top = round(box[0] * image.width) / longest, round(box[1] * image.height) / longest
    return np.array([[scale, 0.0, -left], [0.0, scale, -top], [0.0, 0.0, 1.0]])


def _hits(found: EvidenceById, response: Mapping[str, Any], body: Mapping[str, Any], *, k: int) -> Hits:
    ordered = sorted(found.items(), key=lambda item: (*item[1][0].strength, item[0]))
    hits = tuple(
        Hit(
            rank=rank,
            id=id,
            score=_score(evidence),
            legs=_legs(evidence),
            distance=evidence.distance,
            source=source,
            tier=evidence.tier,
            evidence=evidence,
        )
        for rank, (id, (evidence, source)) in enumerate(ordered[:k], start=1)
    )
    return Hits(hits, total=len(found), took_ms=float(response.get("took", 0)), body=json_body(body))


def _score(evidence: Evidence) -> float:
    """Return what the hits are in the order of: whole numbers by tier, and within one the nearer the higher."""
    tier, distance = evidence.strength
    return len(TIERS) - 1 - tier + (1.0 - distance)


def _legs(evidence: Evidence) -> dict[str, float]:
    legs = {SIGNATURE: None if evidence.distance is None else 1.0 - evidence.distance, VECTOR: evidence.cosine}
    return {name: score for name, score in legs.items() if score is not None}
