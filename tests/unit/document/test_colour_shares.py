"""How much of a picture has each colour: pictures painted by hand, names of surveys, and what has no name."""

from __future__ import annotations

import pytest
from PIL import Image

from hybrid_search.document.colour_shares import LEAST_SHARE, TERMS, colour_shares, colour_term
from hybrid_search.document.picture import thumbnail, thumbnail_colours
from hybrid_search.document.schema_upgrade import upgraded

NAMED = {
    # the most common names of the xkcd survey (CC0) that say a basic term
    "black": "#000000",
    "white": "#ffffff",
    "grey": "#929591",
    "red": "#e50000",
    "dark red": "#840000",
    "bright red": "#ff000d",
    "orange": "#f97306",
    "dark orange": "#c65102",
    "yellow": "#ffff14",
    "bright yellow": "#fffd01",
    "green": "#15b01a",
    "dark green": "#033500",
    "olive green": "#677a04",
    "light green": "#96f97b",
    "blue": "#0343df",
    "sky blue": "#75bbfd",
    "navy blue": "#001146",
    "purple": "#7e1e9c",
    "light purple": "#bf77f6",
    "pink": "#ff81c0",
    "hot pink": "#ff028d",
    "brown": "#653700",
}
NAMELESS = ["#e0ac87", "#f1c9a5", "#c68642", "#d1b26f", "#06c2ac"]
"""Skin of three people, tan, turquoise."""


@pytest.mark.parametrize(("name", "colour"), NAMED.items())
def test_colours_have_the_names_that_people_give_them(name: str, colour: str) -> None:
    assert colour_term(_rgb(colour)) == name.split()[-1]


@pytest.mark.parametrize("colour", NAMELESS)
def test_skin_and_what_lies_between_two_names_has_none(colour: str) -> None:
    assert colour_term(_rgb(colour)) == ""


def test_shares_are_of_the_whole_picture() -> None:
    image = Image.new("RGB", (100, 10), "#e0ac87")
    image.paste("#cc0000", (0, 0, 25, 10))
    image.paste("#0000cc", (25, 0, 35, 10))
    assert colour_shares(image) == {"red": 0.25, "blue": 0.1}


def test_a_thousandth_is_kept_and_noise_is_not() -> None:
    image = Image.new("RGB", (100, 100), "white")
    image.paste("#cc0000", (0, 0, 5, 2))
    image.putpixel((50, 50), (0, 0, 200))
    assert colour_shares(image) == {"white": 0.9989, "red": 0.001}
    assert LEAST_SHARE > 1 / 10_000


def test_every_term_is_some_colour() -> None:
    found = {colour_term((red, green, blue)) for red in LEVELS for green in LEVELS for blue in LEVELS}
    assert found == {*TERMS, ""}


def test_a_migrated_document_has_the_colours_of_its_thumbnail() -> None:
    image = Image.new("RGB", (60, 40), "#1020c0")
    before = {"sha256": "a", "thumbnail": thumbnail(image)}
    assert upgraded(before, schema=3)["colour"] == {"blue": 1.0}
    assert upgraded({**before, "colour": {"red": 0.5}}, schema=3)["colour"] == {"red": 0.5}
    assert "colour" not in upgraded({"sha256": "a", "thumbnail": "data:image/jpeg;base64,AAAA"}, schema=3)
    assert thumbnail_colours("nothing") == {}


LEVELS = range(0, 256, 15)


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return red, green, blue
