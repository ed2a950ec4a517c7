"""The embedders of one index: which there are, which is meant, and each loaded only when it is needed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from threading import RLock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, cast

from hybrid_search.document.definition import CAPTION, EmbeddingSpec, check, default_embedding, embeddings, spec_of
from hybrid_search.errors import EmbedderError, EmbedderMismatch, UnknownEmbedder
from hybrid_search.errors.inputs import did_you_mean
from hybrid_search.errors.remedies import Call, Remedy

if TYPE_CHECKING:
    from hybrid_search.embedders import Embedder, TextEmbedder

    Loaded = Embedder | TextEmbedder

Asked = Literal["open", "search", "drop", "prefer", "learn"]
"""What an embedder of an index is asked for."""


class EmbedderSet:
    """The embedders of one index: the one place that knows which they are, and that loads them.

    What works with some of them is given `for_images` or `for_captions`, and loads none itself: `PictureEmbedding` and
    `CaptionEmbedding` of `ingest` put batches through them.

    Parameters
    ----------
    definition : mapping
        Settings and mappings of the index.
    given : mapping of name to Embedder or TextEmbedder
        Embedders that the caller has loaded already, by the name that the index keeps.
    default : str, optional
        The key of the embedding of pictures to use where none is named; by default what the index says.

    Examples
    --------
    >>> from hybrid_search.document.definition import load_definition
    >>> words = EmbeddingSpec("caption:minilm", "1", 384, embeds_text=True, of="caption")
    >>> specs = {"words": words, "lite": EmbeddingSpec("lite", "1", 1280)}
    >>> held = EmbedderSet(load_definition(embeddings=specs))
    >>> held.default, held.images(), held.captions(), held.key("caption:minilm")
    ('lite', ('lite',), ('words',), 'words')
    """

    def __init__(
        self, definition: Mapping[str, Any], *, given: Mapping[str, Loaded] | None = None, default: str | None = None
    ) -> None:
        held = embeddings(definition)
        self._definition = definition
        self._chosen = default
        self._default = default or default_embedding(definition)
        self._specs = MappingProxyType({self._default: held[self._default], **held})
        self._given = dict(given or {})
        self._loaded: dict[str, Loaded] = {}
        self._lock = RLock()

    @property
    def specs(self) -> Mapping[str, EmbeddingSpec]:
        """What made the vectors of each field, by its leaf under `embedding`; the default first."""
        return self._specs

    @property
    def default(self) -> str:
        """The key of the embedding of pictures that is used where none is named."""
        return self._default

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all embedders, the default first."""
        return tuple(spec.name for spec in self._specs.values())

    def images(self) -> tuple[str, ...]:
        """Return the keys of the embeddings of pictures, the default first."""
        return tuple(key for key, spec in self._specs.items() if spec.of == "image")

    def captions(self) -> tuple[str, ...]:
        """Return the keys of the embeddings of what is written about pictures."""
        return tuple(key for key, spec in self._specs.items() if spec.of == "caption")

    def key(self, name: str | None = None, *, asked: Asked = "search") -> str:
        """Return the key of an embedder by its name, or that of the default.

        Parameters
        ----------
        name : str, optional
        asked : {"open", "search", "drop", "prefer", "learn"}
            What for; the error says what helps there.

        Raises
        ------
        EmbedderMismatch
            When the index has no vectors of it; says what the index has, and how to add them.
        """
        return self._default if name is None else self.keys([name], asked=asked)[0]

    def keys(self, names: Sequence[str], *, asked: Asked = "search") -> list[str]:
        """Return the keys of embedders by their names; all that are missing are named together, raises as `key`."""
        found: list[str] = []
        missing: dict[str, EmbeddingSpec | EmbedderError] = {}
        for name in names:
            key = self._named(name)
            if key is None:
                # options may be written in any order, and some are no part of the name: the embedder knows its own
                try:
                    known, embedder = self._by_name(name)
                except EmbedderError as error:
                    missing[name] = error
                    continue
                key = self._named(known.name)
                if key is None:
                    missing[name] = known
                else:
                    self._given.setdefault(known.name, embedder)
            found += [] if key is None else [key]
        if missing:
            held = [spec for spec in self._specs.values() if asked != "learn" or spec.of == "image"]
            raise _not_held(held, missing, asked)
        return found

    def holds(self, name: str) -> bool:
        """Tell whether an embedder has this name, or this key; nothing is loaded to find out."""
        return name in self._specs or self._named(name) is not None

    def load(self, key: str) -> Loaded:
        """Return an embedder by its key, loaded at its first use and checked against what made the vectors.

        Raises
        ------
        EmbedderMismatch
            When it is another version by now, or is not known any more.
        EmbedderError
            When it cannot be loaded.
        """
        with self._lock:
            if key not in self._loaded:
                embedder = self._found(self._specs[key])
                check(self._definition, key, spec_of(embedder, of=self._specs[key].of))
                self._loaded[key] = embedder
            return self._loaded[key]

    def image(self, key: str | None = None) -> Embedder:
        """Return the embedder of pictures of this key, or the default one, as `load` does."""
        key = self._default if key is None else key
        if self._specs[key].of != "image":
            written = f"what is written about pictures, by {self._specs[key].name!r}"
            raise EmbedderMismatch(written, "pictures", "name another for pictures themselves", "not of")
        return cast("Embedder", self.load(key))

    def for_images(self) -> Mapping[str, Embedder]:
        """Return the embedders of pictures by their keys, the default first, each loaded when it is first asked for."""
        return cast("Mapping[str, Embedder]", _Lazily(self, self.images()))

    def for_captions(self) -> Mapping[str, TextEmbedder]:
        """Return what embeds what is written about pictures by its keys, each loaded when it is first asked for."""
        return cast("Mapping[str, TextEmbedder]", _Lazily(self, self.captions()))

    def renewed(
        self,
        definition: Mapping[str, Any],
        *,
        given: Mapping[str, Loaded] | None = None,
        default: str | None = None,
    ) -> EmbedderSet:
        """Return the embedders of the index as it is now; those that are loaded, and not `given` anew, are kept."""
        with self._lock:
            loaded = {self._specs[key].name: embedder for key, embedder in self._loaded.items()}
        chosen = default or self._chosen
        kept = chosen if chosen in embeddings(definition) else None
        return EmbedderSet(definition, given={**self._given, **loaded, **(given or {})}, default=kept)

    def _by_name(self, name: str) -> tuple[EmbeddingSpec, Loaded]:
        """Return an embedder with what it says of itself; raises EmbedderError."""
        if name in self._given:
            given = self._given[name]
            return spec_of(given, of="caption" if name.startswith(CAPTION) else "image"), given
        return load_named(name)

    def _found(self, spec: EmbeddingSpec) -> Loaded:
        if spec.name in self._given:
            return self._given[spec.name]
        try:
            return load_named(spec.name)[1]
        except UnknownEmbedder as error:
            remedy = "pass it as `embedder`, or remove it by " + Call("HybridIndex.drop_embedder", (spec.name,))
            raise EmbedderMismatch(str(spec), f"none of that name ({error})", remedy) from error

    def _named(self, name: str) -> str | None:
        exact = next((key for key, spec in self._specs.items() if spec.name == name), None)
        return exact if exact is not None or ":" not in name else self._named_whole(name)

    def _named_whole(self, name: str) -> str | None:
        from hybrid_search.embedders.registry import whole_name

        caption = CAPTION if name.startswith(CAPTION) else ""
        whole = caption + whole_name(name.removeprefix(CAPTION))
        return next((key for key, spec in self._specs.items() if spec.name == whole), None)


