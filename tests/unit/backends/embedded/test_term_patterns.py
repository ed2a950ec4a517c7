"""Patterns find in tantivy's dictionary what Python finds by comparing."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable

import pytest
import tantivy
from hypothesis import given
from hypothesis import strategies as st

from hybrid_search.backends.embedded.clauses.term_patterns import escape, interval, wildcard

TERMS = ["", "a", "b", "ab", "aB", "abc", "b\0c", "canon", "Canon", "é", "éa", "\ud7ff", "\ue000", "\U0010ffff", "a\nb"]
TERMS += ["a*b", "a?b", "a\\b", "[x]", "a-b", "a.b", "x y", "#&~<>", "\U0001f600"]
BOUNDS = st.none() | st.sampled_from(TERMS) | st.text(alphabet="abcé\0\ud7ff\ue000\U0010ffff", max_size=4)


@pytest.fixture(scope="module")
def found() -> Callable[[str], set[str]]:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("term", stored=True, tokenizer_name="raw", index_option="basic")
    schema = builder.build()
    index = tantivy.Index(schema)
    writer = index.writer(15_000_000, 1)
    for term in TERMS:
        writer.add_document(tantivy.Document(term=[term]))
    writer.commit()
    index.reload()
    searcher = index.searcher()

    def find(pattern: str) -> set[str]:
        hits = searcher.search(tantivy.Query.regex_query(schema, "term", pattern), 100).hits
        return {str(searcher.doc(address).get_first("term")) for _, address in hits}

    return find


@pytest.mark.parametrize("term", TERMS, ids=ascii)
def test_escape_matches_itself_only(found: Callable[[str], set[str]], term: str) -> None:
    assert found(escape(term)) == {term}


@given(low=BOUNDS, high=BOUNDS, from_low=st.booleans(), to_high=st.booleans())
def test_interval(
    found: Callable[[str], set[str]], low: str | None, high: str | None, from_low: bool, to_high: bool
) -> None:
    def within(term: str) -> bool:
        after = low is None or (low <= term if from_low else low < term)
        return after and (high is None or (term <= high if to_high else term < high))

    pattern = interval(low, high, from_low=from_low, to_high=to_high)
    expected = {term for term in TERMS if within(term)}
    assert (set() if pattern is None else found(pattern)) == expected


@given(st.text(alphabet="abc*?.", max_size=5))
def test_wildcard(found: Callable[[str], set[str]], text: str) -> None:
    expected = {term for term in TERMS if re.fullmatch(fnmatch.translate(text), term)}
    assert found(wildcard(text)) == expected


def test_wildcard_takes_escaped_signs_literally(found: Callable[[str], set[str]]) -> None:
    assert found(wildcard(r"a\*b")) == {"a*b"}
    assert found(wildcard(r"a\?b")) == {"a?b"}
    assert found(wildcard(r"a\\b")) == {"a\\b"}


def test_ignoring_case(found: Callable[[str], set[str]]) -> None:
    assert found(escape("CANON", any_case=True)) == {"canon", "Canon"}
    assert found(wildcard("C?N*", any_case=True)) == {"canon", "Canon"}


def test_ignoring_case_is_of_ascii_letters_as_on_a_server(found: Callable[[str], set[str]]) -> None:
    assert found(escape("ÉA", any_case=True)) == set()
    assert found(escape("éA", any_case=True)) == {"éa"}
