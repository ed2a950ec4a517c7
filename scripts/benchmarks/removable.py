"""What `duplicates --action` would remove by default, of pairs that are no copies and of harmless ones.

>>> print(measure(Path("data"), direct=True, half="b"))                                     # doctest: +SKIP
"""

from __future__ import annotations

import multiprocessing
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybrid_search.duplicates.act.plan import DEFAULT_TIERS
from hybrid_search.duplicates.compare.judge import Judge
from hybrid_search.duplicates.model import Subject
from hybrid_search.hits.evidence import DUPLICATE_TIERS, TIERS, Evidence
from scripts.benchmarks import additions, contents, harmless, papers, recolours
from scripts.benchmarks.copies import ORIGINALS, SOURCES, choose, find_photos
from scripts.benchmarks.holes import make_holes
from scripts.benchmarks.machine import table
from scripts.benchmarks.pairs import Both, Given, Kind, Pair, make_pairs, some_of
from scripts.benchmarks.removable_plan import plan_all, strangers_text

KINDS: tuple[Kind, ...] = (
    *additions.KINDS,
    *papers.KINDS,
    *recolours.KINDS,
    *contents.KINDS,
    *harmless.CROPS,
    *harmless.KINDS,
    *papers.SAME,
    *contents.SAME,
    # photos are dealt out in this order: further kinds at the end change no pair of those before
    *additions.OVERLAYS,
    *papers.HIDDEN,
)
COUNT = 16
HOLES = "pairs of `duplicates`"


@dataclass(frozen=True)
class Outcome:
    """What became of a pair.

    Parameters
    ----------
    pair : Pair
        The pair.
    tier : str or None
        The tier by which both match, None where they do not.
    removable : str
        Which of both may be removed by default: "", "a", "b" or "ab".
    note : str
        What else was said, for whoever looks into it.
    """

    pair: Pair
    tier: str | None
    removable: str
    note: str = ""

    @property
    def wrong(self) -> str:
        """Which of both may be removed and should not."""
        return "".join(side for side in self.removable if side not in self.pair.kind.removable)

    @property
    def is_found(self) -> bool:
        """Whether they are called copies."""
        return self.tier in DUPLICATE_TIERS


def measure(
    photos: Path,
    *,
    folder: Path | None = None,
    count: int = COUNT,
    seed: int = 0,
    half: str | None = None,
    direct: bool = False,
    listed: bool = False,
    only: str = "",
    first: int | None = None,
    workers: int = 1,
    holes: bool = False,
) -> str:
    """Make the pairs, judge or plan them, and return the table.

    Parameters
    ----------
    photos : Path
        Folder of shared test data, or of any photos.
    folder : Path, optional
        Where pairs are kept; by default in the user's cache folder.
    count : int
        Pairs of each kind; of harmless ones half as many.
    seed : int
        Another one gives other photos and other additions.
    half : {"a", "b"}, optional
        One half of the pairs: thresholds are chosen on "a" and reported on "b".
    direct : bool
        Whether the judge alone decides; else an index of all pairs is grouped and planned.
    listed : bool
        Whether the wrong pairs and the harmless ones that are lost are listed.
    only : str
        Only kinds and families whose name holds this.
    first : int, optional
        Only the first pairs of each kind, of those of the half.
    workers : int
        Processes that judge.
    holes : bool
        Whether the treacherous pairs of `duplicates` are judged too; directly only, as they share pictures.
    """
    found = find_photos(photos)
    if not found:
        return f"## Removable\n\nSkipped: no photos below {photos}.\n"
    folder = folder or default_folder()
    pairs = make_pairs(folder, found, KINDS, count=count, seed=seed, only=only, progress=say)
    if holes and direct:
        pairs += hole_pairs(folder, found)
    pairs = some_of(pairs, half=half, first=first)
    more = ""
    if direct:
        outcomes = judged(pairs, workers=workers)
    else:
        planned = plan_all(folder / "index", pairs, progress=say)
        outcomes = [
            Outcome(pair, planned.tiers.get(frozenset((str(pair.a), str(pair.b)))), planned.removable(pair))
            for pair in pairs
        ]
        more = f"\n{strangers_text(planned, pairs)}\n"
    text = f"## Removable\n\n{_described(outcomes, direct=direct)}\n\n{summary(outcomes)}{more}"
    return text + (f"\n{wrong_list(outcomes)}\n" if listed else "")


def hole_pairs(folder: Path, photos: Sequence[Path]) -> list[Pair]:
    """Return the treacherous pairs of `duplicates` that are no copies, of the photos that are used there."""
    unused = choose(photos, originals=ORIGINALS, sources=SOURCES)[SOURCES : 2 * SOURCES]
    kinds: dict[str, list[Pair]] = {}
    for hole in make_holes(folder / "holes", unused):
        if not hole.is_copy:
            alike = kinds.setdefault(hole.kind, [])
            alike.append(Pair(hole.a, hole.b, Kind(hole.kind, HOLES, _no_file), len(alike)))
    return [pair for alike in kinds.values() for pair in alike]


def _no_file(given: Given) -> Both:
    raise NotImplementedError("the pictures of these pairs are made by holes.py")


def default_folder() -> Path:
    """Return the folder in which pairs are kept."""
    from platformdirs import user_cache_path

    return user_cache_path("hybrid-search") / "bench-removable"


def say(line: str) -> None:
    """Tell on standard error how far it is."""
    print(line, file=sys.stderr, flush=True)


