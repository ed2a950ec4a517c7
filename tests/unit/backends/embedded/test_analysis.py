"""Texts become the terms that Lucene's analysers make of them; expectations by its documentation and by hand."""

from __future__ import annotations

import json
from importlib import resources

import pytest

from hybrid_search.backends.embedded.documents.analysis import Analysis
from hybrid_search.errors import MappingMismatch
from hybrid_search.query.text import ParsedText

NAMED = json.loads(resources.files("hybrid_search.mappings").joinpath("images.analysis.json").read_text("utf-8"))


def terms(analyzer: str, text: str, *, analysis: str = "english") -> list[str]:
    return Analysis({"analysis": NAMED[analysis]}).analyzer(analyzer).analyze(text)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Red boats, running dogs!", ["red", "boats", "running", "dogs"]),
        ("IMG_0001.JPG holiday.jpg", ["img_0001", "jpg", "holiday.jpg"]),
        ("don't o'clock rock'n'roll", ["don't", "o'clock", "rock'n'roll"]),
        ("'quoted' \"words\"", ["quoted", "words"]),
        ("3.14 1,000 10:30 a,b 3.x a.3", ["3.14", "1,000", "10", "30", "a", "b", "3", "x", "a", "3"]),
        ("ab1.5c.d_e foo:bar x_1,2", ["ab1.5c.d_e", "foo:bar", "x_1,2"]),
        ("e.g. U.S.A.", ["e.g", "u.s.a"]),
        ("well-known foo/bar a@b.com", ["well", "known", "foo", "bar", "a", "b.com"]),
        ("Café naïve Ünï", ["café", "naïve", "ünï"]),
        ("東京タワー カメラ", ["東", "京", "タワー", "カメラ"]),
        ("Привет мир", ["привет", "мир"]),
        ("f/2.8 50mm ISO400", ["f", "2.8", "50mm", "iso400"]),
        ("😀 smile", ["😀", "smile"]),
        ("e\u0301te\u0301", ["e\u0301te\u0301"]),
        ("", []),
        (" .,;- ", []),
    ],
)
def test_standard(text: str, expected: list[str]) -> None:
    assert terms("standard", text) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("The running dogs of the cities", ["run", "dog", "citi"]),
        ("Crème brûlée", ["creme", "brule"]),
        ("generous generations", ["generous", "generat"]),
        ("ÆSIR straße", ["aesir", "strass"]),
    ],
)
def test_english_folds_and_stems_by_porter2(text: str, expected: list[str]) -> None:
    assert terms("text", text) == expected


@pytest.mark.parametrize(("analysis", "kept"), [("english", "run"), ("portable", "running")])
def test_stop_words_are_left_out_where_that_is_asked(analysis: str, kept: str) -> None:
    text = "The running of Café"
    assert terms("every_word", text, analysis=analysis)[:3] == ["the", kept, "of"]
    assert terms("text", text, analysis=analysis)[0] == kept


def test_will_is_no_stop_word_and_both_lists_are_one() -> None:
    lists = [NAMED[analysis]["filter"]["stop_words"]["stopwords"] for analysis in ("english", "portable")]
    assert lists[0] == lists[1] and "will" not in lists[0]
    # the words asked for are told from stop words by the same list
    assert all(ParsedText(terms=(word, "dog")).sought == ("dog",) for word in lists[0])


def test_stop_words_leave_gaps() -> None:
    analysis = Analysis({"analysis": NAMED["english"]})
    found = analysis.tokens("text", "The statue of the liberty")
    assert found == [(1, "statu"), (4, "liberti")]


@pytest.mark.parametrize("name", ["text", "whitespace", "keyword", "simple", "stop", "english"])
@pytest.mark.parametrize("text", ["", "The O'Neills' Cafés, of 3.14 東京 dogs\0", "of the", "ΣΊΣΥΦΟΣ running I'm"])
def test_tokens_with_positions_are_the_tokens_that_are_stored(name: str, text: str) -> None:
    analysis = Analysis({"analysis": NAMED["english"]})
    assert [token for _, token in analysis.tokens(name, text)] == analysis.analyzer(name).analyze(text)


@pytest.mark.parametrize(
    "name, text, expected",
    [
        ("whitespace", "Foo-bar baz,", ["Foo-bar", "baz,"]),
        ("keyword", "New York", ["New York"]),
        ("simple", "It's 3 boats", ["it", "s", "boats"]),
        ("english", "the boats", ["boat"]),
    ],
)
def test_built_in(name: str, text: str, expected: list[str]) -> None:
    assert Analysis({}).analyzer(name).analyze(text) == expected


def test_settings_below_index_are_found_too() -> None:
    spec = {
        "analyzer": {"own": {"tokenizer": "whitespace", "filter": ["lowercase", {"type": "stop", "stopwords": ["x"]}]}}
    }
    assert Analysis({"index": {"analysis": spec}}).analyzer("own").analyze("A x B") == ["a", "b"]


def test_normalizers() -> None:
    spec = {"normalizer": {"plain": {"type": "custom", "filter": ["lowercase", "asciifolding"]}}}
    analysis = Analysis({"analysis": spec})
    assert analysis.normalizer("plain")("ÉTÉ à Paris") == "ete a paris"
    assert analysis.normalizer("lowercase")("ÉTÉ") == "été"
    # letter by letter, as Lucene does
    assert [analysis.normalizer("lowercase")(text) for text in ("İZMİR", "ΑΣ", "ẞ")] == ["izmir", "ασ", "ß"]
    assert analysis.normalizer(None)("ÉTÉ") == "ÉTÉ"


@pytest.mark.parametrize(
    "analyzer",
    [
        {"tokenizer": "ngram"},
        {"tokenizer": "standard", "filter": ["shingle"]},
        {"tokenizer": "standard", "filter": [{"type": "stemmer", "language": "klingon"}]},
        {"tokenizer": "standard", "char_filter": ["html_strip"]},
        {"type": "pattern"},
        {"type": "standard", "stopwords": "_english_"},
    ],
    ids=str,
)
def test_unknown_parts_are_refused(analyzer: dict[str, object]) -> None:
    with pytest.raises(MappingMismatch):
        Analysis({"analysis": {"analyzer": {"own": analyzer}}}).analyzer("own")
    with pytest.raises(MappingMismatch):
        Analysis({}).normalizer("own")
