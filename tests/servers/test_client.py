"""Reads are repeated within the deadline, by a client that knows whom it is waiting for."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from hybrid_search.backends.elasticsearch import ElasticsearchBackend, Server
from hybrid_search.backends.elasticsearch.client import pauses
from hybrid_search.errors import BackendUnavailable, IncompleteAnswer, QueryError, ServerBusy
from tests.support.faults import Fault, Forward, Proxy, Reply, Request, failing, proxy
from tests.support.places import Place, place_on

LONG = 30.0
BUSY = failing(429, "es_rejected_execution_exception", "rejected execution: the queue is full")


@pytest.fixture(scope="module")
def place(elasticsearch_url: str) -> Iterator[Place]:
    with place_on(elasticsearch_url) as place:
        place.make(3)
        yield place


@pytest.fixture
def between(place: Place) -> Iterator[Proxy]:
    with proxy(place.url) as between:
        yield between


def first(times: int, reply: Reply | None) -> Fault:
    """Return a fault that answers so a few times, and then no more."""
    left = [reply] * times

    def fault(request: Request, forward: Forward) -> Reply | None:
        return left.pop() if left else forward()

    return fault


def read_all(backend: ElasticsearchBackend) -> list[object]:
    everything = {"match_all": {}}
    return [
        backend.search({"query": everything})["hits"]["total"]["value"],
        backend.msearch([{"query": everything}])[0]["hits"]["total"]["value"],
        backend.count(),
        backend.get("p1")["filename"],
        sorted(id for id, _ in backend.scan()),
    ]


EXPECTED = [3, 3, 3, "IMG_01.JPG", ["p0", "p1", "p2"]]


@pytest.mark.parametrize(
    "reply",
    [
        None,
        BUSY,
        failing(429, "circuit_breaking_exception", "Data too large", durability="TRANSIENT"),
        failing(503, "no_shard_available_action_exception"),
        failing(503, "cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/2/no master];"),
        failing(500, "node_disconnected_exception", "[node] disconnected"),
        Reply(502, b"<html>Bad Gateway</html>", {"content-type": "text/html"}),
        Reply(200, b'{"_shards": {"total": 2, "successful": 1, "failed": 1}}'),
        Reply(200, b'{"took": 1, "timed_out": true}'),
        Reply(200, b'{"responses": [{"error": {"type": "es_rejected_execution_exception"}, "status": 429}]}'),
        Reply(200, b'{"half of', length=5_000),
    ],
    ids="broken busy breaker no_shard no_master node_gone bad_gateway shards timed_out part cut_short".split(),
)
def test_every_read_is_repeated(place: Place, between: Proxy, reply: Reply | None) -> None:
    backend = place.backend(between.url, deadline=LONG)
    assert backend.exists()
    asked = len(between.requests)

    def each_once(request: Request, forward: Forward) -> Reply | None:
        again = request.target in (known.target for known in between.requests[asked:-1])
        return forward() if again or request.method == "DELETE" else reply

    between.fault = each_once
    assert read_all(backend) == EXPECTED
    assert len(between.requests) - asked >= 2 * len(EXPECTED)


def test_a_passing_failure_that_stays_is_told_when_the_deadline_has_passed(place: Place, between: Proxy) -> None:
    backend = place.backend(between.url, deadline=0.5)
    assert backend.count() == 3
    between.fault = lambda request, forward: BUSY
    with pytest.raises(ServerBusy, match="is overloaded: rejected execution: the queue is full; try again later"):
        backend.count()
    assert len(between.requests) > 3


def test_other_failures_are_told_at_once(place: Place, between: Proxy) -> None:
    backend = place.backend(between.url, deadline=LONG)
    between.fault = first(5, failing(429, "circuit_breaking_exception", "Data too large", durability="PERMANENT"))
    with pytest.raises(ServerBusy, match="Data too large"):
        backend.count()
    assert len(between.requests) == 1


def test_a_slow_answer_is_not_waited_for_longer_than_the_timeout(place: Place, between: Proxy) -> None:
    def slow(request: Request, forward: Forward) -> Reply | None:
        time.sleep(1.0)
        return None

    backend = place.backend(between.url, timeout=0.2, deadline=LONG)
    between.fault = first(0, None)
    assert backend.count() == 3
    between.fault = slow
    backend = place.backend(between.url, timeout=0.2, deadline=0.0)
    with pytest.raises(BackendUnavailable, match=r"did not answer in time.*A longer `timeout` may help"):
        backend.count()


def test_a_server_that_never_answered_is_told_at_once() -> None:
    with proxy() as gone:
        gone.cut()
        backend = ElasticsearchBackend(gone.url, name="images", server=Server(deadline=LONG))
        start = time.monotonic()
        with pytest.raises(BackendUnavailable, match="nothing listens there; is Elasticsearch running there"):
            backend.exists()
        assert time.monotonic() - start < LONG / 3


def test_one_node_of_several_that_is_away_is_passed_over(place: Place) -> None:
    with proxy() as gone:
        gone.cut()
        # nodes are tried in an order by chance
        for _ in range(8):
            backend = place.backend(f"{gone.url},{place.url}", deadline=LONG)
            assert backend.count() == 3
            backend.close()


def test_a_server_that_was_met_is_waited_for_and_not_twice(place: Place, between: Proxy) -> None:
    backend = place.backend(between.url, deadline=LONG)
    assert backend.count() == 3
    between.cut()
    between.fault = first(1, None)
    between.restore()
    assert backend.count() == 3

    backend = place.backend(between.url, deadline=0.5)
    assert backend.count() == 3
    between.cut()
    for _ in range(2):
        with pytest.raises(BackendUnavailable, match="nothing listens there"):
            backend.count()
    assert not backend._client._met
    between.restore()
    assert backend.count() == 3
    assert backend._client._met


def test_a_proxy_that_answers_for_a_server_that_is_down_is_no_other_program(place: Place, between: Proxy) -> None:
    backend = place.backend(between.url, deadline=0.0)
    down = Reply(503, b"<html>Service Unavailable</html>", {"content-type": "text/html"})
    between.fault = lambda request, forward: down
    with pytest.raises(BackendUnavailable, match="a proxy there answers with HTTP status 503; is the server running"):
        backend.count()


def test_shards_that_fail_in_an_answer_that_is_called_a_success(place: Place, between: Proxy) -> None:
    reason = {"type": "query_shard_exception", "reason": "failed to create query"}
    shards = {"total": 2, "successful": 1, "failed": 1, "failures": [{"shard": 0, "reason": reason}]}

    def half(request: Request, forward: Forward) -> Reply | None:
        import json

        return Reply(200, json.dumps({**forward().json, "_shards": shards}).encode())

    between.fault = half
    backend = place.backend(between.url, deadline=0.2)
    with pytest.raises(IncompleteAnswer, match=r"1 of 2 shards failed \(failed to create query\)"):
        backend.count()


@pytest.mark.parametrize("text", ["\ud800", "sea \udfff"])
def test_text_that_is_no_unicode_is_told_before_it_is_sent(place: Place, between: Proxy, text: str) -> None:
    backend = place.backend(between.url)
    asked = len(between.requests)
    with pytest.raises(QueryError, match="no valid Unicode"):
        backend.search({"query": {"match": {"caption": text}}})
    assert len(between.requests) == asked


def test_pauses_grow_by_chance_until_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    taken: list[list[float]] = []
    for _ in range(2):
        waits = []
        for pause in pauses(60.0):
            waits.append(pause)
            clock[0] += pause
        taken.append(waits)
        assert sum(waits) == pytest.approx(60.0)
        assert 0.05 <= waits[0] <= 0.1
        assert max(waits) <= 5.0
        assert waits[5] > 10 * waits[0]
    assert taken[0] != taken[1]
