"""Filters: what is written, against the documents that it should find."""

from __future__ import annotations

import fnmatch
import math
import re
import unicodedata
from datetime import datetime, timedelta, timezone
from functools import partial

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hybrid_search.document.definition import EmbeddingSpec, field_types, load_definition
from hybrid_search.errors import BadFilter, QueryError, UnknownField
from hybrid_search.query.filters import parse_filter

TYPES = field_types(load_definition(embeddings={"lite": EmbeddingSpec("lite", "1", 8)}))
NOW = datetime(2024, 3, 31, 12, 30, 15, 250_000, tzinfo=timezone.utc)

PHOTOS = {
    "paris": {
        "caption": "A red boat on the Seine",
        "tags": ["Boat", "river"],
        "camera": {"make": "Canon", "model": "EOS R5"},
        "iso": 400,
        "f_number": 2.8,
        "exposure_time": 0.004,
        "exposure_bias": -0.3,
        "taken_at": "2019-06-15T10:30:00",
        "location": {"lat": 48.8566, "lon": 2.3522},
        "flash": False,
        "folder": ["/photos/2019", "/photos", "/"],
        "exif": {"LensModel": "EF 50mm"},
        "altitude": 35.0,
    },
    "tokyo": {
        "caption": "Night traffic in Tokyo, a boat far away",
        "tags": ["night", "city"],
        "camera": {"make": "NIKON", "model": "Z 9"},
        "iso": 6400,
        "f_number": 1.8,
        "exposure_bias": 0.0,
        "taken_at": "2020-12-31T23:59:59.900",
        "location": {"lat": 35.68, "lon": 139.69},
        "flash": True,
        "folder": ["/photos/2020", "/photos", "/"],
        "altitude": -2.0,
    },
    "fiji": {
        "caption": "boat, red at dusk",
        "tags": ["night", "boat trip"],
        "camera": {"make": "Canon", "model": "PowerShot G7"},
        "iso": 100,
        "taken_at": "2021-01-01T00:00:00",
        "location": {"lat": -17.7, "lon": 179.5},
        "exposure_bias": -3.0,
    },
    "scan": {"caption": "grandmother", "tags": ["what?*"], "folder": ["/scans", "/"]},
}


# -- a naive reading of the clauses, to compare the parser with what a person expects ----------------------------------


def values(document: dict, name: str) -> list:
    name = name.removesuffix(".every_word").removesuffix("_text")
    found = document
    for part in name.split("."):
        found = found.get(part, {}) if isinstance(found, dict) else {}
    if found == {}:
        return []
    return found if isinstance(found, list) else [found]


def moment(text: str) -> datetime:
    read = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return read if read.tzinfo else read.replace(tzinfo=timezone.utc)


def low(value):
    return value.lower() if isinstance(value, str) else value


def holds(clause: dict, id: str, document: dict) -> bool:
    ((kind, body),) = clause.items()
    return bool(globals()[f"_{kind}"](body, id, document))


def _bool(body, id, document):
    each = {key: [holds(part, id, document) for part in body.get(key, [])] for key in ("must", "filter", "should")}
    wanted = body.get("minimum_should_match", 0 if each["must"] or each["filter"] or not each["should"] else 1)
    denied = any(holds(part, id, document) for part in body.get("must_not", []))
    return all(each["must"]) and all(each["filter"]) and sum(each["should"]) >= wanted and not denied


def _term(body, id, document):
    ((name, value),) = body.items()
    if isinstance(value, bool):
        return any(found is value for found in values(document, name))
    return any(low(found) == low(value) for found in values(document, name))


def _terms(body, id, document):
    ((name, wanted),) = body.items()
    return any(_term({name: value}, id, document) for value in wanted)


def _range(body, id, document):
    ((name, bounds),) = body.items()
    read = moment if TYPES.get(name) == "date" else low
    compare = {
        "gte": lambda found, bound: found >= bound,
        "gt": lambda found, bound: found > bound,
        "lte": lambda found, bound: found <= bound,
        "lt": lambda found, bound: found < bound,
    }
    return any(
        all(compare[operator](read(found), read(bound)) for operator, bound in bounds.items())
        for found in values(document, name)
    )


def _exists(body, id, document):
    return values(document, body["field"])


def _ids(body, id, document):
    return id in body["values"]


def _match_all(body, id, document):
    return True


def _prefix(body, id, document):
    ((name, start),) = body.items()
    found = tokens(document, name) if TYPES.get(name) == "text" else map(low, values(document, name))
    return any(value.startswith(start.lower()) for value in found)


def _wildcard(body, id, document):
    ((name, pattern),) = body.items()
    shell = re.sub(r"\\(.)|\[", lambda match: f"[{match[1] or '['}]", pattern.lower())
    found = tokens(document, name) if TYPES.get(name) == "text" else map(low, values(document, name))
    return any(fnmatch.fnmatchcase(value, shell) for value in found)


