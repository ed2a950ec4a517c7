#!/usr/bin/env python
"""Flip bits in an index and cut its files off: nothing may be silent after `check`, nothing may end in another error.

    python scripts/rot_campaign.py [--tries N] [--seed N]

Every kind of file gets its share. A try is well when all answers are as before, or an error of this library says that
the index is damaged, or `check` does; then `check(repair=True)` must leave an index that opens, and that has lost no
document but those that it says. Prints what went wrong, and a table. Exit code 1: something did.
"""

from __future__ import annotations

import argparse
import collections
import random
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from hybrid_search.backends import Action
from hybrid_search.backends.embedded import EmbeddedBackend
from hybrid_search.document.definition import EmbeddingSpec, load_definition
from hybrid_search.errors import FormatTooNew, HybridSearchError, IndexCorrupt

DOCUMENTS = 60
TOLD = (IndexCorrupt, FormatTooNew)


@dataclass(frozen=True)
class Outcome:
    """What came of one try: "unchanged", "told", "checked" or what went wrong; and how many documents were left."""

    kind: str
    said: str = ""
    documents: int = 0

    @property
    def well(self) -> bool:
        return self.kind in ("unchanged", "told", "checked")


def make(place: Path) -> None:
    """Make an index of two segments, with vectors, captions, decisions and removed documents."""
    made = EmbeddedBackend(place)
    made.create(load_definition(analysis="english", embeddings={"tiny": EmbeddingSpec("tiny", "1", dims=16)}))
    random_numbers = np.random.default_rng(0)
    for start in (0, DOCUMENTS // 2):
        actions = []
        for number in range(start, start + DOCUMENTS // 2):
            vector = random_numbers.normal(size=16)
            source = {
                "caption": f"word{number} common picture",
                "iso": number,
                "duplicate": {"not_duplicates": [f"d{number + 1}"]},
                "embedding": {"tiny": vector / np.linalg.norm(vector)},
            }
            actions.append(Action("index", f"d{number}", source))
        outcomes = made.bulk([*actions, Action("delete", f"d{start}")])
        assert not [outcome for outcome in outcomes if outcome.error]
        made.refresh()
    made.close()


def answers(place: Path) -> Any:
    """Return what an index says to questions of every kind."""
    backend = EmbeddedBackend(place, writable=False)
    try:
        leg = {"field": "embedding.tiny", "query_vector": [1.0, *[0.0] * 15], "k": 9, "num_candidates": 20}
        bodies = [
            {"query": {"match": {"caption": "common word7"}}, "size": 20},
            {"query": {"match_phrase": {"caption": "common picture"}}, "size": 70},
            {"query": {"range": {"iso": {"gte": 20, "lt": 40}}}, "size": 40, "sort": [{"iso": "desc"}]},
            {"knn": leg, "size": 9},
            {"size": 0, "aggs": {"isos": {"terms": {"field": "iso", "size": 5}}}},
        ]
        said: list[Any] = []
        for body in bodies:
            found = backend.search(body)
            hits = [(hit["_id"], hit.get("_score")) for hit in found["hits"]["hits"]]
            said.append((found["hits"]["total"], hits, found.get("aggregations")))
        documents = {
            id: {**source, "embedding": np.asarray(source["embedding"]["tiny"]).tolist()}
            for id, source in backend.scan(vectors=True)
        }
        return said, documents, backend.definition(), backend.count()
    finally:
        backend.close()


def damaged(path: Path, chance: random.Random) -> str:
    """Damage a file, and say how."""
    data = bytearray(path.read_bytes())
    if chance.random() < 0.2:
        length = chance.randrange(len(data))
        path.write_bytes(data[:length])
        return f"cut to {length:,} of {len(data):,} bytes"
    where = chance.randrange(len(data))
    data[where] ^= 1 << chance.randrange(8)
    path.write_bytes(data)
    return f"bit of byte {where:,} of {len(data):,}"


def tried(place: Path, wanted: Any) -> Outcome:
    """Ask, check and mend an index of which one file was damaged."""
    told, same = "", False
    try:
        same = answers(place) == wanted
    except TOLD as error:
        told = str(error)
    except BaseException as error:
        return Outcome(f"foreign {type(error).__name__}", str(error)[:200])
    backend = EmbeddedBackend(place)
    try:
        found = backend.check()
        if not told and not same and not found.damages:
            return Outcome("silent")
        mended = backend.check(repair=True)
        left = EmbeddedBackend(place).count()
    except FormatTooNew as error:
        return Outcome("told", str(error))
    except HybridSearchError as error:
        return Outcome("not mended", str(error)[:300])
    except BaseException as error:
        return Outcome(f"foreign {type(error).__name__} of check", str(error)[:300])
    finally:
        backend.close()
    if left + mended.lost < len(wanted[1]):
        return Outcome("lost without a word", f"{left} left, {mended.lost} said", left)
    return Outcome("told" if told else "unchanged" if same else "checked", told, left)


def kind_of(path: Path) -> str:
    return path.suffix if path.parent.name == "tantivy" and path.name != "meta.json" else path.name


def campaign(base: Path, *, tries: int, seed: int) -> list[tuple[str, str, Outcome]]:
    """Damage one file after the other; returns its kind, how it was damaged, and the outcome."""
    make(base / "whole")
    wanted, chance = answers(base / "whole"), random.Random(seed)
    kinds = collections.defaultdict(list)
    for path in sorted((base / "whole").rglob("*")):
        if path.is_file() and path.stat().st_size and path.name != ".managed.json":
            kinds[kind_of(path)].append(path.relative_to(base / "whole"))
    outcomes = []
    for number in range(tries):
        kind = sorted(kinds)[number % len(kinds)]
        file = chance.choice(kinds[kind])
        shutil.copytree(base / "whole", base / "try" / "images")
        how = damaged(base / "try" / "images" / file, chance)
        outcomes.append((kind, f"{file}, {how}", tried(base / "try" / "images", wanted)))
        shutil.rmtree(base / "try")
    return outcomes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=240)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rot-") as name:
        outcomes = campaign(Path(name), tries=asked.tries, seed=asked.seed)
    table: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for kind, how, outcome in outcomes:
        table[kind][outcome.kind] += 1
        if not outcome.well:
            print(f"{outcome.kind}: {how}: {outcome.said}")
    for kind, counts in sorted(table.items()):
        kept = [outcome.documents for each, _, outcome in outcomes if each == kind and outcome.documents]
        few = f"; at least {min(kept)} of {DOCUMENTS - 2} documents left after the repair" if kept else ""
        print(f"{kind}: {', '.join(f'{number} {word}' for word, number in sorted(counts.items()))}{few}")
    print(f"{len(outcomes)} tries, {sum(not outcome.well for _, _, outcome in outcomes)} went wrong")
    return 0 if all(outcome.well for _, _, outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
