"""The query vectors of a question: one for each embedding that it searches, made of all that was asked in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid_search.document.definition import EmbeddingSpec
from hybrid_search.document.index_embedders import EmbedderSet
from hybrid_search.embedders import Classifier, ColourQuery
from hybrid_search.embedders.cosine_baseline import cosine_range
from hybrid_search.errors import (
    BadVector,
    EmbedderError,
    EmbedderMismatch,
    LegUnavailable,
    QueryError,
    TextNotSupported,
    UnknownClass,
)
from hybrid_search.errors.remedies import Call
from hybrid_search.query.legs import leg_names
from hybrid_search.query.query import VectorLeg, unit
from hybrid_search.query.relevance_feedback import rocchio
from hybrid_search.query.vector_sum import Weighted, add_up

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from hybrid_search.document.picture import PreparedPicture
    from hybrid_search.images import ImageLike, Limits


class Example:
    """A picture that is asked with, read once and decoded once for all embedders that need no more of its pixels.

    Parameters
    ----------
    image : ImageLike
        The picture.
    limits : Limits
        The largest that is accepted.
    """

    def __init__(self, image: ImageLike, *, limits: Limits) -> None:
        from hybrid_search.images import read_source

        self._source = read_source(image, limits=limits)
        self._limits = limits
        self._prepared: dict[int, PreparedPicture] = {}

    @property
    def signature(self) -> NDArray[np.int8]:
        """Its signature, (648,) int8: of the pixels that the first embedder saw, as a stored picture's is."""
        return (next(iter(self._prepared.values()), None) or self.prepared()).signature

    def prepared(self, min_side: int = 0) -> PreparedPicture:
        """Return the picture with pixels enough for an embedder that needs `min_side` of them."""
        from hybrid_search.document.picture import prepare
        from hybrid_search.signature.goldberg import SIGNATURE_MIN_SIDE

        enough = max(min_side, SIGNATURE_MIN_SIDE)
        if enough not in self._prepared:
            self._prepared[enough] = prepare(self._source, min_side=enough, limits=self._limits)
        return self._prepared[enough]


@dataclass(frozen=True, eq=False)
class StoredExample:
    """A stored picture that a question names: its id, and its fields with their vectors."""

    id: str
    source: Mapping[str, Any] = field(repr=False)

    def vector(self, key: str) -> NDArray[Any] | None:
        """Return its vector of one embedding, (dims,), None when it has none."""
        vector = self.source.get("embedding", {}).get(key)
        return None if vector is None else np.asarray(vector)


@dataclass(frozen=True, eq=False)
class QuestionParts:
    """All of a question that can have a vector.

    Parameters
    ----------
    words : str
        What is to be found in words, without what is excluded.
    image : Example or None
        A picture to be near to.
    vectors : mapping of str to array
        Vectors made elsewhere, by the key of their embedding.
    terms : tuple of Weighted
        A sum; the value of a picture's term is an `Example`, that of a stored picture's a `StoredExample`.
    liked, unliked : tuple of StoredExample
        Stored pictures to move towards, and away from.
    classes : mapping of str to float
        How much more, or less, of which classes.
    """

    words: str = ""
    image: Example | None = None
    vectors: Mapping[str, ArrayLike] = field(default_factory=dict)
    terms: tuple[Weighted, ...] = ()
    liked: tuple[StoredExample, ...] = ()
    unliked: tuple[StoredExample, ...] = ()
    classes: Mapping[str, float] = field(default_factory=dict)

    def asks(self, key: str, spec: EmbeddingSpec) -> bool:
        """Tell whether something in it has a vector of this embedding."""
        return bool(
            (self.words and spec.embeds_text)
            or (self.image and spec.of == "image")
            or key in self.vectors
            or self.terms
            or self.classes
            or any(each.vector(key) is not None for each in self.liked)
        )

    @property
    def is_words_alone(self) -> bool:
        """Whether words are all that is asked, which other legs may answer as well."""
        return bool(self.words) and not (self.image or self.vectors or self.terms or self.classes or self.liked)


