"""What an index offers to who searches it: one question of any parts, and the request that it is sent as."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hybrid_search.document.definition import field_types
from hybrid_search.errors import QueryError, RequestRefused, TextNotSupported, UnknownField
from hybrid_search.hits.ask import ask
from hybrid_search.hits.hits import Hits, read_hits
from hybrid_search.ingest.labelling import TEMPLATE, Labelled, label_stored, write_labels
from hybrid_search.query.asker import Asker, SearchOptions
from hybrid_search.query.body import build_body, json_body
from hybrid_search.query.filters import parse_filter

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from typing_extensions import Unpack

    from hybrid_search.backends import Backend
    from hybrid_search.document.index_embedders import EmbedderSet
    from hybrid_search.images import ImageLike
    from hybrid_search.query.filters import Filter
    from hybrid_search.query.query import Query
    from hybrid_search.query.vector_legs import Sought
    from hybrid_search.query.vector_sum import VectorQuery

__all__ = ["Searches"]


class Searches(ABC):
    """The part of `HybridIndex` that answers questions."""

    _asker: Asker
    _backend: Backend
    _definition: Mapping[str, Any]
    _embedders: EmbedderSet

    @abstractmethod
    def _see_own_writes(self) -> None: ...

    @abstractmethod
    def _follow(self) -> None: ...

    @abstractmethod
    def _now(self) -> EmbedderSet: ...

    def search(
        self,
        text: str | None = None,
        *,
        image: ImageLike | None = None,
        like: str | Path | Sequence[str | Path] | None = None,
        unlike: str | Path | Sequence[str | Path] | None = None,
        vector: ArrayLike | Mapping[str, ArrayLike] | None = None,
        vector_query: VectorQuery | None = None,
        colours: str | None = None,
        classes: Mapping[str, float] | None = None,
        embedder: str | Sequence[str] | None = None,
        filter: Filter | None = None,
        k: int = 10,
        offset: int = 0,
        num_candidates: int | None = None,
        weights: Mapping[str, float] | None = None,
        fusion: Literal["rrf", "sum"] = "rrf",
        sort: str | Sequence[str] | None = None,
        min_score: float | Mapping[str, float] | None = None,
        facets: Sequence[str] = (),
        collapse_duplicates: bool = False,
        explain: bool = False,
        missing: bool = False,
    ) -> Hits:
        """Find pictures by any combination of words, an example, a stored picture, a vector and a filter.

        Parameters
        ----------
        text : str, optional
            Words for captions, titles, tags, labels, file names, places and cameras; "quoted phrases" must occur as
            they stand, a leading "-" excludes a word.
        image : path, URL, bytes, file object, PIL image or ndarray, optional
            A picture to find others by: alike (vector leg) and nearly identical (signature leg).
        like, unlike : str or sequence of str, optional
            Ids or paths of stored pictures to find others by, and to lead away from; none of them is among the hits.
            What else is asked + 0.75 · mean of the liked − 0.15 · mean of the unliked (see `feedback.rocchio`).
        vector : (dims,) array, or mapping of embedder to array, optional
            A vector of the embedder, in place of an image.
        vector_query : sequence of terms, optional
            A sum of words, pictures, stored pictures and vectors, such as `[("beach", 1), (Path("a.jpg"), 0.5),
            ("people", -1)]`; see `hybrid_search.query.vector_sum`. Words need an embedder that has vectors for them.
        colours : str, optional
            What colours a picture shall have, such as "#c00", "navy" or, with their shares, "#c00:3,white:1"; for an
            index with an embedder of colours, such as "colour:lab".
        classes : mapping of class to float, optional
            "More dog, less grass": how far to move towards classes that the embedder knows, such as `{"dog": 2}`.
        embedder : str or sequence of str, optional
            The embedders of the index to search with, each a leg. By default the index's first for pictures; words also
            by the first that has vectors for them, and by all "caption:" embedders.
        filter : str or mapping, optional
            Exact conditions, in Lucene syntax such as `camera.make:canon AND iso:[400 TO *]`, or Elasticsearch filter
            clauses.
        k, offset : int
            Hits wanted, hits to pass over before them.
        num_candidates : int, optional
            Vectors examined by the approximate search, at least `k`.
        weights : mapping of leg to float, optional
            How much the legs "text", "vector" and "signature" count; 1 each by default. Several legs of vectors are
            "vector:lite" and so on.
        fusion : {"rrf", "sum"}
            Ranks fused as Σ weight / (60 + rank), or normalised scores added.
        sort : str or sequence of str, optional
            Fields such as "taken_at:desc" in place of the fused score.
        min_score : float or mapping of leg to float, optional
            Least fused score, or least score of a leg in its own unit.
        facets : sequence of str
            Fields to count values of, such as "camera.make" or "taken_at:year".
        collapse_duplicates : bool
            Show nearly identical hits as one, with its copies.
        explain : bool
            Have every hit name the words and filters that it matched.
        missing : bool
            Also pictures whose files have all vanished; a filter on `missing` finds them too.

        Raises
        ------
        EmptyQuery, UnknownField, UnknownClass, BadFilter, BadVector, BadColour, TextNotSupported
            When the query cannot be run as it was asked.
        ImageUnreadable, ImageTooLarge
            When `image` cannot be decoded.
        LegUnavailable, EmbedderMismatch
            When an embedder cannot be loaded that `embedder` names, or that a picture, a sum or classes need, or when
            no leg is left. Else words are asked of the legs that can run, and `Hits.unavailable` says which could not.

        Returns
        -------
        Hits
            Best first.
        """
        options: SearchOptions = {
            "image": image,
            "like": like,
            "unlike": unlike,
            "vector": vector,
            "vector_query": vector_query,
            "colours": colours,
            "classes": classes,
            "embedder": embedder,
            "filter": filter,
            "k": k,
            "offset": offset,
            "num_candidates": num_candidates,
            "weights": weights,
            "fusion": fusion,
            "sort": sort,
            "min_score": min_score,
            "facets": facets,
            "collapse_duplicates": collapse_duplicates,
            "explain": explain,
            "missing": missing,
        }
        self._see_own_writes()
        self._find_out(options)
        query, found, body = self._answered(text, options, self._asker.read(text, options))
        return replace(read_hits(found, query, body), body=json_body(body), thumbnails=self._thumbnails)

    def _find_out(self, options: SearchOptions) -> None:
        """See what others have changed, and for an embedder that is not known yet, ask."""
        self._follow()
        if not self._asker.knows(options):
            self._now()

    def _answered(
        self, text: str | None, options: SearchOptions, sought: Sought
    ) -> tuple[Query, dict[str, Any], Mapping[str, Any]]:
        """Return the answer with the query; asked once more where others have changed the embedders meanwhile."""
        try:
            query = self._asker.query(text, options, sought=sought)
        except UnknownField:
            # another writer may have added a field
            asker, _ = self._asker, self._now()
            if self._asker is asker:
                raise
            query = self._asker.query(text, options, sought=sought)
        embedders = self._embedders
        try:
            answer = ask(self._backend, build_body(query), window=query.window)
        except (UnknownField, RequestRefused):
            self._follow()
            if self._embedders is embedders:
                raise
        else:
            self._follow()
            if self._embedders is embedders:
                return query, *answer
        query = self._asker.query(text, options, sought=sought)
        return query, *ask(self._backend, build_body(query), window=query.window)

    def request(self, text: str | None = None, **options: Unpack[SearchOptions]) -> dict[str, Any]:
        """Return the `_search` body that `search` would send for the same question, as JSON; nothing is sent.

        Warns of legs that cannot run, which `search` tells in `Hits.unavailable`.
        """
        self._see_own_writes()
        self._find_out(options)
        query = self._asker.query(text, options)
        for lacking in query.unavailable:
            warning = UserWarning(str(lacking))
            warning.__cause__ = lacking
            warnings.warn(warning, stacklevel=2)
        return json_body(build_body(query))

    def label_pictures(
        self,
        classes: Sequence[str],
        *,
        template: str | Sequence[str] = TEMPLATE,
        threshold: float = 0.5,
        temperature: float | None = None,
        floor: float = 2.0,
        filter: Filter | None = None,
        embedder: str | None = None,
        write: bool = False,
    ) -> list[Labelled]:
        """Say which of some classes each stored picture shows, by an embedder that has vectors for words.

        Parameters
        ----------
        classes : sequence of str
            Names, such as "dog", "beach", "crowd".
        template : str or sequence of str
            The text of a class, with {} for its name.
        threshold : float
            Least probability of a label, in (0, 1].
        temperature, floor : float
            See `hybrid_search.ingest.labelling.probabilities`.
        filter : str or mapping, optional
            Only pictures that satisfy it.
        embedder : str, optional
            An embedder of the index; by default the first for pictures that has vectors for words.
        write : bool
            Also keep the labels in the documents, beside the embedder's own and in place of an earlier run's.

        Raises
        ------
        TextNotSupported
            When the embedder, or every one of the index, embeds pictures only.
        QueryError
            When a class, a template or a number cannot be used.

        Returns
        -------
        list of Labelled
            All pictures that have a vector of the embedder; those that show none of the classes without labels.
        """
        self._see_own_writes()
        held = self._now()
        key = held.key(embedder) if embedder else self._asker.key_for_words()
        spec = held.specs[key]
        if spec.of != "image":
            raise QueryError(
                f"{spec.name!r} embeds what is written about pictures; name an embedder of pictures and words"
            )
        if not spec.embeds_text:
            raise TextNotSupported(spec.name)
        clauses = parse_filter(filter, field_types(self._definition))
        labelled = label_stored(
            self._backend,
            classes,
            embedder=held.load(key),
            key=key,
            template=template,
            threshold=threshold,
            temperature=temperature,
            floor=floor,
            query={"bool": {"filter": list(clauses)}} if clauses else None,
        )
        if write:
            write_labels(self._backend, labelled)
        return labelled

    def _thumbnails(self, ids: Sequence[str]) -> dict[str, str]:
        stored = self._backend.scan({"ids": {"values": list(ids)}}, fields=("thumbnail",))
        return {id: source["thumbnail"] for id, source in stored if "thumbnail" in source}