def tokens(document, name):
    return [word for value in values(document, name) for word in re.findall(r"\w+", value.lower())]


def _match(body, id, document):
    ((name, given),) = body.items()
    wanted = re.findall(r"\w+", given["query"].lower())
    join = all if given["operator"] == "and" else any
    return join(word in tokens(document, name) for word in wanted)


def _match_phrase(body, id, document):
    ((name, given),) = body.items()
    assert isinstance(given, str), "slop is checked by its clause"
    return f" {' '.join(re.findall(r'[a-z]+', given.lower()))} " in f" {' '.join(tokens(document, name))} "


def _geo_distance(body, id, document):
    ((name, point),) = ((key, value) for key, value in body.items() if key != "distance")
    number, unit = re.fullmatch(r"([0-9.]+)(m|km|mi)", body["distance"]).groups()
    limit = float(number) * {"m": 1, "km": 1000, "mi": 1609.344}[unit]
    return any(haversine(point, found) <= limit for found in values_of_points(document, name))


def _geo_bounding_box(body, id, document):
    ((name, corners),) = body.items()
    top, bottom = corners["top_left"], corners["bottom_right"]

    def inside(found):
        if top["lon"] <= bottom["lon"]:
            east = top["lon"] <= found["lon"] <= bottom["lon"]
        else:
            east = found["lon"] >= top["lon"] or found["lon"] <= bottom["lon"]
        return bottom["lat"] <= found["lat"] <= top["lat"] and east

    return any(inside(found) for found in values_of_points(document, name))


def values_of_points(document, name):
    return [document[name]] if name in document else []


def haversine(one, other):
    a, b = math.radians(one["lat"]), math.radians(other["lat"])
    half = math.sin((a - b) / 2) ** 2
    half += math.cos(a) * math.cos(b) * math.sin(math.radians(one["lon"] - other["lon"]) / 2) ** 2
    return 2 * 6_371_000 * math.asin(math.sqrt(half))


def found_by(filter, photos=PHOTOS) -> set[str]:
    clauses = parse_filter(filter, TYPES, now=NOW)
    return {id for id, document in photos.items() if all(holds(clause, id, document) for clause in clauses)}


