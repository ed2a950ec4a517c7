"""Random clauses over the fields of `random_corpus`: values that are there, values near them, and odd ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

from tests.conformance import random_corpus as corpus

Clause = dict[str, Any]
Clauses = st.SearchStrategy[Clause]

KEYWORDS: dict[str, Sequence[str]] = {
    "tags": corpus.TAGS,
    "people": corpus.PEOPLE,
    "camera.make": corpus.MAKES,
    "camera.model": ("M1", "m1", "M 2"),
    "folder": corpus.FOLDERS,
    "filename": ("IMG_01.JPG", "img_02.png"),
    "taken_offset": corpus.OFFSETS,
    "extra.client": ("ACME", "acme gmbh", "Ünal"),
}
FLATTENED: dict[str, Sequence[str]] = dict.fromkeys(
    ("exif", "exif.Make", "exif.Make Note", "exif.Image.Artist", "exif.Image.Deep.Est"), corpus.EXIF
)
NUMBERS: dict[str, Sequence[Any]] = {
    "bytes": (1_000, 1_001, 2_000, 4_481),
    "width": (1, 3000, 2**31 - 1),
    "iso": corpus.ISOS,
    "rating": (0, 1, 3, 5),
    "f_number": corpus.APERTURES,
    "exposure_bias": corpus.BIASES,
    "extra.price": corpus.PRICES,
    "extra.stock": (-5, 0, 7, 2**53 + 1, 2**53, -(2**63), 2**63 - 1),
}
BOOLEANS = ("missing", "flash", "extra.sold")
DATES = ("taken_at", "taken_at_utc", "extra.due")
POINTS = ("location", "extra.shop")
TEXTS = ("caption", "title", "caption_text", "caption_text.every_word", "tags_text", "people_text", "filename_text")
PARENTS = ("camera", "extra", "exif.Image", "exif.Nothing", "embedding", "embedding.tiny")

MOMENTS = st.sampled_from(
    [
        *corpus.DATES, "2019-03", "2019-02-28T23", "2020-02-29T10:20", "2020-02-29T10:20:30", "2019-12-31T23:30-05",
        "2020-01-01T04:30:00Z", "2020||/y", "2020-02-29||+1y", "2020-02-29||-1M/M", "2019-02-28T23:59:59||/d",
        "2020-01-01||/w", "2021-06-15||-6M/d", "now", "now-5y/y", "0001", "9999-12-31",
    ]
)  # fmt: skip
NEAR = st.sampled_from([str, str.upper, str.lower, str.title, lambda t: t[:-1], lambda t: t[1:], lambda t: f"{t}x"])


def spelt(values: Sequence[str]) -> st.SearchStrategy[str]:
    """Return a value, or one a letter or a case away."""
    return st.builds(lambda change, value: str(change(value)), NEAR, st.sampled_from(values))


def _pattern(values: Sequence[str]) -> st.SearchStrategy[str]:
    def cut(text: str, start: int, end: int, sign: str) -> str:
        start, end = sorted((start % (len(text) + 1), end % (len(text) + 1)))
        return text[:start] + sign + text[end:]

    places = st.integers(0, 12)
    return st.builds(cut, spelt(values), places, places, st.sampled_from(["*", "?", "**", "\\*", "*?"]))


def _of(fields: dict[str, Sequence[Any]], make: Callable[[str, Sequence[Any]], Clauses]) -> Clauses:
    return st.sampled_from(sorted(fields)).flatmap(lambda name: make(name, fields[name]))


def _cased(clause: str, name: str, value: Any, insensitive: bool | None) -> Clause:
    options = {"value": value} | ({} if insensitive is None else {"case_insensitive": insensitive})
    return {clause: {name: options if len(options) > 1 else value}}


_CASE = st.sampled_from([None, None, True, False])
_LOWER, _UPPER = st.sampled_from(["gte", "gt"]), st.sampled_from(["lte", "lt"])


def _range(name: str, values: st.SearchStrategy[Any], *, both: bool = False) -> Clauses:
    def build(low: tuple[str, Any] | None, high: tuple[str, Any] | None) -> Clause:
        return {"range": {name: dict(end for end in (low, high) if end is not None)}}

    ends = st.tuples(_LOWER, values), st.tuples(_UPPER, values)
    return st.builds(build, *(end if both else st.none() | end for end in ends))


def _keyword(name: str, values: Sequence[str]) -> Clauses:
    value = spelt(values)
    return st.one_of(
        st.builds(lambda v, i: _cased("term", name, v, i), value, _CASE),
        st.builds(lambda v: {"terms": {name: v}}, st.lists(value, max_size=3)),
        st.builds(lambda v, i: _cased("prefix", name, v, i), value, _CASE),
        st.builds(lambda v, i: _cased("wildcard", name, v, i), _pattern(values), _CASE),
        _range(name, value, both=name in FLATTENED),
        st.just({"exists": {"field": name}}),
    )


FUZZINESS = st.sampled_from([0, 1, 2, "AUTO"])


def _fuzzy(name: str, values: Sequence[str]) -> Clauses:
    return st.builds(
        lambda v, f: {"fuzzy": {name: {"value": v, "fuzziness": f}}},
        spelt(values),
        FUZZINESS,
    )


def _flat(name: str, values: Sequence[str]) -> Clauses:
    value = spelt(values)
    exact = [
        st.builds(lambda v: {"term": {name: v}}, value),
        st.builds(lambda v: {"terms": {name: v}}, st.lists(value, max_size=3)),
        st.just({"exists": {"field": name}}),
    ]
    return st.one_of(*exact) if name == "exif" else _keyword(name, values) | st.one_of(*exact)


def _number(name: str, values: Sequence[Any]) -> Clauses:
    known = st.sampled_from(values)
    value = known | known.map(str) | st.sampled_from([-1, 10**6, "7"])
    bound = value | st.sampled_from([0.5, 99.5, -0.5, "2.5", 1e9])
    return st.one_of(
        st.builds(lambda v: {"term": {name: v}}, value | st.sampled_from([0.5, 100.0])),
        st.builds(lambda v: {"terms": {name: v}}, st.lists(value, max_size=3)),
        _range(name, bound),
        st.just({"exists": {"field": name}}),
    )


def _boolean(name: str) -> Clauses:
    value = st.sampled_from([True, False, "true", "false"])
    return st.one_of(
        st.builds(lambda v: {"term": {name: v}}, value),
        st.builds(lambda v: {"terms": {name: v}}, st.lists(value, max_size=2)),
        st.just({"exists": {"field": name}}),
    )


def _date(name: str) -> Clauses:
    return st.one_of(
        st.builds(lambda v: {"term": {name: v}}, MOMENTS),
        st.builds(lambda v: {"terms": {name: v}}, st.lists(MOMENTS, max_size=2)),
        _range(name, MOMENTS),
        st.just({"exists": {"field": name}}),
    )


PLACE = st.sampled_from(corpus.PLACES + corpus.SHOPS).map(lambda place: {"lat": place[0], "lon": place[1]}) | st.builds(
    lambda lat, lon: {"lat": lat, "lon": lon}, st.integers(-90, 90), st.integers(-180, 180)
)
DISTANCES = st.sampled_from(["1m", "500m", "10km", "100 km", "1000km", "3000mi", "12000km", "20015km", 70_000])


def _place(name: str) -> Clauses:
    def box(one: Clause, other: Clause) -> Clause:
        top, bottom = max(one["lat"], other["lat"]), min(one["lat"], other["lat"])
        corners = {"top_left": {"lat": top, "lon": one["lon"]}, "bottom_right": {"lat": bottom, "lon": other["lon"]}}
        return {"geo_bounding_box": {name: corners}}

    return st.one_of(
        st.builds(lambda at, far: {"geo_distance": {"distance": far, name: at}}, PLACE, DISTANCES),
        st.builds(box, PLACE, PLACE),
        st.just({"exists": {"field": name}}),
    )


SENTENCES = st.lists(spelt(corpus.WORDS) | st.sampled_from(["boat", "new york", "sommer", "img"]), max_size=3).map(
    " ".join
)
MINIMA = st.sampled_from([1, 2, 3, -1, "50%", "-30%", "100%", "0%"])


def matches(name: str) -> Clauses:
    """Return clauses that look for words, scored alike by all."""
    more = st.sampled_from([{}, {}, {"operator": "and"}, {"operator": "OR"}]) | MINIMA.map(
        lambda least: {"minimum_should_match": least}
    )
    return st.one_of(
        st.builds(lambda query, options: {"match": {name: {"query": query, **options}}}, SENTENCES, more),
        st.builds(lambda query: {"match_phrase": {name: query}}, SENTENCES),
    )


def _text(name: str) -> Clauses:
    words = spelt(corpus.WORDS)
    return st.one_of(
        matches(name),
        st.builds(
            lambda words, slop: {"match_phrase": {name: {"query": " ".join(words), "slop": slop}}},
            # one word in the text does for a word that is repeated in the phrase: tantivy's slop is lenient there
            st.lists(st.sampled_from(["red", "Boat", "dog", "sea", "the", "new", "york"]), max_size=3, unique=True),
            st.integers(0, 4),
        ),
        st.builds(lambda query, f: {"match": {name: {"query": query, "fuzziness": f}}}, SENTENCES, FUZZINESS),
        st.builds(lambda v, i: _cased("term", name, v, i), words, _CASE),
        st.builds(lambda v: {"terms": {name: v}}, st.lists(words, max_size=3)),
        st.builds(lambda v, i: _cased("prefix", name, v, i), words, _CASE),
        st.builds(lambda v, i: _cased("wildcard", name, v, i), _pattern(corpus.WORDS), _CASE),
        st.just({"exists": {"field": name}}),
        # a server looks at the 50 nearest terms only, and there are as many names of files
        *([] if name == "filename_text" else [_fuzzy(name, corpus.WORDS)]),
    )


def _multi(fields: list[str], query: str, options: Clause) -> Clause:
    return {"multi_match": {"query": query, "fields": fields, **options}}


def several_texts(fields: list[str]) -> Clauses:
    """Return clauses that look for words in some of the fields, each with its boost."""
    return st.builds(
        _multi,
        st.lists(st.sampled_from(fields), min_size=1, max_size=3, unique_by=lambda name: name.partition("^")[0]),
        SENTENCES,
        st.sampled_from([{}, {"type": "most_fields"}, {"type": "phrase"}, {"tie_breaker": 0.3}, {"operator": "and"}]),
    )


_IDS = st.sampled_from([*corpus.documents(), "d99", "D01"])
_OTHERS = st.one_of(
    st.builds(lambda values: {"ids": {"values": values}}, st.lists(_IDS, max_size=4)),
    st.builds(
        lambda terms, least: {"terms_set": {"words": {"terms": terms, "minimum_should_match": least}}},
        st.lists(st.sampled_from([f"{place:02x}:{word}" for place in range(5) for word in range(3)]), min_size=1,
                 max_size=6, unique=True),
        MINIMA,
    ),
    st.sampled_from(PARENTS).map(lambda name: {"exists": {"field": name}}),
    st.just({"match_all": {}}),
    st.just({"match_none": {}}),
)  # fmt: skip

UNSCORED_LEAVES: dict[str, Clauses] = {
    "keyword": _of(KEYWORDS, _keyword),
    "flattened": _of(FLATTENED, _flat),
    "number": _of(NUMBERS, _number),
    "boolean": st.sampled_from(BOOLEANS).flatmap(_boolean),
    "date": st.sampled_from(DATES).flatmap(_date),
    "place": st.sampled_from(POINTS).flatmap(_place),
    "document": _OTHERS,
}
LEAVES: dict[str, Clauses] = {
    **UNSCORED_LEAVES,
    "near keyword": _of(KEYWORDS, _fuzzy),
    "text": st.sampled_from(TEXTS).flatmap(_text),
    "several texts": several_texts(["caption", "caption^3", "title", "tags_text^0.5", "people_text"]),
}
"""Clauses on fields of one kind; hypothesis keeps to few of many kinds, so each has a turn of its own."""
UNSCORED = st.one_of(*UNSCORED_LEAVES.values())


def _bool(must: list[Clause], filters: list[Clause], never: list[Clause], should: list[Clause], least: Any) -> Clause:
    parts = {"must": must, "filter": filters, "must_not": never, "should": should}
    given: Clause = {name: part[0] if len(part) == 1 else part for name, part in parts.items() if part}
    return {"bool": given | ({} if least is None else {"minimum_should_match": least})}


def trees(leaves: Clauses) -> Clauses:
    """Return clauses made of clauses, two deep."""

    def joined(inner: Clauses) -> Clauses:
        few = st.lists(inner, max_size=2)
        return st.builds(_bool, few, few, few, st.lists(inner, max_size=3), st.none() | MINIMA)

    either = st.lists(leaves, min_size=1, max_size=3).map(lambda queries: {"dis_max": {"queries": queries}})
    constant = leaves.map(lambda clause: {"constant_score": {"filter": clause}})
    return joined(leaves) | joined(st.one_of(leaves, joined(leaves), either, constant))


FILTERS = {**LEAVES, "nested": trees(st.one_of(*LEAVES.values()))}
"""Filters of each kind."""
ANY_FILTER = st.one_of(*FILTERS.values())
