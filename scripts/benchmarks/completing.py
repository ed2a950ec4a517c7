"""Names that are suggested while they are typed, and typos that are corrected: how long each takes."""

from __future__ import annotations

import random
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from hybrid_search import HybridIndex
from hybrid_search.query.completions import index_names
from scripts.benchmarks.collection import SyntheticEmbedder
from scripts.benchmarks.machine import table
from scripts.benchmarks.understanding import documents_with_names, figures, times

ROUNDS = 200


def measure(*, documents: int, names: int, urls: Sequence[str]) -> str:
    """Measure over an embedded index, and over one on each server, of so many documents, towns and people."""
    rows: list[list[object]] = []
    for place in (None, *urls):
        with _index(place) as index:
            made = documents_with_names(documents, names, random.Random(3))
            actions = [
                replace(each, source={**each.source, "path": [f"/photos/{number // 1000}/IMG_{number:06}.JPG"]})
                for number, each in enumerate(made)
            ]
            index.backend.bulk(actions)
            index.refresh()
            where = "embedded" if place is None else "Elasticsearch " + str(index.info()["version"])
            rows += [
                [where, *row] for row in _rows(index, [dict(each.source) for each in actions[:: documents // 100]])
            ]
    head = f"## Suggestions, {documents:,} documents with {names:,} towns and {names:,} people"
    return f"{head}\n\n{table(['', '', 'p50 ms', 'p95 ms'], rows)}"


def _rows(index: HybridIndex, sources: Sequence[dict[str, object]]) -> Iterator[list[object]]:
    chance = random.Random(5)
    people = [str(source["people"][0]) for source in sources]  # type: ignore[index]
    beginnings = [chance.choice(name.split())[: chance.randint(1, 4)] for name in chance.choices(people, k=ROUNDS)]
    files = [f"img_{chance.randrange(100):02}" for _ in range(ROUNDS)]
    typos = [_misspelt(chance.choice(people).split()[1], chance) for _ in range(ROUNDS // 4)]
    state = index._state

    def read(_: object) -> None:
        index_names(index.backend, state.definition)

    yield ["reading the names, once after each change", *figures(times(read, range(3)))]
    yield ["suggesting names for the beginning of a word", *figures(times(index.suggest, beginnings))]
    yield ["suggesting names of files", *figures(times(index.suggest, files))]
    index.search("first of all, dictionaries are read: zzzzzz")
    yield ["a search for a name as it is", *figures(times(index.search, [name.split()[1] for name in people]))]
    yield ["a search for a name that is misspelt", *figures(times(index.search, typos))]


def _misspelt(word: str, chance: random.Random) -> str:
    at = chance.randrange(1, len(word))
    return word[:at] + word[at + 1 :]


@contextmanager
def _index(url: str | None) -> Iterator[HybridIndex]:
    if url is None:
        with tempfile.TemporaryDirectory() as folder, HybridIndex(folder, embedder=SyntheticEmbedder()) as index:
            yield index
        return
    from elasticsearch import Elasticsearch

    name = f"suggest-{secrets.token_hex(4)}"
    with Elasticsearch(url, request_timeout=60) as raw:
        try:
            with HybridIndex(url, name=name, embedder=SyntheticEmbedder()) as index:
                yield index
        finally:
            for each in list(raw.indices.get(index=f"{name}*")):
                raw.indices.delete(index=each)
