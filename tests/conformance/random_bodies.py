"""Random bodies and filter texts over `random_corpus`, made of the clauses of `random_clauses`."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.conformance import random_clauses as clauses
from tests.conformance import random_corpus as corpus
from tests.conformance.random_clauses import Clause, Clauses


def _with(clause: Clause, more: Clause) -> Clause:
    """Give a boost or a name to a clause, in the form with options where there is a short one."""
    ((name, params),) = clause.items()
    if name in ("term", "prefix", "wildcard", "match", "match_phrase"):
        ((field, value),) = params.items()
        key = "query" if name.startswith("match") else "value"
        return {name: {field: {**(value if isinstance(value, dict) else {key: value}), **more}}}
    if name in ("range", "terms_set"):
        ((field, value),) = params.items()
        return {name: {field: {**value, **more}}}
    return {name: {**params, **more}}


_SCORED_LEAVES = st.one_of(
    st.sampled_from(["caption", "caption_text", "caption_text.every_word"]).flatmap(clauses.matches),
    clauses.several_texts(["caption", "caption_text^3", "tags_text^0.5", "people_text"]),
    clauses.UNSCORED,
)
_SCORED = st.one_of(
    _SCORED_LEAVES,
    st.builds(_with, _SCORED_LEAVES, st.sampled_from([0, 0.5, 2, 3]).map(lambda boost: {"boost": boost})),
    st.builds(_with, _SCORED_LEAVES, st.sampled_from("abc").map(lambda name: {"_name": name})),
)
SCORED = _SCORED | clauses.trees(_SCORED)
"""Queries whose scores are compared.

