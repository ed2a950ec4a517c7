"""What a search found: hits with their scores, and how they are read from a response."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, overload

from hybrid_search.document.document import first_path, lookup
from hybrid_search.errors import ImageError, ImageUnreadable, LegUnavailable, PackageMissing
from hybrid_search.hits.collapse import collapsed
from hybrid_search.hits.display import hits_html, hits_table
from hybrid_search.hits.evidence import Evidence, Tier
from hybrid_search.hits.found_counts import facet_counts, has_more, is_cut, total_found
from hybrid_search.hits.fusion import Shares, rrf, weighted_sum
from hybrid_search.hits.leg_evidence import WordsHeld, fused_evidence, leg_evidence, without_weak, words_held
from hybrid_search.hits.leg_scores import leg_scores, sort_key
from hybrid_search.hits.leg_shares import leg_shares
from hybrid_search.images import DEFAULT_LIMITS, Limits
from hybrid_search.query.explain import FILTER, TERM, sure_names
from hybrid_search.query.query import Query
from hybrid_search.query.spelling.foreign_text import ForeignText
from hybrid_search.query.spelling.model import Correction
from hybrid_search.query.understood.model import Understood

if TYPE_CHECKING:
    import pandas
    from PIL import Image


@dataclass(frozen=True)
class Hit:
    """One result.

    Parameters
    ----------
    rank : int
        Place in the results, 1 for the best, counted from the first page on.
    id : str
        The document's id.
    score : float
        What hits are ordered by, higher is better: evidence in [0, 1] that it is what was asked, or what another
        fusion makes of the legs' scores; 0 when nothing ranks.
    legs : mapping of str to float
        Each leg's own score, where the leg found the document: "text" is BM25 (0 or more), "vector" the cosine
        (−1 to 1), "signature" 1 − distance (0 to 1).
    ranks : mapping of str to int
        The document's place in each leg, where it is among those that were fused.
    shares : mapping of str to float
        What part of a leg's weight the document got, in [0, 1], where it is not all of it (see `shares.leg_shares`).
    leg_evidence : mapping of str to float
        What each leg is evidence of, in [0, 1], where the score is made of it (see `leg_evidence.fused_evidence`).
    tier : Tier or None
        Of a lookup of duplicates: how it was decided.
    evidence : Evidence or None
        Of a lookup of duplicates: the figures behind it.
    distance : float or None
        Signature distance in [0, 1] where the signature leg found the document.
    source : mapping
        The document's fields.
    matched : tuple of str
        With `explain`, what it matched: "filter:camera.make:canon", "term:dog@labels".
    copies : tuple of str
        With `collapse_duplicates`, ids of near-identical documents ranked below, which this hit stands for.
    """

    rank: int
    id: str
    score: float
    legs: Mapping[str, float] = field(default_factory=dict)
    distance: float | None = None
    source: Mapping[str, Any] = field(default_factory=dict, repr=False)
    matched: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    ranks: Mapping[str, int] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)
    leg_evidence: Mapping[str, float] = field(default_factory=dict)
    tier: Tier | None = None
    evidence: Evidence | None = None

    @property
    def path(self) -> str | None:
        """The first path of the picture, None when it came without one."""
        return first_path(self.source)

    def image(self, *, limits: Limits = DEFAULT_LIMITS) -> Image.Image:
        """Return the picture, upright and in RGB, from the first of its paths that can be read.

        Parameters
        ----------
        limits : Limits
            The largest picture that is accepted.

        Raises
        ------
        ImageUnreadable, ImageTooLarge
            When its file is gone, or it came without a path; `Hits.with_thumbnails` gives the small one that is stored.

        Examples
        --------
        >>> Hit(1, "a1", 0.0, source={"path": "/gone/cat.jpg"}).image()
        Traceback (most recent call last):
        ...
        hybrid_search.errors.inputs.ImageUnreadable: cannot read image /gone/cat.jpg: No such file or directory
        """
        from hybrid_search.images import decode, read_source

        paths = self.source.get("path") or []
        first: ImageError | None = None
        for path in [paths] if isinstance(paths, str) else paths:
            try:
                return decode(read_source(path, limits=limits), limits=limits).image
            except ImageError as error:
                first = first or error
        raise first or ImageUnreadable(self.id, "it came without a path; its thumbnail is in hits.with_thumbnails()")

    def to_dict(self) -> dict[str, Any]:
        """Return the hit as JSON."""
        return {
            "rank": self.rank,
            "id": self.id,
            "score": self.score,
            "legs": dict(self.legs),
            "ranks": dict(self.ranks),
            "distance": self.distance,
            "path": self.path,
            "matched": list(self.matched),
            "copies": list(self.copies),
            "source": dict(self.source),
            **({"shares": dict(self.shares)} if self.shares else {}),
            **({"leg_evidence": dict(self.leg_evidence)} if self.leg_evidence else {}),
            **({"tier": self.tier} if self.tier else {}),
            **({"evidence": self.evidence.to_json()} if self.evidence else {}),
        }


@dataclass(frozen=True, repr=False)
class Hits(Sequence[Hit]):
    """The hits of one search, best first.

    Parameters
    ----------
    hits : tuple of Hit
        The page that was asked for.
    total : int
        How many documents there are to page through: all that match the text or, without one, the filter; of vector
        and signature legs, which every document matches more or less, their nearest. Copies are counted.
    at_least : bool
        Whether `total` is a lower bound: pictures that resemble the words were counted as far as they were fetched.
    ended : bool
        Whether there is more, without evidence that it is what was asked; `everything=True` shows it.
    took_ms : float
        Time that the backend took, milliseconds.
    body : mapping
        The `_search` body that was sent.
    facets : mapping of str to mapping of str to int
        Counts by facet and value: over the documents that match, or, when the nearest of a picture were searched, over
        all that pass the filter.
    thumbnails : callable, optional
        Gives the thumbnails of ids, for `with_thumbnails`.
    unavailable : tuple of LegUnavailable
        Legs that could not run, because their embedders cannot be loaded here: these hits were found without them.
    understood : tuple of Understood
        Parts of the text that were taken for more than words, such as "2019" for a year; `literal=True` takes none so.
    did_you_mean : tuple of Correction
        What was probably meant by words that the index does not know; `searched` where these are the hits of that.
    foreign : ForeignText or None
        Where nothing was found: that the text is of a language which the models of the index do not know.
    """

    hits: tuple[Hit, ...]
    total: int = 0
    at_least: bool = False
    ended: bool = False
    took_ms: float = 0.0
    body: Mapping[str, Any] = field(default_factory=dict)
    facets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    thumbnails: Callable[[Sequence[str]], Mapping[str, str]] | None = field(default=None, compare=False)
    unavailable: tuple[LegUnavailable, ...] = field(default=(), compare=False)
    understood: tuple[Understood, ...] = ()
    did_you_mean: tuple[Correction, ...] = ()
    foreign: ForeignText | None = None

    @overload
    def __getitem__(self, index: int) -> Hit: ...

    @overload
    def __getitem__(self, index: slice) -> Hits: ...

    def __getitem__(self, index: int | slice) -> Hit | Hits:
        """Return a hit, or the hits of a slice."""
        return replace(self, hits=self.hits[index]) if isinstance(index, slice) else self.hits[index]

    def __len__(self) -> int:
        """Return the number of hits on this page."""
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        """Give the hits, best first."""
        return iter(self.hits)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what only this process can use, so that hits can be copied, kept and sent."""
        return {**self.__dict__, "thumbnails": None}

    def ids(self) -> list[str]:
        """Return the ids, best first."""
        return [hit.id for hit in self.hits]

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the hits as JSON."""
        return [hit.to_dict() for hit in self.hits]

    def to_pandas(self, fields: Sequence[str] = ()) -> pandas.DataFrame:
        """Return a data frame with a row for each hit: rank, score, id, path, caption and the fields asked for.

        Parameters
        ----------
        fields : sequence of str
            Dotted names, such as "camera.make" or "extra.price"; None stands where a document has none.

        Raises
        ------
        PackageMissing
            When pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise PackageMissing("to_pandas", "pip install pandas") from error
        rows = [
            {name: lookup(hit.source, name) for name in ("caption", *fields)}
            | {"rank": hit.rank, "score": hit.score, "id": hit.id, "path": hit.path}
            for hit in self
        ]
        columns = dict.fromkeys(("rank", "score", "id", "path", "caption", *fields))
        return pandas.DataFrame(rows, columns=list(columns))

    def with_thumbnails(self) -> Hits:
        """Return the same hits with `thumbnail`, a data URI, in their sources; fetched now, where there are any."""
        if self.thumbnails is None:
            return self
        found = self.thumbnails(self.ids())
        hits = (
            replace(hit, source={**hit.source, "thumbnail": found[hit.id]}) if hit.id in found else hit for hit in self
        )
        return replace(self, hits=tuple(hits), thumbnails=None)

    def __repr__(self) -> str:
        """Return a table."""
        return hits_table(self.hits, total=self._counted(), notes=(*self.unavailable, *self._meanings()))

    def _counted(self) -> str:
        return f"{self.total:,} or more" if self.at_least else f"{self.total:,}"

    def _meanings(self) -> list[str]:
        parts = [f"understood: {part}" for part in self.understood if part.clause is not None]
        return [*parts, *map(str, self.did_you_mean), *([str(self.foreign)] if self.foreign else [])]

    def _repr_html_(self) -> str:
        shown = self.with_thumbnails().hits
        return hits_html(shown, total=self._counted(), notes=(*self.unavailable, *self._meanings()))


