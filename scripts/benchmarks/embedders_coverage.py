"""Words and meaning together where some photos have captions and others have none: what each way of fusing finds."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from hybrid_search import HybridIndex
from hybrid_search.evaluate import evaluate
from hybrid_search.hits.fusion import rrf
from scripts.benchmarks.machine import table

SHARES = ((1, False), (5, False), (20, False), (20, True), (100, False))
"""Percent of the photos that have captions, and whether these come to photos that are indexed already."""
PICTURES, CAPTIONS = "lite+minilm", "caption:minilm"
DEPTH = 100
Lists = dict[str, dict[str, list[str]]]
"""By way and question: the names of photos, best first."""


def measure(photos: Path, captions: Mapping[str, Sequence[str]]) -> str:
    """Return the table: one caption of some photos is indexed, another of every photo is a question."""
    questions = {name: _plain(told[0]) for name, told in captions.items()}
    relevances = {name: [name] for name in captions}
    order = random.Random(0).sample(sorted(captions), len(captions))
    header = ["captioned %", "found by", "R@1 %", "R@5 %", "R@10 %", "median rank"]
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory() as folder:
        names = _copied(photos, folder, captions)
        for share, later in SHARES:
            told = order[: max(1, round(len(order) * share / 100))]
            which = f"{share}, later" if later else f"{share}"
            with HybridIndex(embedder=[PICTURES, CAPTIONS]) as index:
                if later:
                    index.add_folder(folder)
                _fill(index, folder, {names[name]: captions[name][1] for name in told})
                for way, run in _ways(index, questions, names).items():
                    found = evaluate(run, relevances)
                    rows.append([which, way, *(100 * found.success[k] for k in (1, 5, 10)), found.median_rank])
    title = f"a caption of each of {len(captions)} photos of Flickr8k is a question, another of some is indexed"
    note = "By ranks alone: every hit of a list counts by its place there, and nothing else."
    return f"### Words and meaning together: {title}\n\n{table(header, rows)}\n{note}\n"


def _ways(index: HybridIndex, questions: Mapping[str, str], names: Mapping[str, str]) -> Lists:
    meaning = _asked(index, questions, names, embedder=PICTURES, weights={"text": 0})
    words = _words(index, questions, names)
    captions = _asked(index, questions, names, embedder=CAPTIONS, weights={"text": 0})
    both = {key: list(rrf({"a": words[key], "b": meaning[key]})) for key in questions}
    three = {key: list(rrf({"a": words[key], "b": meaning[key], "c": captions[key]})) for key in questions}
    return {
        "words": words,
        "meaning of pictures": meaning,
        "words and pictures, by ranks alone": both,
        "words and pictures, `search(text)`": _asked(index, questions, names, embedder=PICTURES),
        "meaning of captions": captions,
        "all three, by ranks alone": three,
        "all three, `search(text)`": _asked(index, questions, names),
    }


def _words(index: HybridIndex, questions: Mapping[str, str], names: Mapping[str, str]) -> dict[str, list[str]]:
    """Return what the words alone find among captions: without a vector leg, predicted labels would be words too."""
    photos = {path: name for name, path in names.items()}
    found = {}
    for key, text in questions.items():
        hits = index.search(text, k=min(DEPTH, len(names)), embedder=PICTURES, weights={"vector": 1e-9})
        ranked = sorted((hit for hit in hits if "text" in hit.legs), key=lambda hit: hit.ranks["text"])
        found[key] = [photos[Path(str(hit.path)).name] for hit in ranked]
    return found


def _asked(
    index: HybridIndex, questions: Mapping[str, str], names: Mapping[str, str], **options: object
) -> dict[str, list[str]]:
    photos = {path: name for name, path in names.items()}
    k = min(DEPTH, len(names))
    found = {key: index.search(text, k=k, **options) for key, text in questions.items()}  # type: ignore[arg-type]
    return {key: [photos[Path(str(hit.path)).name] for hit in hits] for key, hits in found.items()}


def _copied(photos: Path, folder: str, captions: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Copy photos under numbers, since the names of files are among the words that are searched."""
    names = {name: f"{number}.jpg" for number, name in enumerate(captions)}
    for name, copy in names.items():
        (Path(folder) / copy).write_bytes((photos / name).read_bytes())
    return names


def _fill(index: HybridIndex, folder: str, told: Mapping[str, str]) -> None:
    rows = "".join(f'{name},"{text.replace(chr(34), "")}"\n' for name, text in told.items())
    with tempfile.NamedTemporaryFile("w", suffix=".csv", encoding="utf-8") as file:
        file.write(f"image,caption\n{rows}")
        file.flush()
        index.add_folder(folder, captions=file.name)


def _plain(question: str) -> str:
    return question.replace('"', " ").replace(" -", " ").strip("-")