What is near a word scores by other formulas, so it is in filters only; and a text of stop words alone counts among
those that have the field here, not on a server, so the title is.
"""


def _leg(seed: int, k: int, more: Clause) -> Clause:
    return {
        "field": "embedding.tiny",
        "query_vector": corpus.asked(seed),
        "k": k,
        "num_candidates": 2 * corpus.COUNT,
        **more,
    }


def _of_several(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Clause]:
    return st.fixed_dictionaries({}, optional=parts)


LEGS = st.builds(
    _leg,
    st.integers(0, 5),
    st.sampled_from([1, 3, 10, corpus.COUNT]),
    _of_several(
        boost=st.sampled_from([0.5, 3.0, 100.0]),
        similarity=st.sampled_from([-0.9, 0.0, 0.31]),
        _name=st.just("near"),
        filter=clauses.ANY_FILTER | st.lists(clauses.ANY_FILTER, max_size=2),
    ),
)

ORDERED = ["iso", "f_number", "extra.price", "width", "tags", "camera.make", "people", "taken_at", "extra.due",
           "missing", "rating"]  # fmt: skip
_DIRECTIONS = st.sampled_from(["asc", "desc"])
# no two places of the corpus are equally far from these, for a server rounds places
_LOOKED_FROM = st.sampled_from([{"lat": 12.34, "lon": 56.78}, {"lat": -33.3, "lon": 179.1}, {"lat": 71.7, "lon": -8.9}])
_KEYS = st.one_of(
    st.builds(
        lambda name, order, missing: {name: {"order": order, **({"missing": missing} if missing else {})}},
        st.sampled_from(ORDERED),
        _DIRECTIONS,
        st.sampled_from([None, "_first", "_last"]),
    ),
    st.builds(lambda at, order: {"_geo_distance": {"location": at, "order": order}}, _LOOKED_FROM, _DIRECTIONS),
    st.sampled_from([{"_score": {"order": "desc"}}, {"_score": "asc"}, "iso"]),
)
SORTS = st.builds(
    lambda keys, order: [*keys, {"bytes": order}], st.lists(_KEYS, min_size=0, max_size=3, unique_by=str), _DIRECTIONS
)
"""Orders without ties, for the last key tells documents apart."""

_COUNTED = [
    "tags",
    "people",
    "camera.make",
    "iso",
    "f_number",
    "missing",
    "folder",
    "extra.price",
    "taken_at",
    "extra.sold",
]
_TERMS = st.builds(
    lambda name, more: {"terms": {"field": name, **more}},
    st.sampled_from(_COUNTED),
    # by key, a server takes the first `size` and of these the ones that are frequent enough
    _of_several(size=st.sampled_from([1, 3, 50]), min_doc_count=st.sampled_from([1, 2, 5]))
    | _of_several(size=st.sampled_from([1, 3, 50]), order=st.sampled_from([{"_key": "asc"}, {"_key": "desc"}])),
)
_HISTOGRAMS = st.builds(
    lambda name, unit, more: {"date_histogram": {"field": name, "calendar_interval": unit, **more}},
    st.sampled_from(clauses.DATES),
    st.sampled_from(["year", "1y", "quarter", "month", "1M", "week"]),
    _of_several(
        format=st.sampled_from(["yyyy", "yyyy-MM", "yyyy-MM-dd"]),
        min_doc_count=st.sampled_from([0, 1, 2]),
        order=st.sampled_from([{"_key": "desc"}, {"_key": "asc"}]),
    ),
)
_ENDS: dict[str, list[Any]] = {
    "iso": [0, 50, 100, 99.5, 400],
    "f_number": [1.8, 2.8, 5.6],
    "extra.price": [-12.5, 0, 3],
    "taken_at": ["1970", "2019-02", "2020-01-01T00:00:00Z", "2020||/y"],
}


def _ranges(name: str) -> Clauses:
    end = st.sampled_from(_ENDS[name])
    both = st.fixed_dictionaries({}, optional={"from": end, "to": end}).filter(bool)
    return st.lists(both, min_size=1, max_size=3, unique_by=str).map(
        lambda ranges: {"range": {"field": name, "ranges": ranges}}
    )


_METRICS = st.builds(
    lambda kind, name: {kind: {"field": name}},
    st.sampled_from(["min", "max"]),
    st.sampled_from(["iso", "f_number", "extra.price", "bytes", "taken_at"]),
) | st.sampled_from(_COUNTED).map(lambda name: {"cardinality": {"field": name}})
_BUCKETS = st.one_of(
    _TERMS,
    _HISTOGRAMS,
    st.sampled_from(sorted(_ENDS)).flatmap(_ranges),
    clauses.UNSCORED.map(lambda clause: {"filter": clause}),
    st.sampled_from([*_COUNTED, *clauses.POINTS, "exif.Make"]).map(lambda name: {"missing": {"field": name}}),
)
AGGREGATIONS: Clauses = st.dictionaries(
    st.sampled_from(["a", "b"]),
    st.builds(
        lambda bucket, inner: {**bucket, **({"aggs": inner} if inner else {})},
        _BUCKETS,
        st.dictionaries(st.just("inside"), _TERMS | _METRICS, max_size=1),
    )
    | _METRICS
    | st.just({"global": {}}),
    min_size=1,
    max_size=2,
)


def ordered(body: Clause) -> bool:
    """Tell whether a body has an order that can be compared: scores tie, and are alike to a tolerance only."""
    return "sort" in body and "_score" not in str(body["sort"])


def _body(parts: Clause) -> Clause:
    if "aggs" in parts:
        # a server that counts filters by the index forgets `min_score`
        parts = {name: part for name, part in parts.items() if name != "min_score"}
    if ordered(parts):
        return parts
    return {name: part for name, part in parts.items() if name not in ("size", "from", "collapse")} | {"size": _ALL}


_ALL = 2 * corpus.COUNT
_PARTS: dict[str, st.SearchStrategy[Any]] = {
    "query": SCORED | clauses.ANY_FILTER.map(lambda clause: {"bool": {"filter": clause}}),
    # of two legs of one name a server tells the last one's scores only
    "knn": LEGS | st.tuples(LEGS, LEGS.map(lambda leg: {**leg, "_name": "far"})).map(list),
    "sort": SORTS,
    "aggs": AGGREGATIONS,
}
_MORE = {
    "size": st.sampled_from([0, 1, 5, 20, _ALL]),
    "from": st.sampled_from([0, 3, 30]),
    "collapse": st.sampled_from(["camera.make", "rating"]).map(lambda name: {"field": name}),
    "min_score": st.sampled_from([0.01, 0.77, 1.31]),
    "track_scores": st.booleans(),
}


def _bodies(*wanted: str) -> st.SearchStrategy[Clause]:
    always = {name: _PARTS[name] for name in wanted}
    more = {name: part for name, part in {**_PARTS, **_MORE}.items() if name not in wanted}
    return (st.fixed_dictionaries(always) | st.fixed_dictionaries(always, optional=more)).map(_body)


BODIES = {
    " and ".join(wanted): _bodies(*wanted) for wanted in (("query",), ("knn",), ("query", "knn"), ("sort",), ("aggs",))
}
"""Bodies that have these parts, and perhaps others."""


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _written(field: str, value: str) -> str:
    return f"{field}:{value}"


_WORDS = st.sampled_from(
    ["night", "NIGHT", "caf*", "*sky", "n?ght", "straße", "東京", "bo*", "boat~", "sae~1", "can*", "*"]
)
_NAMES = st.sampled_from(sorted({*clauses.KEYWORDS, "exif.Make", "exif.Make Note", "caption", "title"}))
_LIMITS = st.sampled_from(["0", "100", "400", "-2", "2.8", "1/250", "0.5"])
_MOMENTS = st.sampled_from(
    ["1935", "2019", "2019-02", "2019-02-28", "2019-12-31T23:30-05:00", "2020-02-29T10:20", "now-5y"]
)
_BRACKETS = st.sampled_from(["[{} TO {}]", "{{{} TO {}}}", "[{} TO {}}}", "{{{} TO {}]", ">={}", "<{}", ">{}", "<={}"])


def _between(field: str, form: str, low: str, high: str) -> str:
    return _written(field, form.format(low, high) if form.count("{}") == 2 else form.format(low))


def _ranged(fields: list[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    ends = values | st.just("*")
    return st.builds(_between, st.sampled_from(fields), _BRACKETS, ends, ends) | st.builds(
        _written, st.sampled_from(fields), values
    )


CONDITIONS = st.one_of(
    st.builds(_written, _NAMES.map(lambda name: name.replace(" ", "\\ ")), _WORDS),
    st.sampled_from(sorted(clauses.KEYWORDS)).flatmap(
        lambda name: clauses.spelt(clauses.KEYWORDS[name]).map(lambda value: _written(name, _quoted(value)))
    ),
    st.builds(lambda words: _written("caption", _quoted(words)), clauses.SENTENCES),
    _ranged(["iso", "f_number", "exposure_bias", "extra.price", "extra.stock"], _LIMITS),
    _ranged(list(clauses.DATES), _MOMENTS),
    _ranged(["tags", "camera.make", "exif.Make"], st.sampled_from(["a", "Night", "nikon", "x"])),
    st.builds(_written, st.sampled_from(clauses.BOOLEANS), st.sampled_from(["true", "false", "*"])),
    st.sampled_from([*clauses.DATES, *clauses.POINTS, "camera", "extra", "exif", "iso", "caption"]).map(
        lambda name: f"_exists_:{name}"
    ),
    st.builds(
        lambda name, at, far: f"{name}:within({at['lat']},{at['lon']},{far})",
        st.sampled_from(clauses.POINTS),
        clauses.PLACE,
        st.sampled_from(["500m", "10km", "3000mi", "12000km"]),
    ),
    st.sampled_from(["folder:/p/Rome/", 'folder:"/p/Rome 2019"', "path:*rome*", "_id:d01", "*"]),
    st.integers(0, 4).map(lambda slop: f'caption:"red boat"~{slop}'),
)  # fmt: skip


def _joined(words: str, parts: list[str]) -> str:
    return words.join(f"({part})" if " " in part else part for part in parts)


def _sentences(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    words = st.sampled_from([" AND ", " OR ", " ", " AND NOT ", " OR NOT "])
    return st.builds(_joined, words, st.lists(inner, min_size=2, max_size=3))


_NEGATED = CONDITIONS | CONDITIONS.map(lambda text: f"NOT {text}") | CONDITIONS.map(lambda text: f"-{text}")
TEXTS = st.one_of(CONDITIONS, _sentences(_NEGATED), _sentences(_NEGATED | _sentences(_NEGATED)))