def read_hits(response: Mapping[str, Any], query: Query, body: Mapping[str, Any]) -> Hits:
    """Return the hits of a response: each leg's scores told apart, fused, cut to the page that was asked for.

    Parameters
    ----------
    response : mapping
        In Elasticsearch's shape, `matched_queries` with scores; to a query that collapses duplicates it has
        `fields.signature` in each hit.
    query : Query
        What was asked.
    body : mapping
        The body that was sent, whose boosts are divided out of the scores.
    """
    found = {str(hit["_id"]): hit for hit in response["hits"]["hits"]}
    legs, distances = leg_scores(found, query=query, body=body)
    shares = leg_shares(legs, query) if query.fusion != "evidence" else {}
    held = words_held(found, query=query, aggregations=response.get("aggregations", {}))
    evidence = leg_evidence(legs, query=query, held=held) if query.fusion == "evidence" else {}
    scores = _scores(list(found), legs, query, shares, evidence, held)
    enough = query.offset + query.k
    copies = collapsed(list(scores), found, grouped=query.grouped, enough=enough) if query.collapse_duplicates else {}
    ranks = {name: {id: rank for rank, id in enumerate(ids, start=1)} for name, ids in _ranked(legs, query).items()}
    start = query.offset - int(body.get("from", 0))
    page = [
        Hit(
            rank=rank,
            id=id,
            score=scores[id],
            legs={name: scored[id] for name, scored in legs.items() if id in scored},
            distance=distances.get(id),
            source=dict(found[id].get("_source", {})),
            matched=_matched(found[id], query) if query.explain else (),
            copies=copies.get(id, ()),
            ranks={name: ranked[id] for name, ranked in ranks.items() if id in ranked},
            shares={name: parts[id] for name, parts in shares.items() if parts.get(id, 1.0) < 1.0},
            leg_evidence={name: parts[id] for name, parts in evidence.items() if id in parts},
        )
        for rank, id in enumerate(list(copies or scores)[start : start + query.k], start=query.offset + 1)
    ]
    total = total_found(response, found=found, kept=scores, query=query, held=held)
    return Hits(
        hits=tuple(page),
        total=total,
        at_least=is_cut(legs, kept=scores, query=query, body=body, total=total),
        ended=has_more(query, total),
        took_ms=float(response.get("took", 0)),
        body=body,
        facets=facet_counts(response, query),
        unavailable=query.unavailable,
        understood=query.understood,
    )