def judged(pairs: Sequence[Pair], *, workers: int = 1) -> list[Outcome]:
    """Return what the judge says of each pair by itself."""
    if workers == 1:
        return list(map(judge_pair, pairs))
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        said = pool.imap(_judge_paths, [(pair.a, pair.b, pair.number < 2) for pair in pairs], chunksize=8)
        return [Outcome(pair, *each) for pair, each in zip(pairs, said, strict=True)]


def judge_pair(pair: Pair) -> Outcome:
    """Return what the judge says of a pair; of two of each kind in both orders, which must not differ."""
    return Outcome(pair, *_judge_paths((pair.a, pair.b, pair.number < 2)))


def _judge_paths(given: tuple[Path, Path, bool]) -> tuple[str | None, str, str]:
    judge = Judge(tiers=TIERS)
    a, b = (subject_of(path) for path in given[:2])
    evidence = judge.judge(a, b)
    sides = set(removable_sides(evidence, "ab"))
    tier, note = (None, "") if evidence is None else (evidence.tier, _said(evidence))
    if given[2]:
        back = judge.judge(b, a)
        if (back and back.tier) != tier or set(removable_sides(back, "ba")) != sides:
            note += f"; ORDER MATTERS: the other way {back and back.tier}, {removable_sides(back, 'ba')}"
        sides |= set(removable_sides(back, "ba"))
    return tier, "".join(sorted(sides)), note


def removable_sides(evidence: Evidence | None, order: str) -> str:
    """Return which of both files the default rules allow to be removed; `order` names the first and the second."""
    if evidence is None or evidence.tier not in DEFAULT_TIERS:
        return ""
    has = getattr(evidence, "first_has", ()), getattr(evidence, "second_has", ())
    return "".join(side for side, more in zip(order, has, strict=True) if not more)


def subject_of(path: Path) -> Subject:
    """Return a file as the judge is given it: what its document would hold."""
    from hybrid_search.document.picture import prepare
    from hybrid_search.images import read_source
    from hybrid_search.signature.goldberg import SIGNATURE_MIN_SIDE

    source = read_source(path)
    prepared = prepare(source, min_side=SIGNATURE_MIN_SIDE)
    signature = prepared.signature if prepared.signature.any() else None
    return Subject(source.sha256, source.sha256, (str(path),), prepared.width, prepared.height, signature)


def _said(evidence: Evidence) -> str:
    has = [
        f"{side} has {', '.join(more)}"
        for side, more in zip(
            "ab", (getattr(evidence, f"{order}_has", ()) for order in ("first", "second")), strict=True
        )
        if more
    ]
    figures = f"distance {evidence.distance}, agreement {evidence.agreement}"
    return "; ".join(filter(None, (evidence.note, *has, figures)))


def summary(outcomes: Sequence[Outcome]) -> str:
    """Return one line for each kind, and one for each family and for all."""
    rows: list[list[Any]] = []
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.pair.kind.family, outcome.pair.kind.name), []).append(outcome)
    families = [*dict.fromkeys(kind.family for kind in KINDS if not kind.is_harmless), HOLES, "harmless"]
    for (family, name), group in sorted(groups.items(), key=lambda item: families.index(item[0][0])):
        rows.append([family, name, *_cells(group)])
    for is_harmless, name in ((False, "all that are none"), (True, "all harmless")):
        group = [outcome for outcome in outcomes if outcome.pair.kind.is_harmless is is_harmless]
        if group:
            rows.append([name, "", *_cells(group)])
    header = ["class", "pairs of", "pairs", "called", "found", "removable", "removable wrongly", "may be removed"]
    return table(header, rows)


def _cells(group: Sequence[Outcome]) -> list[Any]:
    tiers = Counter(outcome.tier or "nothing" for outcome in group)
    order: Mapping[str, int] = {tier: place for place, tier in enumerate((*TIERS, "nothing"))}
    called = ", ".join(f"{tier} {tiers[tier]}" for tier in sorted(tiers, key=lambda tier: order[tier]))
    found, removable = (
        sum(map(bool, values)) for values in zip(*((o.is_found, o.removable) for o in group), strict=True)
    )
    wrong = sum(bool(outcome.wrong) for outcome in group)
    allowed = {outcome.pair.kind.removable for outcome in group}
    may = {"": "neither", "a": "a", "b": "the poorer", "ab": "either"}[allowed.pop()] if len(allowed) == 1 else ""
    return [len(group), called, found, removable, wrong, may]


def wrong_list(outcomes: Sequence[Outcome]) -> str:
    """Return the wrong pairs, and the harmless ones that are not found or not removable, with their paths."""
    lines = []
    for outcome in outcomes:
        kind = outcome.pair.kind
        what = f"WRONG, {outcome.wrong} removable" if outcome.wrong else ""
        if kind.is_harmless and not outcome.is_found:
            what = "LOST"
        elif kind.is_harmless and not outcome.removable:
            what = "KEPT"
        if what:
            paths = f"{outcome.pair.a} {outcome.pair.b}"
            lines.append(f"- {what}: {kind.name}: {outcome.tier} ({outcome.note}) {paths}")
    return "\n".join(lines) or "No pair is wrong, and no harmless one is lost or kept."


def _described(outcomes: Sequence[Outcome], *, direct: bool) -> str:
    harmless_ones = sum(outcome.pair.kind.is_harmless for outcome in outcomes)
    wrong = sum(bool(outcome.wrong) for outcome in outcomes)
    how = "judged by themselves" if direct else "grouped and planned in one index"
    return (
        f"{len(outcomes) - harmless_ones} pairs of which not both or none may be removed, and {harmless_ones} harmless "
        f"ones, {how}. Wrongly removable by default: {wrong}."
    )