# -- what is written, and what it finds --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("camera.make:canon", {"paris", "fiji"}),
        ("camera.make:CANON", {"paris", "fiji"}),
        ("camera.make : canon", {"paris", "fiji"}),
        ("camera.make:nikon OR tags:river", {"paris", "tokyo"}),
        ("camera.make:nikon || tags:river", {"paris", "tokyo"}),
        ("camera.make:canon AND tags:night", {"fiji"}),
        ("camera.make:canon && tags:night", {"fiji"}),
        ("camera.make:canon tags:night", {"fiji"}),
        ("camera.make:canon +tags:night", {"fiji"}),
        ("camera.make:canon -tags:night", {"paris"}),
        ("camera.make:canon NOT tags:night", {"paris"}),
        ("camera.make:canon AND NOT tags:night", {"paris"}),
        ("camera.make:canon AND !tags:night", {"paris"}),
        ("!(camera.make:canon OR tags:night)", {"scan"}),
        ("-tags:night", {"paris", "scan"}),
        ("NOT camera.make:*", {"scan"}),
        ("tags:river OR tags:city AND iso:6400", {"paris", "tokyo"}),
        ("(tags:river OR tags:city) AND iso:6400", {"tokyo"}),
        ("tags:(river OR city)", {"paris", "tokyo"}),
        ("tags:(night -city)", {"fiji"}),
        ("tags:(night AND city)", {"tokyo"}),
        ("tags:(night city)", {"tokyo"}),
        ("tags:(NOT night)", {"paris", "scan"}),
        ('tags:"boat trip"', {"fiji"}),
        (r"tags:boat\ trip", {"fiji"}),
        ("tags:boat", {"paris"}),
        ("tags:boat*", {"paris", "fiji"}),
        ("tags:*t", {"paris", "tokyo", "fiji"}),
        ("tags:n?ght", {"tokyo", "fiji"}),
        (r"tags:what\?\*", {"scan"}),
        (r"tags:wh*\?\*", {"scan"}),
        (r"tags:night\*", set()),
        ('tags:"what?*"', {"scan"}),
        ("camera.model:eos*", {"paris"}),
        ('camera.model:"eos r5"', {"paris"}),
        ('camera.model:"eos"', set()),
        ("*:*", {"paris", "tokyo", "fiji", "scan"}),
        ("*", {"paris", "tokyo", "fiji", "scan"}),
        ("_id:fiji", {"fiji"}),
        ("_id:(fiji OR scan)", {"fiji", "scan"}),
        ("folder:/photos", {"paris", "tokyo"}),
        ("folder:/photos/2019/", {"paris"}),
        ("folder:/photos/20*", {"paris", "tokyo"}),
        ('folder:"/scans"', {"scan"}),
        ("exif.LensModel:EF*", {"paris"}),
        ('exif.LensModel:"EF 50mm"', {"paris"}),
        ("exif.LensModel:>=EF", {"paris"}),
        ("exif.LensModel:<EF", set()),
        ("caption:boat", {"paris", "tokyo", "fiji"}),
        ("caption:(red boat)", {"paris", "fiji"}),
        ('caption:"red boat"', {"paris"}),
        ("caption:Tok*", {"tokyo"}),
        ("flash:true", {"tokyo"}),
        ("flash:False", {"paris"}),
    ],
)
def test_words(written, expected):
    assert found_by(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("iso:400", {"paris"}),
        ("iso:400.0", {"paris"}),
        ("iso:>=400", {"paris", "tokyo"}),
        ("iso:>= 400", {"paris", "tokyo"}),
        ("iso:>400", {"tokyo"}),
        ("iso:<400", {"fiji"}),
        ("iso:<=400", {"paris", "fiji"}),
        ("iso:[400 TO *]", {"paris", "tokyo"}),
        ("iso:{400 TO *]", {"tokyo"}),
        ("iso:[100 TO 400]", {"paris", "fiji"}),
        ("iso:[100 TO 400}", {"fiji"}),
        ("iso:{100 TO 400]", {"paris"}),
        ("iso:[* TO *]", {"paris", "tokyo", "fiji"}),
        ("iso:*", {"paris", "tokyo", "fiji"}),
        ("iso:>99.5", {"paris", "tokyo", "fiji"}),
        ("iso:[99.5 TO 400.5]", {"paris", "fiji"}),
        ("iso:(100 OR 400)", {"paris", "fiji"}),
        ("iso:>=1e2 iso:<1e3", {"paris", "fiji"}),
        ("f_number:2.8", {"paris"}),
        ("exposure_time:1/250", {"paris"}),
        ("exposure_time:<=1/200", {"paris"}),
        ("exposure_bias:-0.3", {"paris"}),
        ("exposure_bias:(-3 OR 0)", {"tokyo", "fiji"}),
        ("exposure_bias:>=-0.3", {"paris", "tokyo"}),
        ("exposure_bias:[-3 TO -0.1]", {"paris", "fiji"}),
        ("-exposure_bias:-3", {"paris", "tokyo", "scan"}),
        ("altitude:<0", {"tokyo"}),
        ("_exists_:iso", {"paris", "tokyo", "fiji"}),
        ("_exists_:camera", {"paris", "tokyo", "fiji"}),
        ("NOT _exists_:camera", {"scan"}),
    ],
)
def test_numbers(written, expected):
    assert found_by(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("taken_at:2019", {"paris"}),
        ("taken_at:2020", {"tokyo"}),
        ("taken_at:2020-12", {"tokyo"}),
        ("taken_at:2020-12-31", {"tokyo"}),
        ("taken_at:2020-12-31T23", {"tokyo"}),
        ("taken_at:2020-12-31T23:59:59Z", {"tokyo"}),
        ("taken_at:2020-12-31T23:59:59.900Z", {"tokyo"}),
        ("taken_at:2020-12-31T23:59:59.901Z", set()),
        ("taken_at:2021-01-01T00:59:59+01:00", {"tokyo"}),
        ("taken_at:2021-01-01T05:29:59+0530", {"tokyo"}),
        ('taken_at:"2019-06-15T10:30:00Z"', {"paris"}),
        ("taken_at:[2019 TO 2021]", {"paris", "tokyo", "fiji"}),
        ("taken_at:[2019 TO 2021}", {"paris", "tokyo"}),
        ("taken_at:{2019 TO 2021]", {"tokyo", "fiji"}),
        ("taken_at:>2019", {"tokyo", "fiji"}),
        ("taken_at:>=2019", {"paris", "tokyo", "fiji"}),
        ("taken_at:<2020-12-31", {"paris"}),
        ("taken_at:<=2020-12-31", {"paris", "tokyo"}),
        ("taken_at:[* TO 2019-06]", {"paris"}),
        ("taken_at:[now-4y TO now]", {"tokyo", "fiji"}),
        ("taken_at:[now-39M TO *]", {"tokyo", "fiji"}),  # three years and a quarter before 31 March 2024: 31 Dec 2020
        ("taken_at:>=now-3y/y", {"fiji"}),
        ("taken_at:>=now", set()),
        ("taken_at:*", {"paris", "tokyo", "fiji"}),
    ],
)
def test_dates(written, expected):
    assert found_by(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("now", ("2024-03-31T12:30:15.250", "2024-03-31T12:30:15.251")),
        ("now/d", ("2024-03-31T00:00:00", "2024-04-01T00:00:00")),
        ("now/w", ("2024-03-25T00:00:00", "2024-04-01T00:00:00")),
        ("now/M", ("2024-03-01T00:00:00", "2024-04-01T00:00:00")),
        ("now-1M/M", ("2024-02-01T00:00:00", "2024-03-01T00:00:00")),
        ("now-1M/d", ("2024-02-29T00:00:00", "2024-03-01T00:00:00")),  # February has no 31st
        ("now-1y+1d/y", ("2023-01-01T00:00:00", "2024-01-01T00:00:00")),
        ("now-2h/h", ("2024-03-31T10:00:00", "2024-03-31T11:00:00")),
        ("now-30m/m", ("2024-03-31T12:00:00", "2024-03-31T12:01:00")),
        ("now-15s/s", ("2024-03-31T12:30:00", "2024-03-31T12:30:01")),
        ("2024", ("2024-01-01T00:00:00", "2025-01-01T00:00:00")),
        ("2024-02", ("2024-02-01T00:00:00", "2024-03-01T00:00:00")),
        ("2024-12-31", ("2024-12-31T00:00:00", "2025-01-01T00:00:00")),
        ("2024-02-29T23:30", ("2024-02-29T23:30:00", "2024-02-29T23:31:00")),
    ],
)
def test_a_date_is_the_period_that_it_names(written, expected):
    start, end = expected
    clause = {"range": {"taken_at": {"gte": start, "lt": end}}}
    assert parse_filter(f"taken_at:{written}", TYPES, now=NOW) == (clause,)


