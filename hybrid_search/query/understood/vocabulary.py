"""What an index can be asked by: its cameras, lenses, places, people, years and numbers, counted once per state."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from hybrid_search.document.definition import field_types
from hybrid_search.document.search_text import name_words
from hybrid_search.query.colour_clauses import has_colours
from hybrid_search.query.understood.ordinary_words import COMMON_CAMERA_WORDS, NAME_PARTICLES

if TYPE_CHECKING:
    from hybrid_search.backends import Backend

PLACES = ("place.city", "place.settlement", "place.sublocation", "place.region", "place.country")
TEXTS = (
    *("title_text", "caption_text", "headline_text", "alt_text", "tags_text", "people_text", "written_labels_text"),
    *("folder_text", "filename_text"),
)
"""What people wrote, whatever it names."""
NAMES = ("camera.make", "camera.model", "lens", *PLACES, "people")
NUMBERS = ("iso", "f_number", "exposure_time", "focal_length", "focal_length_35mm")
KINDS = ("format", "shape", "flash", "monochrome")
_MOST_NAMES, _MOST_NUMBERS, _MOST_KINDS = 5_000, 500, 100
"""Values of one field; all together stay below the 65,536 buckets that a server makes for one request."""
_LENGTH = re.compile(r"(?:(?<![0-9])([0-9]{1,4}) )?([0-9]{1,4})mm\b")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# what comes after a town's name and is no other town: Frankfurt am Main, New York City, Châlons-sur-Marne
_ADDITIONS = frozenset("am an auf bei city de del der do im in la les ob on over sous sur town under upon vor".split())

Named = tuple[str, str]
"""A field and one of its values, as the index has it."""


@dataclass(frozen=True)
class IndexVocabulary:
    """The values of an index by which parts of a text are understood.

    Parameters
    ----------
    whole : mapping of str to tuple of (field, value)
        Values by all their letters and digits.
    partial : mapping of str to tuple of (field, value)
        Values by a part that people name them by: "iphone" for "iPhone 12", "lena" for "Lena Sommer".
    years : tuple of int
        Years in which pictures were taken, ascending.
    numbers : mapping of str to tuple of float, or to None
        Values of numeric fields; None where there are too many to say that one is not among them.
    kinds : mapping of str to frozenset of str
        Formats and shapes, whether a flash fired, and whether there are pictures in black and white.
    texts : tuple of str
        The fields of what people wrote; an index that was made before one was thought of lacks it.
    colours : bool
        Whether the index measures how much of a picture has each colour.
    """

    whole: Mapping[str, tuple[Named, ...]] = field(default_factory=dict, repr=False)
    partial: Mapping[str, tuple[Named, ...]] = field(default_factory=dict, repr=False)
    years: tuple[int, ...] = ()
    numbers: Mapping[str, tuple[float, ...] | None] = field(default_factory=dict, repr=False)
    kinds: Mapping[str, frozenset[str]] = field(default_factory=dict)
    texts: tuple[str, ...] = TEXTS
    colours: bool = False

    def named(self, key: str) -> tuple[Named, ...]:
        """Return the values that are called so: those of this whole name, else those of which it is a part."""
        return self.whole.get(key) or self.partial.get(key, ())

    def written(self, words: str, *, filename: bool = True) -> list[dict[str, Any]]:
        """Return clauses for words that people wrote of a picture, side by side in one field.

        Parameters
        ----------
        words : str
            As they are compared, folded.
        filename : bool
            Look among file names too.
        """
        fields = [name for name in self.texts if filename or name != "filename_text"]
        return [{"match_phrase": {name: {"query": words}}} for name in fields]

    def between(self, name: str, low: float, high: float) -> bool:
        """Tell whether a numeric field may have a value in [low, high]."""
        values = self.numbers.get(name, ())
        return values is None or any(low <= value <= high for value in values)


def index_vocabulary(backend: Backend, definition: Mapping[str, Any]) -> IndexVocabulary:
    """Return the vocabulary of an index as it is now."""
    types = field_types(definition)
    known = read_vocabulary(backend.search(vocabulary_body(definition))["aggregations"])
    return replace(known, texts=tuple(name for name in TEXTS if name in types), colours=has_colours(types))


def vocabulary_body(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return the one `_search` body that asks an index for its vocabulary."""
    types = field_types(definition)
    sizes = (
        dict.fromkeys(NAMES, _MOST_NAMES) | dict.fromkeys(NUMBERS, _MOST_NUMBERS) | dict.fromkeys(KINDS, _MOST_KINDS)
    )
    aggs: dict[str, Any] = {
        name: {"terms": {"field": name, "size": size}} for name, size in sizes.items() if name in types
    }
    if "taken_at" in types:
        aggs["taken_at"] = {"date_histogram": {"field": "taken_at", "calendar_interval": "year", "min_doc_count": 1}}
    return {"size": 0, "track_total_hits": False, "query": {"match_all": {}}, "aggs": aggs}


