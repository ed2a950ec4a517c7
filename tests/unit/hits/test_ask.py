"""The guard: a response that may lack members of a list is noticed, and what it lacks is asked for."""

from __future__ import annotations

from hybrid_search.hits.complete_legs import is_complete, with_larger_boosts


def hit(score, **matched):
    return {"_id": str(score), "_score": score, "matched_queries": matched}


def response(*hits):
    return {"hits": {"hits": list(hits)}}


def body(size, *, k=2, **clause):
    knn = {"_name": "vector", "field": "embedding.lite", "k": k, "boost": 1000.0, **clause}
    return {"size": size, "knn": [knn], "query": {}}


def test_a_response_with_room_left_is_complete():
    assert is_complete(response(hit(900.0, vector=900.0), hit(3.0, text=3.0)), body(3))


def test_a_response_with_whole_lists_is_complete():
    whole = response(hit(900.0, vector=900.0), hit(800.0, vector=800.0), hit(3.0, text=3.0))
    assert is_complete(whole, body(3))


def test_a_list_that_texts_may_have_pushed_out_is_not_complete():
    cut = response(hit(9.0, vector=9.0), hit(8.0, text=8.0), hit(7.0, text=7.0))
    assert not is_complete(cut, body(3))


def test_what_is_missing_may_be_too_good_to_have_been_pushed_out():
    short = response(hit(900.0, vector=900.0), hit(8.0, text=8.0), hit(7.0, text=7.0))
    assert not is_complete(short, body(3))
    # A cosine of 0 is worth 1000 · (1 + 0) / 2 = 500, more than any text here.
    assert is_complete(short, body(3, similarity=0.0))
    # A signature with a cosine of 0.6 is worth 1e4 · (1 + 0.6) / 2 = 8,000 at least.
    near = response(hit(20_000.0, vector=20_000.0), hit(8.0, text=8.0), hit(7.0, text=7.0))
    assert is_complete(near, body(3, field="signature", boost=1e4, similarity=0.6))
    assert not is_complete(near, body(3, field="signature", boost=8.0, similarity=0.6))


def test_without_knn_there_is_nothing_to_be_pushed_out():
    assert is_complete(response(hit(1.0, text=1.0)), {"size": 1, "query": {}})


def test_larger_boosts_leave_the_body_as_it_was():
    small = body(3)
    assert with_larger_boosts(small, factor=10.0)["knn"][0]["boost"] == 10_000.0
    assert small["knn"][0]["boost"] == 1000.0


def mixed(size, *, k=3):
    text = {"bool": {"_name": "text", "should": []}}
    return {**body(size, k=k), "query": {"bool": {"must": [text]}}}


def test_texts_that_copies_may_have_pushed_out_are_not_complete():
    nearest = [hit(900.0 + place, vector=900.0 + place) for place in range(3)]
    texts = [hit(float(place), text=float(place)) for place in (8, 7, 6)]
    assert is_complete(response(*nearest, *texts), mixed(6))
    assert not is_complete(response(*nearest, *texts[:2]), mixed(5))
    assert not is_complete(response(*nearest), mixed(3))


def test_texts_among_the_nearest_count_where_no_better_one_can_be_missing():
    best = [hit(909.0, vector=900.0, text=9.0), hit(801.0, vector=800.0, text=1.0), hit(700.0, vector=700.0)]
    # those with 9, 8 and 7 are the best three; what is missing has less than 7
    assert is_complete(response(*best, hit(8.0, text=8.0), hit(7.0, text=7.0)), mixed(5))
    # the third could be a text of 5, which is worse than 8 and better than 1
    assert not is_complete(response(*best, hit(8.0, text=8.0)), mixed(4))


def test_room_for_every_list_is_room_for_the_texts():
    nearest = [hit(908.0, vector=900.0, text=8.0), hit(807.0, vector=800.0, text=7.0), hit(706.0, vector=700.0)]
    assert with_larger_boosts(mixed(4))["size"] == 6
    assert with_larger_boosts(body(4, k=3))["size"] == 4
    assert is_complete(response(*nearest, *(hit(5.0, text=5.0) for _ in range(3))), mixed(6))


def test_no_more_texts_are_wanted_than_are_fused():
    whole = response(*(hit(900.0 + place, vector=900.0 + place) for place in range(3)), hit(8.0, text=8.0))
    assert not is_complete(whole, mixed(4))
    assert is_complete(whole, mixed(4), window=1)
    assert not is_complete(whole, mixed(4), window=2)
    assert with_larger_boosts(mixed(4), window=2)["size"] == 5
