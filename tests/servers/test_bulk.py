"""Bulk writes: cut by bytes, repeated, halved, in order for every document, and the fate of every item known."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from hybrid_search.backends import Action
from hybrid_search.backends.elasticsearch import ElasticsearchBackend, bulk
from hybrid_search.backends.elasticsearch.bulk import BulkWriter
from hybrid_search.backends.elasticsearch.dense_vectors import DenseVectorField
from hybrid_search.backends.elasticsearch.encode import RefusedAction, encode
from hybrid_search.errors import AccessDenied, BackendUnavailable, DocumentNotFound, ServerBusy
from tests.support.faults import Fault, Forward, Proxy, Reply, Request, failing, proxy
from tests.support.photos import photo
from tests.support.places import Place, place_on

LONG = 30.0
MEGABYTE = 2**20
TOO_MUCH = failing(
    429,
    "es_rejected_execution_exception",
    "rejected execution of coordinating operation [coordinating_and_primary_bytes=0, replica_bytes=0, all_bytes=0, "
    "coordinating_operation_bytes=600500, max_coordinating_bytes=500000]",
)
FULL = failing(429, "es_rejected_execution_exception", "rejected execution of coordinating operation")


@pytest.fixture
def place(elasticsearch_url: str) -> Iterator[Place]:
    with place_on(elasticsearch_url) as place:
        place.make()
        yield place


@pytest.fixture
def between(place: Place) -> Iterator[Proxy]:
    with proxy(place.url) as between:
        yield between


def large(number: int, size: int = 100_000) -> dict[str, Any]:
    """Return a document of about `size` bytes that no server rejects."""
    return {"iso": number, "thumbnail": "data:" + "A" * size}


def many(count: int, size: int = 100_000) -> list[Action]:
    return [Action("index", f"d{each:03d}", large(each, size)) for each in range(count)]


def statuses(backend: ElasticsearchBackend, actions: list[Action]) -> list[int]:
    outcomes = backend.bulk(actions)
    assert [outcome.id for outcome in outcomes] == [action.id for action in actions]
    return [outcome.status for outcome in outcomes]


# -- chunks ------------------------------------------------------------------------------------------------------------


def test_requests_have_five_to_fifteen_megabytes(place: Place, between: Proxy) -> None:
    assert statuses(place.backend(between.url), many(240)) == [201] * 240
    sizes = [len(request.body) for request in between.bulks]
    assert len(sizes) == 3
    assert all(5 * MEGABYTE <= size <= 15 * MEGABYTE for size in sizes[:-1])
    assert [id for request in between.bulks for id in request.ids] == [f"d{each:03d}" for each in range(240)]
    assert {id: source["iso"] for id, source in place.stored().items()} == {f"d{n:03d}": n for n in range(240)}


def test_an_action_larger_than_a_chunk_travels_alone(place: Place, between: Proxy) -> None:
    actions = [*many(2, 100), Action("index", "huge", large(7, 9 * MEGABYTE)), *many(3, 100)[2:]]
    assert statuses(place.backend(between.url), actions) == [201] * 4
    assert [request.ids for request in between.bulks] == [["d000", "d001"], ["huge"], ["d002"]]


def test_many_small_actions_are_not_one_request(place: Place, between: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_CHUNK_ACTIONS", 10)
    assert statuses(place.backend(between.url), many(25, 10)) == [201] * 25
    assert [len(request.ids) for request in between.bulks] == [10, 10, 5]


def limited(limit: int, reply: Reply | None) -> Fault:
    """Return a fault that answers so to bulks above a size."""

    def fault(request: Request, forward: Forward) -> Reply | None:
        return reply if request.is_bulk and len(request.body) > limit else forward()

    return fault


@pytest.mark.parametrize(
    ("limit", "reply"),
    [
        (300_000, Reply(413, b"", {})),
        (300_000, Reply(413, b"<html>Request Entity Too Large</html>", {"content-type": "text/html"})),
        (300_000, TOO_MUCH),
        (2 * MEGABYTE, FULL),
        (2 * MEGABYTE, failing(429, "circuit_breaking_exception", "Data too large", durability="PERMANENT")),
        (2 * MEGABYTE, None),
    ],
    ids=["413", "413 html", "too much", "rejected", "breaker", "broken off"],
)
def test_chunks_that_a_server_cannot_take_are_halved(
    place: Place, between: Proxy, limit: int, reply: Reply | None
) -> None:
    between.fault = limited(limit, reply)
    assert statuses(place.backend(between.url, deadline=LONG), many(120)) == [201] * 120
    assert len(place.stored()) == 120
    refused = [len(request.body) > limit for request in between.bulks]
    # what came after was cut as small at once, unless the connection alone was to blame
    assert refused[0] and (reply is None or not any(refused[refused.index(False) :]))
    taken = [id for request, no in zip(between.bulks, refused, strict=True) if not no for id in request.ids]
    assert taken == [f"d{each:03d}" for each in range(120)]


@pytest.mark.parametrize("reply", [Reply(413, b"", {}), TOO_MUCH], ids=["413", "too much"])
def test_one_document_that_is_too_large_fails_alone(place: Place, between: Proxy, reply: Reply) -> None:
    between.fault = limited(500_000, reply)
    actions = [*many(3), Action("index", "huge", large(7, 600_000)), *many(6)[3:]]
    assert statuses(place.backend(between.url), actions) == [201, 201, 201, 413, 201, 201, 201]
    assert sorted(place.stored()) == [f"d{each:03d}" for each in range(6)]


# -- repetition --------------------------------------------------------------------------------------------------------


def rejecting(between: Proxy, ids: set[str], times: int, status: int, kind: str) -> Fault:
    """Return a fault that keeps what is done to some documents from the server and answers for it, a few times."""
    left = [None] * times

    def fault(request: Request, forward: Forward) -> Reply | None:
        if not request.is_bulk or not ids & set(request.ids) or not left:
            return forward()
        left.pop()
        pairs = list(zip(request.lines[::2], request.lines[1::2], strict=True))
        kept = [pair for pair, id in zip(pairs, request.ids, strict=True) if id not in ids]
        body = b"".join(json.dumps(line).encode() + b"\n" for pair in kept for line in pair)
        part = Request(request.method, request.target, request.headers, body)
        answered = iter(between.forward(part).json["items"] if kept else ())
        reason = "blocked by: [SERVICE_UNAVAILABLE/2/no master];" if "block" in kind else "rejected"
        refused = {"status": status, "error": {"type": kind, "reason": reason}}
        items = [{"index": {"_id": id, **refused}} if id in ids else next(answered) for id in request.ids]
        return Reply(200, json.dumps({"took": 1, "errors": True, "items": items}).encode())

    return fault


PASSING = [
    (429, "es_rejected_execution_exception"),
    (503, "unavailable_shards_exception"),
    (503, "cluster_block_exception"),
    (500, "node_disconnected_exception"),
]


@pytest.mark.parametrize(("status", "kind"), PASSING)
def test_rejected_items_are_sent_again_in_the_order_of_each_document(
    place: Place, between: Proxy, status: int, kind: str
) -> None:
    between.fault = rejecting(between, {"b"}, 2, status, kind)
    versions = [Action("index", id, {"iso": each}) for each in range(3) for id in "abc"]
    assert statuses(place.backend(between.url, deadline=LONG), versions) == [201, 201, 201, *[200] * 6]
    assert {id: source["iso"] for id, source in place.stored().items()} == {"a": 2, "b": 2, "c": 2}
    assert [request.ids for request in between.bulks] == [list("abcabcabc"), list("bbb"), list("bbb")]


def test_a_later_write_that_passed_does_not_stay_below_an_earlier_one_that_did_not(
    place: Place, between: Proxy
) -> None:
    def first_only(request: Request, forward: Forward) -> Reply | None:
        if len(between.bulks) > 1 or not request.is_bulk:
            return forward()
        whole = forward().json
        whole["items"][0] = {"index": {"_id": "a", "status": 429, "error": {"type": "es_rejected_execution_exception"}}}
        return Reply(200, json.dumps(whole).encode())

    between.fault = first_only
    backend = place.backend(between.url, deadline=LONG)
    statuses(backend, [Action("index", "a", {"iso": 1}), Action("index", "b", {}), Action("index", "a", {"iso": 2})])
    assert [request.ids for request in between.bulks] == [["a", "b", "a"], ["a", "a"]]
    assert place.stored()["a"] == {"iso": 2}


def test_items_that_stay_rejected_end_with_the_deadline(place: Place, between: Proxy) -> None:
    between.fault = rejecting(between, {"b"}, 1_000, 429, "es_rejected_execution_exception")
    backend = place.backend(between.url, deadline=0.5)
    with pytest.raises(ServerBusy, match="is overloaded: rejected; try again later, with smaller batches"):
        backend.bulk([Action("index", id, {"iso": 1}) for id in "abc"])
    assert set(place.stored()) == {"a", "c"}
    assert len(between.bulks) > 3


def test_an_item_that_may_not_be_written_ends_the_load(place: Place, between: Proxy) -> None:
    between.fault = rejecting(between, {"b"}, 1, 403, "security_exception")
    with pytest.raises(AccessDenied, match="denies access: rejected"):
        place.backend(between.url, deadline=LONG).bulk([Action("index", id, {"iso": 1}) for id in "abc"])


def test_a_load_goes_on_when_the_server_comes_back(place: Place, between: Proxy, monkeypatch: Any) -> None:
    monkeypatch.setattr(bulk, "_CHUNK_ACTIONS", 20)
    back: list[threading.Timer] = []

    def cutting(request: Request, forward: Forward) -> Reply | None:
        if request.is_bulk and len(between.bulks) in (2, 4):
            reply = forward() if len(between.bulks) == 4 else None
            back.append(threading.Timer(0.4, between.restore))
            back[-1].start()
            between.cut()
            return reply
        return forward()

    between.fault = cutting
    backend = place.backend(between.url, deadline=LONG)
    assert set(statuses(backend, many(100, 1_000))) <= {200, 201}
    for timer in back:
        timer.join()
    assert len(back) == 2
    assert {id: source["iso"] for id, source in place.stored().items()} == {f"d{n:03d}": n for n in range(100)}


def test_a_server_that_stays_away_ends_the_load_with_the_deadline(place: Place, between: Proxy) -> None:
    backend = place.backend(between.url, deadline=0.5)
    assert backend.count() == 0
    between.cut()
    with pytest.raises(BackendUnavailable, match="nothing listens there"):
        backend.bulk(many(3, 100))
    assert place.stored() == {}


def test_the_deadline_begins_anew_with_each_part_that_was_written(
    place: Place, between: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[float] = []

    def two(deadline: float) -> Iterator[float]:
        begun.append(deadline)
        yield from (0.001, 0.001)

    monkeypatch.setattr(bulk, "pauses", two)
    monkeypatch.setattr(bulk, "_SMALL", 100_000)
    failures = {1, 2, 4, 5}

    def twice(request: Request, forward: Forward) -> Reply | None:
        return FULL if request.is_bulk and len(between.bulks) in failures else forward()

    between.fault = twice
    assert statuses(place.backend(between.url), many(8)) == [201] * 8
    assert len(begun) > 1


# -- replies that were lost --------------------------------------------------------------------------------------------


def swallowing(between: Proxy, meanwhile: Callable[[], object] = lambda: None) -> Fault:
    """Return a fault that loses the reply to the first bulk, which the server has done."""

    def fault(request: Request, forward: Forward) -> Reply | None:
        reply = forward()
        if not request.is_bulk or len(between.bulks) > 1:
            return reply
        meanwhile()
        return None

    return fault


def test_writes_whose_reply_was_lost_are_no_conflicts(place: Place, between: Proxy) -> None:
    backend = place.backend(between.url, deadline=LONG)
    backend.bulk([Action("index", id, photo(1)) for id in ("replaced", "merged", "gone")])
    versions = {id: backend.read(id).version for id in ("replaced", "merged", "gone")}
    between.requests.clear()
    between.fault = swallowing(between)
    actions = [
        Action("create", "new", photo(2)),
        Action("index", "replaced", photo(3), version=versions["replaced"]),
        Action("update", "merged", {"iso": 77, "exif": {"Model": "X"}}, version=versions["merged"]),
        Action("delete", "gone", version=versions["gone"]),
    ]
    assert all(status < 300 for status in statuses(backend, actions))
    assert len(between.bulks) == 2
    assert backend.get("new")["path"] == photo(2)["path"]
    assert backend.get("replaced")["path"] == photo(3)["path"]
    assert (backend.get("merged")["iso"], backend.get("merged")["exif"]["Make"]) == (77, photo(1)["exif"]["Make"])
    assert set(place.stored()) == {"new", "replaced", "merged"}


def test_a_lost_reply_does_not_hide_what_another_writer_did_meanwhile(place: Place, between: Proxy) -> None:
    backend, other = place.backend(between.url, deadline=LONG), place.backend()
    backend.bulk([Action("index", "replaced", photo(1)), Action("index", "gone", photo(1))])
    versions = {id: backend.read(id).version for id in ("replaced", "gone")}
    between.requests.clear()
    between.fault = swallowing(
        between, lambda: other.bulk([Action("index", id, {"iso": 5}) for id in ("new", "replaced", "gone")])
    )
    actions = [
        Action("create", "new", photo(2)),
        Action("index", "replaced", photo(3), version=versions["replaced"]),
        Action("delete", "gone", version=versions["gone"]),
    ]
    assert statuses(backend, actions) == [409] * 3
    assert set(map(json.dumps, place.stored().values())) == {'{"iso": 5}'}


def test_conflicts_without_a_lost_reply_stay_conflicts(place: Place) -> None:
    backend = place.backend()
    create = [Action("create", "a", {"iso": 1})]
    assert statuses(backend, create) == [201]
    assert statuses(backend, create) == [409]


# -- documents that cannot be stored -----------------------------------------------------------------------------------

POISON: list[tuple[dict[str, Any], str]] = [
    ({"iso": "auto"}, "iso"),
    ({"nonsense": 1}, "nonsense"),
    ({"sha256": "x" * 40_000}, "sha256"),
    ({"exif": {"a\0b": "c"}}, "exif"),
    ({"caption": "lone \ud800"}, "JSON"),
    ({"exif": {"\udc00": "c"}}, "JSON"),
    ({"iso": 2**70}, "JSON"),
    ({"f_number": float("nan")}, "f_number"),
    ({"f_number": np.float32("inf")}, "f_number"),
    ({"label_scores": {"a": np.array([0.5, np.nan])}}, "label_scores.a"),
    ({"exif": {1: "one"}}, "JSON"),
    ({"caption": {1, 2}}, "JSON"),
    ({"taken_at": "0000:00:00 00:00:00"}, "taken_at"),
    ({"location": {"lat": 91, "lon": 0}}, "location"),
    ({"embedding": {"tiny": np.ones(7)}}, "embedding.tiny"),
    ({"signature": [0] * 649}, "signature"),
]


def test_poison_in_a_chunk(place: Place, between: Proxy) -> None:
    actions: list[Action] = []
    for each, (source, _) in enumerate(POISON):
        actions += [Action("index", f"good{each}", photo(each)), Action("index", f"bad{each}", source)]
    outcomes = place.backend(between.url).bulk(actions)
    assert [outcome.status for outcome in outcomes] == [201, 400] * len(POISON)
    for (source, named), outcome in zip(POISON, outcomes[1::2], strict=True):
        assert named in str(outcome.error) and "\n" not in str(outcome.error), source
    assert len(between.bulks) == 1
    assert set(place.stored()) == {f"good{each}" for each in range(len(POISON))}


def test_a_document_nested_without_end(place: Place) -> None:
    source: dict[str, Any] = {}
    for _ in range(5_000):
        source = {"a": source}
    assert statuses(place.backend(), [Action("index", "a", {"exif": source}), Action("index", "b", photo(1))]) == [
        400,
        201,
    ]


def test_long_values_where_they_are_only_kept(place: Place) -> None:
    source = {"path": ["/p/" + "x" * 40_000], "caption": "word " * 8_000, "exif": {"Note": "y" * 40_000}}
    assert statuses(place.backend(), [Action("index", "a", source)]) == [201]
    assert place.stored()["a"] == source


def test_ids_of_any_letters(place: Place) -> None:
    ids = ["x" * 512, "é" * 256, "/photos/a?b#c d%20.jpg", "_all", "\t", "a\0b", "..", "-1", '"', "\\"]
    backend = place.backend()
    assert statuses(backend, [Action("create", id, {"iso": each}) for each, id in enumerate(ids)]) == [201] * len(ids)
    for each, id in enumerate(ids):
        assert backend.get(id) == {"iso": each}
    assert statuses(backend, [Action("update", id, {"iso": 7}) for id in ids]) == [200] * len(ids)
    assert statuses(backend, [Action("delete", id) for id in ids]) == [200] * len(ids)


def test_ids_that_no_server_takes_are_not_sent(place: Place, between: Proxy) -> None:
    bad = ["", "x" * 513, "é" * 257, "\ud800"]
    actions = [Action("index", id, {"iso": 1}) for id in ("b", *bad)] + [Action("delete", id) for id in bad]
    backend = place.backend(between.url)
    assert statuses(backend, actions) == [201, *[400] * 8]
    assert [request.ids for request in between.bulks] == [["b"]]
    for id in bad:
        with pytest.raises(DocumentNotFound):
            backend.get(id)


def test_a_request_is_never_refused_for_one_action(place: Place) -> None:
    """What would end the whole request is told of its own action."""
    actions = [
        Action("create", "a", {"iso": 1}, version=(1, 1)),
        Action("index", "a", {"iso": 1}, version=(-1, 1)),
        Action("index", "a", {"iso": 1}, version=(1, 0)),
        Action("upsert", "a", {"iso": 1}),  # type: ignore[arg-type]
        Action("index", "b", {"iso": 1}),
    ]
    assert statuses(place.backend(), actions) == [400, 400, 400, 400, 201]


# -- versions ----------------------------------------------------------------------------------------------------------


def test_a_write_with_a_version_is_refused_when_the_document_has_changed(place: Place) -> None:
    backend, other = place.backend(), place.backend()
    backend.bulk([Action("index", id, {"iso": 1}) for id in "abc"])
    versions = {id: backend.read(id).version for id in "abc"}
    other.bulk([Action("update", id, {"caption": "red"}) for id in "abc"])
    stale = [
        Action("index", "a", {"iso": 2}, version=versions["a"]),
        Action("update", "b", {"iso": 2}, version=versions["b"]),
        Action("delete", "c", version=versions["c"]),
    ]
    outcomes = backend.bulk(stale)
    assert [outcome.status for outcome in outcomes] == [409] * 3
    assert all("version conflict" in str(outcome.error) for outcome in outcomes)
    assert place.stored() == {id: {"iso": 1, "caption": "red"} for id in "abc"}
    fresh = [Action(each.op, each.id, each.source, version=backend.read(each.id).version) for each in stale]
    assert statuses(backend, fresh) == [200] * 3
    assert place.stored() == {"a": {"iso": 2}, "b": {"iso": 2, "caption": "red"}}


def test_a_version_of_what_is_gone(place: Place) -> None:
    backend = place.backend()
    backend.bulk([Action("index", id, {"iso": 1}) for id in "abc"])
    versions = {id: backend.read(id).version for id in "abc"}
    backend.bulk([Action("delete", id) for id in "abc"])
    gone = [
        Action("index", "a", {"iso": 2}, version=versions["a"]),
        Action("update", "b", {"iso": 2}, version=versions["b"]),
        Action("delete", "c", version=versions["c"]),
    ]
    outcomes = backend.bulk(gone)
    assert [outcome.status for outcome in outcomes] == [409, 404, 409]
    assert all(outcome.error for outcome in outcomes)
    assert place.stored() == {}


def test_writers_that_count_together_lose_no_count(place: Place) -> None:
    place.backend().bulk([Action("index", "a", {"iso": 0})])

    def count() -> None:
        backend = place.backend()
        for _ in range(20):
            while True:
                read = backend.read("a")
                (outcome,) = backend.bulk(
                    [Action("update", "a", {"iso": read.source["iso"] + 1}, version=read.version)]
                )
                if outcome.status == 200:
                    break
                assert outcome.status == 409

    writers = [threading.Thread(target=count) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert place.backend().get("a") == {"iso": 60}


def test_of_writers_that_create_the_same_document_one_succeeds(place: Place) -> None:
    found: list[int] = []
    barrier = threading.Barrier(4)

    def create(number: int) -> None:
        backend = place.backend()
        backend.exists()
        barrier.wait()
        found.extend(outcome.status for outcome in backend.bulk([Action("create", "a", {"iso": number})]))

    writers = [threading.Thread(target=create, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(found) == [201, 409, 409, 409]


def test_updates_without_a_version_meet_without_a_conflict(place: Place) -> None:
    place.backend().bulk([Action("index", "a", {"exif": {}})])
    found: list[int] = []

    def note(number: int) -> None:
        backend = place.backend()
        for each in range(10):
            found.extend(o.status for o in backend.bulk([Action("update", "a", {"exif": {f"{number}-{each}": "x"}})]))

    writers = [threading.Thread(target=note, args=(number,)) for number in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert found == [200] * 20
    assert len(place.backend().get("a")["exif"]) == 20


# -- what is sent ------------------------------------------------------------------------------------------------------


def test_lines_of_every_operation() -> None:
    vectors = {"v": DenseVectorField(dims=2, similarity="dot_product")}

    def lines(action: Action) -> list[Any]:
        return [json.loads(line) for line in encode(action, 0, vectors=vectors).lines.split(b"\n")]

    vector = np.asfortranarray(np.array([[0.6, 0.0], [0.8, 0.0]], np.float32))[:, 0]
    assert lines(Action("index", "a", {"v": vector, "n": np.int8(3)})) == [
        {"index": {"_id": "a"}},
        {"v": [pytest.approx(0.6), pytest.approx(0.8)], "n": 3},
    ]
    assert lines(Action("update", "a", {"n": 1})) == [
        {"update": {"_id": "a", "retry_on_conflict": 3}},
        {"doc": {"n": 1}},
    ]
    assert lines(Action("update", "a", {"n": 1}, version=(5, 2))) == [
        {"update": {"_id": "a", "if_seq_no": 5, "if_primary_term": 2}},
        {"doc": {"n": 1}},
    ]
    assert lines(Action("delete", "a", version=(5, 2))) == [
        {"delete": {"_id": "a", "if_seq_no": 5, "if_primary_term": 2}}
    ]
    assert lines(Action("create", "a/ü?#", {})) == [{"create": {"_id": "a/ü?#"}}, {}]
    with pytest.raises(RefusedAction, match="field 'v': expected length 1 for dot_product"):
        lines(Action("index", "a", {"v": [3.0, 4.0]}))


def test_an_index_that_is_no_alias_is_written_only_when_that_is_meant(place: Place) -> None:
    backend = place.backend()
    name = f"{place.name}-{secrets.token_hex(2)}"
    place.raw.indices.create(index=name, settings={"number_of_replicas": 0})
    writer = BulkWriter(backend._client, name, vectors={}, alias=False)
    assert [outcome.status for outcome in writer.run([Action("index", "a", {"iso": 1})])] == [201]
