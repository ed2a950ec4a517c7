"""What every backend answers alike; a class per backend gives the fixture `make` and declares where it differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from hybrid_search.backends import Action, Backend
from hybrid_search.document.definition import extra_fields, field_types
from hybrid_search.errors import DocumentNotFound, HybridSearchError, IndexNotFound, UnknownField
from hybrid_search.query.filters import parse_filter
from hybrid_search.query.text import excluded_clauses, parse_text, text_leg
from tests.conformance import words
from tests.support.photos import (
    FILTERS,
    Source,
    bm25,
    definition,
    kilometres,
    lower,
    photo,
    photos,
    signature,
    term_weight,
    unit,
    values,
)

PHOTOS = photos()


def actions(corpus: dict[str, dict[str, Any]]) -> list[Action]:
    return [Action("index", id, source) for id, source in corpus.items()]


def ids(answer: dict[str, Any]) -> list[str]:
    return [hit["_id"] for hit in answer["hits"]["hits"]]


def scores(answer: dict[str, Any]) -> dict[str, float]:
    return {hit["_id"]: hit["_score"] for hit in answer["hits"]["hits"]}


def matching(holds: Callable[[Source], bool]) -> set[str]:
    return {id for id, source in PHOTOS.items() if holds(source)}


def cosines(vector: Any) -> dict[str, float]:
    return {id: float(source["embedding"]["tiny"] @ vector) for id, source in PHOTOS.items()}


class BackendSuite:
    analysis = "portable"
    """Which analysis of `mappings/images.analysis.json` the backend is given."""
    exact_knn = True
    """Whether kNN returns the true nearest."""
    score_tolerance = 1e-4
    """How far a score may be from the formula, relatively."""
    vector_tolerance = 1e-6
    """How far a stored number of a vector may be from the one given."""
    sparse_tolerance = 1e-4
    """How far the BM25 score of a field that some documents lack may be from the formula, relatively."""

    knows_fields = True
    """Whether a field that the mapping does not have is an error."""

    @pytest.fixture(scope="class")
    @classmethod
    def make(cls) -> Callable[[], Backend]:
        """Return a function that gives a backend at a new place, nothing created yet."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def backend(cls, make: Callable[[], Backend]) -> Iterator[Backend]:
        """A backend with the photos, for tests that only read."""
        backend = make()
        backend.create(definition(cls.analysis))
        outcomes = backend.bulk(actions(PHOTOS))
        assert [outcome.status for outcome in outcomes] == [201] * len(PHOTOS)
        backend.refresh()
        yield backend
        backend.close()

    @pytest.fixture
    def fresh(self, make: Callable[[], Backend]) -> Iterator[Backend]:
        """A created, empty backend, for tests that write."""
        backend = make()
        backend.create(definition(self.analysis))
        yield backend
        backend.close()

    # --- clauses ---

    @pytest.mark.parametrize("name", FILTERS)
    def test_clause(self, backend: Backend, name: str) -> None:
        clause, holds = FILTERS[name]
        expected = matching(holds)
        answer = backend.search({"query": {"bool": {"filter": [clause]}}, "size": 100, "_source": False})
        assert set(ids(answer)) == expected
        assert answer["hits"]["total"]["value"] == len(expected)
        assert set(scores(answer).values()) <= {0.0}
        assert backend.count(clause) == len(expected)
        assert {id for id, _ in backend.scan(clause, fields=["iso"])} == expected

    def test_clauses_are_tried_on_something(self) -> None:
        empty = [name for name, (_, holds) in FILTERS.items() if not matching(holds)]
        assert set(empty) == {
            "term flattened keeps case",
            "fuzzy with nothing",
            "term nothing",
            "terms none",
            "exists flattened other key",
            "match nothing but stop words",
            "match_none",
            "bool more should than there are",
        }

    # --- words ---

    @pytest.fixture(scope="class")
    @classmethod
    def worded(cls, make: Callable[[], Backend]) -> Iterator[Backend]:
        """A backend with texts in many scripts, for tests that only read."""
        backend = make()
        backend.create(definition(cls.analysis))
        outcomes = backend.bulk([Action("index", id, source) for id, source in words.DOCUMENTS.items()])
        assert [outcome.error for outcome in outcomes] == [None] * len(words.DOCUMENTS)
        backend.refresh()
        yield backend
        backend.close()

    @pytest.mark.parametrize("text", words.ASKED)
    def test_words_are_found_as_they_are_written(self, worded: Backend, text: str) -> None:
        parsed = parse_text(text)
        body = {"bool": {"must": [text_leg(parsed)], "filter": excluded_clauses(parsed)}}
        assert set(ids(worded.search({"query": body, "size": 100}))) == words.ASKED[text]

    @pytest.mark.parametrize("text", words.FILTERED)
    def test_filters_compare_words_and_tags_as_searches_do(self, worded: Backend, text: str) -> None:
        clauses = parse_filter(text, field_types(worded.definition()))
        assert (
            set(ids(worded.search({"query": {"bool": {"filter": list(clauses)}}, "size": 100})))
            == (words.FILTERED[text])
        )

    def test_a_tag_in_two_forms_of_unicode_is_counted_as_one(self, worded: Backend) -> None:
        body = {"size": 0, "aggs": {"tags": {"terms": {"field": "tags", "size": 20}}}}
        buckets = worded.search(body)["aggregations"]["tags"]["buckets"]
        counts = {bucket["key"]: bucket["doc_count"] for bucket in buckets}
        assert counts == {"brücke": 2, "istanbul": 1, "αθήνα": 1, "new_york": 1, "new york": 1}

    def test_what_is_written_is_given_back_as_it_was(self, worded: Backend) -> None:
        assert worded.get("mac")["caption"] == words.DOCUMENTS["mac"]["caption"]

    def test_stop_words_of_a_text_need_only_a_place_in_its_order(self, fresh: Backend) -> None:
        captions = {"in order": "the dog at a beach", "turned": "at a beach the dog", "other": "a cat on the beach"}
        fresh.bulk([Action("index", id, {"caption": caption}) for id, caption in captions.items()])
        fresh.refresh()
        answers = [fresh.search({"query": text_leg(parse_text(text))}) for text in ("a dog on the beach", "dog beach")]
        # the order of the words gains, whatever stands between them; stop words alone find nothing more
        assert ids(answers[0]) == ["in order", "turned", "other"]
        assert scores(answers[1])["in order"] == pytest.approx(scores(answers[1])["turned"])

    def test_words_follow_what_is_changed(self, fresh: Backend) -> None:
        fresh.bulk([Action("index", "a", {"caption": "golden_retriever", "tags": ["t-shirt"]})])
        fresh.bulk([Action("update", "a", {"caption": "EiffelTower"}), Action("update", "a", {"iso": 100})])
        fresh.refresh()
        found = {
            text: fresh.count(text_leg(parse_text(text)))
            for text in ("golden", "eiffel", "eiffeltower", "tshirt", '"eiffel tower"')
        }
        assert found == {"golden": 0, "eiffel": 1, "eiffeltower": 1, "tshirt": 1, '"eiffel tower"': 1}
        fresh.bulk([Action("update", "a", {"caption": None})])
        fresh.refresh()
        assert fresh.count(text_leg(parse_text("eiffel"))) == 0

    # --- scores ---

    def test_match_scores_as_elasticsearch(self, backend: Backend) -> None:
        parts = [bm25(PHOTOS, "caption", token) for token in ("boat", "sea", "sea")]
        expected = {id: sum(part.get(id, 0.0) for part in parts) for part in parts for id in part}
        answer = backend.search({"query": {"match": {"caption": "boat sea sea"}}, "size": 100})
        assert scores(answer) == pytest.approx(expected, rel=self.score_tolerance)
        assert ids(answer) == sorted(expected, key=lambda id: (-scores(answer)[id], id))
        assert answer["hits"]["max_score"] == pytest.approx(max(expected.values()), rel=self.score_tolerance)

    def test_boosts_multiply(self, backend: Backend) -> None:
        boat, sea = bm25(PHOTOS, "caption", "boat"), bm25(PHOTOS, "caption", "sea")
        query = {
            "bool": {
                "should": [
                    {"match": {"caption": {"query": "boat", "boost": 3}}},
                    {"bool": {"must": {"match": {"caption": "sea"}}, "boost": 0.5}},
                ],
                "boost": 2,
            }
        }
        expected = {id: 2 * (3 * boat.get(id, 0) + 0.5 * sea.get(id, 0)) for id in {*boat, *sea}}
        answer = backend.search({"query": query, "size": 100})
        assert scores(answer) == pytest.approx(expected, rel=self.score_tolerance)

    @pytest.mark.parametrize("kind, tie_breaker", [("best_fields", 0.3), ("best_fields", None), ("most_fields", None)])
    def test_multi_match_scores(self, backend: Backend, kind: str, tie_breaker: float | None) -> None:
        caption, tags = bm25(PHOTOS, "caption", "sea"), bm25(PHOTOS, "tags", "sea")
        share = 1.0 if kind == "most_fields" else tie_breaker or 0.0
        clause = {"query": "sea", "fields": ["caption^3", "tags_text^2"], "type": kind}
        answer = backend.search(
            {"query": {"multi_match": clause | ({"tie_breaker": tie_breaker} if tie_breaker else {})}, "size": 100}
        )
        expected = {}
        for id in {*caption, *tags}:
            best, other = sorted([3 * caption.get(id, 0.0), 2 * tags.get(id, 0.0)], reverse=True)
            expected[id] = best + share * other
        assert scores(answer) == pytest.approx(expected, rel=self.sparse_tolerance)

    def test_sparse_field_is_measured_by_those_who_have_it(self, backend: Backend) -> None:
        expected = bm25(PHOTOS, "tags", "travel")
        answer = backend.search({"query": {"match": {"tags_text": "travel"}}, "size": 100})
        assert scores(answer) == pytest.approx(expected, rel=self.sparse_tolerance)

    def test_exact_clauses_score_as_elasticsearch(self, backend: Backend) -> None:
        found = {
            "term keyword": ({"term": {"camera.make": "nikon"}}, term_weight(PHOTOS, "camera.make", "nikon")),
            "term of many": ({"term": {"tags": "travel"}}, term_weight(PHOTOS, "tags", "travel")),
            "term boolean": ({"term": {"missing": True}}, float(np.log(1 + (40 - 4 + 0.5) / (4 + 0.5)))),
            "term number": ({"term": {"iso": {"value": 400, "boost": 2}}}, 2.0),
            "terms": ({"terms": {"iso": [100, 400], "boost": 3}}, 3.0),
            "range": ({"range": {"iso": {"gte": 100}}}, 1.0),
            "exists": ({"exists": {"field": "iso", "boost": 0}}, 0.0),
            "prefix": ({"prefix": {"filename": "img"}}, 1.0),
            "ids": ({"ids": {"values": ["p01"]}}, 1.0),
            "match_all": ({"match_all": {"boost": 1.5}}, 1.5),
            "constant": ({"constant_score": {"filter": {"match": {"caption": "sea"}}, "boost": 1.25}}, 1.25),
        }
        for name, (query, expected) in found.items():
            answer = backend.search({"query": query, "size": 100})
            assert answer["hits"]["hits"], name
            assert list(scores(answer).values()) == pytest.approx([expected] * len(ids(answer)), rel=1e-5), name

    def test_a_truth_counts_less_among_several(self, fresh: Backend) -> None:
        flashes = {"a": [True, False], "b": True, "c": [], "d": [False, True]}
        fresh.bulk([Action("index", id, {"flash": flash}) for id, flash in flashes.items()])
        fresh.refresh()
        weight = np.log(1 + (3 - 3 + 0.5) / (3 + 0.5)) * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 3 / 5))
        answer = fresh.search({"query": {"term": {"flash": True}}})
        assert scores(answer) == pytest.approx(dict.fromkeys("abd", weight), rel=self.score_tolerance)

    def test_terms_set_adds_the_terms(self, backend: Backend) -> None:
        wanted = [f"{place:02x}:1" for place in range(10)]
        expected = {
            id: sum(term_weight(PHOTOS, "words", word) for word in wanted if word in source["words"])
            for id, source in PHOTOS.items()
            if sum(word in source["words"] for word in wanted) >= 3
        }
        clause = {"terms_set": {"words": {"terms": wanted, "minimum_should_match": 3}}}
        assert scores(backend.search({"query": clause, "size": 100})) == pytest.approx(expected, rel=1e-4)

    def test_phrase_scores_once_per_occurrence(self, fresh: Backend) -> None:
        texts = {"a": "red sea", "b": "red sea red sea", "c": "sea red", "d": "snow tree"}
        fresh.bulk([Action("index", id, {"caption": text}) for id, text in texts.items()])
        fresh.refresh()
        answer = fresh.search({"query": {"match_phrase": {"caption": "red sea"}}})
        corpus = {id: {"caption": text} for id, text in texts.items()}
        idf = 2 * np.log(1 + (4 - 3 + 0.5) / (3 + 0.5))
        average = sum(len(source["caption"].split()) for source in corpus.values()) / 4
        expected = {
            id: 2.2 * idf * count / (count + 1.2 * (0.25 + 0.75 * 2 * count / average))
            for id, count in (("a", 1), ("b", 2))
        }
        assert scores(answer) == pytest.approx(expected, rel=self.score_tolerance)

    def test_min_score(self, backend: Backend) -> None:
        whole = backend.search({"query": {"match": {"caption": "boat sea"}}, "size": 100})
        middle = sorted(scores(whole).values())[len(whole["hits"]["hits"]) // 2]
        answer = backend.search({"query": {"match": {"caption": "boat sea"}}, "size": 3, "min_score": middle})
        assert answer["hits"]["total"]["value"] == sum(score >= middle for score in scores(whole).values())
        assert ids(answer) == ids(whole)[:3]

    # --- kNN ---

    def test_knn_is_the_nearest(self, backend: Backend) -> None:
        for seed in range(100, 110):
            near = cosines(unit(seed))
            expected = sorted(near, key=lambda id: -near[id])[:7]
            leg = {"field": "embedding.tiny", "query_vector": unit(seed), "k": 7, "num_candidates": 40}
            answer = backend.search({"knn": leg, "size": 40})
            assert answer["hits"]["total"]["value"] == 7
            assert scores(answer) == pytest.approx(
                {id: (1 + near[id]) / 2 for id in ids(answer)}, abs=10 * self.vector_tolerance
            )
            if self.exact_knn:
                assert set(ids(answer)) == set(expected)

    def test_knn_accepts_a_plain_list(self, backend: Backend) -> None:
        leg = {"field": "embedding.tiny", "query_vector": unit(3).tolist(), "k": 1, "num_candidates": 40}
        assert ids(backend.search({"knn": leg})) == ["p03"]

    @pytest.mark.parametrize("name", ["term keyword ignores case", "range year", "bool", "term nothing", "match_all"])
    def test_knn_under_a_filter(self, backend: Backend, name: str) -> None:
        clause, holds = FILTERS[name]
        near = cosines(unit(200))
        expected = sorted(matching(holds), key=lambda id: -near[id])[:5]
        leg = {"field": "embedding.tiny", "query_vector": unit(200), "k": 5, "num_candidates": 40, "filter": clause}
        answer = backend.search({"knn": leg, "size": 40})
        assert len(ids(answer)) == len(expected) and set(ids(answer)) <= matching(holds)
        if self.exact_knn:
            assert set(ids(answer)) == set(expected)

    def test_knn_similarity_is_the_raw_cosine(self, backend: Backend) -> None:
        near = cosines(unit(201))
        leg = {"field": "embedding.tiny", "query_vector": unit(201), "k": 40, "num_candidates": 40, "similarity": 0.3}
        assert set(ids(backend.search({"knn": leg, "size": 40}))) == {
            id for id, cosine in near.items() if cosine >= 0.3
        }

    def test_signature_cosine_is_exact(self, backend: Backend) -> None:
        asked = signature(1000).astype(float)
        near = {
            id: float(source["signature"] @ asked / np.linalg.norm(source["signature"].astype(float)))
            / float(np.linalg.norm(asked))
            for id, source in PHOTOS.items()
        }
        least = sum(sorted(near.values())[20:22]) / 2
        leg = {
            "field": "signature",
            "query_vector": signature(1000),
            "k": 40,
            "num_candidates": 40,
            "similarity": least,
            "filter": [{"terms": {"words": PHOTOS["p07"]["words"]}}],
        }
        answer = backend.search({"knn": leg, "size": 40})
        words = set(PHOTOS["p07"]["words"])
        assert set(ids(answer)) == {id for id in near if near[id] >= least and words & set(PHOTOS[id]["words"])}
        for id, score in scores(answer).items():
            lengths = np.linalg.norm(PHOTOS[id]["signature"].astype(float)) * np.linalg.norm(asked)
            product = (2 * score - 1) * lengths
            assert product == pytest.approx(float(PHOTOS[id]["signature"] @ asked), abs=0.05)

    def test_a_signature_without_direction_is_refused(self, fresh: Backend) -> None:
        (outcome,) = fresh.bulk([Action("index", "a", {"signature": np.zeros(648, np.int8)})])
        assert outcome.status == 400 and "signature" in str(outcome.error)

    def test_query_and_knn_are_ored_and_added(self, backend: Backend) -> None:
        text = scores(backend.search({"query": {"match": {"caption": {"query": "boat", "boost": 2}}}, "size": 100}))
        legs = [
            {"field": "embedding.tiny", "query_vector": unit(5), "k": 6, "num_candidates": 40, "boost": 1000},
            {"field": "embedding.tiny", "query_vector": unit(6), "k": 9, "num_candidates": 40, "boost": 0.5},
        ]
        near = [scores(backend.search({"knn": leg, "size": 100})) for leg in legs]
        expected: Counter[str] = Counter()
        for part in (text, *near):
            expected.update(part)
        body = {"query": {"match": {"caption": {"query": "boat", "boost": 2}}}, "knn": legs, "size": 100}
        answer = backend.search(body)
        assert scores(answer) == pytest.approx(dict(expected), rel=1e-5)
        assert answer["hits"]["total"]["value"] == len(expected)
        assert ids(answer) == sorted(expected, key=lambda id: -scores(answer)[id])
        assert ids(backend.search({**body, "size": 4, "from": 3})) == ids(answer)[3:7]

    def test_filter_in_query_alone_does_not_bind_knn(self, backend: Backend) -> None:
        """Elasticsearch's semantics: `knn` has its own filter."""
        leg = {"field": "embedding.tiny", "query_vector": unit(5), "k": 40, "num_candidates": 40}
        answer = backend.search({"query": {"bool": {"filter": [{"term": {"iso": 100}}]}}, "knn": leg, "size": 100})
        assert set(ids(answer)) == set(PHOTOS)

    def test_named_clauses_tell_their_scores(self, backend: Backend) -> None:
        leg = {
            "field": "embedding.tiny",
            "query_vector": unit(5),
            "k": 6,
            "num_candidates": 40,
            "boost": 10,
            "_name": "near",
            "filter": {"exists": {"field": "sha256", "_name": "names inside a filter of knn are not told"}},
        }
        inner = [{"match": {"caption": {"query": token, "_name": token, "boost": 0}}} for token in ("boat", "sea")]
        query = {
            "bool": {
                "must": [{"match": {"caption": {"query": "boat sea", "boost": 3, "_name": "text"}}}],
                "should": inner,
                "filter": [{"range": {"width": {"gte": 3000, "_name": "wide"}}}],
            }
        }
        answer = backend.search({"query": query, "knn": [leg], "size": 100})
        text = scores(backend.search({"query": query["bool"]["must"][0], "size": 100}))
        near = scores(backend.search({"knn": leg, "size": 100}))
        assert {id for id, score in text.items()} | set(near) == set(ids(answer))
        for hit in answer["hits"]["hits"]:
            words = PHOTOS[hit["_id"]]["caption"].split()
            expected = {"wide": 1.0}
            expected |= {token: 0.0 for token in ("boat", "sea") if token in words}
            expected |= {
                name: part[hit["_id"]] for name, part in (("text", text), ("near", near)) if hit["_id"] in part
            }
            assert hit["matched_queries"] == pytest.approx(expected, rel=1e-5)

    # --- order ---

    def test_sort_by_a_number(self, backend: Backend) -> None:
        answer = backend.search({"query": {"match_all": {}}, "sort": [{"bytes": "desc"}], "size": 5})
        assert ids(answer) == ["p39", "p38", "p37", "p36", "p35"]
        assert answer["hits"]["hits"][0]["sort"] == [PHOTOS["p39"]["bytes"]]
        assert ids(backend.search({"sort": ["bytes"], "size": 3, "from": 2})) == ["p02", "p03", "p04"]

    @pytest.mark.parametrize("missing", ["_last", "_first"])
    @pytest.mark.parametrize("order", ["asc", "desc"])
    def test_sort_by_several_keys(self, backend: Backend, order: str, missing: str) -> None:
        sort = [{"camera.make": {"order": order, "missing": missing}}, {"iso": "desc"}, {"bytes": {"order": "asc"}}]

        def key(id: str) -> tuple[Any, ...]:
            make = "".join(lower(PHOTOS[id], "camera.make"))
            letters = tuple((1 if order == "asc" else -1) * ord(each) for each in make)
            absent = not make if missing == "_last" else bool(make)
            return absent, letters, -PHOTOS[id].get("iso", 0), PHOTOS[id]["bytes"]

        expected = sorted(PHOTOS, key=key)
        assert ids(backend.search({"sort": sort, "size": 100})) == expected
        assert ids(backend.search({"sort": sort, "size": 7, "from": 4})) == expected[4:11]

    @pytest.mark.parametrize("order", ["asc", "desc"])
    def test_sort_by_a_list_takes_its_end(self, backend: Backend, order: str) -> None:
        """The smallest value counts upwards, the largest downwards."""
        having = [id for id, source in PHOTOS.items() if source.get("tags")]
        answer = backend.search({"query": {"exists": {"field": "tags"}}, "sort": [{"tags": order}], "size": 100})
        end = min if order == "asc" else max
        found = [hit["sort"][0] for hit in answer["hits"]["hits"]]
        assert found == sorted((end(lower(PHOTOS[id], "tags")) for id in having), reverse=order == "desc")
        assert found == [end(lower(PHOTOS[id], "tags")) for id in ids(answer)]

    def test_sort_with_scores(self, backend: Backend) -> None:
        query = {"match": {"caption": "boat"}}
        plain = scores(backend.search({"query": query, "size": 100}))
        answer = backend.search({"query": query, "sort": [{"bytes": "desc"}], "size": 100, "track_scores": True})
        assert scores(answer) == pytest.approx(plain)
        assert ids(answer) == sorted(plain, reverse=True)
        assert set(scores(backend.search({"query": query, "sort": ["bytes"], "size": 3})).values()) == {None}

    def test_sort_by_score_then_field(self, backend: Backend) -> None:
        query = {"range": {"bytes": {"gte": 0}}}
        answer = backend.search({"query": query, "sort": ["_score", {"bytes": "desc"}], "size": 3})
        assert ids(answer) == ["p39", "p38", "p37"] and set(scores(answer).values()) == {1.0}

    def test_sort_over_knn_and_query(self, backend: Backend) -> None:
        leg = {"field": "embedding.tiny", "query_vector": unit(5), "k": 6, "num_candidates": 40}
        body = {"query": {"match": {"caption": "boat"}}, "knn": leg, "size": 100}
        plain = backend.search(body)
        assert ids(backend.search({**body, "sort": [{"bytes": "desc"}]})) == sorted(ids(plain), reverse=True)

    def test_sort_by_distance(self, backend: Backend) -> None:
        having = [id for id, source in PHOTOS.items() if "location" in source]
        answer = backend.search(
            {
                "query": {"exists": {"field": "location"}},
                "sort": [{"_geo_distance": {"location": {"lat": 10, "lon": 20}, "order": "asc"}}],
                "size": 100,
            }
        )
        far = {id: kilometres(PHOTOS[id], 10, 20) * 1000 for id in having}
        assert ids(answer) == sorted(having, key=far.__getitem__)
        assert [hit["sort"][0] for hit in answer["hits"]["hits"]] == pytest.approx(sorted(far.values()), rel=1e-3)

    def test_what_has_no_place_is_farthest(self, backend: Backend) -> None:
        far = {"_geo_distance": {"location": {"lat": 10, "lon": 20}, "order": "desc"}}
        nowhere = sorted(id for id, source in PHOTOS.items() if "location" not in source)
        answer = backend.search({"sort": [far, {"bytes": "asc"}], "size": len(nowhere)})
        assert ids(answer) == nowhere

    def test_collapse_keeps_the_first_of_each_group(self, backend: Backend) -> None:
        answer = backend.search(
            {
                "query": {"exists": {"field": "camera.make"}},
                "sort": [{"bytes": "desc"}],
                "collapse": {"field": "camera.make"},
            }
        )
        expected: dict[str, str] = {}
        for id in sorted(PHOTOS, reverse=True):
            for make in lower(PHOTOS[id], "camera.make"):
                expected.setdefault(make, id)
        assert {hit["fields"]["camera.make"][0]: hit["_id"] for hit in answer["hits"]["hits"]} == expected
        assert answer["hits"]["total"]["value"] == len(matching(lambda source: "camera" in source))

    # --- aggregations ---

    def test_terms(self, backend: Backend) -> None:
        counts = Counter(make for source in PHOTOS.values() for make in lower(source, "camera.make"))
        expected = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        found = backend.search({"size": 0, "aggs": {"makes": {"terms": {"field": "camera.make", "size": 2}}}})
        assert found["hits"]["hits"] == []
        makes = found["aggregations"]["makes"]
        assert [(bucket["key"], bucket["doc_count"]) for bucket in makes["buckets"]] == expected[:2]
        assert makes["sum_other_doc_count"] == sum(count for _, count in expected[2:])

    def test_terms_break_ties_by_key(self, backend: Backend) -> None:
        aggs = {"names": {"terms": {"field": "filename", "size": 3}}}
        buckets = backend.search({"size": 0, "aggs": aggs})["aggregations"]["names"]["buckets"]
        assert [bucket["key"] for bucket in buckets] == ["img_00.jpg", "img_01.jpg", "img_02.jpg"]

    def test_terms_of_numbers_and_truths(self, backend: Backend) -> None:
        aggs = {
            "iso": {"terms": {"field": "iso", "order": {"_key": "desc"}}},
            "missing": {"terms": {"field": "missing"}},
            "tags": {"terms": {"field": "tags", "min_doc_count": 5}},
        }
        found = backend.search({"size": 0, "aggs": aggs})["aggregations"]
        counts = Counter(value for source in PHOTOS.values() for value in values(source, "iso"))
        assert [(b["key"], b["doc_count"]) for b in found["iso"]["buckets"]] == sorted(counts.items(), reverse=True)
        assert [(b["key"], b["key_as_string"], b["doc_count"]) for b in found["missing"]["buckets"]] == [
            (0, "false", 36),
            (1, "true", 4),
        ]
        tags = Counter(tag for source in PHOTOS.values() for tag in lower(source, "tags"))
        assert {b["key"]: b["doc_count"] for b in found["tags"]["buckets"]} == {k: n for k, n in tags.items() if n >= 5}

    def test_aggregations_see_the_matches_only(self, backend: Backend) -> None:
        leg = {"field": "embedding.tiny", "query_vector": unit(5), "k": 6, "num_candidates": 40}
        body = {"query": {"match": {"caption": "boat"}}, "knn": leg, "size": 100}
        body["aggs"] = {"models": {"terms": {"field": "camera.model"}}}
        answer = backend.search(body)
        counts = Counter(model for id in ids(answer) for model in lower(PHOTOS[id], "camera.model"))
        assert {b["key"]: b["doc_count"] for b in answer["aggregations"]["models"]["buckets"]} == counts

    def test_range_and_inner_metrics(self, backend: Backend) -> None:
        ranges = [{"to": 400}, {"from": 200, "to": 800}, {"from": 800, "key": "high"}]
        inner = {"least": {"min": {"field": "bytes"}}, "most": {"max": {"field": "bytes"}}}
        aggs = {"iso": {"range": {"field": "iso", "ranges": ranges}, "aggs": inner}}
        buckets = backend.search({"size": 0, "aggs": aggs})["aggregations"]["iso"]["buckets"]
        assert [bucket["key"] for bucket in buckets] == ["*-400.0", "200.0-800.0", "high"]
        for bucket in buckets:
            inside = [
                source["bytes"]
                for source in PHOTOS.values()
                if any(bucket.get("from", 0) <= iso < bucket.get("to", 1e9) for iso in values(source, "iso"))
            ]
            assert bucket["doc_count"] == len(inside)
            assert (bucket["least"]["value"], bucket["most"]["value"]) == (min(inside), max(inside))

    @pytest.mark.parametrize(
        "interval, pattern, length", [("year", "yyyy", 4), ("month", "yyyy-MM", 7), ("day", "yyyy-MM-dd", 10)]
    )
    def test_date_histogram(self, backend: Backend, interval: str, pattern: str, length: int) -> None:
        clause = {"field": "taken_at", "calendar_interval": interval, "format": pattern}
        aggs = {"when": {"date_histogram": clause, "aggs": {"makes": {"terms": {"field": "camera.make"}}}}}
        buckets = backend.search({"size": 0, "aggs": aggs})["aggregations"]["when"]["buckets"]
        counts = Counter(source["taken_at"][:length] for source in PHOTOS.values() if "taken_at" in source)
        assert {b["key_as_string"]: b["doc_count"] for b in buckets if b["doc_count"]} == counts
        keys = [bucket["key"] for bucket in buckets]
        assert keys == sorted(keys)
        assert (buckets[0]["key_as_string"], buckets[-1]["key_as_string"]) == (min(counts), max(counts))
        if interval == "month":
            first, last = ((int(text[:4]), int(text[5:])) for text in (min(counts), max(counts)))
            assert len(buckets) == (last[0] - first[0]) * 12 + last[1] - first[1] + 1
        for bucket in buckets:
            inside = [s for s in PHOTOS.values() if s.get("taken_at", "")[:length] == bucket["key_as_string"]]
            makes = Counter(make for source in inside for make in lower(source, "camera.make"))
            assert {b["key"]: b["doc_count"] for b in bucket["makes"]["buckets"]} == makes

    def test_dates_at_the_ends(self, backend: Backend) -> None:
        aggs = {"first": {"min": {"field": "taken_at"}}, "last": {"max": {"field": "taken_at"}}}
        found = backend.search({"size": 0, "aggs": aggs})["aggregations"]
        known = sorted(source["taken_at"] for source in PHOTOS.values() if "taken_at" in source)
        assert found["first"]["value_as_string"] == known[0].replace("Z", ".000Z")
        assert found["last"]["value_as_string"] == known[-1].replace("Z", ".000Z")

    def test_global_filter_missing_cardinality(self, backend: Backend) -> None:
        inner = {"canon": {"filter": {"term": {"camera.make": "canon"}}, "aggs": {"n": {"terms": {"field": "iso"}}}}}
        aggs = {
            "all": {"global": {}, "aggs": inner},
            "none": {"missing": {"field": "iso"}},
            "kinds": {"cardinality": {"field": "camera.model"}},
        }
        found = backend.search({"size": 0, "query": {"term": {"width": 3000}}, "aggs": aggs})["aggregations"]
        canon = [source for source in PHOTOS.values() if "canon" in lower(source, "camera.make")]
        three = [source for source in PHOTOS.values() if source["width"] == 3000]
        assert found["all"]["doc_count"] == 40
        assert found["all"]["canon"]["doc_count"] == len(canon)
        isos = Counter(iso for source in canon for iso in values(source, "iso"))
        assert {b["key"]: b["doc_count"] for b in found["all"]["canon"]["n"]["buckets"]} == isos
        assert found["none"]["doc_count"] == sum("iso" not in source for source in three)
        assert found["kinds"]["value"] == len({model for source in three for model in lower(source, "camera.model")})

    # --- what hits carry ---

    def test_source_comes_back(self, backend: Backend) -> None:
        expected = {key: value for key, value in PHOTOS["p03"].items() if key not in ("embedding", "signature")}
        [hit] = backend.search(
            {"query": {"ids": {"values": ["p03"]}}, "_source": {"excludes": ["embedding", "signature"]}}
        )["hits"]["hits"]
        assert hit["_source"] == expected
        assert backend.get("p03") == expected

    @pytest.mark.parametrize(
        "spec, expected",
        [
            (False, None),
            (["iso", "camera.make"], {"iso", "camera.make"}),
            ("camera", {"camera.make", "camera.model"}),
            ({"includes": ["camera.*", "iso"], "excludes": ["*.make"]}, {"iso", "camera.model"}),
            ({"includes": ["cam*"]}, {"camera.make", "camera.model"}),
            ({"includes": ["nothing"]}, set()),
        ],
    )
    def test_source_filter(self, backend: Backend, spec: Any, expected: set[str] | None) -> None:
        [hit] = backend.search({"query": {"ids": {"values": ["p01"]}}, "_source": spec})["hits"]["hits"]
        if expected is None:
            assert "_source" not in hit
        else:
            flat = {
                f"{k}.{i}" if isinstance(v, dict) else k
                for k, v in hit["_source"].items()
                for i in (v if isinstance(v, dict) else [0])
            }
            assert flat == expected

    def test_vectors_come_back(self, backend: Backend) -> None:
        document = backend.get("p03", vectors=True)
        np.testing.assert_allclose(document["embedding"]["tiny"], unit(3), atol=self.vector_tolerance)
        np.testing.assert_array_equal(document["signature"], signature(3))
        [(_, scanned)] = backend.scan({"ids": {"values": ["p03"]}}, vectors=True, fields=["embedding.tiny", "iso"])
        assert set(scanned) == {"embedding", "iso"}
        np.testing.assert_allclose(scanned["embedding"]["tiny"], unit(3), atol=self.vector_tolerance)
        [hit] = backend.search({"query": {"ids": {"values": ["p03"]}}, "fields": ["signature"], "_source": False})[
            "hits"
        ]["hits"]
        assert hit["fields"]["signature"] == signature(3).tolist()

    def test_scan_streams_everything(self, backend: Backend) -> None:
        found = dict(backend.scan(fields=["iso", "camera.make"]))
        assert set(found) == set(PHOTOS)
        assert all(set(source) <= {"iso", "camera"} for source in found.values())
        assert found["p01"]["iso"] == PHOTOS["p01"]["iso"]

    # --- writing ---

    def test_nothing_there(self, make: Callable[[], Backend]) -> None:
        backend = make()
        assert not backend.exists()
        with pytest.raises(IndexNotFound):
            backend.definition()
        backend.close()

    def test_definition_comes_back(self, fresh: Backend) -> None:
        assert fresh.exists()
        live = fresh.definition()["mappings"]
        wanted = definition(self.analysis)["mappings"]
        assert live["_meta"] == wanted["_meta"]
        assert set(live["properties"]) == set(wanted["properties"])
        assert live["properties"]["embedding"]["properties"]["tiny"]["dims"] == 8

    def test_empty_index(self, fresh: Backend) -> None:
        leg = {"field": "embedding.tiny", "query_vector": unit(5), "k": 6, "num_candidates": 40}
        aggs = {"makes": {"terms": {"field": "camera.make"}}, "least": {"min": {"field": "iso"}}}
        aggs |= {"when": {"date_histogram": {"field": "taken_at", "calendar_interval": "year"}}}
        answer = fresh.search({"query": {"match": {"caption": "boat"}}, "knn": leg, "aggs": aggs, "sort": ["iso"]})
        assert answer["hits"]["hits"] == [] and answer["hits"]["total"]["value"] == 0
        assert answer["aggregations"]["makes"]["buckets"] == [] and answer["aggregations"]["least"]["value"] is None
        assert fresh.count() == 0 and list(fresh.scan()) == []
        with pytest.raises(DocumentNotFound):
            fresh.get("a")

    def test_index_replaces_update_merges_delete_removes(self, fresh: Backend) -> None:
        outcomes = fresh.bulk(
            [
                Action("index", "a", photo(1)),
                Action("index", "b", photo(2)),
                Action("update", "a", {"camera": {"model": "X"}, "tags": ["one"]}),
                Action("update", "a", {"tags": ["two"], "iso": 3200}),
                Action("index", "b", {"caption": "snow"}),
                Action("delete", "c"),
                Action("update", "d", {"iso": 1}),
            ]
        )
        assert [(outcome.id, outcome.status) for outcome in outcomes] == [
            ("a", 201),
            ("b", 201),
            ("a", 200),
            ("a", 200),
            ("b", 200),
            ("c", 404),
            ("d", 404),
        ]
        fresh.refresh()
        document = fresh.get("a", vectors=True)
        assert document["camera"] == {"make": photo(1)["camera"]["make"], "model": "X"}
        assert document["tags"] == ["two"] and document["iso"] == 3200
        np.testing.assert_allclose(document["embedding"]["tiny"], unit(1), atol=self.vector_tolerance)
        assert fresh.get("b") == {"caption": "snow"}
        assert fresh.count({"term": {"tags": "one"}}) == 0 and fresh.count({"term": {"tags": "two"}}) == 1
        assert [outcome.status for outcome in fresh.bulk([Action("delete", "a"), Action("delete", "a")])] == [200, 404]
        fresh.refresh()
        assert {id for id, _ in fresh.scan()} == {"b"}
        leg = {"field": "embedding.tiny", "query_vector": unit(1), "k": 5, "num_candidates": 40}
        assert ids(fresh.search({"knn": leg})) == []

    def test_create_writes_only_what_is_not_there(self, fresh: Backend) -> None:
        outcomes = fresh.bulk(
            [
                Action("create", "a", photo(1)),
                Action("create", "a", photo(2)),
                Action("create", "b", photo(3)),
                Action("delete", "b"),
                Action("create", "b", photo(4)),
            ]
        )
        assert [(outcome.id, outcome.status) for outcome in outcomes] == [
            ("a", 201),
            ("a", 409),
            ("b", 201),
            ("b", 200),
            ("b", 201),
        ]
        assert outcomes[1].error and "\n" not in outcomes[1].error
        assert all(outcome.error is None for outcome in outcomes if outcome.status != 409)
        assert fresh.get("a")["path"] == photo(1)["path"] and fresh.get("b")["path"] == photo(4)["path"]
        fresh.refresh()
        assert [outcome.status for outcome in fresh.bulk([Action("create", "a", {"iso": 1})])] == [409]
        assert [outcome.status for outcome in fresh.bulk([Action("create", "c", {"iso": "auto"})])] == [400]
        fresh.refresh()
        assert {id for id, _ in fresh.scan()} == {"a", "b"}
        assert fresh.get("a")["path"] == photo(1)["path"]

    def test_a_version_that_was_read_can_be_written_with(self, fresh: Backend) -> None:
        fresh.bulk([Action("index", id, {"iso": 1}) for id in "abc"])
        versions = {id: fresh.read(id).version for id in "abc"}
        outcomes = fresh.bulk(
            [
                Action("update", "a", {"iso": 2}, versions["a"]),
                Action("index", "b", {"caption": "sea"}, versions["b"]),
                Action("delete", "c", version=versions["c"]),
            ]
        )
        assert [outcome.status for outcome in outcomes] == [200, 200, 200]
        assert fresh.get("a") == {"iso": 2} and fresh.get("b") == {"caption": "sea"}

    def test_a_whole_number_is_compared_exactly(self, fresh: Backend) -> None:
        """2^53 + 1 is no float."""
        fresh.bulk([Action("index", str(bytes), {"bytes": bytes}) for bytes in (2**53, 2**53 + 1, 2**53 + 2)])
        fresh.refresh()
        for bound in (2**53 + 1, str(2**53 + 1)):
            assert fresh.count({"range": {"bytes": {"gte": bound}}}) == 2
            assert fresh.count({"range": {"bytes": {"lt": bound}}}) == 1
            assert fresh.count({"term": {"bytes": bound}}) == 1

    def test_fields_are_added_while_there_are_documents(self, fresh: Backend) -> None:
        vectors = {"a": unit(1), "b": unit(2)}
        fresh.bulk(
            [
                Action("index", id, {"caption": "a boat", "embedding": {"tiny": vector}})
                for id, vector in vectors.items()
            ]
        )
        fresh.bulk([Action("index", "gone", {"caption": "gone"}), Action("delete", "gone")])
        fresh.add_fields({"price": {"type": "double"}, "client": {"type": "keyword", "normalizer": "lowercase"}})
        # what is there stays what it is, whoever asks for it to be something else
        fresh.add_fields({"price": {"type": "keyword"}, "due": {"type": "date", "format": "strict_date_optional_time"}})
        assert {leaf: each["type"] for leaf, each in extra_fields(fresh.definition()).items()} == {
            "price": "double",
            "client": "keyword",
            "due": "date",
        }
        written = fresh.bulk(
            [
                Action("update", "a", {"extra": {"price": 12.5, "client": "ACME", "due": "2024-05-01"}}),
                Action("index", "c", {"caption": "a house", "extra": {"price": [3, 20]}}),
                Action("index", "d", {"caption": "a house", "extra": {"price": "dear"}}),
                Action("index", "e", {"caption": "a house", "extra": {"unheard_of": 1}}),
            ]
        )
        assert [outcome.status for outcome in written] == [200, 201, 400, 400]
        fresh.refresh()
        assert fresh.count() == 3
        for clause, found in (
            ({"range": {"extra.price": {"gt": 12}}}, {"a", "c"}),
            ({"term": {"extra.client": "acme"}}, {"a"}),
            ({"range": {"extra.due": {"gte": "2024-05-01", "lt": "2024-06-01"}}}, {"a"}),
            ({"exists": {"field": "extra"}}, {"a", "c"}),
            ({"match": {"caption": "boat"}}, {"a", "b"}),
        ):
            assert set(ids(fresh.search({"query": clause}))) == found, clause
        answer = fresh.search(
            {
                "query": {"match_all": {}},
                "sort": [{"extra.price": "desc"}],
                "aggs": {"clients": {"terms": {"field": "extra.client"}}},
            }
        )
        assert ids(answer) == ["c", "a", "b"]
        assert [(each["key"], each["doc_count"]) for each in answer["aggregations"]["clients"]["buckets"]] == [
            ("acme", 1)
        ]
        for id, vector in vectors.items():
            assert fresh.get(id, vectors=True)["embedding"]["tiny"] == pytest.approx(vector, abs=self.vector_tolerance)
        near = {"field": "embedding.tiny", "query_vector": vectors["b"].tolist(), "k": 1, "num_candidates": 10}
        assert ids(fresh.search({"knn": [near]})) == ["b"]

    def test_update_replaces_a_vector(self, fresh: Backend) -> None:
        fresh.bulk([Action("index", "a", photo(1)), Action("index", "b", photo(2))])
        fresh.refresh()
        fresh.bulk([Action("update", "a", {"embedding": {"tiny": unit(77)}})])
        fresh.refresh()
        leg = {"field": "embedding.tiny", "query_vector": unit(77), "k": 1, "num_candidates": 40}
        [hit] = fresh.search({"knn": leg})["hits"]["hits"]
        assert hit["_id"] == "a" and hit["_score"] == pytest.approx(1.0, abs=10 * self.vector_tolerance)
        np.testing.assert_array_equal(fresh.get("a", vectors=True)["signature"], signature(1))

    @pytest.mark.parametrize(
        "source, named",
        [
            ({"unknown": 1}, "unknown"),
            ({"camera": {"colour": "red"}}, "colour"),
            ({"iso": "auto"}, "iso"),
            ({"iso": 1 << 40}, "iso"),
            ({"iso": "1_600"}, "iso"),
            ({"f_number": "1_0.5"}, "f_number"),
            ({"f_number": float("nan")}, ""),
            ({"f_number": float("inf")}, ""),
            ({"missing": "perhaps"}, "missing"),
            ({"taken_at": "0000:00:00 00:00:00"}, "taken_at"),
            ({"taken_at": "2019-13-01"}, "taken_at"),
            ({"location": {"lat": 480.0, "lon": 0.0}}, "location"),
            ({"location": {"lat": 48.0}}, "location"),
            ({"tags": [{"a": 1}]}, "tags"),
            ({"words": ["x" * 40_000]}, "words"),
            ({"embedding": {"tiny": [1.0, 0.0]}}, "tiny"),
            ({"embedding": {"tiny": [2.0] + [0.0] * 7}}, "tiny"),
            ({"embedding": {"tiny": [float("nan")] + [0.0] * 7}}, "tiny"),
            ({"signature": [200] * 648}, "signature"),
            ({"exif": {"a\0b": "c"}}, "exif"),
            ({"exif": {"a": {"b": {"c": {"d": "e"}}}}}, "exif"),
            ({"camera": "Canon"}, "camera"),
        ],
        ids=lambda value: str(value)[:40],
    )
    def test_a_bad_document_is_refused_and_the_others_written(self, fresh: Backend, source: Any, named: str) -> None:
        outcomes = fresh.bulk(
            [Action("index", "before", photo(1)), Action("index", "bad", source), Action("index", "after", photo(2))]
        )
        assert [outcome.status for outcome in outcomes] == [201, 400, 201]
        assert named in str(outcomes[1].error)
        fresh.refresh()
        assert {id for id, _ in fresh.scan()} == {"before", "after"}

    def test_a_refused_update_leaves_the_document(self, fresh: Backend) -> None:
        fresh.bulk([Action("index", "a", photo(1))])
        assert [o.status for o in fresh.bulk([Action("update", "a", {"iso": "auto"})])] == [400]
        fresh.refresh()
        assert fresh.get("a")["iso"] == photo(1)["iso"]

    def test_what_is_left_out_is_fine(self, fresh: Backend) -> None:
        odd = {
            "tags": [],
            "iso": None,
            "camera": {"make": None},
            "copyright": "x" * 2000,
            "caption": "",
            "files": [{"path": "/a", "any": [1, {"b": None}]}],
            "regions": [{"label": "dog", "score": 0.5, "box": {"x": 1}}],
            "warnings": ["something"],
            "thumbnail": "data:" + "A" * 5000,
        }
        assert [outcome.status for outcome in fresh.bulk([Action("index", "a", odd)])] == [201]
        fresh.refresh()
        assert fresh.get("a") == odd
        for absent in ("tags", "iso", "camera.make", "copyright"):
            assert fresh.count({"exists": {"field": absent}}) == 0

    @pytest.mark.parametrize("id", ["a/b?c#d", "ü", "x" * 512, "with space", "_", "\N{EM DASH}"])
    def test_odd_ids(self, fresh: Backend, id: str) -> None:
        assert [outcome.status for outcome in fresh.bulk([Action("index", id, {"iso": 1})])] == [201]
        fresh.refresh()
        assert fresh.get(id) == {"iso": 1}
        assert ids(fresh.search({"query": {"ids": {"values": [id]}}})) == [id]

    @pytest.mark.parametrize("id", ["", "x" * 513])
    def test_bad_ids(self, fresh: Backend, id: str) -> None:
        assert [outcome.status for outcome in fresh.bulk([Action("index", id, {"iso": 1})])] == [400]

    @pytest.mark.parametrize(
        "body",
        [
            {"query": {"script": {}}},
            {"query": {"bool": {"musst": []}}},
            {"query": {"match": {"caption": {"query": "a", "bogus": 1}}}},
            {"knn": {"field": "embedding.tiny", "query_vector": [1.0], "k": 1, "num_candidates": 1}},
            {"knn": {"field": "embedding.tiny", "query_vector": [1.0] + [0.0] * 7, "k": 5, "num_candidates": 2}},
            {"query": {"range": {"iso": {"gte": "auto"}}}},
            {"query": {"range": {"taken_at": {"gte": "yesterday"}}}},
            {"size": -1},
            {"size": 10_001},
            {"sort": ["caption"]},
            {"aggs": {"none": {"missing": {"field": "caption"}}}},
            {"bogus": 1},
        ],
        ids=str,
    )
    def test_bad_bodies_are_refused(self, backend: Backend, body: dict[str, Any]) -> None:
        with pytest.raises(HybridSearchError):
            backend.search(body)

    @pytest.mark.parametrize(
        "body",
        [
            {"query": {"term": {"camera.mak": "canon"}}},
            {"knn": {"field": "embedding.tinny", "query_vector": [1.0] + [0.0] * 7, "k": 1, "num_candidates": 1}},
        ],
        ids=str,
    )
    def test_unknown_fields_are_refused(self, backend: Backend, body: dict[str, Any]) -> None:
        if not self.knows_fields:
            pytest.skip("this backend finds nothing in fields that it does not have, without a word")
        with pytest.raises(UnknownField):
            backend.search(body)

    def test_info_and_close(self, fresh: Backend) -> None:
        fresh.bulk([Action("index", "a", photo(1))])
        fresh.refresh()
        assert fresh.info()["documents"] == 1
        fresh.close()
        fresh.close()
