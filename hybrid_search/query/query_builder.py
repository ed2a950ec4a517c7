"""What a person asks becomes a checked query: an example picture turns into a vector and a signature."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hybrid_search.backends import Backend
from hybrid_search.document.definition import field_types
from hybrid_search.document.index_embedders import EmbedderSet
from hybrid_search.errors import DocumentNotFound, QueryError
from hybrid_search.errors.remedies import Call
from hybrid_search.query.colour_clauses import has_colours, no_such_colour, palette_terms
from hybrid_search.query.legs import leg_names
from hybrid_search.query.missing_files import present_only
from hybrid_search.query.options import SearchOptions
from hybrid_search.query.query import Query, SignatureLeg, VectorLeg, make_query
from hybrid_search.query.resemblance import CosineReader
from hybrid_search.query.text import parse_text
from hybrid_search.query.understood.model import Understood
from hybrid_search.query.vector_legs import Example, QuestionParts, StoredExample, colour_vector, vector_legs
from hybrid_search.query.vector_sum import Weighted, read_vector_query

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from hybrid_search.images import Limits

_OWN = frozenset("image like unlike vector vector_query colours classes embedder missing literal".split())
"""Options that become vectors or a filter here, or were read before; `make_query` takes the others."""
_LEADS = ("image", "like", "vector", "vector_query", "colours", "classes", "filter")
"""Options that say what to look for, by which `unlike` has something to lead away from."""


class Asker:
    """Turns questions about one index into queries.

    Parameters
    ----------
    backend : Backend
        Where `like` is looked up.
    definition : mapping
        Settings and mappings of the index.
    embedders : EmbedderSet
        The embedders of the index; one is loaded only when a question needs it, which takes longer than a text search.
    limits : Limits
        The largest picture that is accepted.
    """

    def __init__(
        self,
        backend: Backend,
        definition: Mapping[str, Any],
        *,
        embedders: EmbedderSet,
        limits: Limits,
    ) -> None:
        self._backend = backend
        self._definition = definition
        self._embedders = embedders
        self._limits = limits
        self.cosines = CosineReader(backend)

    def knows(self, options: SearchOptions) -> bool:
        """Tell whether the index has every embedder that a question mentions: to search by, or for its leg."""
        vectors = options.get("vector")
        named = [*_names(options.get("embedder")), *(vectors if isinstance(vectors, Mapping) else ())]
        of_legs = [self._by_key(given) for given in (options.get("weights"), options.get("min_score"))]
        legs = [str(leg) for given in of_legs if isinstance(given, Mapping) for leg in given]
        named += [leg.removeprefix("vector:") for leg in legs if leg.startswith("vector:")]
        return all(isinstance(name, str) and self._embedders.holds(name) for name in named)

    def read(self, text: str | None, options: SearchOptions) -> QuestionParts:
        """Return what a question looks for, its pictures read and its stored pictures looked up."""
        if text is not None and not isinstance(text, str):
            raise QueryError(f"text is words (got {text!r}); a picture goes to image=…, a stored one to like=…")
        return self._sought(text or "", options)

    def query(
        self,
        text: str | None,
        options: SearchOptions,
        *,
        sought: QuestionParts | None = None,
        understood: Sequence[Understood] = (),
    ) -> Query:
        """Return the checked query of a question, of which `read` may have read the pictures already."""
        sought = self.read(text, options) if sought is None else sought
        chosen = tuple(self._key(name) for name in _names(options.get("embedder")))
        given, colours = options.get("vector"), options.get("colours")
        vectors = {} if given is None else self._vectors(given, chosen)
        terms: tuple[str, ...] = ()
        if colours is not None:
            terms, vectors = self._colours(colours, chosen, vectors, beside_words=bool(sought.words or understood))
        sought = replace(sought, vectors=vectors)
        others: dict[str, Any] = {name: value for name, value in options.items() if name not in _OWN}
        others |= {name: self._by_key(others[name]) for name in ("weights", "min_score") if name in others}
        left_out = self._left_out(others.get("weights"))
        legs, unavailable = vector_legs(sought, self._embedders, chosen=chosen, left_out=left_out)
        if options.get("fusion", "evidence") == "evidence":
            legs = self._calibrated(legs, alone=sought.is_words_alone)
        signature = _signature_leg(sought)
        if sought.liked and signature is None and options.get("filter") is None:
            self._check_liked(sought.liked, chosen or (self._embedders.default,))
        stored = [term.value for term in sought.terms if term.kind == "stored"]
        query = make_query(
            self._definition,
            text=text,
            vectors=legs,
            signature=signature,
            unavailable=unavailable,
            colours=terms,
            understood=understood,
            exclude=tuple(dict.fromkeys(found.id for found in (*sought.liked, *sought.unliked, *stored))),
            **others,
        )
        if query.fusion == "evidence" and query.has_text:
            query = replace(query, documents=self.cosines.documents)
        if query.collapse_duplicates and "duplicate.group" in field_types(self._definition):
            query = replace(query, grouped=self.cosines.grouped)
        return query if options.get("missing") else replace(query, present=present_only(self._backend, query.filter))

    def _sought(self, text: str, options: SearchOptions) -> QuestionParts:
        image = options.get("image")
        terms = tuple(self._resolved(term) for term in read_vector_query(options.get("vector_query")))
        liked, unliked = self._stored("like", options), self._stored("unlike", options)
        if unliked and not text and all(options.get(name) is None for name in _LEADS):
            raise QueryError(
                "unlike only leads away; say what to look for too: text, image, like, classes, colours or filter"
            )
        return QuestionParts(
            words=parse_text(text).asked,
            image=None if image is None else Example(image, limits=self._limits),
            terms=terms,
            liked=liked,
            unliked=unliked,
            classes=_class_weights(options.get("classes")),
        )

    def _calibrated(self, legs: Sequence[VectorLeg], *, alone: bool) -> tuple[VectorLeg, ...]:
        """Return the legs with how their cosines are read: from where on words are resembled, or that all are near."""
        if not alone:
            return tuple(replace(leg, nearest=True) for leg in legs)
        read: list[VectorLeg] = []
        for leg in legs:
            key = leg.field.rpartition(".")[2]
            spec, tower = self._embedders.specs[key], self._embedders.load(key)
            found = self.cosines.resemblance(key, spec=spec, tower=tower, vector=leg.vector)
            read.append(replace(leg, resemblance=found))
        return tuple(read)

    def _resolved(self, term: Weighted) -> Weighted:
        """Return a term with its picture read or looked up."""
        if term.kind == "stored":
            return replace(term, value=StoredExample(*self.find(term.value, vectors=True)))
        return replace(term, value=Example(term.value, limits=self._limits)) if term.kind == "image" else term

    def _stored(self, option: Literal["like", "unlike"], options: SearchOptions) -> tuple[StoredExample, ...]:
        named = options.get(option)
        if named is None:
            return ()
        many = [named] if isinstance(named, str | os.PathLike) else named
        if not isinstance(many, Iterable) or not all(isinstance(each, str | os.PathLike) for each in many):
            raise QueryError(f"{option} is the id or path of a stored picture, or several (got {named!r:.60})")
        found = (StoredExample(*self.find(each, vectors=True)) for each in many)
        return tuple({each.id: each for each in found}.values())

    def _check_liked(self, liked: Sequence[StoredExample], keys: Sequence[str]) -> None:
        if all(each.vector(key) is None for each in liked for key in keys):
            names = " or ".join(repr(self._embedders.specs[key].name) for key in keys)
            remedy = Call("HybridIndex.add_embedder") + " makes those that lack"
            raise QueryError(f"no picture in like has a vector of {names}", remedy=remedy)

    def _by_key(self, of_legs: Any) -> Any:
        """Return what is given for legs with those of vectors under their keys, whether named by key or embedder."""
        if not isinstance(of_legs, Mapping):
            return of_legs
        specs = self._embedders.specs
        keys = {name: f"vector:{key}" for key, name in leg_names(specs).items()}
        keys |= {f"vector:{spec.name}": f"vector:{key}" for key, spec in specs.items()}
        return {keys.get(name, name): value for name, value in of_legs.items()}

    def _key(self, name: str) -> str:
        return name if name in self._embedders.specs else self._embedders.key(name)

    def _vectors(self, vector: ArrayLike | Mapping[str, ArrayLike], chosen: Sequence[str]) -> dict[str, ArrayLike]:
        if isinstance(vector, Mapping):
            by_key = {self._key(name): values for name, values in vector.items()}
            if chosen and not by_key.keys() <= set(chosen):
                raise QueryError("vector has vectors of embedders that embedder=… does not name")
            return by_key
        if len(chosen) > 1:
            raise QueryError("vector is of one embedder; for several, give a mapping of each one's name to its vector")
        return {chosen[0] if chosen else self._embedders.default: vector}

    def _colours(
        self, colours: str, chosen: tuple[str, ...], vectors: dict[str, ArrayLike], *, beside_words: bool
    ) -> tuple[tuple[str, ...], dict[str, ArrayLike]]:
        """Return the basic colours that hits have, and the vectors with that of an embedder of colours.

        Where the index measures colours, an embedder that is not named is asked for a colour that is no basic one, and
        where there are no words: beside words it would rank what has the colour alone above what is asked. It has to
        be known by its name; others would be loaded only to be asked.
        """
        terms = palette_terms(colours)
        if not has_colours(field_types(self._definition)):
            return (), colour_vector(colours, self._embedders, chosen=chosen, taken=vectors)
        specs = self._embedders.specs
        keys = chosen or tuple(key for key in self._embedders.images() if specs[key].name.startswith("colour:"))
        if keys and (chosen or not beside_words or not all(terms)):
            vectors = colour_vector(colours, self._embedders, chosen=keys, taken=vectors)
        elif not all(terms):
            raise no_such_colour(colours)
        return tuple(filter(None, terms)), vectors

    def _left_out(self, weights: Mapping[str, float] | None) -> tuple[str, ...]:
        given = weights if isinstance(weights, Mapping) else {}
        return tuple(key for key in self._embedders.specs if given.get(f"vector:{key}", given.get("vector", 1)) == 0)

    def key_for_words(self) -> str:
        """Return the key of the first embedding of pictures that has vectors for words, else that of the default."""
        return next(
            (key for key in self._embedders.images() if self._embedders.specs[key].embeds_text), self._embedders.default
        )

    def find(self, named: str | os.PathLike[str], *, vectors: bool = False) -> tuple[str, dict[str, Any]]:
        """Return id and source of the document with this id, or of the one at this path.

        Raises
        ------
        DocumentNotFound
            When there is neither.
        """
        id_or_path = os.fspath(named)
        try:
            id_or_path.encode("utf-8")
        except UnicodeEncodeError:
            raise DocumentNotFound(id_or_path) from None
        try:
            return id_or_path, self._backend.get(id_or_path, vectors=vectors)
        except DocumentNotFound:
            path = id_or_path if "://" in id_or_path else os.path.abspath(os.path.expanduser(id_or_path))
            for id, _ in self._backend.scan({"term": {"path": path}}, fields=("path",)):
                return id, self._backend.get(id, vectors=vectors)
            raise


def _signature_leg(sought: QuestionParts) -> SignatureLeg | None:
    """Return the leg of near-identity: to the example, else to the only picture that is liked."""
    signature = sought.liked[0].source.get("signature") if len(sought.liked) == 1 else None
    if sought.image is not None:
        signature = sought.image.signature
    return None if signature is None else SignatureLeg(np.asarray(signature, np.int8))


def _names(embedder: str | Sequence[str] | None) -> tuple[str, ...]:
    names = [embedder] if isinstance(embedder, str) else embedder or ()
    if not isinstance(names, Iterable) or not all(isinstance(name, str) for name in names):
        raise QueryError(f"embedder is the name of an embedder of the index, or several (got {embedder!r:.60})")
    return tuple(dict.fromkeys(names))


def _class_weights(classes: Mapping[str, float] | None) -> dict[str, float]:
    if not isinstance(classes, Mapping | None):
        raise QueryError(f"classes says how much of each, such as {{'dog': 2, 'grass': -1}} (got {classes!r:.60})")
    for name, weight in (classes or {}).items():
        fits = isinstance(name, str) and isinstance(weight, int | float) and abs(weight) <= sys.float_info.max
        if not fits:
            raise QueryError(f"the weight of class {name!r} is a finite number (got {weight!r:.60})")
    return {name: float(weight) for name, weight in (classes or {}).items() if weight}
