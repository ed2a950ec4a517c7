"""Text to tokens: the analysers and normalisers of an index's settings, made of tantivy's parts."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache, reduce
from typing import TYPE_CHECKING, Any

from hybrid_search.errors import MappingMismatch

if TYPE_CHECKING:
    import tantivy

_WORD = r"[\p{Alphabetic}\p{M}\p{Nd}_--[\p{Han}\p{Hiragana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]]"
_LETTER = r"[\p{Alphabetic}\p{M}_--[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]]"
_JOINED = rf"(?:{_LETTER}(?:[.'’:·]{_LETTER})+|\p{{Nd}}(?:[.,;'’]\p{{Nd}})+)"
TOKENS = (
    r"[\p{Han}\p{Hiragana}]"
    rf"|(?:{_WORD}*{_JOINED})+{_WORD}*|{_WORD}+"
    r"|[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]+"
    r"|\p{Extended_Pictographic}"
)
"""The words of Unicode's UAX #29 as Lucene's standard tokenizer finds them, to a close approximation."""

_BUILT_IN: dict[str, dict[str, Any]] = {
    "standard": {"tokenizer": "standard", "filter": ["lowercase"]},
    "whitespace": {"tokenizer": "whitespace", "filter": []},
    "keyword": {"tokenizer": "keyword", "filter": []},
    "simple": {"tokenizer": "letter", "filter": ["lowercase"]},
    "stop": {"tokenizer": "letter", "filter": ["lowercase", "stop"]},
    "english": {"tokenizer": "standard", "filter": ["lowercase", "stop", {"type": "stemmer", "language": "porter2"}]},
}
_STEMMERS = {"english": "english", "porter2": "english", "light_english": "english"} | {
    name: name
    for name in (
        "arabic danish dutch finnish french german greek hungarian italian norwegian portuguese romanian russian "
        "spanish swedish tamil turkish"
    ).split()
}


class Analysis:
    """The named analysers and normalisers of `settings.analysis`, and the built-in ones.

    Parameters
    ----------
    settings : mapping
        The `settings` part of an index definition.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        inner = settings.get("index", {})
        self._parts = settings.get("analysis") or inner.get("analysis") or {}
        self._analyzers: dict[str, tantivy.TextAnalyzer] = {}
        self._halves: dict[str, tuple[tantivy.TextAnalyzer, tantivy.TextAnalyzer]] = {}
        self._normalizers: dict[str | None, Callable[[str], str]] = {None: str}
        self._kept_tokens = lru_cache(maxsize=512)(self._tokens)

    def analyzer(self, name: str) -> tantivy.TextAnalyzer:
        """Return an analyser; raises MappingMismatch for one that is not defined or has an unknown part."""
        if name not in self._analyzers:
            self._analyzers[name] = self._build(self._analyzer_spec(name))
        return self._analyzers[name]

    def tokens(self, name: str, text: str) -> list[tuple[int, str]]:
        """Return position and text of every token that an analyser makes of a text; a stop word leaves a gap.

        A search asks for each of its words in a dozen fields, which have three analysers.
        """
        return list(self._kept_tokens(name, text))

    def _tokens(self, name: str, text: str) -> tuple[tuple[int, str], ...]:
        if name not in self._halves:
            spec = self._analyzer_spec(name)
            split = self._build({"tokenizer": spec.get("tokenizer", "standard")})
            self._halves[name] = split, self._build({**spec, "tokenizer": "keyword"})
        split, change = self._halves[name]
        # tantivy 0.26 does not tell positions: one word is one position, whatever the filters make of it
        return tuple(
            (position, token) for position, word in enumerate(split.analyze(text)) for token in change.analyze(word)
        )

    def normalizer(self, name: str | None) -> Callable[[str], str]:
        """Return a keyword normaliser, a function of str; the identity for None."""
        if name not in self._normalizers:
            spec = self._parts.get("normalizer", {}).get(name) or (
                {"filter": ["lowercase"]} if name == "lowercase" else None
            )
            if spec is None:
                raise MappingMismatch("analysis", f"no normalizer {name!r}")
            steps = [self._normal_step(part) for part in spec.get("filter", ())]
            self._normalizers[name] = lambda text: reduce(lambda done, step: step(done), steps, text)
        return self._normalizers[name]

    def _analyzer_spec(self, name: str) -> Mapping[str, Any]:
        own = self._parts.get("analyzer", {}).get(name)
        spec = own or _BUILT_IN.get(name)
        if spec is None:
            raise MappingMismatch("analysis", f"no analyzer {name!r}")
        if own and own.get("type", "custom") != "custom":
            spec = _BUILT_IN.get(own["type"])
            if spec is None or len(own) > 1:
                raise MappingMismatch("analysis", f"analyzer {name!r} has a type or options that are not known")
        return dict(spec)

    def _build(self, spec: Mapping[str, Any]) -> tantivy.TextAnalyzer:
        from tantivy import TextAnalyzerBuilder, Tokenizer

        if spec.get("char_filter"):
            raise MappingMismatch("analysis", "char_filter is not known to the embedded backend")
        tokenizers: dict[str, Callable[[], tantivy.Tokenizer]] = {
            "standard": lambda: Tokenizer.regex(TOKENS),
            "whitespace": lambda: Tokenizer.regex(r"\S+"),
            "keyword": Tokenizer.raw,
            "letter": lambda: Tokenizer.regex(r"\p{L}+"),
        }
        name = spec.get("tokenizer", "standard")
        if name not in tokenizers:
            raise MappingMismatch("analysis", f"no tokenizer {name!r}; known: {', '.join(tokenizers)}")
        builder = TextAnalyzerBuilder(tokenizers[name]())
        for part in spec.get("filter", ()):
            builder = builder.filter(self._filter(part))
        return builder.build()

    def _spec(self, part: str | Mapping[str, Any]) -> Mapping[str, Any]:
        if not isinstance(part, str):
            return part
        own: Mapping[str, Any] | None = self._parts.get("filter", {}).get(part)
        return own or {"type": part}

    def _filter(self, part: str | Mapping[str, Any]) -> tantivy.Filter:
        from tantivy import Filter

        spec = self._spec(part)
        kind = spec.get("type")
        if kind == "lowercase":
            return Filter.lowercase()
        if kind == "asciifolding":
            return Filter.ascii_fold()
        if kind == "stop":
            words = spec.get("stopwords", "_english_")
            if isinstance(words, str):
                return Filter.stopword(words.strip("_"))
            return Filter.custom_stopword(list(words))
        if kind == "stemmer" and spec.get("language", "english") in _STEMMERS:
            return Filter.stemmer(_STEMMERS[spec.get("language", "english")])
        raise MappingMismatch("analysis", f"no token filter {spec!r}; known: lowercase, asciifolding, stop, stemmer")

    def _normal_step(self, part: str | Mapping[str, Any]) -> Callable[[str], str]:
        kind = self._spec(part).get("type")
        if kind == "lowercase":
            return _lower
        if kind == "asciifolding":
            return _fold
        raise MappingMismatch("analysis", f"no normalizer filter {kind!r}; known: lowercase, asciifolding")


def _lower(text: str) -> str:
    """Return a text in small letters, one for one as Lucene does; Python makes two of İ, and some Σ final."""
    return text.lower() if text.isascii() else text.replace("İ", "i").replace("Σ", "σ").lower()


def _fold(text: str) -> str:
    return "".join(part for part in unicodedata.normalize("NFKD", text) if not unicodedata.combining(part))
