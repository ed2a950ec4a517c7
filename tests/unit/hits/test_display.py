"""Hits for people."""

from __future__ import annotations

import re

import pytest

from hybrid_search.hits.hits import Hit, Hits

PICTURE = "data:image/jpeg;base64,/9j/4AAQSkZJRg=="


def hits(*found: Hit, total: int = 0) -> Hits:
    return Hits(found, total=total or len(found))


def test_the_table_has_a_column_for_each_leg():
    first = Hit(1, "a", 0.0325, {"text": 7.25, "vector": 0.91}, source={"path": ["/p/dog.jpg"]}, copies=("c", "d"))
    second = Hit(2, "b", 0.0161, {"vector": 0.5}, copies=("e",))
    assert repr(hits(first, second, total=1_234)).splitlines() == [
        "rank   score   text  vector  hit",
        "   1  0.0325  7.250   0.910  /p/dog.jpg  +2 copies",
        "   2  0.0161          0.500  b  +1 copy",
        "2 of 1,234",
    ]


def test_no_hits_are_a_table_too():
    assert repr(hits()).splitlines() == ["rank  score  hit", "0 of 0"]
    assert "0 of 0" in hits()._repr_html_()


def test_long_and_broken_names_stay_on_their_line():
    table = repr(hits(Hit(1, "a", 1.0, source={"path": ["/" + "x" * 100 + "\n\x1b[31m/dog.jpg"]})))
    assert len(table.splitlines()) == 3
    assert "\x1b" not in table
    assert table.splitlines()[1].endswith("/dog.jpg")


def test_thumbnails_are_shown_with_what_explains_them():
    source = {"thumbnail": PICTURE, "path": ["/p/dog.jpg"], "caption": "a dog"}
    page = hits(Hit(1, "a", 0.5, {"vector": 0.91}, source=source))._repr_html_()
    assert f'<img src="{PICTURE}"' in page
    assert "1. 0.5000<br>vector 0.910<br>a dog<br>/p/dog.jpg" in page


@pytest.mark.parametrize(
    "thumbnail",
    [
        'data:image/jpeg;base64,AAAA" onerror="alert(1)',
        "javascript:alert(1)",
        "https://example.org/track.png",
        "data:image/svg+xml;base64,PHN2Zz4=",
        "data:text/html;base64,AAAA",
        "",
    ],
)
def test_only_pictures_become_pictures(thumbnail):
    page = hits(Hit(1, "a", 0.5, source={"thumbnail": thumbnail}))._repr_html_()
    assert "<img" not in page
    assert not thumbnail or thumbnail not in page


def test_everything_is_escaped():
    evil = '<script>alert("1")</script>&\''
    source = {"thumbnail": PICTURE, "path": [evil], "caption": evil, "title": evil}
    page = hits(Hit(1, evil, 0.5, {evil: 1.0}, source=source))._repr_html_()
    assert "<script" not in page
    assert not re.search(r'title="[^"]*<', page)
    assert page.count("&lt;script&gt;") >= 3