def test_a_time_with_a_zone_is_a_moment_and_not_what_clocks_showed():
    """23:30 in New York is 04:30 in London; who does not know the offset of a clock takes it for UTC."""
    newyork = {"taken_at": "2019-12-31T23:30:00", "taken_offset": "-05:00", "taken_at_utc": "2020-01-01T04:30:00Z"}
    rome = {"taken_at": "2020-01-01T05:30:00", "taken_offset": "+01:00", "taken_at_utc": "2020-01-01T04:30:00Z"}
    photos = {"newyork": newyork, "rome": rome, "unknown": {"taken_at": "2020-01-01T04:30:00"}}

    found = partial(found_by, photos=photos)
    assert found("taken_at:2019") == found("taken_at:2019-12-31T23:30") == {"newyork"}
    assert found("taken_at:2020-01-01T04:30") == {"unknown"}
    for same in ("2019-12-31T23:30-05:00", "2020-01-01T05:30:00+01:00", "2020-01-01T04:30Z"):
        assert found(f"taken_at:{same}") == found(f"taken_at:[{same} TO 2020-06]") == set(photos)
    assert found("taken_at:<2020-01-01T04:30Z") == set()
    assert found("taken_at_utc:2020-01-01T04:30") == {"newyork", "rome"}
    assert found({"range": {"taken_at": {"gte": "2020-01-01T00:00:00", "lt": "2020-01-01T05:00:00"}}}) == {"unknown"}
    assert parse_filter(list(parse_filter("taken_at:2019", TYPES)), TYPES) == parse_filter("taken_at:2019", TYPES)


def test_now_is_what_a_clock_shows_here_and_a_moment_for_dates_in_utc():
    evening = NOW.astimezone(timezone(timedelta(hours=13)))  # 2024-04-01T01:30:15.250+13:00
    (clause,) = parse_filter("taken_at:now/d", TYPES, now=evening)
    assert clause == {"range": {"taken_at": {"gte": "2024-04-01T00:00:00", "lt": "2024-04-02T00:00:00"}}}
    for field in ("modified_at", "taken_at_utc"):
        (clause,) = parse_filter(f"{field}:now/d", TYPES, now=evening)
        assert clause == {"range": {field: {"gte": "2024-03-31T00:00:00Z", "lt": "2024-04-01T00:00:00Z"}}}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("location:within(48.85,2.35,10km)", {"paris"}),
        ("location:within( 48.85 , 2.35 , 10km )", {"paris"}),
        ("location: within(48.85,2.35,10000)", {"paris"}),
        ("location:within(48.85,2.35,500m)", set()),  # the photo is about 750 m away
        ("location:within(48.85,2.35,0.5mi)", {"paris"}),  # 805 m
        ('location:"within(48.85,2.35,10km)"', {"paris"}),
        ("location:(within(48.85,2.35,1km) OR within(35.68,139.69,1km))", {"paris", "tokyo"}),
        ("location:within(48.85,2.35,1km) OR location:within(35.68,139.69,1km)", {"paris", "tokyo"}),
        ("location:box(49,2,48,3)", {"paris"}),
        ("location:box(-10,170,-20,-170)", {"fiji"}),
        ("location:box(-10,-170,-20,170)", set()),
        ("NOT location:within(48.85,2.35,10km)", {"tokyo", "fiji", "scan"}),
        ("_exists_:location", {"paris", "tokyo", "fiji"}),
        ("location:*", {"paris", "tokyo", "fiji"}),
    ],
)
def test_places(written, expected):
    assert found_by(written) == expected


