"""Settings above or below a number: "ISO over 800", "under 35 mm", "at least 400 ISO"."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from hybrid_search.query.understood.model import Meaning, TypedWord, any_of
from hybrid_search.query.understood.vocabulary import IndexVocabulary

_BOUNDS: Mapping[str, str] = {
    **dict.fromkeys(("over", "above", "more than", "higher than", "longer than", "uber", ">"), "gt"),
    **dict.fromkeys(("under", "below", "less than", "lower than", "shorter than", "unter", "<"), "lt"),
    **dict.fromkeys(("at least", "mindestens", ">="), "gte"),
    **dict.fromkeys(("at most", "up to", "hochstens", "<="), "lte"),
}
_SAID = {"gt": "above", "lt": "below", "gte": "of at least", "lte": "of at most"}
_ISO = re.compile(r"iso ?([0-9]{2,7})|([0-9]{2,7}) iso")
_LENGTH = re.compile(r"([0-9]{1,4}) ?mm")
_LONGEST = 4
"""Words: "iso at least 800"."""


def bounded_setting(words: Sequence[TypedWord], at: int, vocabulary: IndexVocabulary) -> Meaning | None:
    """Return the meaning of a bound of the ISO or the focal length, without a clause where no picture fits.

    Examples
    --------
    >>> from hybrid_search.query.understood.typed_words import typed_words
    >>> known = IndexVocabulary(numbers={"iso": (100.0, 3200.0)})
    >>> bounded_setting(typed_words("ISO over 800"), 0, known).text
    'taken at an ISO above 800'
    """
    for end in range(min(len(words), at + _LONGEST), at + 1, -1):
        if any(each.literal for each in words[at:end]):
            continue
        text = [each.word or each.text for each in words[at:end]]
        for start in (0, 1):
            for length in (2, 1):
                bound = _BOUNDS.get(" ".join(text[start : start + length]))
                rest = " ".join([*text[:start], *text[start + length :]])
                meaning = _meaning(bound, rest, end - at, vocabulary) if bound else None
                if meaning and (start == 0 or text[0] == "iso"):
                    return meaning
    return None


def _meaning(bound: str, rest: str, length: int, vocabulary: IndexVocabulary) -> Meaning | None:
    iso, focal = _ISO.fullmatch(rest), _LENGTH.fullmatch(rest)
    if iso is None and focal is None:
        return None
    number = int((iso[1] or iso[2]) if iso else focal[1] if focal else 0)
    names = ("iso",) if iso else ("focal_length", "focal_length_35mm")
    fitting = [name for name in names if _has(name, bound, number, vocabulary)]
    clauses = [{"range": {name: {bound: number}}} for name in fitting]
    said = f"taken at an ISO {_SAID[bound]} {number}" if iso else f"taken at a focal length {_SAID[bound]} {number} mm"
    return Meaning(length, said, any_of(clauses) if clauses else None)


def _has(name: str, bound: str, number: int, vocabulary: IndexVocabulary) -> bool:
    """Tell whether a picture may have a value within a bound."""
    below, above = {
        "gt": (number + 1e-6, 1e9),
        "gte": (number, 1e9),
        "lt": (0, number - 1e-6),
        "lte": (0, number),
    }[bound]
    return vocabulary.between(name, below, above)
