"""Colours that people type beside things: what two of five captions say of a photo, found by its pixels."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

from hybrid_search.document.colour_shares import TERMS
from scripts.benchmarks.machine import table
from scripts.benchmarks.words import EMBEDDERS, PAGE, Options, open_index

_THINGS = (
    "dog shirt dress jacket coat hat cap ball toy car truck horse bike bicycle motorcycle boat kayak canoe grass field "
    "water pool umbrella suit uniform helmet swing slide bird cat snow sand flower flowers shorts pants top outfit "
    "costume vest frisbee puppy bench balloon hair jersey collar swimsuit skirt sweater"
)
_SAID = re.compile(rf"\b({'|'.join(TERMS)}) (?:\w+ )?({_THINGS.replace(' ', '|')})s?\b")
_PEOPLE = 2
WAYS: Mapping[str, bool] = {"words alone": True, "with colours": False}
"""Whether the words are searched as they stand."""


def measure(data: Path, half: str) -> str:
    """Return found@10 for every other query ("a": thresholds are chosen on these; "b"), with and without colours."""
    queries = caption_queries(data / "flickr8k" / "captions.csv")
    chosen = {text: right for place, (text, right) in enumerate(queries.items()) if half in ("", "ab"[place % 2])}
    rows: list[list[object]] = []
    for name in EMBEDDERS:
        with open_index(data / "flickr8k" / "images", name, Options()) as index:
            found = {
                way: [
                    len(right & {Path(str(hit.path)).name for hit in index.search(text, k=PAGE, literal=literal)})
                    / min(PAGE, len(right))
                    for text, right in chosen.items()
                ]
                for way, literal in WAYS.items()
            }
        rows.append([f"`{name}`", len(chosen), *(f"{sum(each) / len(each):.3f}" for each in found.values())])
    return table(["", "queries", *(f"found@10, {way}" for way in WAYS)], rows)


def caption_queries(captions: Path) -> dict[str, set[str]]:
    """Return queries such as "red ball" with the photos of which at least two people say it."""
    said: defaultdict[str, Counter[str]] = defaultdict(Counter)
    with captions.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            said[row["image"]].update({" ".join(found) for found in _SAID.findall(row["caption"].lower())})
    queries: defaultdict[str, set[str]] = defaultdict(set)
    for image, counts in said.items():
        for text, people in counts.items():
            if people >= _PEOPLE:
                queries[text].add(image)
    return dict(sorted(queries.items()))