def _scores(
    order: Sequence[str],
    legs: Mapping[str, Mapping[str, float]],
    query: Query,
    shares: Shares,
    evidence: Mapping[str, Mapping[str, float]],
    held: WordsHeld,
) -> dict[str, float]:
    """Return the score per id that stays, in the order of the results."""
    if not query.legs:
        return {id: 0.0 for id in order}
    if query.fusion == "evidence":
        scores = without_weak(fused_evidence(evidence, query=query, held=held), legs=legs, query=query, held=held)
        own = [leg for _, leg in sorted(legs.items())]
        scores = dict(sorted(scores.items(), key=lambda entry: sort_key(*entry, ties=own, alone=len(own) == 1)))
    elif len(legs) == 1:
        (scores,) = (dict(leg) for leg in legs.values())
    elif query.fusion == "sum":
        scores = weighted_sum(legs, weights=query.weights, shares=shares)
    else:
        scores = rrf(_ranked(legs, query), weights=query.weights, shares=shares)
    if query.sort:
        return {id: scores[id] for id in order if id in scores}
    return {id: score for id, score in scores.items() if query.min_score is None or score >= query.min_score}


def _ranked(legs: Mapping[str, Mapping[str, float]], query: Query) -> dict[str, list[str]]:
    # Texts below the window come with the neighbours that they also are; others between them are not in the response,
    # so that their rank is not known.
    end = None if query.sort else query.window
    return {name: list(scored)[:end] for name, scored in legs.items()}


def _matched(hit: Mapping[str, Any], query: Query) -> tuple[str, ...]:
    named = [name for name in hit.get("matched_queries", {}) if name.startswith((FILTER, TERM))]
    return tuple(sorted({*named, *sure_names(query.filter)}))
