"""What people type, and what is understood of it: meanings written by hand, for a small library on 1 December 2026."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from hybrid_search.query.understood.text_parts import understand
from hybrid_search.query.understood.vocabulary import IndexVocabulary
from tests.support.vocabulary import buckets, small_library, year_buckets

NOW = datetime(2026, 12, 1, 15, 30)
LIBRARY = small_library()

DATES = {
    # text: (first day, day after the last), of each stretch
    "2019": [("2019-01-01", "2020-01-01")],
    "1985": [("1985-01-01", "1986-01-01")],
    "from 2015": [("2015-01-01", "2016-01-01")],
    "in 2019": [("2019-01-01", "2020-01-01")],
    "2018-07": [("2018-07-01", "2018-08-01")],
    "07/2018": [("2018-07-01", "2018-08-01")],
    "2018-07-12": [("2018-07-12", "2018-07-13")],
    "12.07.2018": [("2018-07-12", "2018-07-13")],
    "12.7.18": [("2018-07-12", "2018-07-13")],
    "25/12/2018": [("2018-12-25", "2018-12-26")],
    "12/25/2018": [("2018-12-25", "2018-12-26")],
    "01/02/2019": [("2019-02-01", "2019-02-02"), ("2019-01-02", "2019-01-03")],
    "2015-2018": [("2015-01-01", "2019-01-01")],
    "2015 - 2018": [("2015-01-01", "2019-01-01")],
    "between 2015 and 2018": [("2015-01-01", "2019-01-01")],
    "from May 2015 to 2018": [("2015-05-01", "2019-01-01")],
    "zwischen 2015 und 2018": [("2015-01-01", "2019-01-01")],
    "entre 2015 et 2018": [("2015-01-01", "2019-01-01")],
    "entre 2015 y 2018": [("2015-01-01", "2019-01-01")],
    "before 2010": [(None, "2010-01-01")],
    "vor 2010": [(None, "2010-01-01")],
    "avant 2010": [(None, "2010-01-01")],
    "antes de 2010": [(None, "2010-01-01")],
    "after 2015": [("2016-01-01", None)],
    "since 2015": [("2015-01-01", None)],
    "seit Mai 2018": [("2018-05-01", None)],
    "depuis 2018": [("2018-01-01", None)],
    "desde 2018": [("2018-01-01", None)],
    "until 2018": [(None, "2019-01-01")],
    "bis 2018": [(None, "2019-01-01")],
    "1980s": [("1980-01-01", "1990-01-01")],
    "the 80s": [("1980-01-01", "1990-01-01")],
    "80er Jahre": [("1980-01-01", "1990-01-01")],
    "années 80": [("1980-01-01", "1990-01-01")],
    "años 80": [("1980-01-01", "1990-01-01")],
    "july 2019": [("2019-07-01", "2019-08-01")],
    "Jul 2019": [("2019-07-01", "2019-08-01")],
    "Mai 2015": [("2015-05-01", "2015-06-01")],
    "März 2012": [("2012-03-01", "2012-04-01")],
    "août 2017": [("2017-08-01", "2017-09-01")],
    "agosto de 2016": [("2016-08-01", "2016-09-01")],
    "maggio 2010": [("2010-05-01", "2010-06-01")],
    "3 July 2019": [("2019-07-03", "2019-07-04")],
    "July 3rd, 2019": [("2019-07-03", "2019-07-04")],
    "5th of May 2012": [("2012-05-05", "2012-05-06")],
    "3. Oktober 2015": [("2015-10-03", "2015-10-04")],
    "le 3 mai 2010": [("2010-05-03", "2010-05-04")],
    "3 de mayo de 2010": [("2010-05-03", "2010-05-04")],
    "summer 2018": [("2018-06-01", "2018-09-01")],
    "summer of 2018": [("2018-06-01", "2018-09-01")],
    "2018 summer": [("2018-06-01", "2018-09-01")],
    "winter 2017/18": [("2017-12-01", "2018-03-01")],
    "Herbst 2018": [("2018-09-01", "2018-12-01")],
    "été 2018": [("2018-06-01", "2018-09-01")],
    "verano de 2018": [("2018-06-01", "2018-09-01")],
    "christmas 2018": [("2018-12-24", "2018-12-27")],
    "Weihnachten 2018": [("2018-12-24", "2018-12-27")],
    "noël 2019": [("2019-12-24", "2019-12-27")],
    "Navidad 2019": [("2019-12-24", "2019-12-27")],
    "new year's eve 2019": [("2019-12-31", "2020-01-01")],
    "Ostern 2019": [("2019-04-19", "2019-04-23")],  # Sunday was 21 April
    "easter 2018": [("2018-03-30", "2018-04-03")],  # Sunday was 1 April
    "thanksgiving 2019": [("2019-11-28", "2019-11-30")],
    "yesterday": [("2026-11-30", "2026-12-01")],
    "gestern": [("2026-11-30", "2026-12-01")],
    "ayer": [("2026-11-30", "2026-12-01")],
    "today": [("2026-12-01", "2026-12-02")],
    "last week": [("2026-11-23", "2026-11-30")],
    "last month": [("2026-11-01", "2026-12-01")],
    "last year": [("2025-01-01", "2026-01-01")],
    "this year": [("2026-01-01", "2027-01-01")],
    "letztes Jahr": [("2025-01-01", "2026-01-01")],
    "dieses Jahr": [("2026-01-01", "2027-01-01")],
    "l'année dernière": [("2025-01-01", "2026-01-01")],
    "el año pasado": [("2025-01-01", "2026-01-01")],
    "3 years ago": [("2023-01-01", "2024-01-01")],
    "vor 3 Jahren": [("2023-01-01", "2024-01-01")],
    "il y a 3 ans": [("2023-01-01", "2024-01-01")],
    "hace 3 años": [("2023-01-01", "2024-01-01")],
    "last summer": [("2026-06-01", "2026-09-01")],
    "letzten Sommer": [("2026-06-01", "2026-09-01")],
    "last christmas": [("2025-12-24", "2025-12-27")],
    "last december": [("2025-12-01", "2026-01-01")],
    "last 30 days": [("2026-11-01", "2026-12-02")],
}


@pytest.mark.parametrize(("text", "stretches"), DATES.items(), ids=str)
def test_dates(text: str, stretches: list[tuple[str | None, str | None]]) -> None:
    meant = understand(text, LIBRARY, now=NOW)
    assert (meant.words, len(meant.parts)) == ("", 1)
    assert [_edges(each) for each in _ranges(meant.parts[0].clause)] == stretches


def _ranges(clause: Any) -> list[dict[str, str]]:
    clauses = clause["bool"]["should"] if "bool" in clause else [clause]
    return [each["range"]["taken_at"] for each in clauses if "range" in each]


def _edges(limits: dict[str, str]) -> tuple[str | None, str | None]:
    assert all(edge.endswith("T00:00:00") for edge in limits.values())
    return limits.get("gte", "")[:10] or None, limits.get("lt", "")[:10] or None


UNDERSTOOD = {
    # text: what is left, what was understood
    "sunset 2019": ("sunset", ["2019 as taken in 2019"]),
    "photos taken with Canon in Paris": ("", ["Canon as the camera Canon", "Paris as the place Paris"]),
    "canon beach": ("beach", ["canon as the camera canon"]),
    "iPhone 12": ("", ["iPhone 12 as the camera iPhone 12"]),
    "iphone12": ("", ["iphone12 as the camera iphone12"]),
    "my iPhone": ("", ["iPhone as the camera iPhone"]),
    "gopro": ("", ["gopro as the camera gopro"]),
    "nikon d750": ("", ["nikon d750 as the camera nikon d750"]),
    "5d mark ii": ("", ["5d mark ii as the camera 5d mark ii"]),
    "50mm": ("", ["50mm as taken at 50 mm or with such a lens"]),
    "EF 24-70mm": ("EF", ["24-70mm as the lens 24-70mm"]),
    "35 mm": ("", ["35 mm as taken at 35 mm or with such a lens"]),
    "ISO 3200": ("", ["ISO 3200 as taken at ISO 3200"]),
    "iso3200 night": ("night", ["iso3200 as taken at ISO 3200"]),
    "iso over 800": ("", ["iso over 800 as taken at an ISO above 800"]),
    "ISO above 800 night": ("night", ["ISO above 800 as taken at an ISO above 800"]),
    "dogs under ISO 400": ("dogs", ["under ISO 400 as taken at an ISO below 400"]),
    "iso at least 3200": ("", ["iso at least 3200 as taken at an ISO of at least 3200"]),
    "at most 100 iso": ("", ["at most 100 iso as taken at an ISO of at most 100"]),
    "under 35 mm": ("", ["under 35 mm as taken at a focal length below 35 mm"]),
    "above 35mm": ("", ["above 35mm as taken at a focal length above 35 mm"]),
    "f/1.8": ("", ["f/1.8 as taken at f/1.8"]),
    "f/1,8": ("", ["f/1,8 as taken at f/1.8"]),
    "1/500": ("", ["1/500 as exposed for 1/500 s"]),
    "1/500 s": ("", ["1/500 s as exposed for 1/500 s"]),
    "with flash": ("", ["with flash as taken with flash"]),
    "dog without flash": ("dog", ["without flash as taken without flash"]),
    "flash Nikon": ("", ["flash as taken with flash", "Nikon as the camera Nikon"]),
    "50mm lens": ("", ["50mm lens as taken at 50 mm or with such a lens"]),
    "black and white": ("", ["black and white as photographs in black and white"]),
    "black and white photos of dogs": ("dogs", ["black and white as photographs in black and white"]),
    "black and white Paris": (
        "",
        ["black and white as photographs in black and white", "Paris as the place Paris"],
    ),
    "schwarz-weiß": ("", ["schwarz-weiß as photographs in black and white"]),
    "mit Blitz": ("", ["mit Blitz as taken with flash"]),
    "screenshot": ("", ["screenshot as screenshots"]),
    "screenshots 2019": ("", ["screenshots as screenshots", "2019 as taken in 2019"]),
    "raw": ("", ["raw as files of the format RAW"]),
    "gif": ("", ["gif as files of the format GIF"]),
    "cat gifs": ("cat", ["gifs as files of the format GIF"]),
    "portrait": ("", ["portrait as upright pictures"]),
    "landscape format": ("", ["landscape format as pictures wider than high"]),
    "panorama": ("", ["panorama as panoramic pictures"]),
    "square": ("", ["square as square pictures"]),
    "square photos of dogs": ("dogs", ["square as square pictures"]),
    "christmas": ("", ["christmas as taken at Christmas of any year"]),
    "at christmas dog": ("dog", ["christmas as taken at Christmas of any year"]),
    "dogs in may": ("dogs", ["may as taken in May of any year"]),
    "im Sommer": ("", ["Sommer as taken in summer of any year"]),
    "July 4": ("", ["July 4 as taken on 4 July of any year"]),
    "march 2019": ("", ["march 2019 as taken in March 2019"]),
    "dinner in turkey": ("dinner", ["turkey as the place turkey"]),
    "in Nice": ("", ["Nice as the place Nice"]),
    "New York": ("", ["New York as the place New York"]),
    "Paris, 2019": ("", ["Paris as the place Paris", "2019 as taken in 2019"]),
    "munchen 2014": ("", ["munchen as the place munchen", "2014 as taken in 2014"]),
    "frankfurt": ("", ["frankfurt as the place frankfurt"]),
    "in Sydney": ("", ["Sydney as the place Sydney"]),
    "with Sydney": ("", ["Sydney as the person Sydney"]),
    "Sydney": ("", ["Sydney as the place or the person Sydney"]),
    "Anna's birthday": ("birthday", ["Anna's as the person Anna"]),
    "anna und lena": ("", ["anna as the person anna", "lena as the person lena"]),
    "photos of Will": ("", ["Will as the person Will"]),
    "will smith": ("", ["will smith as the person will smith"]),
    "Lena Sommer 2019": ("", ["Lena Sommer as the person Lena Sommer", "2019 as taken in 2019"]),
    "pictures of dogs in Paris": ("dogs", ["Paris as the place Paris"]),
    "show me all photos of dogs from 2018": ("dogs", ["2018 as taken in 2018"]),
    "Bilder vom Strand aus 2018": ("Strand", ["2018 as taken in 2018"]),
    'sunset 2019 "red sky" -dog': ('sunset "red sky" -dog', ["2019 as taken in 2019"]),
}


@pytest.mark.parametrize(("text", "meaning"), UNDERSTOOD.items(), ids=str)
def test_parts_are_understood_and_the_rest_is_left(text: str, meaning: tuple[str, list[str]]) -> None:
    meant = understand(text, LIBRARY, now=NOW)
    assert (meant.words, [str(part) for part in meant.parts]) == meaning


WORDS = (
    *("dog", "a dog on a beach", "red car", "photo", "dogs and cats", "", "  ", "2019s", "1234", "3000"),
    # verbs, birds and adjectives that are months, countries and towns too
    *(
        "may the force be with you",
        "people march",
        "they may march",
        "will",
        "turkey",
        "roast turkey",
        "nice dog",
        "bath",
    ),
    *("mark on the wall", "apple pie", "apple", "hero", "black", "pro", "winter landscape", "summer dress", "spring"),
    *("christmas tree", "fall", "august", "hier am Strand", "christmas market in the snow"),
    # planes, cups, films and lenses that nobody has
    *("f16", "F-16", "1/2 cup", "35mm film", "85mm", "f/11", "1/60", "iso", "flash flood"),
    # numbers that alone say no camera and no year
    *("12", "5", "IMG 2019", "IMG_2019.JPG", "route 66"),
    # what is left as it is
    *('"2019"', '"Canon"', "-2019", '"photos taken with Canon"', "-canon"),
    # shapes that are things or scenery
    *(
        "landscape",
        "portrait of a woman",
        "market square",
        "black and white dog",
        "bird black and white",
        "mountain landscape",
    ),
    # what the library does not have
    *(
        "Leica",
        "iPhone 11",
        "London",
        "Otto",
        "webp",
        "last 3 dogs",
    ),
)


@pytest.mark.parametrize("text", WORDS)
def test_words_stay_words(text: str) -> None:
    meant = understand(text, LIBRARY, now=NOW)
    assert (meant.words, meant.parts) == (text, ())


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("1999", "1999 as taken in 1999"),
        ("Berlin 1999", "1999 as taken in 1999"),
        ("summer 1999", "summer 1999 as taken in summer 1999"),
        ("before 1970", "before 1970 as taken before 1970"),
        ("ISO over 3200", "ISO over 3200 as taken at an ISO above 3200"),
        ("under ISO 100", "under ISO 100 as taken at an ISO below 100"),
        ("ISO 6400", "ISO 6400 as taken at ISO 6400"),
    ],
)
def test_what_no_picture_fits_stays_among_the_words_and_is_named(text: str, part: str) -> None:
    meant = understand(text, LIBRARY, now=NOW)
    assert (meant.words, [(str(each), each.clause) for each in meant.parts]) == (text, [(part, None)])


def test_what_no_picture_fits_does_not_take_the_place_of_what_fits() -> None:
    meant = understand("anna 1999", LIBRARY, now=NOW)
    assert meant.words == "1999"
    assert [each.clause is None for each in meant.parts] == [False, True]


EVERY = {*DATES, *UNDERSTOOD}


@pytest.mark.parametrize("text", sorted(EVERY))
def test_in_an_index_of_pictures_without_metadata_all_are_words(text: str) -> None:
    parts = [part.meaning for part in understand(text, IndexVocabulary(), now=NOW).parts if part.clause is not None]
    assert parts == (["screenshots"] if "screenshot" in text else [])


def test_what_is_written_of_a_picture_counts_as_the_name() -> None:
    (part,) = understand("Paris", LIBRARY).parts
    assert part.clause is not None
    should = part.clause["bool"]["should"]
    assert should[0] == {"term": {"place.city": "paris"}}
    assert {"match_phrase": {"tags_text": {"query": "paris"}}} in should


def test_a_year_is_no_number_of_a_file() -> None:
    clause = str(understand("2019", LIBRARY).parts[0].clause)
    assert "folder_text" in clause
    assert "filename_text" not in clause


def test_a_whole_name_is_no_part_of_another() -> None:
    clause = str(understand("iPhone 12", LIBRARY).parts[0].clause)
    assert "iphone 12 pro" not in clause
    assert "iphone 12 pro" in str(understand("iPhone", LIBRARY).parts[0].clause)


def test_numbers_too_many_to_know_may_all_be_there() -> None:
    many = {**buckets(100), "sum_other_doc_count": 3}
    from hybrid_search.query.understood.vocabulary import read_vocabulary

    assert understand("ISO 640", read_vocabulary({"iso": many})).parts
    (none_has_it,) = understand("ISO 640", read_vocabulary({"iso": buckets(100)})).parts
    assert none_has_it.clause is None


def test_fields_that_an_index_lacks_are_not_asked() -> None:
    from dataclasses import replace

    clause = str(understand("Canon", replace(LIBRARY, texts=("caption_text",))).parts[0].clause)
    assert "caption_text" in clause
    assert "headline_text" not in clause


def test_years_before_the_epoch_are_known() -> None:
    from hybrid_search.query.understood.vocabulary import read_vocabulary

    old = read_vocabulary({"taken_at": year_buckets(1935)})
    assert [str(part) for part in understand("1935", old, now=NOW).parts] == ["1935 as taken in 1935"]