def test_the_example_of_the_readme_finds_what_a_person_expects():
    written = "camera.make:canon AND iso:[400 TO *] AND taken_at:[2019 TO 2021} AND NOT tags:night"
    assert found_by(written) == {"paris"}
    assert parse_filter(written, TYPES) == (
        {"term": {"camera.make": "canon"}},
        {"range": {"iso": {"gte": 400}}},
        {"range": {"taken_at": {"gte": "2019-01-01T00:00:00", "lt": "2021-01-01T00:00:00"}}},
        {"bool": {"must_not": [{"term": {"tags": "night"}}]}},
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("tags:boot~", {"fuzzy": {"tags": {"value": "boot", "fuzziness": "AUTO"}}}),
        ("tags:boot~1", {"fuzzy": {"tags": {"value": "boot", "fuzziness": 1}}}),
        ("caption:Boot~2", {"fuzzy": {"caption_text.every_word": {"value": "boot", "fuzziness": 2}}}),
        ('caption:"red boat"~2', {"match_phrase": {"caption_text.every_word": {"query": "red boat", "slop": 2}}}),
        ("caption:t-shirt", {"match": {"caption_text.every_word": {"query": "t shirt", "operator": "and"}}}),
        ("camera.make:[a TO m}", {"range": {"camera.make": {"gte": "a", "lt": "m"}}}),
        ("regions.label:dog", {"nested": {"path": "regions", "query": {"term": {"regions.label": "dog"}}}}),
        ("_exists_:embedding.lite", {"exists": {"field": "embedding.lite"}}),
        ("exif:canon", {"term": {"exif": "canon"}}),
    ],
)
def test_clauses_that_are_for_the_backend_to_interpret(written, expected):
    assert parse_filter(written, TYPES) == (expected,)


# -- what is refused, and how it is said -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("boat", "'boat' has no field; put words into text=…, or write field:boat"),
        ("red boat", "'red' has no field"),
        ("*:boat", "a filter names its field"),
        ("tags:a or tags:b", "write OR in capitals"),
        ("not tags:b", "write NOT in capitals"),
        ("iso>=400", "write iso:>=400"),
        ("camera.make=canon", "write camera.make:canon"),
        ("tags:a AND", "unexpected end of expression"),
        ("(tags:a", "unexpected end of expression"),
        ("tags:a)", "unexpected"),
        ('tags:"a', "is a quote or a bracket left open?"),
        ("iso:[1 TO", "unexpected end"),
        ("tags:a:b", "a colon inside the value of 'tags'"),
        ("tags:(iso:3)", "a colon inside the value of 'tags'"),
        ("tags:/n.*t/", "regular expressions are not taken"),
        ("tags:boat^2", "filters do not rank"),
        ("(tags:boat)^2", "has no field"),
        ("iso:many", "'iso' holds numbers, and 'many' is not a number"),
        ("iso:nan", "not a number"),
        ("f_number:1e999", "not a number"),
        ("f_number:1/0", "not a number"),
        ("iso:٤٠٠", "not a number"),
        ("iso:400.5", "'iso' holds whole numbers, and '400.5' is not one"),
        ("iso:3000000000", "larger than 'iso' can hold"),
        ("iso:[400 TO 100]", "no 'iso' can be gte 400 and lte 100"),
        ("iso:{400 TO 400]", "no 'iso' can be"),
        ("iso:4*", "wildcards are for words, and 'iso' is integer"),
        ("iso:400~1", "~ are for words"),
        ("taken_at:yesterday", "'taken_at' holds dates, and 'yesterday' is not one; write 2019"),
        ("taken_at:2019-02-30", "'2019-02-30' is not one"),
        ("taken_at:2019-13", "not one"),
        ("taken_at:0000", "not one"),
        ("taken_at:9999", "not one"),
        ("taken_at:now-999999y", "not one"),
        ("taken_at:[2021 TO 2019]", "no 'taken_at' can be gte 2021 and lte 2019"),
        ("taken_at:{2019 TO 2020}", "no 'taken_at' can be"),
        ("flash:maybe", "'flash' is true or false, not 'maybe'"),
        ("flash:[true TO false]", "no range"),
        ("caption:[a TO b]", "'caption' is text, which has no order"),
        ("location:paris", "write within(LAT,LON,DISTANCE)"),
        ("location:[1 TO 2]", "places have no order"),
        ("location:within(91,0,1km)", "latitude is within ±90"),
        ("location:within(0,181,1km)", "longitude within ±180"),
        ("location:within(0,x,1km)", "not a number of degrees"),
        ("location:within(0,nan,1km)", "not a number of degrees"),
        ("location:within(0,0,1ly)", "'1ly' is not a distance"),
        ("location:within(0,0,0km)", "a distance is more than nothing"),
        ("location:within(0,0)", "wrong number of values"),
        ("location:box(1,2,3,4)", "the top of the box (1.0) is south of its bottom (3.0)"),
        ('tags:"a b"~2', "'tags' is not a text"),
        ("tags:a~3", "~3 is not a number of letters"),
        ("tags:a~1.2.3", "the number after ~ or ^ is not one"),
        ('caption:"a b"~1.5', "the number after ~"),
        ("exif.LensModel:EF~", "is not searched with ~"),
        ("tags:\ud800", "not valid Unicode"),
        ("iso:1 " * 1_001, "more than 1,000 conditions"),
        ("(" * 30 + "iso:1" + ")" * 30, "nested deeper than 20 levels"),
        ("tags:" + "a" * 10_000, "10,005 characters, more than 10,000"),
    ],
)
def test_what_cannot_be_used_is_said_with_its_reason(written, says):
    with pytest.raises(BadFilter) as raised:
        parse_filter(written, TYPES, now=NOW)
    assert says in str(raised.value)
    assert len(str(raised.value)) < 600


