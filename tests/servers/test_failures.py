"""What can be wrong with a server or an index, caused on real servers: each is an error of its own, with a remedy."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hybrid_search import HybridIndex, errors
from hybrid_search.backends import Action
from hybrid_search.backends.elasticsearch import ElasticsearchBackend, Server, point_in_time
from tests.support.faults import Forward, Proxy, Reply, Request, proxy
from tests.support.photos import DIMS, definition, photo
from tests.support.places import Place, place_on

LONG = 30.0
ALL: dict[str, Any] = {"match_all": {}}
READS: dict[str, Callable[[ElasticsearchBackend], object]] = {
    "search": lambda backend: backend.search({"query": ALL}),
    "msearch": lambda backend: backend.msearch([{"query": ALL}]),
    "count": lambda backend: backend.count(),
    "get": lambda backend: backend.get("p1"),
    "scan": lambda backend: list(backend.scan()),
}
WRITES: dict[str, Callable[[ElasticsearchBackend], object]] = {
    "bulk": lambda backend: backend.bulk([Action("index", "a", photo(1)), Action("delete", "p1")]),
    "empty bulk": lambda backend: backend.bulk([]),
}
DEFINITION: dict[str, Callable[[ElasticsearchBackend], object]] = {"definition": lambda backend: backend.definition()}
REFRESH: dict[str, Callable[[ElasticsearchBackend], object]] = {"refresh": lambda backend: backend.refresh()}


@pytest.fixture
def place(elasticsearch_url: str) -> Iterator[Place]:
    with place_on(elasticsearch_url) as place:
        yield place


def each_raises(
    backend: ElasticsearchBackend,
    asked: dict[str, Callable[[ElasticsearchBackend], object]],
    error: type[errors.BackendError],
    words: str,
) -> None:
    for name, ask in asked.items():
        with pytest.raises(error, match=words) as raised:
            ask(backend)
        assert "\n" not in str(raised.value), name


# -- states of an index ------------------------------------------------------------------------------------------------


def test_a_part_on_no_node(place: Place) -> None:
    place.make(whole=False, **{"routing.allocation.require.x": "nowhere"})
    backend = place.backend(timeout=1.0, deadline=0.2)
    writes = {"bulk": WRITES["bulk"]}
    each_raises(
        backend,
        READS | writes | REFRESH,
        errors.BackendUnavailable,
        "is on no running node; start the node that has it",
    )


def test_shards_that_fail_while_the_answer_is_called_a_success(place: Place) -> None:
    place.make(2)
    other = f"{place.name}-000002"
    place.raw.indices.create(index=other, aliases={place.name: {}}, settings={"number_of_replicas": 0})
    # the other index has no such geo_point, and its shard fails
    near = {"geo_distance": {"distance": "1km", "location": {"lat": 0, "lon": 0}}}
    assert place.raw.count(index=place.name, query=near)["_shards"]["failed"] == 1
    with pytest.raises(errors.IncompleteAnswer, match=r"the index only: 1 of 2 shards failed \(.*\[location\]"):
        place.backend(deadline=0.2).count(near)


def test_one_of_two_parts_on_no_node(place: Place) -> None:
    place.make(2)
    elsewhere = {"index.routing.allocation.require.x": "nowhere", "number_of_replicas": 0}
    other = f"{place.name}-000002"
    place.raw.indices.create(index=other, aliases={place.name: {}}, settings=elsewhere, wait_for_active_shards=0)
    backend = place.backend(deadline=0.2)
    with pytest.raises(errors.IncompleteAnswer, match="1 of 2 shards failed"):
        backend.count()
    assert place.raw.count(index=place.name)["count"] == 2


def test_a_search_whose_time_was_up(place: Place) -> None:
    place.make()
    backend = place.backend(deadline=0.0)
    draw = random.Random(1)
    backend.bulk([Action("index", str(each), {"sha256": draw.randbytes(100).hex()}) for each in range(3_000)])
    backend.refresh()
    with pytest.raises(errors.IncompleteAnswer, match="a part of the index only: the time for it was up"):
        # the server's clock ticks every 200 ms
        for each in range(500):
            slow = {"regexp": {"sha256": f".*a.*b.*c.*d.*{each}.*"}}
            backend.search({"query": slow, "timeout": "0ms"})


def test_a_closed_index(place: Place) -> None:
    place.make(2)
    place.raw.indices.close(index=place.index)
    backend = place.backend(deadline=LONG)
    each_raises(
        backend,
        READS | WRITES | REFRESH,
        errors.BackendUnavailable,
        r"is closed; open it with `POST /failures-.*_open`",
    )


def test_no_index(place: Place) -> None:
    backend = place.backend(deadline=LONG)
    assert not backend.exists()
    asked = READS | WRITES | REFRESH
    each_raises(backend, asked, errors.IndexNotFound, "no index 'failures-.*; make one with `HybridIndex")
    with pytest.raises(errors.IndexNotFound):
        HybridIndex(place.url, name=place.name, create=False)


def test_an_index_deleted_in_the_middle_is_not_made_again_by_a_write(place: Place) -> None:
    place.make(2)
    backend = place.backend(deadline=LONG)
    assert backend.count() == 2
    place.raw.indices.delete(index=place.index)
    each_raises(backend, WRITES | READS | REFRESH, errors.IndexNotFound, f"no index '{place.name}'")
    assert not place.raw.indices.exists(index=f"{place.name}*", allow_no_indices=False)


def test_an_index_deleted_in_the_middle_of_a_scan(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(point_in_time, "_PAGE", 2)
    place.make(5)
    pages = place.backend(deadline=0.2).scan()
    assert len([next(pages), next(pages)]) == 2
    place.raw.indices.delete(index=place.index)
    with pytest.raises(errors.IndexNotFound, match=f"no index '{place.name}'"):
        list(pages)


def test_a_view_that_ended_in_the_middle_of_a_scan(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(point_in_time, "_PAGE", 2)
    place.make(5)

    def closing(request: Request, forward: Forward) -> Reply | None:
        if request.path == "/_search" and "search_after" in request.lines[0]:
            place.raw.close_point_in_time(id=request.lines[0]["pit"]["id"])
        return forward()

    with proxy(place.url, closing) as between:
        pages = place.backend(between.url, deadline=LONG).scan()
        assert len([next(pages), next(pages)]) == 2
        with pytest.raises(errors.ViewEnded, match=r"the view of the index has ended, .*; start the same again"):
            list(pages)


def test_no_alias_to_write_through(place: Place) -> None:
    place.make(2)
    place.raw.indices.delete_alias(index=place.index, name=place.alias)
    backend = place.backend(deadline=LONG)
    words = f"alias '{place.alias}' .*: there is none to write through; `hybrid_search.backends.transfer.migrate` makes"
    each_raises(backend, WRITES, errors.IndexCorrupt, words)
    assert backend.count() == 2
    assert list(place.raw.indices.get(index=f"{place.name}*")) == [place.index]


def test_aliases_that_name_two_indexes(place: Place) -> None:
    place.make(2)
    known = place.backend()
    assert known.get("p1")["iso"] == place.stored()["p1"]["iso"]
    add = {"index": f"{place.name}-000002", "aliases": {place.name: {}, place.alias: {}}}
    place.raw.indices.create(**add)
    each_raises(place.backend(), DEFINITION, errors.IndexCorrupt, "2 indexes")
    with pytest.raises(errors.IndexCorrupt, match=r"it names 2 indexes: .*000001, .*000002"):
        HybridIndex(place.url, name=place.name)
    place.raw.indices.put_alias(index=place.index, name=place.alias, is_write_index=False)
    each_raises(known, {"bulk": WRITES["bulk"]}, errors.IndexCorrupt, "it names several indexes, and none to write to")


def test_a_vector_field_that_is_not_there(place: Place) -> None:
    place.make(2)
    clause = {"field": "embedding.tinny", "query_vector": [1.0] + [0.0] * (DIMS - 1), "k": 1, "num_candidates": 1}
    # the server finds nothing, and calls it a success
    assert place.raw.search(index=place.name, knn=clause)["hits"]["hits"] == []
    for knn in (clause, [clause]):
        with pytest.raises(errors.UnknownField, match=r"no field 'embedding.tinny'.*embedding.tiny"):
            place.backend().search({"knn": knn})


def test_another_embedder(place: Place) -> None:
    place.make()
    with pytest.raises(
        errors.EmbedderMismatch, match=r"holds embeddings of embedder 'tiny' .*opened with embedder .histogram"
    ):
        HybridIndex(place.url, name=place.name, embedder="histogram+hog")


# -- blocks ------------------------------------------------------------------------------------------------------------

BLOCKS = {
    "read_only_allow_delete": "index.blocks.read_only_allow_delete|flood stage",
    "read_only": r"the index is read-only \(index.blocks.read_only\)",
    "write": r"blocked for writing \(index.blocks.write\), perhaps by a migration",
}


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_of_writes_stops_early(place: Place, block: str) -> None:
    place.make(2)
    place.change(**{f"blocks_{block}": True})
    backend = place.backend(deadline=LONG)
    start = time.monotonic()
    words = f"refuses writes: .*({BLOCKS[block]}).*; lift that and run the same again, what was written before is safe"
    each_raises(backend, WRITES, errors.IndexLocked, words)
    assert time.monotonic() - start < LONG / 3
    assert backend.count() == 2


@pytest.mark.parametrize("block", ["write", "read_only_allow_delete"])
def test_a_block_stops_a_folder_in_the_middle(place: Place, tmp_path: Path, block: str) -> None:
    for each in range(8):
        Image.new("RGB", (32, 32), (each * 30, 0, 0)).save(tmp_path / f"{each}.png")

    def blocking(request: Request, forward: Forward) -> Reply | None:
        if request.is_bulk and len(between.bulks) == 2:
            place.change(**{f"blocks_{block}": True})
        return forward()

    with proxy(place.url, blocking) as between:
        server = Server(deadline=LONG)
        with HybridIndex(between.url, name=place.name, embedder="histogram+hog", server=server) as index:
            with pytest.raises(errors.IndexLocked, match="what was written before is safe"):
                index.add_folder(tmp_path, batch_size=2)
            # one that was written, one that was refused, and no more of it
            assert len(between.bulks) == 2
            assert len(place.stored()) == 2
            place.change(**{f"blocks_{block}": None})
            report = index.add_folder(tmp_path, batch_size=2)
            assert (report.added, report.unchanged) == (6, 2)
            assert len(place.stored()) == 8


@pytest.mark.parametrize("block", ["write", "read_only_allow_delete"])
def test_a_block_is_one_line_of_the_command(place: Place, tmp_path: Path, block: str) -> None:
    Image.new("RGB", (32, 32), "red").save(tmp_path / "red.png")
    HybridIndex(place.url, name=place.name, embedder="histogram+hog").close()
    place.change(**{f"blocks_{block}": True})
    done = run("--name", place.name, "index", str(tmp_path), "--index", place.url, "--no-progress")
    assert done.returncode == 3
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith(f"error: {place.url} refuses writes: ")
    assert line.endswith("; lift that and run the same again, what was written before is safe")
    assert done.stdout == ""


@pytest.mark.parametrize(("block", "words"), [("read", "blocked for reading"), ("metadata", "cannot be read")])
def test_other_blocks_are_not_called_blocks_of_writes(place: Place, block: str, words: str) -> None:
    place.make(2)
    place.change(**{f"blocks_{block}": True})
    backend = place.backend(deadline=LONG)
    asked = {"search": READS["search"]} if block == "read" else DEFINITION
    each_raises(backend, asked, errors.RequestRefused, words)


def test_a_folder_is_indexed_whole_though_the_server_goes_away(place: Place, tmp_path: Path) -> None:
    for each in range(12):
        Image.new("RGB", (32, 32), (each * 20, 0, 0)).save(tmp_path / f"{each}.png")
    back: list[threading.Timer] = []

    def cutting(request: Request, forward: Forward) -> Reply | None:
        if not request.is_bulk or len(between.bulks) not in (2, 4):
            return forward()
        # once before the server has the documents, once after it, with the reply lost
        if len(between.bulks) == 4:
            forward()
        between.cut()
        back.append(threading.Timer(0.3, between.restore))
        back[-1].start()
        return None

    with proxy(place.url, cutting) as between:
        server = Server(deadline=LONG)
        with HybridIndex(between.url, name=place.name, embedder="histogram+hog", server=server) as index:
            report = index.add_folder(tmp_path, batch_size=2)
            for timer in back:
                timer.join()
            assert len(back) == 2
            assert (report.added, report.failed, len(index)) == (12, (), 12)
            assert {Path(source["path"][0]).name for source in place.stored().values()} == {
                f"{each}.png" for each in range(12)
            }


STEPS = {
    "create": lambda request: request.method == "PUT" and request.path.count("/") == 1,
    "block": lambda request: "/_block/" in request.path,
    "settings": lambda request: request.path.endswith("/_settings"),
    "mark": lambda request: request.path.endswith("/_mapping"),
    "swap": lambda request: request.path == "/_aliases",
}


@pytest.mark.parametrize(("step", "aliased"), [*((step, True) for step in STEPS), ("swap", False)])
def test_a_new_version_takes_its_place_though_a_reply_was_lost(place: Place, step: str, aliased: bool) -> None:
    if aliased:
        place.make(3)
    else:
        place.raw.indices.create(index=place.name, **definition("portable"))
        place.raw.bulk(index=place.name, operations=[{"index": {"_id": "a"}}, {"iso": 1}] * 3, refresh=True)
    before = place.raw.count(index=place.name)["count"]
    lost: list[str] = []

    def losing(request: Request, forward: Forward) -> Reply | None:
        reply = forward()
        if lost or request.method == "GET" or not STEPS[step](request):
            return reply
        lost.append(request.path)
        return None

    with proxy(place.url, losing) as between:
        backend = place.backend(between.url, deadline=LONG)
        with backend.building(definition("portable")) as new:
            new.bulk([Action("index", id, source) for id, source in backend.scan(vectors=True)])
    assert lost
    new_name = f"{place.name}-000002" if aliased else place.index
    assert set(place.raw.indices.get_alias(index=new_name)[new_name]["aliases"]) == {place.name, place.alias}
    assert place.raw.count(index=place.name)["count"] == before
    assert "building" not in place.raw.indices.get(index=new_name)[new_name]["mappings"]["_meta"]
    assert [outcome.status for outcome in place.backend().bulk([Action("index", "later", {"iso": 1})])] == [201]


# -- what is not the server --------------------------------------------------------------------------------------------

HTML = {"content-type": "text/html"}
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (Reply(200, b"<html>Welcome</html>", HTML), errors.BackendUnavailable, "is not Elasticsearch: .*check its"),
        (Reply(404, b"<html>Not found</html>", HTML), errors.BackendUnavailable, "HTTP status 404"),
        (Reply(405, b"", HTML), errors.BackendUnavailable, "HTTP status 405"),
        (Reply(404, b"", {}), errors.BackendUnavailable, "HTTP status 404"),
        (Reply(200, b"{}", JSON), errors.BackendUnavailable, "without naming itself so"),
        (Reply(404, b'{"detail": "Not Found"}', JSON), errors.BackendUnavailable, "HTTP status 404"),
        (Reply(200, b'{"took": 1, "hits": {"to', JSON), errors.BackendUnavailable, "its answers are no JSON"),
        (Reply(200, b'{"took": 1, "hits": {"to'), errors.BackendUnavailable, "its answers are no JSON"),
        (Reply(200, b'{"took": 1', length=50_000), errors.BackendUnavailable, "in the middle of an answer"),
        (Reply(401, b"", HTML), errors.AccessDenied, "does not accept these credentials, or wants some"),
        (Reply(502, b"<html>Bad Gateway</html>", HTML), errors.BackendUnavailable, "HTTP status 502; is the server"),
        (Reply(429, b"slow down", HTML), errors.ServerBusy, "lets no more requests through"),
        (None, errors.BackendUnavailable, "the connection was broken off"),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, Reply) else "",
)
def test_something_else_at_the_address(reply: Reply | None, error: type[errors.BackendError], words: str) -> None:
    with proxy(fault=lambda request, forward: reply) as double:
        for create in (True, False):
            with pytest.raises(error, match=words):
                HybridIndex(double.url, create=create, server=Server(deadline=LONG))


def test_something_that_is_too_slow() -> None:
    def slow(request: Request, forward: Forward) -> Reply | None:
        time.sleep(0.6)
        return None

    with proxy(fault=slow) as double, pytest.raises(errors.BackendUnavailable, match="it did not answer in time"):
        HybridIndex(double.url, server=Server(timeout=0.3, deadline=LONG))


@pytest.mark.parametrize("url", ["http://nowhere.invalid:9200", "https://nowhere.invalid:9200"])
def test_no_host_of_that_name(url: str) -> None:
    with pytest.raises(errors.BackendUnavailable, match=r"cannot open .*nowhere.invalid:9200: .*(the host|that name)"):
        HybridIndex(url, server=Server(deadline=LONG))


def test_no_tls_where_it_is_asked_for(place: Place) -> None:
    with pytest.raises(errors.BackendUnavailable, match="is it http:// in place of https://"):
        HybridIndex(place.url.replace("http:", "https:"), server=Server(deadline=LONG))


def test_no_server_is_one_line_of_the_command(tmp_path: Path) -> None:
    with proxy() as gone:
        gone.cut()
        done = run("search", "red", "--index", gone.url)
    assert done.returncode == 3
    (line,) = done.stderr.strip().splitlines()
    assert line == f"error: cannot open {gone.url}: nothing listens there; is Elasticsearch running there?"


# -- the client --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def newer_client() -> Path:
    """Return a folder with the next major version of the client, installed once for this user."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hybrid-search" / "tests"
    folder = base / f"elasticsearch-9-python-{sys.version_info.major}.{sys.version_info.minor}"
    if not (folder / "elasticsearch").is_dir():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), "elasticsearch>=9,<10"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            pytest.skip(f"the client of the next major version cannot be installed: {done.stderr.strip()[-200:]}")
    return folder


