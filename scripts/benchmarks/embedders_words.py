"""Words against pictures and captions: every caption of Flickr8k as a question, through a real index."""

from __future__ import annotations

import csv
import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hybrid_search import HybridIndex
from hybrid_search.evaluate import Figures, evaluate
from hybrid_search.hits.fusion import rrf
from scripts.benchmarks import embedders_coverage
from scripts.benchmarks.machine import table

DEPTH = 100
COLUMNS = ("R@1 %", "R@5 %", "R@10 %", "median rank")
Captions = Mapping[str, Sequence[str]]
Ask = Callable[[HybridIndex, str, int], list[str]]


def measure(photos: Path, *, quick: bool = False) -> str:
    """Return the tables of text to image and of caption search."""
    captions = read_captions(photos)
    if captions is None:
        return "### Words\n\nNot measured: there is no captions.csv beside the photos.\n"
    if quick:
        captions = dict(list(captions.items())[:40])
    return "\n".join([_uncaptioned(photos, captions), _captioned(photos, captions), _some_captioned(photos, captions)])


def read_captions(photos: Path) -> Captions | None:
    """Return the captions of each photo, from `captions.csv` beside the folder; None when there is none."""
    path = photos.parent / "captions.csv"
    if not path.is_file():
        return None
    captions: dict[str, list[str]] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            captions.setdefault(row["image"], []).append(row["caption"])
    return {name: captions[name] for name in sorted(captions) if (photos / name).is_file()}


# -- words find pictures that nobody captioned -----------------------------------------------------------------------


def _uncaptioned(photos: Path, captions: Captions) -> str:
    questions = {f"{name}#{number}": each for name, told in captions.items() for number, each in enumerate(told)}
    relevances = {question: [question.rpartition("#")[0]] for question in questions}
    rows, missing = [], []
    for embedders, ways in (
        (["lite"], {"`lite`: words of its labels, BM25": _words}),
        (
            ["lite+minilm"],
            {
                "`lite+minilm`: vectors alone (ConSE)": _meaning("lite+minilm"),
                "`lite+minilm`: labels (BM25) and vectors fused by rank": _fused_labels,
                "`lite+minilm`: what `search(text)` does, labels left to the vectors": _default,
            },
        ),
    ):
        try:
            with HybridIndex(embedder=embedders) as index:
                names = _fill(index, photos, {name: () for name in captions})
                for title, ask in ways.items():
                    run = _asked(index, names, ask, questions)
                    rows.append([title, *_cells(evaluate(run, relevances))])
        except Exception as error:
            missing.append(f"- {' and '.join(embedders)}: {type(error).__name__}: {error}\n")
    header = ["photos without captions", *COLUMNS]
    return (
        f"### Text to image, {len(questions):,} captions as questions, {len(captions)} photos of Flickr8k\n\n"
        f"{table(header, rows)}\nThe best {DEPTH} of each question "
        "are looked at: the median rank is infinite where most have the photo in none of these places.\n"
    ) + ("\nNot measured:\n\n" + "".join(missing) if missing else "")


# -- a caption finds another caption of the same picture -------------------------------------------------------------


def _captioned(photos: Path, captions: Captions) -> str:
    relevances = {name: [name] for name in captions}
    indexed = {name: told[1:2] for name, told in captions.items()}
    questions = {name: told[0] for name, told in captions.items()}
    ways = {
        "BM25": _words,
        "by meaning (`caption:minilm`)": _meaning("caption:minilm"),
        "fused, what `search(text)` does": _default,
    }
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            with HybridIndex(folder, embedder=["histogram+hog", "caption:minilm"]) as index:
                names = _fill(index, photos, indexed)
                for title, ask in ways.items():
                    run = _asked(index, names, ask, questions)
                    rows.append([title, *_cells(evaluate(run, relevances))])
        except Exception as error:
            return f"### Caption search\n\nNot measured: {type(error).__name__}: {error}\n"
    return (
        f"### Caption search: of {len(captions)} photos one caption is indexed, another is the question\n\n"
        + table(["captions", *COLUMNS], rows)
        + "\nNo labels in this index: the words are those of the captions alone.\n"
    )


def _some_captioned(photos: Path, captions: Captions) -> str:
    try:
        return embedders_coverage.measure(photos, captions)
    except Exception as error:
        return f"### Words and meaning together\n\nNot measured: {type(error).__name__}: {error}\n"


# -- the index -------------------------------------------------------------------------------------------------------


def _fill(index: HybridIndex, photos: Path, captions: Captions) -> dict[str, str]:
    """Index photos, each with the captions given for it, and return the name of each by its id."""
    with tempfile.TemporaryDirectory() as folder:
        written, names = Path(folder) / "captions.csv", {}
        with written.open("w", encoding="utf-8", newline="") as lines:
            rows = csv.writer(lines)
            rows.writerow(["image", "caption"])
            for number, (name, told) in enumerate(captions.items()):
                data = (photos / name).read_bytes()
                names[hashlib.sha256(data).hexdigest()] = name
                # the names of files are among the words that are searched
                (Path(folder) / f"{number}.jpg").write_bytes(data)
                rows.writerows([f"{number}.jpg", each] for each in told)
        index.add_folder(folder, captions=written if any(captions.values()) else None)
    return names


def _asked(
    index: HybridIndex, names: Mapping[str, str], ask: Ask, questions: Mapping[str, str]
) -> dict[str, list[str]]:
    return {key: [names[id] for id in ask(index, text, min(DEPTH, len(names)))] for key, text in questions.items()}


def _words(index: HybridIndex, question: str, k: int) -> list[str]:
    return index.search(_plain(question), k=k, weights={"text": 1.0, "vector": 0.0}).ids()


def _meaning(embedder: str) -> Ask:
    def ask(index: HybridIndex, question: str, k: int) -> list[str]:
        return index.search(vector_query=[(question, 1.0)], embedder=embedder, k=k, num_candidates=k).ids()

    return ask


def _fused_labels(index: HybridIndex, question: str, k: int) -> list[str]:
    lists = {"text": _words(index, question, k), "vector": _meaning("lite+minilm")(index, question, k)}
    return list(rrf(lists, weights={"text": 1.0, "vector": 1.0}))[:k]


def _default(index: HybridIndex, question: str, k: int) -> list[str]:
    return index.search(_plain(question), k=k).ids()


def _plain(question: str) -> str:
    """Return a caption without the signs by which a search excludes words or asks for phrases."""
    return question.replace('"', " ").replace(" -", " ").strip("-")


def _cells(figures: Figures) -> list[float]:
    return [*(100 * figures.success[k] for k in (1, 5, 10)), figures.median_rank]