@pytest.mark.parametrize(
    ("written", "field", "close"),
    [
        ("make:canon", "make", "camera.make"),
        ("camra.make:canon", "camra.make", "camera.make"),
        ("camera.maker:canon", "camera.maker", "camera.make"),
        ("ISO:400", "ISO", "iso"),
        ("tag:night", "tag", "tags"),
        ("takenat:2019", "takenat", "taken_at"),
        ("_exists_:locaton", "locaton", "location"),
        ("city:paris", "city", "place.city"),
        ("label:dog", "label", "labels"),
    ],
)
def test_unknown_fields_name_what_comes_close(written, field, close):
    with pytest.raises(UnknownField) as raised:
        parse_filter(written, TYPES)
    assert raised.value.field == field
    assert raised.value.close_matches[0] == close


@pytest.mark.parametrize("field", ["thumbnail", "files", "signature", "embedding.lite", "warnings"])
def test_fields_that_cannot_be_searched_are_unknown(field):
    with pytest.raises(UnknownField):
        parse_filter(f"{field}:x", TYPES)


def test_nothing_is_no_filter():
    assert parse_filter(None, TYPES) == parse_filter("", TYPES) == parse_filter(" \n ", TYPES) == ()
    assert parse_filter([], TYPES) == ()


# -- filters given as clauses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ({"term": {"camera.make": "canon"}}, {"paris", "fiji"}),
        ({"term": {"camera.make": {"value": "canon"}}}, {"paris", "fiji"}),
        ({"term": {"iso": 400}}, {"paris"}),
        ({"term": {"flash": True}}, {"tokyo"}),
        ({"term": {"taken_at": "2019"}}, {"paris"}),
        ({"terms": {"tags": ["river", "city"]}}, {"paris", "tokyo"}),
        ({"terms": {"iso": [100, 400]}}, {"paris", "fiji"}),
        ({"range": {"iso": {"gte": 400}}}, {"paris", "tokyo"}),
        ({"range": {"iso": {"gt": 99.5, "lt": 400.5}}}, {"paris", "fiji"}),
        ({"range": {"taken_at": {"gte": "2019", "lt": "2021"}}}, {"paris", "tokyo"}),
        ({"range": {"taken_at": {"gt": "2019", "lte": "2021"}}}, {"tokyo", "fiji"}),
        ({"range": {"iso": {"gte": None, "lte": 400}}}, {"paris", "fiji"}),
        ({"exists": {"field": "camera"}}, {"paris", "tokyo", "fiji"}),
        ({"ids": {"values": ["scan", "fiji"]}}, {"scan", "fiji"}),
        ({"prefix": {"camera.model": "eos"}}, {"paris"}),
        ({"wildcard": {"tags": {"value": "n?ght"}}}, {"tokyo", "fiji"}),
        ({"match": {"caption": "red tokyo"}}, {"paris", "tokyo", "fiji"}),
        ({"match": {"caption": {"query": "red boat", "operator": "AND"}}}, {"paris", "fiji"}),
        ({"match": {"camera.make": "canon"}}, {"paris", "fiji"}),
        ({"match_phrase": {"caption": "red boat"}}, {"paris"}),
        ({"geo_distance": {"distance": "10km", "location": [2.35, 48.85]}}, {"paris"}),
        ({"geo_distance": {"distance": "10km", "location": "48.85,2.35"}}, {"paris"}),
        ({"geo_distance": {"distance": 10_000, "location": {"lat": 48.85, "lon": 2.35}}}, {"paris"}),
        ({"geo_bounding_box": {"location": {"top": 49, "left": 2, "bottom": 48, "right": 3}}}, {"paris"}),
        ({"geo_bounding_box": {"location": {"top_left": [2, 49], "bottom_right": [3, 48]}}}, {"paris"}),
        ({"geo_bounding_box": {"location": {"top_right": [3, 49], "bottom_left": [2, 48]}}}, {"paris"}),
        ({"match_all": {}}, {"paris", "tokyo", "fiji", "scan"}),
        ({"constant_score": {"filter": {"term": {"tags": "city"}}, "boost": 2}}, {"tokyo"}),
        ({"bool": {"must_not": {"term": {"tags": "night"}}}}, {"paris", "scan"}),
        ({"bool": {"should": [{"term": {"tags": "river"}}, {"term": {"tags": "city"}}]}}, {"paris", "tokyo"}),
        (
            {
                "bool": {
                    "should": [{"term": {"tags": "night"}}, {"term": {"tags": "city"}}, {"term": {"iso": 100}}],
                    "minimum_should_match": 2,
                }
            },
            {"tokyo", "fiji"},
        ),
        ({"bool": {"must": [{"term": {"tags": "night"}}], "filter": {"term": {"iso": 100}}}}, {"fiji"}),
        (["camera.make:canon", {"term": {"tags": "night"}}], {"fiji"}),
    ],
)
def test_clauses(clause, expected):
    assert found_by(clause) == expected