def read_vocabulary(aggregations: Mapping[str, Any]) -> IndexVocabulary:
    """Return the vocabulary that an answer to `vocabulary_body` holds.

    Examples
    --------
    >>> buckets = [{"key": "canon", "doc_count": 3}]
    >>> read_vocabulary({"camera.make": {"buckets": buckets, "sum_other_doc_count": 0}}).named("canon")
    (('camera.make', 'canon'),)
    """
    values = {name: [bucket["key"] for bucket in found["buckets"]] for name, found in aggregations.items()}
    makes = {tuple(name_words(make)[:1]) for make in values.get("camera.make", ())}
    whole: defaultdict[str, list[Named]] = defaultdict(list)
    partial: defaultdict[str, dict[Named, None]] = defaultdict(dict)
    for name in NAMES:
        for value in values.get(name, ()):
            tokens = tuple(name_words(value))
            whole["".join(tokens)].append((name, value))
            if name == "camera.model" and tokens[:1] in makes:
                whole["".join(tokens[1:])].append((name, value))
            for key in _partial_keys(name, tokens, makes):
                partial[key][name, value] = None
    years = sorted((_EPOCH + timedelta(milliseconds=key)).year for key in values.get("taken_at", ()))
    return IndexVocabulary(
        whole={key: tuple(named) for key, named in whole.items() if key},
        partial={key: tuple(named) for key, named in partial.items()},
        years=tuple(years),
        numbers={name: _numbers(aggregations[name]) for name in NUMBERS if name in aggregations},
        kinds={name: frozenset(map(_kind, values.get(name, ()))) for name in KINDS},
    )


def _numbers(found: Mapping[str, Any]) -> tuple[float, ...] | None:
    if found.get("sum_other_doc_count"):
        return None
    return tuple(float(bucket["key"]) for bucket in found["buckets"])


def _kind(key: object) -> str:
    return str(bool(key)).lower() if isinstance(key, int | float) else str(key)


def _partial_keys(name: str, tokens: tuple[str, ...], makes: set[tuple[str, ...]]) -> Iterator[str]:
    if name == "camera.make":
        yield tokens[0] if tokens else ""
    elif name == "camera.model":
        yield from _model_keys(tokens, makes)
    elif name == "lens":
        yield from _lens_keys(tokens)
    elif name == "people":
        yield from (token for token in tokens if len(token) > 1 and token not in NAME_PARTICLES)
    else:
        cut = next((place for place, token in enumerate(tokens) if place and token in _ADDITIONS), 0)
        if cut:
            yield "".join(tokens[:cut])


def _model_keys(tokens: tuple[str, ...], makes: set[tuple[str, ...]]) -> Iterator[str]:
    """Yield what a model is called by: its beginning, with or without the make, and all from its code ("5D") on."""
    starts = {place for place, token in enumerate(tokens) if token.isalnum() and _is_code(token)}
    starts |= {0, 1} if tokens[:1] in makes else {0}
    for start in starts:
        for end in range(start + 1, len(tokens) + 1):
            part = tokens[start:end]
            alone = len(part) == 1 and not _is_code(part[0])
            if not alone or (part[0] not in COMMON_CAMERA_WORDS and not part[0].isdigit() and len(part[0]) > 2):
                yield "".join(part)


def _lens_keys(tokens: tuple[str, ...]) -> Iterator[str]:
    """Yield a lens's name from its length on, "50mm" or "2470mm" of 24-70mm, alone and with what follows it."""
    text = " ".join(tokens).replace(" mm", "mm")
    for found in _LENGTH.finditer(text):
        length = (found[1] or "") + found[2] + "mm"
        following = text[found.end() :].split()
        for end in range(len(following) + 1):
            yield length + "".join(following[:end])


def _is_code(token: str) -> bool:
    return token.isalnum() and not token.isdigit() and not token.isalpha()
