"""What understanding adds to a search: the time for a text, and for reading the index's names once per state."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hybrid_search import HybridIndex
from hybrid_search.backends import Action
from hybrid_search.query.understood.question import understanding
from hybrid_search.query.understood.vocabulary import index_vocabulary
from scripts.benchmarks.collection import SyntheticEmbedder
from scripts.benchmarks.machine import percentile, table

TEXTS = (
    *(
        "dog",
        "a dog on a beach",
        "red car in the snow",
        "two people at a table with food and wine",
        "sunset",
        "birthday",
    ),
    *("sunset 2019", "2019", "july 2019", "summer 2018", "christmas", "before 2010", "12.07.2018", "last year"),
    *(
        "Canon",
        "photos taken with Canon in France",
        "ISO 200",
        "f/1.8",
        "with flash",
        "screenshot",
        "portrait of a woman",
    ),
    *(
        "Mai 2015",
        "letztes Jahr am Strand",
        "été 2018",
        "may the force be with you",
        "IMG_0108.JPG",
        "black and white dog",
    ),
)
ROUNDS = 8
_LETTERS = "abcdefghijklmnoprstuvw"


def measure(*, documents: int, names: int) -> str:
    """Measure over an embedded index of so many documents, with so many towns, people and so on."""
    chance = random.Random(3)
    with tempfile.TemporaryDirectory() as folder, HybridIndex(folder, embedder=SyntheticEmbedder()) as index:
        index.backend.bulk(documents_with_names(documents, names, chance))
        index.refresh()
        state = index._state
        texts = [text for _ in range(ROUNDS + 1) for text in TEXTS]
        ways: dict[str, Callable[[Any], object]] = {
            "understanding of a text": lambda text: understanding(state, text, {}),
            "a whole search of it": index.search,
        }
        # the first round loads what texts with months need, once per process
        rows = [[name, *figures(times(ask, texts)[len(TEXTS) :])] for name, ask in ways.items()]
        read = times(lambda _: index_vocabulary(index.backend, state.definition), range(5))
    rows.append(["reading the names of the index, once after each change", *figures(read)])
    head = f"## Understanding, {documents:,} documents with {names:,} towns and {names:,} people"
    return f"{head}\n\n{table(['', 'p50 ms', 'p95 ms'], rows)}"


def figures(times: Sequence[float]) -> tuple[float, float]:
    return percentile(times, 0.5), percentile(times, 0.95)


def times(action: Callable[[Any], object], given: Sequence[Any]) -> list[float]:
    times = []
    for each in given:
        start = time.perf_counter()
        action(each)
        times.append((time.perf_counter() - start) * 1000)
    return times


def documents_with_names(documents: int, names: int, chance: random.Random) -> Iterator[Action]:
    def word(letters: int) -> str:
        return "".join(chance.choice(_LETTERS) for _ in range(letters))

    people = [f"{word(6)} {word(8)}" for _ in range(names)]
    towns = [word(9) for _ in range(names)]
    models = [f"Canon EOS {word(2)}{number}" for number in range(names // 20 + 1)]
    captions = [f"{word(4)} {word(6)} {word(5)}" for _ in range(2_000)]
    for number in range(documents):
        source = {
            "sha256": f"{number:064x}",
            "caption": chance.choice(captions),
            "people": [people[number % names]],
            "camera": {"make": "Canon", "model": chance.choice(models)},
            "place": {"city": towns[number % names], "country": "France"},
            "taken_at": f"{chance.randint(1995, 2025)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}T12:00:00",
            "iso": chance.choice((100, 200, 400, 3200)),
            "f_number": chance.choice((1.8, 2.8, 4.0)),
            "exposure_time": 1 / chance.randint(1, 4_000),
            "focal_length": float(chance.randint(10, 200)),
            "flash": chance.random() < 0.2,
            "format": "jpeg",
            "shape": chance.choice(("landscape", "portrait")),
        }
        yield Action("index", str(number), source)