def test_terms_set_and_fuzzy_and_slop_come_through_in_one_form():
    terms_set = {"terms_set": {"words": {"terms": ["a", "b"], "minimum_should_match": "50%"}}}
    assert parse_filter(terms_set, TYPES) == (terms_set,)
    assert parse_filter({"fuzzy": {"tags": "bot"}}, TYPES) == (
        {"fuzzy": {"tags": {"value": "bot", "fuzziness": "AUTO"}}},
    )
    assert parse_filter({"fuzzy": {"tags": {"value": "bot", "fuzziness": "1"}}}, TYPES) == (
        {"fuzzy": {"tags": {"value": "bot", "fuzziness": 1}}},
    )
    slop = {"match_phrase": {"caption": {"query": "red boat", "slop": 2}}}
    assert parse_filter(slop, TYPES) == (
        {"match_phrase": {"caption_text.every_word": slop["match_phrase"]["caption"]}},
    )


@pytest.mark.parametrize(
    ("clause", "says"),
    [
        ({"script": {"script": "true"}}, "'script' is not taken in a filter; these are: bool, term"),
        ({"wrapper": {"query": "e30="}}, "'wrapper' is not taken"),
        ({"query_string": {"query": "*"}}, "'query_string' is not taken"),
        ({"regexp": {"tags": ".*"}}, "'regexp' is not taken"),
        ({"bool": {"filter": [{"script": {}}]}}, "'script' is not taken"),
        ({"constant_score": {"filter": {"script": {}}}}, "'script' is not taken"),
        ({"term": {"tags": "a"}, "range": {}}, "a clause is one name and its body"),
        ({}, "a clause is one name and its body"),
        ({"term": "tags"}, "the body of 'term' is a mapping"),
        ({"term": {"tags": "a", "iso": 3}}, "takes one field and nothing beside it"),
        ({"term": {"tags": {"value": "a", "_name": "text"}}}, "is not a text"),
        ({"term": {"tags": None}}, "None is not a text"),
        ({"term": {"tags": ["a"]}}, "is not a text"),
        ({"term": {"iso": math.inf}}, "is not a text"),
        ({"term": {"caption": "boat"}}, "use match"),
        ({"terms": {"tags": "a"}}, "takes a list"),
        ({"terms": {"tags": {"index": "other", "id": "1", "path": "tags"}}}, "takes a list"),
        ({"terms": {"iso": ["a"]}}, "not a number"),
        ({"range": {"iso": {"gte": 1, "boost": 2}}}, "in 'range' a filter takes gte, gt, lte, lt only"),
        ({"range": {"iso": {"gte": 1, "gt": 2}}}, "one lower and one upper bound"),
        ({"range": {"iso": 3}}, "in 'range' a filter takes"),
        ({"exists": {"field": 3}}, "is not a text"),
        ({"ids": {"values": "a"}}, "takes a list"),
        ({"fuzzy": {"tags": {"value": "a", "fuzziness": 3}}}, "fuzziness is 0, 1, 2"),
        ({"match": {"caption": {"query": "a", "operator": "xor"}}}, "operator is and, or or"),
        ({"match_phrase": {"caption": {"query": "a", "slop": -1}}}, "slop is a whole number from 0 to 100"),
        ({"geo_distance": {"location": [2, 48]}}, "is not a distance"),
        ({"geo_distance": {"distance": "1km", "tags": [2, 48]}}, "'tags' is keyword, not a place"),
        ({"geo_distance": {"distance": "1km", "location": [2]}}, "is not a point"),
        ({"geo_bounding_box": {"location": {"top": 1}}}, "a box has top_left and bottom_right"),
        ({"bool": {}}, "an empty bool holds always"),
        ({"bool": {"filter": "tags:a"}}, "takes a list"),
        ({"bool": {"filter": [{"match_all": {}}], "boost": 2}}, "in 'bool' a filter takes"),
        ({"bool": {"should": [{"match_all": {}}], "minimum_should_match": -1}}, "minimum_should_match"),
        ({"bool": {"should": [{"match_all": {}}], "minimum_should_match": "200%"}}, "minimum_should_match"),
        ({"bool": {"filter": [{"match_all": {}}] * 1_001}}, "more than 1,000 conditions"),
        (3, "a filter is a text, a mapping, or a list of these"),
        ([3], "a filter is a text, a mapping, or a list of these"),
        (b"tags:a", "a filter is a text"),
    ],
)
def test_clauses_that_are_refused(clause, says):
    with pytest.raises(BadFilter) as raised:
        parse_filter(clause, TYPES)
    assert says in str(raised.value)