def spec_of_given(embedder: Loaded) -> EmbeddingSpec:
    """Return what an index keeps of an embedder that a caller gave: one that embeds texts alone is for captions."""
    return spec_of(embedder, of="image" if hasattr(embedder, "embed_images") else "caption")


class _Lazily(Mapping[str, Any]):
    """Embedders by their keys, each loaded when it is first asked for."""

    def __init__(self, embedders: EmbedderSet, keys: Sequence[str]) -> None:
        self._embedders, self._keys = embedders, keys

    def __getitem__(self, key: str) -> Loaded:
        if key not in self._keys:
            raise KeyError(key)
        return self._embedders.load(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


def load_named(name: str) -> tuple[EmbeddingSpec, Loaded]:
    """Return an embedder by the name that an index keeps, "caption:NAME" for what embeds texts, with what it keeps.

    Raises
    ------
    EmbedderError
        When there is none of this name, or it cannot be loaded.
    """
    from hybrid_search.embedders.registry import get_embedder, get_text_embedder

    if name.startswith(CAPTION):
        tower = get_text_embedder(name.removeprefix(CAPTION))
        return spec_of(tower, of="caption"), tower
    embedder = get_embedder(name)
    return spec_of(embedder), embedder


def _not_held(
    held: Collection[EmbeddingSpec], missing: Mapping[str, EmbeddingSpec | EmbedderError], asked: Asked
) -> EmbedderMismatch:
    """Return the error of embedders that an index does not hold, by name, with what is known of each."""
    opened = asked == "open"
    holds = _listed([(spec.name, spec.dims if opened else 0) for spec in held])
    lacks = _listed(
        [(name, spec.dims if opened and isinstance(spec, EmbeddingSpec) else 0) for name, spec in missing.items()]
    )
    failure = next((each for each in missing.values() if isinstance(each, EmbedderError)), None)
    relation = "it was opened with" if opened else "not of"
    return EmbedderMismatch(holds, lacks, _remedy(held, list(missing), failure, asked), relation)


def _remedy(
    held: Collection[EmbeddingSpec], names: Sequence[str], failure: EmbedderError | None, asked: Asked
) -> Remedy | str:
    known, close = {spec.name for spec in held}, dict[str, None]()
    instead = "open it with what it holds" if asked == "open" else "name one that it holds"
    if failure is not None:
        close = dict.fromkeys(match for name in names for match in get_close_matches(name, known, n=2))
    if isinstance(failure, UnknownEmbedder):
        close |= dict.fromkeys(match for match in failure.close_matches if asked == "open" or match in known)
    calls = (Call("HybridIndex.add_embedder", (name,)) for name in names)
    adding = Remedy(tuple(part for call in calls for part in (" and ", call))[1:])
    remedy: Remedy | str
    if asked == "drop":
        remedy = "so there is nothing to remove"
    elif isinstance(failure, UnknownEmbedder):
        remedy = f"{failure.problem or f'there is no embedder {failure.name!r} at all'}; {instead}"
    elif failure is not None:
        cure = "; " + failure.remedy if failure.remedy else failure.remedy
        remedy = failure.message + cure + f"; or {instead}"
    elif asked == "prefer":
        remedy = adding + " adds it, " + Call("HybridIndex.prefer_embedder", (names[0],)) + " makes it the default"
    else:
        remedy = adding + f" adds such; or {instead}"
    return remedy + f".{did_you_mean(list(close))}" if close else remedy


def _listed(named: Sequence[tuple[str, int]]) -> str:
    """Return names in quotes, with dims where they are told."""
    each = " and ".join(f"{name!r} ({dims} dims)" if dims else repr(name) for name, dims in named)
    return f"{'embedder' if len(named) == 1 else 'embedders'} {each}" if named else "no embedder"
