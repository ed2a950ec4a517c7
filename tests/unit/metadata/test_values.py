"""Single values: text, numbers, dates and tags, however odd."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime
from fractions import Fraction

import pytest
from exifread.utils import Ratio
from hypothesis import given
from hypothesis import strategies as st

from hybrid_search.metadata.values import (
    clean_text,
    date_of_timestamp,
    decode_text,
    first_number,
    parse_date,
    parse_offset,
    shown,
    split_tags,
    wide_text,
)

# Elasticsearch's strict_date_optional_time, as far as a writer may use it
STRICT = re.compile(r"\d{4}(-\d\d){0,2}|\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{3}|\.\d{6})?([+-]\d\d:\d\d)?)?")


@pytest.mark.parametrize(
    ("found", "number"),
    [
        (Ratio(1, 125), 0.008),
        (Ratio(0, 0), None),
        (Ratio(1, 0), None),
        ([400, 0], 400),
        ([], None),
        ([(2.5,)], 2.5),
        (float("inf"), None),
        (math.nan, None),
        ("28/10", 2.8),
        ("1/0", None),
        ("1_000", None),
        ("f/2.8", None),
        (True, None),
        (None, None),
        (b"7", None),
        (10**400, None),
    ],
)
def test_first_number(found: object, number: float | None) -> None:
    assert first_number(found) == number


@pytest.mark.parametrize(
    ("text", "subseconds", "offset", "iso"),
    [
        ("2008:05:30 15:56:01", "", "", "2008-05-30T15:56:01"),
        ("2008:05:30 15:56:01", "7", "", "2008-05-30T15:56:01.700"),
        ("2008:05:30 15:56:01", "0700", "Z", "2008-05-30T15:56:01.070000+00:00"),
        ("2008:05:30 15:56:01", "00", "-0330", "2008-05-30T15:56:01-03:30"),
        ("2008:05:30 15:56:01", "??", "+99:00", "2008-05-30T15:56:01"),
        ("2008-05-30T15:56", "", "", "2008-05-30T15:56:00"),
        ("2008-05-30T15:56:01.25+1:00", "", "", "2008-05-30T15:56:01.250+01:00"),
        ("2008:05:30", "", "+01:00", "2008-05-30"),
        ("2008-05", "", "", "2008-05"),
        ("1935", "", "+01:00", "1935"),
        ("1935:00:00 00:00:00", "", "", "1935"),
        ("1935:06:00 00:00:00", "5", "+01:00", "1935-06"),
        ("1935:00:15 12:00:00", "", "", "1935"),
        ("1935:  :     :  :  ", "", "", "1935"),
        ("2008:05:30   :  :  ", "", "", "2008-05-30"),
        ("19350600", "", "", "1935-06"),
        ("20080530 15:56:01", "", "", "2008-05-30T15:56:01"),
        ("2008/05/30 15:56:01", "", "", "2008-05-30T15:56:01"),
        ("2008:05:30 03:56:01 PM", "", "", "2008-05-30T15:56:01"),
        ("2008:05:30 12:56:01 a.m.", "", "", "2008-05-30T00:56:01"),
        ("2008:05:30 12:56:01.5PM", "", "+02:00", "2008-05-30T12:56:01.500+02:00"),
        ("2008:05:30 15:56:01 PM", "", "", "2008-05-30T15:56:01"),
        ("2008-05-30T15:56:01+02", "", "", "2008-05-30T15:56:01+02:00"),
        ("2008:12:31 24:00:00", "", "", "2009-01-01T00:00:00"),
    ],
)
def test_parse_date(text: str, subseconds: str, offset: str, iso: str) -> None:
    assert parse_date(text, subseconds=subseconds, offset=offset) == iso
    assert STRICT.fullmatch(iso)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0000:00:00 00:00:00",
        "2008:13:01 00:00:00",
        "2007:02:29 12:00:00",
        "2008:05:30 24:00:01",
        "2008:05:30 25:00:00",
        "1935-0800",
        "1066:10:14 09:00:00",
        "9999:99:99 99:99:99",
        "2008:05:30 15:56:01 and more",
        "২০০৮:05:30 15:56:01",
        "    :  :     :  :  ",
    ],
)
def test_parse_date_refuses(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a date|is out of range"):
        parse_date(text)


@given(st.text(), st.text(max_size=8), st.text(max_size=8))
def test_parse_date_never_gives_anything_else(text: str, subseconds: str, offset: str) -> None:
    try:
        iso = parse_date(text, subseconds=subseconds, offset=offset)
    except ValueError:
        return
    assert STRICT.fullmatch(iso)


@given(st.datetimes(min_value=datetime(1800, 1, 1), max_value=datetime(2199, 12, 31)), st.integers(-840, 840))
def test_parse_date_keeps_the_moment(moment: datetime, minutes: int) -> None:
    offset = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    written = moment.strftime("%m:%d %H:%M:%S")
    iso = parse_date(f"{moment.year}:{written}", subseconds=f"{moment.microsecond:06}", offset=offset)
    assert iso.endswith(offset)
    assert datetime.fromisoformat(iso[:-6]) == moment
    assert STRICT.fullmatch(iso)


def test_parse_offset() -> None:
    assert parse_offset(" +05:45") == "+05:45"
    assert [parse_offset(text) for text in ("+14:01", "05:45", "+05:60", "", "   :  ")] == [None] * 5


def test_date_of_timestamp() -> None:
    assert date_of_timestamp(1_421_154_000) == "2015-01-13T13:00:00+00:00"
    assert date_of_timestamp(-86_400.5) == "1969-12-30T23:59:59.500+00:00"
    for seconds in (1e18, -1e12, math.inf):
        with pytest.raises(ValueError, match="is out of range"):
            date_of_timestamp(seconds)


@given(st.text() | st.binary().map(decode_text), st.integers(1, 50))
def test_clean_text_is_fit_for_json_and_utf8(text: str, limit: int) -> None:
    cleaned = clean_text(text, limit=limit)
    assert json.loads(json.dumps(cleaned).encode("utf-8")) == cleaned
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned
    assert len(cleaned) <= limit
    assert not set(map(ord, cleaned)) & {*range(9), *range(11, 32), *range(127, 160)}
    assert cleaned == clean_text(cleaned, limit=limit)


def test_clean_text() -> None:
    assert clean_text("  SONY\x00\x00") == "SONY"
    assert clean_text("a\x00b\r\nc\x1b[31m") == "a b\nc [31m"
    assert clean_text("lone \ud800, pair \ud83d\ude00") == "lone \ufffd, pair \U0001f600"


def test_decode_text() -> None:
    assert decode_text("Zürich".encode()) == "Zürich"
    assert decode_text("Zürich – 5 €".encode("cp1252")) == "Zürich – 5 €"
    assert decode_text(b"\x81\xfc") == "\x81ü"


def test_wide_text() -> None:
    assert wide_text(list("Café".encode("utf-16-le") + b"\x00\x00junk")) == "Café"
    assert [wide_text(value) for value in ([300], [-1], [1.5], None, [], [65])] == [""] * 6


@given(st.lists(st.integers(-10, 300)) | st.text() | st.none())
def test_wide_text_never_raises(values: object) -> None:
    assert wide_text(values).encode("utf-8").decode("utf-8") == wide_text(values)


def test_split_tags() -> None:
    assert split_tags("sea, beach,,  ") == ["sea", "beach"]
    assert split_tags("Paris, France; night;") == ["Paris, France", "night"]
    assert split_tags(" ; ") == []


@given(st.one_of(st.text(), st.binary(), st.floats(), st.lists(st.fractions() | st.floats() | st.text())))
def test_first_number_is_finite_or_none(value: object) -> None:
    number = first_number(value)
    assert number is None or math.isfinite(number)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_first_number_of_ratios(numerator: int, denominator: int) -> None:
    expected = numerator / denominator if denominator else None
    assert first_number(Ratio(numerator, denominator)) == expected
    assert first_number(f"{numerator}/{denominator}") == expected
    if denominator:
        assert first_number(Fraction(numerator, denominator)) == expected


@given(st.text() | st.binary() | st.floats() | st.lists(st.integers()))
def test_shown_is_one_short_line(value: object) -> None:
    text = shown(value)
    assert 0 < len(text) <= 40
    assert "\n" not in text
    text.encode("utf-8")
