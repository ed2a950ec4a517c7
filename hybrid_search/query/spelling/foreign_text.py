"""Texts in a language that the models of an index do not know."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from hybrid_search.document.definition import EmbeddingSpec
from hybrid_search.errors.remedies import Call, Remedy
from hybrid_search.query.spelling.dictionaries import ENGLISH, LANGUAGES, is_common, uses

_SCRIPTS = {
    "GREEK": "Greek",
    "CYRILLIC": "Russian or its kin",
    "HEBREW": "Hebrew",
    "ARABIC": "Arabic or its kin",
    "DEVANAGARI": "Hindi or its kin",
    "THAI": "Thai",
    "HANGUL": "Korean",
    "HIRAGANA": "Japanese",
    "KATAKANA": "Japanese",
    "CJK": "Chinese",
}
_ANY_LANGUAGE = Call("hybrid_search.embedders.hub.recommended_models.recommended", options={"language": "any"})
_REMEDY = Remedy(("a model from ", _ANY_LANGUAGE, " knows others"))
_WORD = re.compile(r"[^\W\d_]+")
_NOT_COUNTED = 0.5
"""What a word counts that a dictionary has, but never met in use: less than one that people use."""


@dataclass(frozen=True)
class ForeignText:
    """That a text is of a language which the models of the index do not know, and what helps.

    Parameters
    ----------
    language : str
        In English: "German".
    remedy : Remedy
        What finds it.
    """

    language: str
    remedy: Remedy = _REMEDY

    @property
    def problem(self) -> str:
        """What is wrong, without the remedy."""
        return f"this looks {self.language}, and the models of this index know English"

    def __str__(self) -> str:
        return f"{self.problem}; {self.remedy}"


def foreign_text(text: str, specs: Mapping[str, EmbeddingSpec]) -> ForeignText | None:
    """Return that a text is of another language than English, None where that is not known or where a model knows it.

    Parameters
    ----------
    text : str
    specs : mapping of str to EmbeddingSpec
        The embeddings of the index.
    """
    if not all(_is_english(spec) for spec in specs.values() if spec.embeds_text):
        return None
    language = language_of(text)
    return None if language in ("", "English") else ForeignText(language)


def language_of(text: str) -> str:
    """Return the language of a few words by the dictionaries that have them, or by their script; "" if unknown.

    A word that English has counts for English, so that nothing is said of "kindergarten".

    Examples
    --------
    >>> language_of("Hund"), language_of("perro en la nieve"), language_of("красная машина"), language_of("dog")
    ('German', 'Spanish', 'Russian or its kin', 'English')
    >>> language_of("gardn")
    ''
    """
    words = _WORD.findall(text)
    scripts = Counter(_SCRIPTS.get(unicodedata.name(letter, "").split(" ")[0], "") for letter in "".join(words))
    if scripts and (script := scripts.most_common(1)[0][0]):
        return "Japanese" if "Japanese" in scripts else script
    known = {language: sum(_counts(word, language) for word in words) for language in LANGUAGES}
    best = max(known.values(), default=0.0)
    if not best:
        return ""
    if known[ENGLISH] == best:
        return LANGUAGES[ENGLISH]
    return LANGUAGES[max(known, key=lambda language: (known[language], sum(uses(word, language) for word in words)))]


def _counts(word: str, language: str) -> float:
    return 1.0 if is_common(word, language) else _NOT_COUNTED if uses(word, language) else 0.0


def _is_english(spec: EmbeddingSpec) -> bool:
    """Tell whether an embedder of words is known to know English alone."""
    from hybrid_search.embedders.hub.recommended_models import RECOMMENDED

    english = {model.name for model in RECOMMENDED if model.languages == "English"}
    name = spec.name.removeprefix("caption:")
    return name in english or "minilm" in re.split(r"[+:]", name)
