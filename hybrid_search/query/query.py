"""What is asked of an index, checked: the words, vectors, signature and filters of one search."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hybrid_search.document.definition import embeddings, field_types, once_per_definition, quantised
from hybrid_search.errors import BadVector, EmptyQuery, LegUnavailable, QueryError, UnknownField
from hybrid_search.query.checked_options import known_name, real, texts, whole
from hybrid_search.query.colour_clauses import colour_words
from hybrid_search.query.facets import Facet, parse_facet
from hybrid_search.query.filters import Filter, parse_filter
from hybrid_search.query.filters.field_names import field_type, nested_path
from hybrid_search.query.legs import SignatureLeg as SignatureLeg
from hybrid_search.query.legs import Sort as Sort
from hybrid_search.query.legs import VectorLeg as VectorLeg
from hybrid_search.query.legs import leg_names
from hybrid_search.query.text import ParsedText, parse_text, text_fields
from hybrid_search.query.understood.model import Understood

Fusion = Literal["evidence", "rrf", "sum"]
MAX_WINDOW = 10_000
"""How many hits a server returns at most, and how many candidates it examines (Elasticsearch's own limits)."""

_LEGS = ("text", "vector", "signature")
_FUSION_WINDOW = 50
_OVERSAMPLE = 3.0
_UNSORTABLE = frozenset({"text", "geo_point", "flattened"})


@dataclass(frozen=True, eq=False)
class Query:
    """A checked search; made by `make_query`, turned into a body by `build_body`.

    Parameters
    ----------
    text : ParsedText
        Words, phrases and exclusions; empty when no text was given.
    vectors : tuple of VectorLeg
        Unit vectors to be near to.
    signature : SignatureLeg or None
        What near-duplicates are near to.
    filter : tuple of dict
        Elasticsearch clauses that every hit satisfies.
    k, offset : int
        Hits wanted, and hits to leave out before them.
    num_candidates : int
        Vectors examined per shard, at least k + offset.
    window : int
        Hits taken from each leg before they are fused.
    weights : mapping of str to float
        How much each leg counts, by its name.
    unavailable : tuple of LegUnavailable
        Legs that cannot run here; the others are asked without them.
    present : tuple of dict
        Clauses that leave out pictures whose files have vanished; no part of what was asked.
    colours : tuple of str
        Basic colours of which hits have a fair share; of the first the most, where nothing else ranks.
    understood : tuple of Understood
        Parts of what was typed whose clauses every hit satisfies too.
    everything : bool
        Whether hits without evidence are shown too.
    every_word : bool
        Whether hits hold all words, or resemble them strongly: asked once there are such.
    documents : int or None
        How many documents the index has, by which words are rare or common; None where unknown.
    grouped : bool
        Whether there may be groups of copies in the index that were decided before.
    """

    text: ParsedText = field(default_factory=ParsedText)
    vectors: tuple[VectorLeg, ...] = ()
    signature: SignatureLeg | None = None
    filter: tuple[dict[str, Any], ...] = ()
    exclude: tuple[str, ...] = ()
    k: int = 10
    offset: int = 0
    num_candidates: int = 100
    window: int = 10
    weights: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    fusion: Fusion = "evidence"
    sort: tuple[Sort, ...] = ()
    min_score: float | None = None
    leg_minima: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    facets: tuple[Facet, ...] = ()
    explain: bool = False
    collapse_duplicates: bool = False
    unavailable: tuple[LegUnavailable, ...] = ()
    present: tuple[dict[str, Any], ...] = ()
    colours: tuple[str, ...] = ()
    understood: tuple[Understood, ...] = ()
    everything: bool = False
    every_word: bool = False
    documents: int | None = None
    grouped: bool = True

    @property
    def has_text(self) -> bool:
        """Whether there is a text leg."""
        return bool(self.text.terms or self.text.phrases)

    @property
    def legs(self) -> tuple[str, ...]:
        """Names of the legs that rank."""
        names = (["text"] if self.has_text else []) + [leg.name for leg in self.vectors]
        return (*names, *(["signature"] if self.signature else []))

    @property
    def by_words(self) -> bool:
        """Whether words are all that hits are ranked by, so that who holds them all comes first."""
        alone = all(leg.words and not leg.nearest for leg in self.vectors)
        return self.fusion == "evidence" and bool(self.legs) and self.signature is None and alone

    @property
    def ends(self) -> bool:
        """Whether hits end where the evidence does: the nearest of a picture have no end."""
        calibrated = all(leg.resemblance for leg in self.vectors)
        return self.by_words and calibrated and not self.everything

    def least_cosine(self, leg: VectorLeg) -> float | None:
        """Return the cosine below which a vector is no hit of a leg."""
        if leg.min_cosine is not None or not self.ends or leg.resemblance is None:
            return leg.min_cosine
        return leg.resemblance.least_cosine(strong=self.every_word)


def make_query(
    definition: Mapping[str, Any],
    *,
    text: str | None = None,
    vectors: Sequence[VectorLeg] = (),
    signature: SignatureLeg | None = None,
    filter: Filter | None = None,
    exclude: Sequence[str] = (),
    k: int = 10,
    offset: int = 0,
    num_candidates: int | None = None,
    weights: Mapping[str, float] | None = None,
    fusion: Fusion = "evidence",
    sort: str | Sequence[str] | None = None,
    min_score: float | Mapping[str, float] | None = None,
    facets: Sequence[str] = (),
    explain: bool = False,
    collapse_duplicates: bool | None = None,
    everything: bool = False,
    unavailable: Sequence[LegUnavailable] = (),
    colours: Sequence[str] | None = None,
    understood: Sequence[Understood] = (),
    now: datetime | None = None,
) -> Query:
    """Check what is asked against the mapping of an index.

    Parameters
    ----------
    definition : mapping
        `{"settings": …, "mappings": …}` of the index.
    text : str, optional
        Words to find in captions, titles, tags, labels, file names, places and cameras.
    exclude : sequence of str
        Ids that are no hits, such as the document whose neighbours are looked for.
    num_candidates : int, optional
        Vectors examined per shard, at least k + offset; twice what is taken from each leg when absent.
    weights : mapping of str to float, optional
        How much "text", "vector" and "signature" count, 1 each when absent; a leg of weight 0 is left out.
    fusion : {"evidence", "rrf", "sum"}
        How several legs become one ranking: by what speaks for a hit, by ranks, or by weighted scores.
    sort : str or sequence of str, optional
        Fields to order by instead of by score: "taken_at:desc", "-bytes", "camera.make".
    min_score : float or mapping of str to float, optional
        Least evidence, or least score per leg in the leg's own unit: {"vector": 0.3} is a cosine.
    facets : sequence of str
        Counts wanted: "camera.make", "labels:20", "taken_at:year", "iso:100,400,1600".
    collapse_duplicates : bool, optional
        Show nearly identical hits as one; by default where hits are ranked, and not where all in an order are wanted.
    everything : bool
        Also hits without evidence.
    unavailable : sequence of LegUnavailable
        Legs that were wanted too and cannot run.
    colours : sequence of str, optional
        Basic colours that hits have.
    understood : sequence of Understood
        Parts of what was typed.
    now : datetime, optional
        What "now" means in the filter's dates.

    Raises
    ------
    EmptyQuery
        When there is nothing to search for.
    LegUnavailable
        When no leg is left that can run.
    BadVector
        When a vector has the wrong length, or is not finite, or is all zero.
    QueryError
        When a number is out of its range, or a name is unknown.
    """
    types = field_types(definition)
    parsed = parse_text(text or "")
    checked = _name_legs([_check_vector(leg, definition, types) for leg in vectors], definition)
    known = _leg_names(checked, definition)
    weights_by_leg = _check_weights(weights, checked, known)
    kept = tuple(leg for leg in checked if weights_by_leg[leg.name])
    spoken = {leg.of for leg in kept if leg.words}
    # what a network takes a picture for is in its vector already, and says there how near it is
    fields = text_fields(types, predicted="image" not in spoken, even=bool(spoken))
    parsed = replace(parsed, fields=fields, colours=colour_words(parsed, understood))
    query = Query(
        text=parsed if weights_by_leg["text"] else ParsedText(excluded=parsed.excluded),
        vectors=kept,
        signature=_check_signature(signature) if weights_by_leg["signature"] else None,
        filter=parse_filter(filter, types, now=now),
        exclude=tuple(texts("exclude", exclude)),
        weights=MappingProxyType(weights_by_leg),
        fusion=_check_fusion(fusion),
        sort=_check_sort(sort, types),
        facets=tuple(parse_facet(facet, types) for facet in texts("facets", facets)),
        explain=bool(explain),
        everything=bool(everything),
        unavailable=tuple(unavailable),
        colours=tuple(colours or ()),
        understood=tuple(understood),
    )
    ranked = bool(query.legs) and not query.sort
    query = replace(query, collapse_duplicates=ranked if collapse_duplicates is None else bool(collapse_duplicates))
    if unavailable and not query.legs:
        raise unavailable[0]
    # an order alone is asked of all pictures, but not beside what there was to look for and is none
    lists_all = bool(query.sort) and not ((text or "").strip() or vectors or signature)
    if not (query.legs or query.filter or colours or understood or query.text.excluded or lists_all):
        raise EmptyQuery()
    return _with_minima(_with_window(query, k, offset, num_candidates), min_score, known)


def _with_window(query: Query, k: int, offset: int, num_candidates: int | None) -> Query:
    k, offset = whole("k", k, least=1), whole("offset", offset, least=0)
    needed = k + offset
    limit = MAX_WINDOW // max(1, len(query.legs))
    if needed > limit:
        shared = f" that its {len(query.legs)} legs share" if len(query.legs) > 1 else ""
        raise QueryError(
            f"k + offset must be at most {limit:,} (got {needed:,}): "
            f"a search returns {MAX_WINDOW:,} hits{shared}; narrow it with a filter"
        )
    window = needed
    if len(query.legs) > 1 or query.collapse_duplicates or query.signature or (query.vectors and query.sort):
        # Doubled in steps, so that the pages of one search are cut from one and the same list.
        window = min(limit, _FUSION_WINDOW * 2 ** max(0, math.ceil(math.log2(needed / _FUSION_WINDOW))))
    if num_candidates is None:
        candidates = min(MAX_WINDOW, max(2 * window, 100))
    else:
        candidates = whole("num_candidates", num_candidates, least=1)
    if candidates < needed:
        name = "k + offset" if offset else "k"
        raise QueryError(
            f"{name} must be at most num_candidates (got {name}={needed}, num_candidates={candidates}); "
            f"pass num_candidates={needed} or more"
        )
    if candidates > MAX_WINDOW:
        raise QueryError(f"num_candidates must be at most {MAX_WINDOW:,} (got {candidates:,})")
    return replace(query, k=k, offset=offset, window=min(window, candidates), num_candidates=candidates)


def _with_minima(query: Query, min_score: float | Mapping[str, float] | None, known: Mapping[str, str]) -> Query:
    if min_score is None:
        return query
    if not isinstance(min_score, Mapping):
        if query.sort:
            raise QueryError(
                "min_score is a least fused score, which sort replaces; "
                "give a least score per leg, such as min_score={'vector': 0.3}"
            )
        return replace(query, min_score=real("min_score", min_score))
    minima = {
        known_name("min_score", name, names=known): real(f"min_score[{name!r}]", value)
        for name, value in min_score.items()
    }
    vectors = [replace(leg, min_cosine=_of_leg(minima, leg)) for leg in query.vectors]
    minima |= {leg.name: leg.min_cosine for leg in vectors if leg.min_cosine is not None}
    signature = query.signature
    if signature and "signature" in minima:
        signature = replace(signature, max_distance=min(signature.max_distance, 1 - minima["signature"]))
    return replace(query, vectors=tuple(vectors), signature=signature, leg_minima=MappingProxyType(minima))


def _check_vector(leg: VectorLeg, definition: Mapping[str, Any], types: Mapping[str, str]) -> VectorLeg:
    if types.get(leg.field) != "dense_vector" or leg.field == "signature":
        known = [name for name, kind in types.items() if kind == "dense_vector" and name != "signature"]
        raise UnknownField(leg.field, known)
    dims = _dims(definition, leg.field)
    vector = np.asarray(leg.vector)
    if vector.shape != (dims,):
        raise BadVector(f"{leg.field!r} has vectors of {dims} dims, this one has shape {vector.shape}")
    if vector.dtype.kind not in "fiu":
        raise BadVector(f"its values are {vector.dtype}, not numbers")
    largest = float(np.abs(vector.astype(np.float64)).max(initial=0.0))
    if not math.isfinite(largest) or largest == 0:
        raise BadVector("it is all zero" if largest == 0 else "it has values that are not finite")
    oversample = _OVERSAMPLE if quantised(definition, leg.field) else None
    return replace(leg, vector=unit(vector).astype(np.float32), oversample=oversample)


def unit(vector: NDArray[Any]) -> NDArray[np.float64]:
    """Return a finite vector, (dims,), at unit length; one that is all zero stays so."""
    # Divided by the largest value first: the square of a large or small one would overflow or vanish.
    exact = np.asarray(vector, np.float64)
    exact = exact / (np.abs(exact).max() or 1.0)
    return np.asarray(exact / (np.linalg.norm(exact) or 1.0))


def _dims(definition: Mapping[str, Any], field: str) -> int:
    properties: Mapping[str, Any] = definition["mappings"]
    for name in field.split("."):
        properties = properties["properties"][name]
    return int(properties["dims"])


def _name_legs(legs: Sequence[VectorLeg], definition: Mapping[str, Any]) -> list[VectorLeg]:
    if len(legs) < 2:
        return list(legs)
    names: list[str] = []
    known = _embedding_legs(definition)
    for leg in legs:
        key = leg.field.rpartition(".")[2]
        name = known.get(key, f"vector:{key}") if leg.name == "vector" else leg.name
        same = sum(given == name or given.startswith(f"{name}#") for given in names)
        names.append(f"{name}#{same + 1}" if same else name)
    return [replace(leg, name=name) for leg, name in zip(legs, names, strict=True)]


@once_per_definition
def _embedding_legs(definition: Mapping[str, Any]) -> Mapping[str, str]:
    return MappingProxyType(leg_names(embeddings(definition)))


def _check_signature(leg: SignatureLeg | None) -> SignatureLeg | None:
    if leg is None:
        return None
    signature = np.asarray(leg.signature)
    if signature.shape != (648,) or signature.dtype != np.int8:
        raise BadVector(f"a signature is 648 int8 values, this one has {signature.shape} {signature.dtype}")
    if not 0 < real("max_distance", leg.max_distance) < 1:
        raise QueryError(f"max_distance is between 0 and 1 (got {leg.max_distance})")
    return replace(leg, signature=signature) if signature.any() else None


def _leg_names(legs: Sequence[VectorLeg], definition: Mapping[str, Any]) -> dict[str, str]:
    """Return the names by which legs are known, and as what each is shown."""
    # what is said of an embedding holds for every search, also for one in which it has no leg
    held = _embedding_legs(definition)
    own = (*_LEGS, *(leg.name for leg in legs))
    return {**dict(zip(own, own, strict=True)), **{f"vector:{key}": name for key, name in held.items()}}


def _of_leg(given: Mapping[str, float], leg: VectorLeg) -> float | None:
    """Return what is given for a leg by its own name, else for its embedding, else for all vectors."""
    own = [leg.name] if leg.name != "vector" else []
    names = (*own, f"vector:{leg.field.rpartition('.')[2]}", "vector")
    return next((float(given[name]) for name in names if name in given), None)


def _check_weights(
    weights: Mapping[str, float] | None, legs: Sequence[VectorLeg], known: Mapping[str, str]
) -> dict[str, float]:
    given = dict(weights or {})
    for name, weight in given.items():
        known_name("weights", name, names=known)
        if real(f"weights[{name!r}]", weight) < 0:
            raise QueryError(f"weights[{name!r}] must be 0 or more (got {weight})")
    checked = {name: float(given.get(name, 1.0)) for name in _LEGS}
    of_legs = ((leg.name, _of_leg(given, leg)) for leg in legs)
    return {**checked, **{name: 1.0 if weight is None else weight for name, weight in of_legs}}


def _check_fusion(fusion: str) -> Fusion:
    if fusion not in get_args(Fusion):
        raise QueryError(f"no fusion {fusion!r}; known: {', '.join(get_args(Fusion))}")
    return next(name for name in get_args(Fusion) if name == fusion)


def _check_sort(sort: str | Sequence[str] | None, types: Mapping[str, str]) -> tuple[Sort, ...]:
    keys = [sort] if isinstance(sort, str) else texts("sort", sort or ())
    parsed: list[Sort] = []
    for key in keys:
        name, _, order = key.removeprefix("-").partition(":")
        if order not in ("", "asc", "desc") or (order and key.startswith("-")):
            raise QueryError(f"sort {key!r}: write {name}:asc, {name}:desc, or -{name} for descending")
        kind = field_type(name, types)
        if kind in _UNSORTABLE or nested_path(name, types):
            raise QueryError(f"sort {key!r}: {name!r} is {kind}, which has no order")
        parsed.append(Sort(name, "desc" if order == "desc" or key.startswith("-") else "asc"))
    return tuple(parsed)
