"""Three nodes on one machine, of which one is killed: nothing is lost, and what was asked is answered whole.

A load and a storm of searches run while the node dies that holds a primary shard, then while the master dies, then a
scan loses the view that it reads from.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hybrid_search import HybridIndex
from hybrid_search.backends import Action
from hybrid_search.backends.elasticsearch import ElasticsearchBackend, Server
from hybrid_search.document.definition import EmbeddingSpec, load_definition
from hybrid_search.errors import BackendUnavailable, IncompleteAnswer, ViewEnded
from scripts.servers import health
from scripts.servers.failures import NotToBeHad
from tests.support.servers import RunningCluster, running, unavailable

PICTURES, QUESTIONS, ROUNDS = 48, 8, 2
BATCHES, NEW, CHANGED, REMOVED = 60, 50, 6, 4
PAGES, PAGE = 3, 1_000
DIMS = 16
WORDS = ("red", "boat", "sea", "dog", "hill", "snow")
PATIENCE = 120.0  # seconds after which a test fails that waits for something; it is never reached where all is well
Answer = tuple[int, list[tuple[str, float]]]


class Nodes:
    """The three nodes, and what the cluster says of itself."""

    def __init__(self, known: RunningCluster) -> None:
        self.known = known
        self.where = ",".join(known.urls)

    def ask(self, path: str) -> Any:
        """Return what the first node that answers says."""
        for url, pid in zip(self.known.urls, self.known.pids, strict=True):
            if pid is not None:
                return health.fetch(f"{url}{path}", timeout=30)
        raise AssertionError("no node is left")

    def master(self) -> int:
        return _place(self.ask("/_cat/master?format=json")[0]["node"])

    def copies(self, name: str) -> list[dict[str, str]]:
        return list(self.ask(f"/_cat/shards/{name}?format=json&h=shard,prirep,node,docs,state"))

    def primary(self, name: str) -> int:
        """Return a node that holds a primary shard and is not the master."""
        held = {_place(copy["node"]) for copy in self.copies(name) if copy["prirep"] == "p"}
        return min(held - {self.master()})

    def views(self) -> dict[int, int]:
        """Return how many views of shards each node keeps open for scans."""
        path = "/_nodes/stats/indices/search?filter_path=nodes.*.name,nodes.*.indices.search.open_contexts"
        found = self.ask(path)["nodes"].values()
        return {_place(node["name"]): node["indices"]["search"]["open_contexts"] for node in found}

    def make_whole(self) -> None:
        """Start again what was killed, and wait until every shard has its copy."""
        if None in self.known.pids:
            self.known.restart()
        wait_for(lambda: self.ask("/_cluster/health")["status"] == "green")


@dataclass
class Load:
    """A load of a thread, with naive bookkeeping of what was acknowledged."""

    backend: ElasticsearchBackend
    stored: dict[str, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    batches: int = 0
    failure: Exception | None = None

    def run(self) -> None:
        try:
            for batch in range(BATCHES):
                self._write(batch)
        except Exception as error:  # it is the test that raises it
            self.failure = error

    def _write(self, batch: int) -> None:
        actions = [Action("index", f"{batch}-{n}", document(batch * NEW + n)) for n in range(NEW)]
        if batch:
            earlier = [f"{batch - 1}-{n}" for n in range(CHANGED + REMOVED)]
            actions += [Action("update", id, {"iso": 100_000 + batch}) for id in earlier[:CHANGED]]
            actions += [Action("delete", id) for id in earlier[CHANGED:]]
        for action, outcome in zip(actions, self.backend.bulk(actions), strict=True):
            if outcome.error is not None or outcome.id != action.id:
                self.refused.append(f"{action.op} {outcome}")
            elif action.op == "delete":
                del self.stored[action.id]
            else:
                self.stored[action.id] = action.source["iso"]
        self.batches += 1


@dataclass(frozen=True)
class Pictures:
    """An index of pictures, and the answers to all questions while the cluster was whole."""

    where: str
    folder: Path
    expected: list[Answer] = field(default_factory=list)

    def open(self) -> HybridIndex:
        return HybridIndex(self.where, name="pictures", create=False)

    def answer(self, index: HybridIndex, question: int) -> Answer:
        """Ask by words, by a stored picture (vector and signature) and by a filter."""
        words = f"{WORDS[question % 6]} {WORDS[(question + 1) % 6]}"
        hits = index.search(words, like=self.folder / f"{question}.png", filter="iso:[100 TO 400]", k=10)
        return hits.total, [(hit.id, round(hit.score, 6)) for hit in hits]

    def answers(self) -> list[Answer]:
        with self.open() as index:
            return [self.answer(index, question) for question in range(QUESTIONS)]


@dataclass
class Storm:
    """Threads that ask the same questions again and again, each through an index of its own."""

    pictures: Pictures
    over: threading.Event = field(default_factory=threading.Event)
    right: list[int] = field(default_factory=list)
    wrong: list[tuple[int, Answer]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    def run(self) -> None:
        try:
            with self.pictures.open() as index:
                while not self.over.is_set():
                    self._ask(index, len(self.right) % QUESTIONS)
        except Exception as error:  # it is the test that looks at it
            self.failures.append(error)

    def _ask(self, index: HybridIndex, question: int) -> None:
        answer = self.pictures.answer(index, question)
        if answer == self.pictures.expected[question]:
            self.right.append(question)
        else:
            self.wrong.append((question, answer))


@dataclass(frozen=True)
class Aftermath:
    """What came of a load and a storm in the midst of which one node was killed."""

    victim: str
    load: Load
    batches_before: int
    storm: Storm
    answers_before: int
    added: list[str]
    while_away: dict[str, int]
    opened_anew: list[list[Answer]]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    """Return a cluster of three nodes."""
    try:
        with running("nodes", "--nodes", "3") as known:
            yield Nodes(RunningCluster(known.name, known.urls))
    except NotToBeHad as failure:
        unavailable(failure)


@pytest.fixture(scope="module")
def pictures(nodes: Nodes, tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    """Fill an index of pictures in three shards, each on two nodes."""
    folder = tmp_path_factory.mktemp("pictures")
    numbers = np.random.default_rng(4)
    lines = ["file,caption,iso"]
    for n in range(PICTURES):
        colours = numbers.integers(0, 255, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(colours).resize((64, 64), Image.Resampling.BICUBIC).save(folder / f"{n}.png")
        lines.append(f"{n}.png,{WORDS[n % 6]} {WORDS[n // 6 % 6]} number {n},{100 * (1 + n % 8)}")
    captions = folder / "captions.csv"
    captions.write_text("\n".join(lines))
    server = Server(shards=3, replicas="1")
    with HybridIndex(nodes.where, name="pictures", embedder="histogram+hog", server=server) as index:
        assert index.add_folder(folder, captions=captions).added == PICTURES
    with HybridIndex(nodes.where, name="album", embedder="histogram+hog", server=server) as index:
        index.add(folder / "0.png")
    nodes.make_whole()
    found = Pictures(nodes.where, folder)
    found.expected.extend(found.answers())
    return found


@pytest.fixture(scope="module", params=["primary", "master"])
def aftermath(request: pytest.FixtureRequest, nodes: Nodes, pictures: Pictures) -> Aftermath:
    """Kill the node that holds a primary shard, or the master, in the midst of a load and of a storm."""
    victim: str = request.param
    load, storm = Load(new_backend(nodes, f"load-{victim}")), Storm(pictures)
    nodes.make_whole()
    loader = threading.Thread(target=load.run)
    threads = [loader, *(threading.Thread(target=storm.run) for _ in range(2))]
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: load.failure or load.batches >= BATCHES // 4)
        wait_for(lambda: storm.failures or len(storm.right) >= 2)
        node = nodes.master() if victim == "master" else nodes.primary(f"load-{victim}")
        batches, answers = load.batches, len(storm.right)
        nodes.known.kill(node)
        added = add_and_find(pictures, victim)
        wait_for(lambda: storm.failures or len(storm.right) >= answers + ROUNDS * QUESTIONS)
        wait_for(lambda: not loader.is_alive())
    finally:
        storm.over.set()
        for thread in threads:
            thread.join()
    load.backend.refresh()
    opened_anew = [pictures.answers() for _ in range(3)]
    return Aftermath(victim, load, batches, storm, answers, added, found_in(load.backend), opened_anew)


def test_a_load_that_loses_a_node_writes_every_document(aftermath: Aftermath) -> None:
    load = aftermath.load
    if load.failure is not None:
        raise load.failure
    assert BATCHES // 4 <= aftermath.batches_before < load.batches == BATCHES
    assert load.refused == []
    assert len(load.stored) == BATCHES * NEW - (BATCHES - 1) * REMOVED


def test_what_was_acknowledged_is_there_while_the_node_is_away(aftermath: Aftermath) -> None:
    assert aftermath.while_away == aftermath.load.stored


def test_searches_go_on_and_every_answer_is_whole(aftermath: Aftermath) -> None:
    storm = aftermath.storm
    if storm.failures:
        raise storm.failures[0]
    assert storm.wrong == []
    assert len(storm.right) >= aftermath.answers_before + ROUNDS * QUESTIONS


def test_an_index_opens_though_one_of_the_urls_is_dead(aftermath: Aftermath, pictures: Pictures) -> None:
    assert aftermath.opened_anew == [pictures.expected] * 3


def test_a_picture_that_is_added_right_after_the_loss_is_found(aftermath: Aftermath) -> None:
    assert aftermath.added == [aftermath.victim]


def test_the_cluster_recovers_with_every_document_on_two_nodes(aftermath: Aftermath, nodes: Nodes) -> None:
    nodes.make_whole()
    load = aftermath.load
    load.backend.refresh()
    copies = nodes.copies(f"load-{aftermath.victim}")
    held = {kind: sum(int(copy["docs"]) for copy in copies if copy["prirep"] == kind) for kind in "pr"}
    assert held == {"p": len(load.stored), "r": len(load.stored)}
    assert found_in(load.backend) == load.stored
    assert load.backend.count() == len(load.stored)


@dataclass(frozen=True)
class Interrupted:
    """A scan of which the first page was read when the node died that kept a view for it."""

    backend: ElasticsearchBackend
    stored: dict[str, int]
    begun: dict[str, int]
    rest: Iterator[tuple[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def interrupted(nodes: Nodes) -> Interrupted:
    """Kill the node that keeps a view for a scan; it holds the only copy of a third of the index `alone`, too."""
    nodes.make_whole()
    backend = new_backend(nodes, "scanned")
    new_backend(nodes, "alone", shards=3, replicas="0")
    nodes.make_whole()
    stored = {f"{n}": n for n in range(PAGES * PAGE)}
    backend.bulk([Action("index", id, document(n)) for id, n in stored.items()])
    backend.refresh()
    before = nodes.views()
    scan = backend.scan(fields=("iso",))
    begun = {id: source["iso"] for id, source in islice(scan, PAGE)}
    nodes.known.kill(min(place for place, number in nodes.views().items() if number > before[place]))
    return Interrupted(backend, stored, begun, scan)


def test_a_scan_that_loses_its_view_says_so_and_succeeds_when_started_again(interrupted: Interrupted) -> None:
    assert len(interrupted.begun) == PAGE
    # never a scan that is shorter than the index and says nothing
    with pytest.raises(ViewEnded, match="start the same again"):
        next(interrupted.rest)
    assert found_in(interrupted.backend) == interrupted.stored


def test_an_index_without_copies_says_that_a_part_of_it_is_away(nodes: Nodes, interrupted: Interrupted) -> None:
    assert None in nodes.known.pids
    impatient = ElasticsearchBackend(nodes.where, name="alone", server=Server(deadline=1.0))
    for asked in (impatient.count, lambda: impatient.search({"query": {"match_all": {}}})) * 4:
        # and not that nothing listens at one of the URLs
        with pytest.raises((BackendUnavailable, IncompleteAnswer)):
            asked()


def new_backend(nodes: Nodes, name: str, *, shards: int = 2, replicas: str = "1") -> ElasticsearchBackend:
    """Return a new index of small documents, by default in two shards of which each is on two nodes."""
    backend = ElasticsearchBackend(nodes.where, name=name, server=Server(shards=shards, replicas=replicas))
    tiny = {"tiny": EmbeddingSpec("tiny", "1", DIMS)}
    backend.create(load_definition(analysis=backend.analysis(), embeddings=tiny))
    return backend


def found_in(backend: ElasticsearchBackend) -> dict[str, int]:
    return {id: source["iso"] for id, source in backend.scan(fields=("iso",))}


def document(number: int) -> dict[str, Any]:
    vector = np.random.default_rng(number).standard_normal(DIMS)
    unit = (vector / np.linalg.norm(vector)).astype(np.float32)
    return {"path": f"/p/{number}", "caption": f"number {number}", "iso": number, "embedding": {"tiny": unit}}


def add_and_find(pictures: Pictures, victim: str) -> list[str]:
    """Add a picture through the public interface, and return what a search for it finds."""
    with HybridIndex(pictures.where, name="album", create=False) as index:
        index.add(pictures.folder / "1.png", id=victim, metadata={"title": f"without its {victim}"})
        return [hit.id for hit in index.search(f"its {victim}", filter=f"title:{victim}")]


def wait_for(is_there: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_there():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def _place(name: str) -> int:
    """Return the place of a node among the URLs: node-1 is the first."""
    return int(name.rpartition("-")[2]) - 1