def test_deeply_nested_clauses_are_refused():
    clause = {"match_all": {}}
    for _ in range(500):
        clause = {"bool": {"filter": [clause]}}
    with pytest.raises(BadFilter, match="nested deeper than 20 levels"):
        parse_filter(clause, TYPES)


def test_clauses_name_unknown_fields():
    with pytest.raises(UnknownField) as raised:
        parse_filter({"bool": {"must_not": [{"term": {"make": "canon"}}]}}, TYPES)
    assert raised.value.close_matches[0] == "camera.make"


# -- properties --------------------------------------------------------------------------------------------------------

SIGNS = (
    'camera.make iso taken_at tags caption location exif.A flash _exists_ _id * regions.label : ( ) [ ] { } " \\ / ~ ^ '
    "- + ! && || AND OR NOT TO 2 2019 now now-1d/d within(1,2,3km) >= < ? a é . , 1e9 2019-01-01T00:00:00+02:00"
)
PIECES = st.sampled_from([*SIGNS.split(), " ", "\n", "\x00"])


@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=14).map("".join)))
@example("iso:1~1.2.3")
@example("a^1.1.1")
@example("\\")
def test_any_text_is_a_filter_or_a_query_error(text):
    try:
        clauses = parse_filter(text, TYPES, now=NOW)
    except QueryError:
        return
    for clause in clauses:
        assert len(clause) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["tags", "iso", "canon", "2019", "10km"]),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "bool term terms range filter must_not should tags iso location distance value gte".split()
            ),
            inside,
            max_size=2,
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from("bool term terms range geo_distance constant_score".split()), JSON, max_size=2))
def test_any_mapping_is_a_filter_or_a_query_error(clause):
    try:
        parsed = parse_filter(clause, TYPES, now=NOW)
    except QueryError:
        return
    assert len(parsed) == 1 and isinstance(parsed[0], dict)


SIMPLE = st.sampled_from(
    [
        "camera.make:canon",
        "iso:>=400",
        "tags:night",
        "taken_at:[2019 TO 2021}",
        "caption:boat",
        "NOT flash:true",
        "f_number:*",
    ]
)


@given(SIMPLE, SIMPLE)
def test_and_or_not_are_those_of_sets(a, b):
    everything = set(PHOTOS)
    assert found_by(f"{a} AND {b}") == found_by(f"{a} {b}") == found_by([a, b]) == found_by(a) & found_by(b)
    assert found_by(f"({a}) OR ({b})") == found_by(a) | found_by(b)
    assert found_by(f"NOT ({a})") == found_by(f"-({a})") == everything - found_by(a)
    assert parse_filter(f"{a} AND {b}", TYPES) == parse_filter(a, TYPES) + parse_filter(b, TYPES)


def test_an_apostrophe_is_found_straight_and_curled():
    forms = [parse_filter(f'tags:"Anna{sign}s"', TYPES)[0]["terms"]["tags"] for sign in "'’"]
    assert [set(form) for form in forms] == [{"Anna's", "Anna’s"}] * 2


def test_a_path_is_found_in_either_form_of_unicode_and_with_a_slash_at_its_end():
    composed, apart = "/p/Brücke", "/p/Bru\u0308cke"
    for written in (f'folder:"{composed}/"', f'folder:"{apart}"', f"folder:{apart}/"):
        assert set(parse_filter(written, TYPES)[0]["terms"]["folder"]) == {composed, apart}
    assert parse_filter('folder:"/p/x/"', TYPES) == ({"term": {"folder": "/p/x"}},)
    assert parse_filter('folder:"/"', TYPES) == ({"term": {"folder": "/"}},)
    assert parse_filter({"terms": {"path": [composed, "/q"]}}, TYPES) == ({"terms": {"path": [composed, apart, "/q"]}},)


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_a_quoted_value_is_taken_as_it_is(value):
    value = value.replace("'", " ").replace("’", " ")
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    assert parse_filter(f'tags:"{quoted}"', TYPES) == ({"term": {"tags": unicodedata.normalize("NFC", value)}},)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters=" \t\n\r\f\v"), min_size=1, max_size=20))
def test_a_value_with_every_sign_escaped_is_taken_as_it_is(value):
    if any(character.isspace() or character in "'’" for character in value):
        return
    escaped = "".join(character if character.isalnum() else f"\\{character}" for character in value)
    if escaped in ("AND", "OR", "NOT"):
        return
    assert parse_filter(f"tags:{escaped}", TYPES) == ({"term": {"tags": unicodedata.normalize("NFC", value)}},)
