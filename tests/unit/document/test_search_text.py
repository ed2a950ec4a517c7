"""Words as they are compared: expectations written by hand, per script and per way of writing."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_search.document.search_fields import composed, search_fields, with_search_fields
from hybrid_search.document.search_text import compose, fold, name_text, phrase_text, search_text, spellings


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller", "muller"),
        ("İstanbul", "istanbul"),
        ("ISTANBUL", "ıstanbul"),
        ("Αθήνας", "ΑΘΗΝΑΣ"),
        ("Ёлка", "елка"),
        ("ﾎﾃﾙ", "ホテル"),
        ("ＡＢＣ", "abc"),
        ("Straße", "STRASSE"),
        ("Ærøskøbing", "aeroskobing"),
        ("phở", "Pho"),
        ("مُحَمَّد", "محمد"),
        ("أحمد", "احمد"),
        ("שָׁלוֹם", "שלום"),
        ("ﬁsh", "fish"),
    ],
)
def test_two_ways_to_write_a_word(one: str, other: str) -> None:
    assert fold(one) == fold(other)
    assert all(fold(unicodedata.normalize(form, one)) == fold(other) for form in ("NFC", "NFD"))


@pytest.mark.parametrize(("one", "other"), [("мой", "мои"), ("が", "か"), ("น้ำ", "นำ"), ("красный", "красныи")])
def test_marks_that_make_another_letter_stay(one: str, other: str) -> None:
    assert fold(one) != fold(other)
    assert fold(unicodedata.normalize("NFD", one)) == fold(one)


@pytest.mark.parametrize(
    ("text", "indexed"),
    [
        ("a plain caption, with signs.", "a plain caption, with signs."),
        ("golden_retriever", "golden retriever"),
        ("IMG_0108", "IMG 0108"),
        ("WhatsApp Image", "WhatsApp Image Whats App"),
        ("iPhone12", "iPhone12 i Phone 12"),
        ("HTMLFile JPEGs", "HTMLFile JPEGs HTML File"),
        ("paris2019", "paris2019 paris 2019"),
        ("WW2, F-16 and a T-shirt", "WW2, F 16 and a T shirt F16 Tshirt"),
        ("2019-05-04 a-b-c", "2019 05 04 a b c"),
        ("L'été à l'Île d'Yeu", "ete a ile yeu"),
        ("dell'arte e l’acqua", "arte e acqua"),
        ("Anna's and O’Brien’s", "anna and o'brien obrien brien"),
        ("don't we'll", "don't we'll dont well"),
        ("Canon™", "canon "),
        ("ZürichSee", "zurichsee zurich see"),
    ],
)
def test_what_is_indexed(text: str, indexed: str) -> None:
    assert search_text(text) == indexed


@pytest.mark.parametrize(
    ("word", "ways"),
    [
        ("dog", ("dog",)),
        ("t-shirt", ("t shirt", "tshirt")),
        ("EiffelTower", ("EiffelTower", "Eiffel Tower")),
        ("iPhone", ("iPhone",)),
        ("O'Brien", ("O'Brien", "OBrien")),
        ("rock'n'roll", ("rock'n'roll",)),
        ("l'été", ("ete",)),
        ("new_york", ("new york",)),
    ],
)
def test_what_is_looked_for(word: str, ways: tuple[str, ...]) -> None:
    assert spellings(word) == ways
    assert phrase_text(word) == ways[0]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("IMG_0042", "IMG 0042"),
        ("eiffelTower", "eiffelTower eiffel Tower"),
        ("Paris_trip-2019 (1).final", "Paris trip 2019 1 final trip2019"),
        ("日本の山 2019", "日本の山 2019"),
        ("ตลาดน้ำ_2019", "ตลาดน้\u0e4dา 2019"),
        (unicodedata.normalize("NFD", "Frühlingsfest Müller"), "fruhlingsfest muller"),
        ("Anna's birthday", "Anna birthday"),
        ("___", ""),
        ("", ""),
    ],
)
def test_words_of_names(name: str, words: str) -> None:
    assert name_text(name) == words


@given(st.text(max_size=60))
def test_any_text_has_words_and_composing_keeps_its_look(text: str) -> None:
    assert isinstance(search_text(text), str) and spellings(text)
    assert unicodedata.normalize("NFD", compose(text)) == unicodedata.normalize("NFD", text)


def test_fields_of_words_are_made_of_what_is_written() -> None:
    source = {
        "caption": "golden_retriever",
        "tags": ["Bru\u0308cke", "new_york"],
        "title": None,
        "caption_text": "somebody else's",
        "iso": 100,
    }
    written = with_search_fields(source, {"caption_text", "tags_text"})
    assert written == {
        "caption": "golden_retriever",
        "tags": ["Brücke", "new_york"],
        "title": None,
        "iso": 100,
        "caption_text": "golden retriever",
        "tags_text": ["brucke", "new york"],
    }


def test_captions_and_paths_are_kept_in_the_form_in_which_they_came() -> None:
    text = "Bru\u0308cke"
    source = {"caption": text, "title": text, "path": [text], "folder": [text], "camera": {"make": text}}
    assert composed(source) == {**source, "camera": {"make": "Brücke"}}


@pytest.mark.parametrize(
    ("path", "root", "folders"),
    [
        ("/home/ann/Photos/2019/New_York/day/a.jpg", "/home/ann/Photos", ["2019 New York day"]),
        ("/home/ann/Italy/2019/a.jpg", "/home/ann/Italy", ["Italy 2019"]),
        ("/home/ann/Italy/a.jpg", "/home/ann/Italy", ["Italy"]),
        ("/home/ann/Italy/a.jpg", "/home/ann/Italy/a.jpg", ["Italy"]),
        ("/home/ann/Italy/a.jpg", "", ["Italy"]),
        ("/home/ann/Italy/a.jpg", "/elsewhere", ["Italy"]),
        ("/home/ann/Pictures/a.jpg", "/home/ann/Pictures", []),
        ("https://example.org/2019/Rome/a.jpg", "", ["Rome"]),
    ],
)
def test_folders_are_found_up_to_the_one_that_was_indexed(path: str, root: str, folders: list[str]) -> None:
    files = [{"path": path, **({"root": root} if root else {})}]
    made = search_fields({"path": [path], "files": files})
    assert made == {"filename_text": ["a"], "folder_text": folders}


def test_each_place_of_a_picture_has_its_words() -> None:
    made = search_fields({"path": ["/x/trip/eiffelTower.jpg", "/backup/eiffelTower.jpg"]})
    assert made == {"filename_text": ["eiffelTower eiffel Tower"], "folder_text": ["trip", "backup"]}
