"""Dates are read and rounded as Elasticsearch does; expectations by hand, and by Python's datetime."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_search.backends.embedded.documents.date_math import iso, parse_date, round_down, step

STRICT = "strict_date_optional_time"


def millis(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp() * 1000)


@pytest.mark.parametrize(
    "text, low, high",
    [
        ("2019", "2019-01-01T00:00:00.000", "2019-01-01T23:59:59.999"),
        ("2020-02", "2020-02-01T00:00:00.000", "2020-02-01T23:59:59.999"),
        ("2019-05-06", "2019-05-06T00:00:00.000", "2019-05-06T23:59:59.999"),
        ("2019-05-06T07", "2019-05-06T07:00:00.000", "2019-05-06T07:59:59.999"),
        ("2019-05-06T07:08", "2019-05-06T07:08:00.000", "2019-05-06T07:08:59.999"),
        ("2019-05-06T07:08:09", "2019-05-06T07:08:09.000", "2019-05-06T07:08:09.999"),
        ("2019-05-06T07:08:09.5", "2019-05-06T07:08:09.500", "2019-05-06T07:08:09.500"),
        ("2019-05-06T07:08:09.123456789Z", "2019-05-06T07:08:09.123", "2019-05-06T07:08:09.123"),
        ("2019-05-06T07:08:09+02:00", "2019-05-06T05:08:09.000", "2019-05-06T05:08:09.999"),
        ("2019-05-06T07:08:09-0330", "2019-05-06T10:38:09.000", "2019-05-06T10:38:09.999"),
    ],
)
def test_what_is_left_out_is_filled(text: str, low: str, high: str) -> None:
    assert parse_date(text, formats=STRICT) == millis(low)
    assert parse_date(text, formats=STRICT, up=True) == millis(high)


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "19", "2019-1-1", "2019-02-30", "2019-13-01", "2019-05-06 07:08:09", "0000:00:00 00:00:00"),
        *("2019-05-06T25:00:00Z", "2019-05-06T07:08:09+25:00", "2019-05-06Z", "0000-01-01", "٢٠١٩"),
    ],
)
def test_others_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_date(text, formats=STRICT)


@pytest.mark.parametrize("value", [True, None, [2019], {"a": 1}])
def test_other_types_are_refused(value: object) -> None:
    with pytest.raises(ValueError):
        parse_date(value)


def test_milliseconds_where_the_format_has_them() -> None:
    assert parse_date(1_556_000_000_000) == 1_556_000_000_000
    assert parse_date("-5000", formats="epoch_millis") == -5000
    assert parse_date(1_556_000_000, formats="epoch_second") == 1_556_000_000_000
    assert parse_date(2019, math=True) == 2019
    assert parse_date(2019) == millis("2019-01-01T00:00:00")  # the default's first format reads it as a year
    with pytest.raises(ValueError):
        parse_date(1_556_000_000_000, formats=STRICT)


@pytest.mark.parametrize(
    "text, low, high",
    [
        ("2019-05-06||+1d", "2019-05-07T00:00:00.000", "2019-05-07T00:00:00.000"),
        ("2019-05-06||/M", "2019-05-01T00:00:00.000", "2019-05-31T23:59:59.999"),
        ("2019-05-06||-1M/d", "2019-04-06T00:00:00.000", "2019-04-06T23:59:59.999"),
        ("2020-02-29||-1y", "2019-02-28T00:00:00.000", "2019-02-28T00:00:00.000"),
        ("2019-05-08||/w", "2019-05-06T00:00:00.000", "2019-05-12T23:59:59.999"),
        ("2019-05-06T10:20:30||/h+5m", "2019-05-06T10:05:00.000", "2019-05-06T11:04:59.999"),
    ],
)
def test_date_math(text: str, low: str, high: str) -> None:
    assert parse_date(text, formats=STRICT, math=True) == millis(low)
    assert parse_date(text, formats=STRICT, math=True, up=True) == millis(high)


def test_now() -> None:
    now = datetime.now(timezone.utc).timestamp() * 1000
    assert abs(parse_date("now", math=True) - now) < 60_000
    assert abs(parse_date("now-7d", math=True) - (now - 7 * 86_400_000)) < 60_000
    assert parse_date("now/d", math=True) % 86_400_000 == 0
    for text in ("now-7x", "now-", "now7d", "2019-05-06||bogus"):
        with pytest.raises(ValueError):
            parse_date(text, math=True)


MOMENTS = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9998, 12, 31))


@given(MOMENTS)
def test_iso_and_back(moment: datetime) -> None:
    value = (moment - datetime(1970, 1, 1)) // timedelta(milliseconds=1)
    assert parse_date(iso(value), formats=STRICT) == value


@given(MOMENTS, st.sampled_from("yqMwdhm"))
def test_a_moment_lies_between_its_rounding_and_the_next(moment: datetime, unit: str) -> None:
    value = (moment - datetime(1970, 1, 1)) // timedelta(milliseconds=1)
    start = round_down(value, unit)
    assert start <= value < step(start, unit, 1)
    assert round_down(start, unit) == start


def test_steps_keep_the_day_where_the_month_has_it() -> None:
    assert step(millis("2019-01-31T05:00:00"), "M", 1) == millis("2019-02-28T05:00:00")
    assert step(millis("2019-01-31T05:00:00"), "q", -1) == millis("2018-10-31T05:00:00")
    with pytest.raises(ValueError):
        step(millis("9999-01-01T00:00:00"), "y", 1)
