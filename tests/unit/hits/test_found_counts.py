"""Whether a total is of all that match, or of as many as were fetched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hybrid_search.hits.found_counts import is_cut
from hybrid_search.hits.hits import Hits
from hybrid_search.query.legs import Resemblance
from tests.support import bodies
from tests.support.bodies import nearest

BODY = {"knn": [{"_name": "vector", "k": 3}]}
THREE = {"vector": {"a": 0.9, "b": 0.8, "c": 0.7}}


@pytest.mark.parametrize(
    ("kept", "documents", "cut"),
    [
        ("abc", 10, True),
        ("ab", 10, False),  # the third fell below, and whatever is further would
        ("abc", 3, False),  # there are no others
    ],
)
def test_a_total_is_a_lower_bound_where_all_that_was_fetched_stays(kept: str, documents: int, cut: bool) -> None:
    asked = bodies.ask(vectors=[replace(nearest(), words=True, resemblance=Resemblance(0.0, 0.1))])
    query = replace(asked, documents=documents)
    assert query.ends
    assert is_cut(THREE, kept=dict.fromkeys(kept, 1.0), query=query, body=BODY, total=len(kept)) is cut


def test_the_nearest_have_no_total_to_be_a_bound_of() -> None:
    query = replace(bodies.ask(vectors=[nearest()]), everything=True)
    assert not is_cut(THREE, kept=dict.fromkeys("abc", 1.0), query=query, body=BODY, total=3)


def test_the_table_says_that_a_total_is_a_lower_bound() -> None:
    assert repr(Hits((), total=1_200, at_least=True)).endswith("0 of 1,200 or more")
    assert repr(Hits((), total=1_200)).endswith("0 of 1,200")