def vector_legs(
    sought: QuestionParts,
    embedders: EmbedderSet,
    *,
    chosen: Sequence[str] = (),
    left_out: Sequence[str] = (),
) -> tuple[tuple[VectorLeg, ...], tuple[LegUnavailable, ...]]:
    """Return a leg for each embedding in which something that is asked has a vector, and those that cannot run.

    Where an embedder cannot be loaded that nobody named, and that is asked for words alone, other legs answer in its
    place.

    Parameters
    ----------
    sought : QuestionParts
        What is asked.
    embedders : EmbedderSet
        The embedders of the index; one is loaded only when something is to be embedded by it.
    chosen : sequence of str
        Keys of the embeddings to search, with all that is asked. By default pictures, vectors, sums and classes go to
        the default embedding; words go there too if it has a vector for words, else to the first that has; and to all
        embeddings of what is written about pictures. Only these have a vector for a sum of words where no embedder of
        pictures has one.
    left_out : sequence of str
        Keys of embeddings that do not count, so that nothing is embedded for them.

    Raises
    ------
    TextNotSupported, QueryError
        When a term of a sum has no vector in an embedding, or no embedder knows classes.
    UnknownClass
        When a class is unknown to the embedder.
    BadVector
        When a vector does not fit, or a sum comes to nothing.
    LegUnavailable, EmbedderMismatch
        When an embedder cannot be loaded that was named, or is asked for more than words.
    """
    parts = {key: sought for key in chosen} if chosen else _by_default(sought, embedders)
    parts = {key: part for key, part in parts.items() if part.asks(key, embedders.specs[key])}
    if sought.image and not any(embedders.specs[key].of == "image" for key in chosen or embedders.images()):
        raise QueryError(
            f"{_named(chosen, embedders)} embeds what is written about pictures; a picture has no vector there"
        )
    names = leg_names(embedders.specs) if len(parts) > 1 else dict.fromkeys(parts, "vector")
    embedded = {key: _Embedding(embedders, key, leg=names[key]) for key in parts}
    if sought.classes and not any(embedded[key].classifies for key, part in parts.items() if part.classes):
        raise QueryError(
            f"classes need an embedder that classifies or knows words; {_named(parts, embedders)} does neither",
            remedy=Call("HybridIndex.add_embedder", ("lite",)) + " adds one that does",
        )
    legs, unavailable = list[VectorLeg](), list[LegUnavailable]()
    for key, part in parts.items():
        try:
            leg = None if key in left_out else embedded[key].leg_of(part)
        except (LegUnavailable, EmbedderMismatch) as error:
            if chosen or not part.is_words_alone:
                raise
            unavailable.append(embedded[key].unavailable(error))
            continue
        legs += [leg] if leg is not None else []
    return tuple(legs), tuple(unavailable)


def colour_vector(
    colours: str,
    embedders: EmbedderSet,
    *,
    chosen: Sequence[str] = (),
    taken: Mapping[str, ArrayLike] | None = None,
) -> dict[str, ArrayLike]:
    """Return given vectors, by the key of their embedding, and beside them that of a palette.

    Parameters
    ----------
    colours : str
        Such as "#c00" or "#c00:3,white:1".
    embedders : EmbedderSet
        The embedders of the index: the first that can be asked for colours is.
    chosen : sequence of str
        Keys of the only embeddings that may be asked.
    taken : mapping of str to array, optional
        Vectors that are asked already.

    Raises
    ------
    QueryError
        When a colour or a share cannot be read, no embedder can be asked for colours, or that which can is asked for
        a vector already.
    """
    keys = [key for key in chosen or embedders.images() if embedders.specs[key].of == "image"]
    # those that say so by their name first: the others would be loaded only to be asked
    for key in sorted(keys, key=lambda key: not embedders.specs[key].name.startswith("colour")):
        embedder = embedders.load(key)
        if isinstance(embedder, ColourQuery):
            if key in (taken or {}):
                raise QueryError(f"colours and vector are both of {embedders.specs[key].name!r}; give one of them")
            return {**(taken or {}), key: embedder.embed_colours([colours])[0]}
    remedy = Call("HybridIndex.add_embedder", ("colour:lab",)) + " adds an embedder that can"
    raise QueryError(f"{_named(chosen or list(embedders.specs), embedders)} cannot be asked for colours", remedy=remedy)


