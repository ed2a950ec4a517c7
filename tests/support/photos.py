"""Forty made-up photos as documents, and what a person would expect of searches over them, in plain Python."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from hybrid_search.document.definition import EmbeddingSpec, load_definition

Source = Mapping[str, Any]

DIMS = 8
WORDS = ("red", "boat", "dog", "sea", "night", "snow", "tree", "bird", "cat", "hill")


def definition(analysis: Any = "portable") -> dict[str, Any]:
    return load_definition(analysis=analysis, embeddings={"tiny": EmbeddingSpec("tiny", "1", dims=DIMS)})


def unit(seed: int) -> Any:
    values = np.random.default_rng(seed).normal(size=DIMS)
    return (values / np.linalg.norm(values)).astype(np.float32)


def signature(seed: int) -> Any:
    return np.random.default_rng(seed).integers(-2, 3, 648).astype(np.int8)


def photo(number: int) -> dict[str, Any]:
    """Most fields are there most of the time; values repeat, so that every clause has some hits and some misses."""
    draw = random.Random(number)
    source: dict[str, Any] = {
        "path": [f"/p/{number % 4}/img_{number:02d}.jpg"],
        "folder": ["/p", f"/p/{number % 4}"],
        "filename": f"IMG_{number:02d}.JPG",
        "sha256": f"{number * 7919:064x}",
        "bytes": 1_000_000 + 10_000 * number,
        "width": 4000 if number % 3 else 3000,
        "caption": " ".join(draw.choice(WORDS) for _ in range(draw.randint(2, 7))),
        "missing": number % 10 == 0,
        "embedding": {"tiny": unit(number)},
        "signature": signature(number),
        "signature_norm": float(np.linalg.norm(signature(number).astype(float))),
        "words": [f"{place:02x}:{draw.randrange(4)}" for place in range(10)],
        "exif": {"Make": draw.choice(["Canon", "NIKON"]), "Image": {"Artist": f"A{number % 3}"}},
    }
    if number % 5:
        source["camera"] = {"make": draw.choice(["Canon", "Nikon", "SONY"]), "model": f"M{number % 6}"}
        source["iso"] = draw.choice([100, 200, 400, 800, 1600])
        source["f_number"] = draw.choice([1.8, 2.8, 4.0, 5.6])
    if number % 4:
        month, day = draw.randint(1, 12), draw.randint(1, 28)
        source["taken_at"] = f"20{18 + number % 4}-{month:02d}-{day:02d}T{draw.randint(0, 23):02d}:30:00Z"
        source["location"] = {"lat": round(draw.uniform(-70, 70), 3), "lon": round(draw.uniform(-180, 180), 3)}
    if number % 3 == 0:
        source["tags"] = draw.sample(["Night", "Travel", "family", "New York", "sea"], draw.randint(1, 3))
    if number % 7 == 0:
        source["people"] = draw.sample(["Lena Sommer", "Ada", "Bob"], draw.randint(1, 2))
        source["faces"] = [{"name": source["people"][0], "left": 0.25, "top": 0.5, "width": 0.125, "height": 0.25}]
    return source


def photos(count: int = 40) -> dict[str, dict[str, Any]]:
    return {f"p{number:02d}": photo(number) for number in range(count)}


def values(source: Source, name: str) -> list[Any]:
    """Return all values below a dotted name."""

    def walk(value: Any, parts: list[str]) -> Iterator[Any]:
        if isinstance(value, list):
            for item in value:
                yield from walk(item, parts)
        elif not parts:
            if isinstance(value, Mapping):
                for inner in value.values():
                    yield from walk(inner, [])
            elif value is not None:
                yield value
        elif isinstance(value, Mapping) and parts[0] in value:
            yield from walk(value[parts[0]], parts[1:])

    return list(walk(source, name.split(".")))


def lower(source: Source, name: str) -> list[str]:
    return [str(value).lower() for value in values(source, name)]


def any_value(name: str, holds: Callable[[Any], bool]) -> Callable[[Source], bool]:
    return lambda source: any(holds(value) for value in values(source, name))


def any_word(name: str, holds: Callable[[Any], bool]) -> Callable[[Source], bool]:
    return lambda source: any(holds(value) for value in lower(source, name))


def kilometres(source: Source, lat: float, lon: float) -> float:
    """Return the distance along the great circle by the law of cosines; infinite without a place."""
    if "location" not in source:
        return math.inf
    ours, theirs = math.radians(source["location"]["lat"]), math.radians(lat)
    turn = math.radians(source["location"]["lon"] - lon)
    cosine = math.sin(ours) * math.sin(theirs) + math.cos(ours) * math.cos(theirs) * math.cos(turn)
    return 6371.0088 * math.acos(max(-1.0, min(1.0, cosine)))


def bm25(corpus: Mapping[str, Source], field: str, token: str) -> dict[str, float]:
    """Return id to score of one word in one field, as Elasticsearch counts it: k1 = 1.2, b = 0.75, times k1 + 1."""
    texts = {id: " ".join(lower(source, field)).split() for id, source in corpus.items() if values(source, field)}
    found = {id: words.count(token) for id, words in texts.items() if token in words}
    average = sum(map(len, texts.values())) / len(texts)
    idf = math.log(1 + (len(texts) - len(found) + 0.5) / (len(found) + 0.5))
    return {
        id: 2.2 * idf * count / (count + 1.2 * (1 - 0.75 + 0.75 * len(texts[id]) / average))
        for id, count in found.items()
    }


def term_weight(corpus: Mapping[str, Source], field: str, value: str) -> float:
    """Return the score of an exact keyword: BM25 of one occurrence, in a document that counts as one value long."""
    having = sum(bool(values(source, field)) for source in corpus.values())
    found = sum(value in lower(source, field) for source in corpus.values())
    average = sum(len(set(lower(source, field))) for source in corpus.values()) / having
    return 2.2 * math.log(1 + (having - found + 0.5) / (found + 0.5)) / (1 + 1.2 * (0.25 + 0.75 / average))


def month(source: Source, name: str = "taken_at") -> str:
    return str(source[name])[:7] if name in source else ""


FILTERS: dict[str, tuple[dict[str, Any], Callable[[Source], bool]]] = {
    "term keyword ignores case": ({"term": {"camera.make": "CANON"}}, any_word("camera.make", lambda v: v == "canon")),
    "term with value": ({"term": {"iso": {"value": 400}}}, any_value("iso", lambda v: v == 400)),
    "term number as string": ({"term": {"iso": "400"}}, any_value("iso", lambda v: v == 400)),
    "term float": ({"term": {"f_number": 2.8}}, any_value("f_number", lambda v: v == 2.8)),
    "term boolean": ({"term": {"missing": True}}, any_value("missing", bool)),
    "term boolean word": ({"term": {"missing": "false"}}, any_value("missing", lambda v: not v)),
    "term of a list": ({"term": {"tags": "night"}}, any_word("tags", lambda v: v == "night")),
    "term of a person": ({"term": {"people": "lena sommer"}}, any_word("people", lambda v: v == "lena sommer")),
    "term with a space": ({"term": {"tags": "new york"}}, any_word("tags", lambda v: v == "new york")),
    "term flattened key": ({"term": {"exif.Make": "NIKON"}}, any_value("exif.Make", lambda v: v == "NIKON")),
    "term flattened keeps case": ({"term": {"exif.Make": "nikon"}}, lambda source: False),
    "term flattened deep": ({"term": {"exif.Image.Artist": "A1"}}, any_value("exif.Image.Artist", lambda v: v == "A1")),
    "term flattened anywhere": ({"term": {"exif": "A1"}}, any_value("exif", lambda v: v == "A1")),
    "term date is its day": (
        {"term": {"taken_at": "2019-07-24"}},
        lambda source: source.get("taken_at", "")[:10] == "2019-07-24",
    ),
    "term nothing": ({"term": {"camera.make": "leica"}}, lambda source: False),
    "terms": ({"terms": {"camera.make": ["canon", "sony"]}}, any_word("camera.make", {"canon", "sony"}.__contains__)),
    "terms numbers": ({"terms": {"iso": [100, 1600]}}, any_value("iso", {100, 1600}.__contains__)),
    "terms none": ({"terms": {"iso": []}}, lambda source: False),
    "terms_set number": (
        {"terms_set": {"words": {"terms": [f"{p:02x}:1" for p in range(10)], "minimum_should_match": 3}}},
        lambda source: sum(word.endswith(":1") for word in source["words"]) >= 3,
    ),
    "terms_set share": (
        {"terms_set": {"words": {"terms": [f"{p:02x}:1" for p in range(10)], "minimum_should_match": "40%"}}},
        lambda source: sum(word.endswith(":1") for word in source["words"]) >= 4,
    ),
    "range gte lt": ({"range": {"iso": {"gte": 200, "lt": 800}}}, any_value("iso", lambda v: 200 <= v < 800)),
    "range gt lte": ({"range": {"iso": {"gt": 200, "lte": 800}}}, any_value("iso", lambda v: 200 < v <= 800)),
    "range whole by fraction": (
        {"range": {"iso": {"gt": 199.5, "lt": 400.5}}},
        any_value("iso", lambda v: 200 <= v <= 400),
    ),
    "range float": ({"range": {"f_number": {"gte": 2.8}}}, any_value("f_number", lambda v: v >= 2.8)),
    "range float gt": ({"range": {"f_number": {"gt": 2.8}}}, any_value("f_number", lambda v: v > 2.8)),
    "range year": (
        {"range": {"taken_at": {"gte": "2019", "lt": "2021"}}},
        lambda source: "2019" <= month(source)[:4] <= "2020",
    ),
    "range year to its end": (
        {"range": {"taken_at": {"gt": "2019", "lte": "2020"}}},
        lambda source: "2019-01-02" <= source.get("taken_at", "")[:10] <= "2020-01-01",
    ),
    "range day to its end": (
        {"range": {"taken_at": {"gt": "2019-07-24", "lte": "2020-07-17"}}},
        lambda source: "2019-07-25" <= source.get("taken_at", "")[:10] <= "2020-07-17",
    ),
    "range date math to the end of the year": (
        {"range": {"taken_at": {"gt": "2019||/y", "lte": "2020||/y"}}},
        lambda source: month(source)[:4] == "2020",
    ),
    "range date as milliseconds": (
        {"range": {"taken_at": {"gte": 1577836800000}}},
        lambda source: month(source) >= "2020",
    ),
    "range month": (
        {"range": {"taken_at": {"gte": "2019-06", "lte": "2020-07"}}},
        lambda source: "2019-06-01" <= source.get("taken_at", "")[:10] <= "2020-07-01",
    ),
    "range date with zone": (
        {"range": {"taken_at": {"gte": "2020-01-01T00:00:00+02:00"}}},
        lambda source: source.get("taken_at", "") >= "2019-12-31T22:00:00Z",
    ),
    "range date math": (
        {"range": {"taken_at": {"gte": "2019-03-15||/M", "lt": "2019-03-15||+6M/M"}}},
        lambda source: "2019-03" <= month(source) < "2019-09",
    ),
    "range before now": ({"range": {"taken_at": {"lte": "now"}}}, any_value("taken_at", bool)),
    "range keyword": (
        {"range": {"camera.make": {"gt": "canon", "lte": "nikon"}}},
        any_word("camera.make", lambda v: "canon" < v <= "nikon"),
    ),
    "range keyword of a list": (
        {"range": {"tags": {"gte": "g", "lt": "o"}}},
        any_word("tags", lambda v: "g" <= v < "o"),
    ),
    "range flattened key": (
        {"range": {"exif.Make": {"gte": "D", "lt": "Z"}}},
        any_value("exif.Make", lambda v: v >= "D"),
    ),
    "exists": ({"exists": {"field": "iso"}}, any_value("iso", lambda v: True)),
    "exists object": ({"exists": {"field": "camera"}}, any_value("camera", lambda v: True)),
    "exists text": ({"exists": {"field": "caption"}}, lambda source: True),
    "exists place": ({"exists": {"field": "location"}}, lambda source: "location" in source),
    "exists vector": ({"exists": {"field": "embedding.tiny"}}, lambda source: True),
    "exists flattened key": ({"exists": {"field": "exif.Make"}}, lambda source: True),
    "exists flattened other key": ({"exists": {"field": "exif.Mak"}}, lambda source: False),
    "ids": (
        {"ids": {"values": ["p03", "p05", "nobody"]}},
        lambda source: source["filename"] in ("IMG_03.JPG", "IMG_05.JPG"),
    ),
    "prefix": ({"prefix": {"camera.model": {"value": "M"}}}, any_value("camera.model", lambda v: True)),
    "prefix file name": ({"prefix": {"filename": "img_1"}}, any_word("filename", lambda v: v.startswith("img_1"))),
    "prefix path": ({"prefix": {"path": "/p/2/"}}, any_value("path", lambda v: v.startswith("/p/2/"))),
    "wildcard": ({"wildcard": {"filename": {"value": "img_?5.*"}}}, any_word("filename", lambda v: v[5] == "5")),
    "wildcard any case": (
        {"wildcard": {"path": {"value": "/P/*/IMG_0?.jpg", "case_insensitive": True}}},
        any_value("path", lambda v: v[9] == "0"),
    ),
    "wildcard text": (
        {"wildcard": {"caption": {"value": "?oat"}}},
        any_value("caption", lambda v: "boat" in v.split()),
    ),
    "wildcard flattened key": (
        {"wildcard": {"exif.Make": {"value": "*K?N"}}},
        any_value("exif.Make", lambda v: v == "NIKON"),
    ),
    "wildcard flattened deep": ({"wildcard": {"exif.Image.Artist": "?1"}}, any_value("exif.Image.Artist", "A1".__eq__)),
    "wildcard flattened anywhere": ({"wildcard": {"exif": "*N"}}, any_value("exif.Make", lambda v: v == "NIKON")),
    "fuzzy": (
        {"fuzzy": {"camera.make": {"value": "cannon", "fuzziness": 1}}},
        any_word("camera.make", lambda v: v == "canon"),
    ),
    "fuzzy text": (
        {"fuzzy": {"caption": {"value": "botas", "fuzziness": 2}}},
        any_value("caption", lambda v: "boat" in v.split()),
    ),
    "geo_distance": (
        {"geo_distance": {"distance": "4000km", "location": {"lat": 20.0, "lon": 10.0}}},
        lambda source: kilometres(source, 20.0, 10.0) <= 4000,
    ),
    "geo_distance across the date line": (
        {"geo_distance": {"distance": "3000km", "location": "10,179"}},
        lambda source: kilometres(source, 10.0, 179.0) <= 3000,
    ),
    "geo_distance over a pole": (
        {"geo_distance": {"distance": "4500km", "location": [100.0, 85.0]}},
        lambda source: kilometres(source, 85.0, 100.0) <= 4500,
    ),
    "geo_bounding_box": (
        {
            "geo_bounding_box": {
                "location": {"top_left": {"lat": 50, "lon": -100}, "bottom_right": {"lat": -20, "lon": 60}}
            }
        },
        lambda s: "location" in s and -20 <= s["location"]["lat"] <= 50 and -100 <= s["location"]["lon"] <= 60,
    ),
    "geo_bounding_box across the date line": (
        {"geo_bounding_box": {"location": {"top": 70, "left": 120, "bottom": -70, "right": -120}}},
        lambda s: "location" in s and abs(s["location"]["lon"]) >= 120,
    ),
    "match any word": (
        {"match": {"caption": "boat dog"}},
        any_value("caption", lambda v: bool({"boat", "dog"} & set(v.split()))),
    ),
    "match all words": (
        {"match": {"caption": {"query": "Boat SEA", "operator": "and"}}},
        any_value("caption", lambda v: {"boat", "sea"} <= set(v.split())),
    ),
    "match two of three": (
        {"match": {"caption": {"query": "red sea tree", "minimum_should_match": 2}}},
        any_value("caption", lambda v: len({"red", "sea", "tree"} & set(v.split())) >= 2),
    ),
    "match most": (
        {"match": {"caption": {"query": "red sea tree night", "minimum_should_match": "75%"}}},
        any_value("caption", lambda v: len({"red", "sea", "tree", "night"} & set(v.split())) >= 3),
    ),
    "match with fuzziness": (
        {"match": {"caption": {"query": "baot", "fuzziness": "AUTO"}}},
        any_value("caption", lambda v: "boat" in v.split()),
    ),
    "match one word asks for no second": (
        {"match": {"caption": {"query": "sea", "minimum_should_match": 2}}},
        any_value("caption", lambda v: "sea" in v.split()),
    ),
    "exists a vector": ({"exists": {"field": "embedding.tiny"}}, lambda source: True),
    "exists an object of vectors": ({"exists": {"field": "embedding"}}, lambda source: True),
    "fuzzy with nothing": ({"fuzzy": {"camera.model": {"value": "", "fuzziness": 2}}}, lambda source: False),
    "wildcard flattened ignores case": (
        {"wildcard": {"exif.Make": {"value": "*iKo?", "case_insensitive": True}}},
        any_value("exif.Make", lambda v: v == "NIKON"),
    ),
    "match a keyword": ({"match": {"camera.make": "Sony"}}, any_word("camera.make", lambda v: v == "sony")),
    "match nothing but stop words": ({"match": {"caption": "the of and"}}, lambda source: False),
    "words of a person": (
        {"match_phrase": {"people_text": "lena sommer"}},
        any_word("people", lambda v: v == "lena sommer"),
    ),
    "match a multi-field": ({"match": {"tags_text": "york"}}, any_word("tags", lambda v: "york" in v)),
    "match_phrase": (
        {"match_phrase": {"caption": "red sea"}},
        any_value("caption", lambda v: f" {v} ".find(" red sea ") >= 0),
    ),
    "match_phrase of a list": (
        {"match_phrase": {"tags_text": "new york"}},
        any_word("tags", lambda v: v == "new york"),
    ),
    "match_phrase with slop": (
        {"match_phrase": {"caption": {"query": "red sea", "slop": 1}}},
        any_value("caption", lambda v: _near(v.split(), "red", "sea", 1)),
    ),
    "multi_match": (
        {"multi_match": {"query": "night", "fields": ["caption", "tags_text^2"]}},
        lambda source: "night" in source["caption"].split() or "night" in lower(source, "tags"),
    ),
    "match_all": ({"match_all": {}}, lambda source: True),
    "match_none": ({"match_none": {}}, lambda source: False),
    "constant_score": ({"constant_score": {"filter": {"term": {"iso": 100}}}}, any_value("iso", lambda v: v == 100)),
    "bool": (
        {
            "bool": {
                "must": [{"exists": {"field": "iso"}}],
                "filter": {"range": {"iso": {"lte": 800}}},
                "must_not": [{"term": {"camera.make": "canon"}}, {"term": {"missing": True}}],
                "should": [{"term": {"tags": "night"}}],
            }
        },
        lambda s: (
            any(v <= 800 for v in values(s, "iso")) and "canon" not in lower(s, "camera.make") and not s["missing"]
        ),
    ),
    "bool some of should": (
        {
            "bool": {
                "should": [{"term": {"iso": 100}}, {"term": {"tags": "night"}}, {"term": {"width": 3000}}],
                "minimum_should_match": 2,
            }
        },
        lambda s: (100 in values(s, "iso")) + ("night" in lower(s, "tags")) + (s["width"] == 3000) >= 2,
    ),
    "bool only must_not": ({"bool": {"must_not": {"exists": {"field": "iso"}}}}, lambda s: "iso" not in s),
    "bool empty": ({"bool": {}}, lambda source: True),
    "bool more should than there are": (
        {"bool": {"should": [{"match_all": {}}], "minimum_should_match": 2}},
        lambda source: False,
    ),
}
"""A clause, and whether a document matches it."""


def _near(words: list[str], first: str, second: str, slop: int) -> bool:
    """Moves to bring `second` right behind `first` are at most slop."""
    return any(
        abs(there - here - 1) <= slop
        for here, word in enumerate(words)
        for there, other in enumerate(words)
        if word == first and other == second
    )