TRIAL = """
import sys
import elasticsearch
assert elasticsearch.__version__[0] == 9, elasticsearch.__version__
from PIL import Image
from hybrid_search import HybridIndex, errors
try:
    with HybridIndex(sys.argv[1], name=sys.argv[2], embedder="histogram+hog") as index:
        red = index.add(Image.new("RGB", (64, 64), "red"), metadata={"caption": "a red square"})
        index.add(Image.new("RGB", (64, 64), "blue"), metadata={"caption": "a blue square"})
        print(len(index), index.search("red square", image=Image.new("RGB", (64, 64), "red"))[0].id == red)
        print(len(list(index)), len(index.get(red, vectors=True).source["embedding"]))
except errors.BackendError as error:
    print(error)
"""


def test_a_client_of_the_next_major_version(place: Place, newer_client: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(newer_client)}
    done = subprocess.run(
        [sys.executable, "-c", TRIAL, place.url, place.name],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == ""
    if str(place.raw.nodes.info()["nodes"].popitem()[1]["version"]).startswith("8."):
        assert "is older than the Python client elasticsearch 9." in done.stdout
        assert "run `pip install 'elasticsearch<9'`, which speaks with servers 8.19 and 9.x" in done.stdout
    else:
        assert done.stdout == "2 True\n2 1\n"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hybrid_search", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_faults_are_seen(place: Place) -> None:
    """The proxy hands on what it is not told to change."""
    place.make(2)
    with proxy(place.url) as between:
        assert isinstance(between, Proxy)
        assert place.backend(between.url).count() == 2
        assert [request.path for request in between.requests] == [f"/{place.name}/_count"]