def _by_default(sought: QuestionParts, embedders: EmbedderSet) -> dict[str, QuestionParts]:
    """Return what each embedding is asked when none is named."""
    default, specs = embedders.default, embedders.specs
    for_words = next((key for key in embedders.images() if specs[key].embeds_text), None)
    parts = {default: replace(sought, words="")}
    if any(term.kind == "text" for term in sought.terms) and for_words is not None:
        parts[default] = replace(parts[default], terms=())
        parts[for_words] = replace(parts.get(for_words, QuestionParts()), terms=sought.terms)
    elif embedders.captions() and sought.terms and all(term.kind == "text" for term in sought.terms):
        parts[default] = replace(parts[default], terms=())
        parts |= {key: QuestionParts(terms=sought.terms) for key in embedders.captions()}
    for key in (*((for_words,) if for_words else ()), *embedders.captions()):
        parts[key] = replace(parts.get(key, QuestionParts()), words=sought.words)
    for key, vector in sought.vectors.items():
        parts[key] = replace(parts.get(key, QuestionParts()), vectors={key: vector})
    return parts


def _named(keys: Sequence[str] | Mapping[str, Any], embedders: EmbedderSet) -> str:
    return " and ".join(repr(embedders.specs[key].name) for key in keys)


class _Embedding:
    """What one embedding makes of a question."""

    def __init__(self, embedders: EmbedderSet, key: str, *, leg: str) -> None:
        self._embedders = embedders
        self._key = key
        self._leg = leg
        self._spec = embedders.specs[key]

    @cached_property
    def _embedder(self) -> Any:
        return self._embedders.load(self._key)

    @property
    def classifies(self) -> bool:
        """Whether it knows classes, or has vectors for their names."""
        with self._loading():
            return self._names_classes or isinstance(self._embedder, Classifier)

    @property
    def _names_classes(self) -> bool:
        return self._spec.embeds_text and self._spec.of == "image"

    def leg_of(self, sought: QuestionParts) -> VectorLeg | None:
        """Return the leg of what is asked, None when nothing of it has a vector here.

        Raises
        ------
        LegUnavailable, EmbedderMismatch
            When the embedder cannot be loaded, or is another version by now.
        """
        with self._loading():
            vector = self.vector_of(sought)
        if vector is None:
            return None
        words = bool(sought.words) and self._spec.embeds_text
        of = self._spec.of
        unrelated, related = (words and of == "caption" and cosine_range(self._embedder, vector)) or (None, 1.0)
        field = f"embedding.{self._key}"
        return VectorLeg(field, vector, name=self._leg, words=words, of=of, unrelated=unrelated, related=related)

    def unavailable(self, error: LegUnavailable | EmbedderMismatch) -> LegUnavailable:
        """Return what is told of a leg that cannot run, without the frames that the error itself holds on to."""
        cure = error.cure if isinstance(error, LegUnavailable) else error.remedy
        return LegUnavailable(self._leg, self._spec.name, error.data.get("reason", error.message), cure)

    @contextmanager
    def _loading(self) -> Iterator[None]:
        try:
            yield
        except EmbedderError as error:
            raise LegUnavailable(self._leg, self._spec.name, error.message, error.remedy) from error

    def vector_of(self, sought: QuestionParts) -> NDArray[Any] | None:
        """Return the query vector, (dims,) of any length; None when nothing asked has one here.

        What is asked is added up, each part at unit length; then moved by relevance feedback; then towards classes.
        """
        made = [
            self._given(sought.vectors[self._key]) if self._key in sought.vectors else None,
            self._image(sought.image) if sought.image and self._spec.of == "image" else None,
            add_up(sought.terms, self._term) if sought.terms else None,
            self._words(sought.words) if sought.words and self._spec.embeds_text else None,
        ]
        moved = rocchio(
            _together([vector for vector in made if vector is not None]),
            liked=[vector for each in sought.liked if (vector := each.vector(self._key)) is not None],
            unliked=[vector for each in sought.unliked if (vector := each.vector(self._key)) is not None],
        )
        return self._towards(sought.classes, moved) if sought.classes else moved

    def _image(self, example: Example) -> NDArray[np.float32]:
        return np.asarray(self._embedder.embed_images([example.prepared(self._embedder.min_side).image])[0])

    def _words(self, words: str) -> NDArray[np.float32] | None:
        vector = np.asarray(self._embedder.embed_texts([words])[0])
        # words that the embedder does not know may still be found as they stand
        return vector if vector.any() else None

    def _given(self, vector: ArrayLike) -> NDArray[Any]:
        try:
            values = np.asarray(vector)
        except ValueError:
            raise BadVector("its rows have different lengths") from None
        if values.shape != (self._spec.dims,):
            raise BadVector(f"the index has vectors of {self._spec.dims} dims, this one has shape {values.shape}")
        if values.dtype.kind not in "fiu":
            raise BadVector(f"its values are {values.dtype}, not numbers")
        if not np.isfinite(values).all():
            raise BadVector("it has values that are not finite")
        return values

    def _term(self, term: Weighted) -> NDArray[Any]:
        name = self._spec.name
        if term.kind == "vector":
            return self._given(term.value)
        if term.kind == "text":
            if not self._spec.embeds_text:
                raise TextNotSupported(name)
            return np.asarray(self._embedder.embed_texts([term.value])[0])
        if term.kind == "image":
            if self._spec.of != "image":
                raise QueryError(f"{name!r} embeds what is written about pictures; a picture has no vector there")
            return self._image(term.value)
        vector: NDArray[Any] | None = term.value.vector(self._key)
        if vector is None:
            raise QueryError(
                f"picture {term.value.id!r} has no vector of {name!r}",
                remedy=Call("HybridIndex.add_embedder", (name,)) + " gives one to every picture that lacks it",
            )
        return vector

    def _towards(self, classes: Mapping[str, float], start: NDArray[Any] | None) -> NDArray[Any] | None:
        """Return a vector moved by so many unit steps along each class's row, from nowhere where there is no start.

        To weigh each component by the row, as is done with features that a classifier takes, moves a query hardly at
        all where embeddings have been centred: of the ten best in Caltech101 by `split.txt`, 0.5 % are then of another
        class that is asked for, 30 % after a step of 1, 65 % after one of 2.
        """
        if not self.classifies:
            return start
        steps = np.sum([weight * unit(self._direction(name)) for name, weight in classes.items()], axis=0)
        return np.asarray(steps if start is None else unit(start) + steps)

    def _direction(self, name: str) -> NDArray[np.float32]:
        """Return the row of a class, (dims,), or where the classifier has none the vector of the word itself."""
        try:
            if isinstance(self._embedder, Classifier):
                return np.asarray(self._embedder.class_rows([name])[0], np.float32)
        except UnknownClass:
            if not self._names_classes:
                raise
        vector = np.asarray(self._embedder.embed_texts([name])[0])
        if not vector.any():
            raise UnknownClass(name, ())
        return vector


def _together(vectors: Sequence[NDArray[Any]]) -> NDArray[Any] | None:
    if len(vectors) < 2:
        return vectors[0] if vectors else None
    return np.asarray(np.sum([unit(vector) for vector in vectors], axis=0))
