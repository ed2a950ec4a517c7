"""Duplicate search against perceptual hashes: what is found of 32 kinds of copy, and what is found wrongly.

Everything that takes long is kept in a cache folder, so that a run that was cut off goes on where it stopped.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.duplicates.compare.judge import SIGNATURE_DISTANCE
from hybrid_search.hits.evidence import DUPLICATE_TIERS
from scripts.benchmarks.copies import Copy, CopySet, choose, find_photos, make_set
from scripts.benchmarks.fingerprints import Method, goldberg_oriented, methods, take_all, times
from scripts.benchmarks.holes import HolePair, make_holes
from scripts.benchmarks.lookups import Ask, Found, judge_pairs, look_up, look_up_pairs, time_lookups
from scripts.benchmarks.machine import table
from scripts.benchmarks.throughput import throughput
from scripts.pictures.alterations import MORE, NAMED, VERSION

OURS = "all tiers"
CUTOFFS = (0.25, 0.3, 0.36, 0.4, 0.45, 0.5, 0.55)
Say = Callable[[str], None]


@dataclass(frozen=True)
class Score:
    """How one method did.

    Parameters
    ----------
    at_zero, at_million, at_default : mapping of str to float or None
        Recall by transform: at the largest cutoff that lets no wrong pair through, at that which lets one in a million
        through, and at the method's own.
    cutoff, default : float or None
        Those cutoffs; None where a method decides by more than one figure.
    wrong, pairs : int
        Wrong pairs accepted at the default, of how many that were compared.
    first : float
        Share of copies for which no wrong original is as near as the right one.
    ms : float
        Median time of one picture, from its file.
    """

    at_zero: Mapping[str, float] | None
    at_million: Mapping[str, float] | None
    at_default: Mapping[str, float]
    cutoff: float | None
    default: float | None
    wrong: int
    pairs: int
    first: float
    ms: float = 0.0


def measure(
    photos: Path,
    *,
    quick: bool = False,
    cache: Path | None = None,
    videos: Path | None = None,
    workers: int = 1,
    only: int | None = None,
) -> str:
    """Make the set, measure every method on it, and return the tables.

    Parameters
    ----------
    photos : Path
        Folder of shared test data, or of any photos.
    quick : bool
        A thirtieth of everything, to see that it runs.
    cache : Path, optional
        Where copies, fingerprints and results are kept; by default in the user's cache folder.
    videos : Path, optional
        A folder of videos, for frames of real scenes.
    workers : int
        Processes that look pictures up.
    only : int, optional
        Copies of so many of the photos; by default of all that have copies.
    """
    folder = cache or default_cache()
    originals, sources, holes = (60, 6, 4) if quick else (1_800, 200, 40)
    found = find_photos(photos)
    made = make_set(folder / f"copies-{VERSION}", found, originals=originals, sources=sources, progress=say)
    made = replace(made, copies=_copies_of(made, only))
    pairs = make_holes(folder / f"holes-{VERSION}", _unused(made, sources), count=holes, videos=videos)
    ms = times(list(methods()), [original.path for original in made.originals[: 20 if quick else 100]])
    scores = {method.name: replace(_score(folder, method, made), ms=ms[method.name]) for method in methods()}
    stored, copies = [original.path for original in made.originals], [copy.path for copy in made.copies]
    lookups = look_up(folder, stored, [Ask(path) for path in copies + stored], workers=workers, progress=say)
    scores[OURS] = replace(score_lookups(made, lookups), ms=time_lookups(folder, stored, copies))
    kept = choose(found, originals=len(found), sources=0)
    parts = (
        _summary(made, scores),
        _recall(scores),
        _found_of_near(folder, made, lookups),
        _wrong_lookups(made, lookups),
        _holes(folder, pairs, workers),
        _expected(folder, kept[: 600 if quick else None]),
        throughput(found, quick=quick),
    )
    return f"## Duplicates\n\n{_described(made, pairs)}\n\n" + "\n".join(parts)


def _copies_of(made: CopySet, count: int | None) -> tuple[Copy, ...]:
    """Return the copies of the first photos that have some."""
    some = set(made.sources[:count])
    return tuple(copy for copy in made.copies if copy.source in some)


def default_cache() -> Path:
    """Return the folder in which the set is kept."""
    from platformdirs import user_cache_path

    return user_cache_path("hybrid-search") / "bench-duplicates"


def say(line: str) -> None:
    """Tell on standard error how far it is."""
    print(line, file=sys.stderr, flush=True)


def score_distances(
    made: CopySet,
    distances: NDArray[np.float32],
    among: NDArray[np.float32],
    *,
    default: float,
) -> Score:
    """Score a method by its distances.

    Parameters
    ----------
    distances : (copies, originals) array
    among : (originals, originals) array
        Each pair is counted once.
    """
    right, allowed = _truth(made)
    rows = np.arange(len(made.copies))
    true = distances[rows, right]
    wrong = np.where(allowed, np.inf, distances)
    others = among[np.triu_indices(len(among), 1)]
    nearest = wrong.min(axis=1)
    apart = np.concatenate([wrong[~allowed], others])
    few = len(apart) // 1_000_000
    apart.partition((0, few))
    cutoff, above = float(apart[0]), float(apart[few])
    accepted = int((apart <= default).sum())
    return Score(
        by_transform(made, true < cutoff),
        by_transform(made, true < above),
        by_transform(made, true <= default),
        cutoff,
        default,
        accepted,
        len(apart),
        float((true < nearest).mean()),
    )


def score_lookups(made: CopySet, lookups: Mapping[str, Found]) -> Score:
    """Score what lookups in an index of the originals gave; only tiers that are duplicates count as found."""
    found, first = [], []
    for copy in made.copies:
        hits = lookups[str(copy.path)].hits
        right = {str(path) for path in (copy.source, *copy.also)}
        found.append(is_found(copy, lookups[str(copy.path)]))
        first.append(bool(hits) and hits[0][0] in right)
    recall = by_transform(made, np.array(found))
    wrong = len(wrong_hits(made, lookups))
    count = len(made.originals)
    pairs = sum(count - 1 - len(copy.also) for copy in made.copies) + count * (count - 1) // 2
    sure = None if wrong else recall
    return Score(sure, sure, recall, None, None, wrong, pairs, float(np.mean(first)))


def wrong_hits(made: CopySet, lookups: Mapping[str, Found]) -> list[tuple[str, str, str]]:
    """Return (query, original, tier) of every pair called a duplicate that is none; pairs of originals once."""
    wrong: dict[tuple[str, ...], tuple[str, str, str]] = {}
    for copy in made.copies:
        right = {str(path) for path in (copy.source, *copy.also)}
        for path, tier, *_ in lookups[str(copy.path)].hits:
            if tier in DUPLICATE_TIERS and path not in right:
                wrong[str(copy.path), path] = (str(copy.path), path, tier)
    for original in made.originals:
        name = str(original.path)
        for path, tier, *_ in lookups[name].hits:
            if tier in DUPLICATE_TIERS and path != name:
                wrong[tuple(sorted((name, path)))] = (name, path, tier)
    return list(wrong.values())


def by_transform(made: CopySet, found: NDArray[np.bool_]) -> dict[str, float]:
    """Return the share found of each transform's copies."""
    names = np.array([copy.transform for copy in made.copies])
    return {name: float(found[names == name].mean()) for name in dict.fromkeys(names.tolist())}


def mean_recall(recall: Mapping[str, float], transforms: Iterable[str]) -> float:
    """Return the mean over the transforms that were measured."""
    return float(np.mean([recall[name] for name in transforms if name in recall]))


def _unused(made: CopySet, sources: int) -> list[Path]:
    return [original.path for original in made.originals[sources : sources + 200]]


def _score(folder: Path, method: Method, made: CopySet) -> Score:
    originals = take_all(folder / "fingerprints", method, [item.path for item in made.originals], progress=say)
    among = method.distances(originals, originals)
    return score_distances(made, _distances(folder, method, made), among, default=method.default)


def _distances(folder: Path, method: Method, made: CopySet) -> NDArray[np.float32]:
    """Return those of the copies from the originals, (copies, originals)."""
    paths = [copy.path for copy in made.copies], [item.path for item in made.originals]
    copies, originals = (take_all(folder / "fingerprints", method, each, progress=say) for each in paths)
    return method.distances(copies, originals)


def _truth(made: CopySet) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return where each copy's source stands, and which originals are in it."""
    places = {original.path: place for place, original in enumerate(made.originals)}
    allowed = np.zeros((len(made.copies), len(places)), bool)
    for row, copy in enumerate(made.copies):
        allowed[row, [places[path] for path in (copy.source, *copy.also)]] = True
    return np.array([places[copy.source] for copy in made.copies]), allowed


def _described(made: CopySet, pairs: Sequence[HolePair]) -> str:
    kinds = len({copy.transform for copy in made.copies})
    return (
        f"{len(made.sources)} photos in {kinds} kinds of copy ({len(made.copies):,} files) looked for among "
        f"{len(made.originals):,} photos that are no copies of one another, and {len(pairs):,} treacherous pairs. "
        "`signature` is one distance, `signature, 16 ways` the least over eight orientations and the negative, "
        "`all tiers` what `index.find_duplicates` answers with the embedder `lite`."
    )


def _summary(made: CopySet, scores: Mapping[str, Score]) -> str:
    rows = []
    for name, score in scores.items():
        zero = ["", "", ""] if score.at_zero is None else _means(score.at_zero, score.cutoff)
        million = "" if score.at_million is None else _percent(mean_recall(score.at_million, NAMED))
        wrong = f"{score.wrong:,} of {score.pairs / 1e6:.2f} million"
        default = _means(score.at_default, score.default)
        rows.append([name, *zero, million, *default, wrong, _percent(score.first), f"{score.ms:.1f}"])
    header = ["method", "mean of the 24 with no false pair", "of 8 more", "cutoff below", "of the 24, one in a million"]
    header += ["of the 24 at the default", "of 8 more", "cutoff", "false pairs at the default", "right one first"]
    header += ["ms per picture"]
    return table(header, rows)


def _means(recall: Mapping[str, float], cutoff: float | None) -> list[str]:
    means = [_percent(mean_recall(recall, names)) for names in (NAMED, MORE)]
    return [*means, "" if cutoff is None else f"{cutoff:.3g}"]


def _recall(scores: Mapping[str, Score]) -> str:
    texts = []
    for title, pick in (("with no false pair", "at_zero"), ("at the default", "at_default")):
        recalls = {name: getattr(score, pick) for name, score in scores.items()}
        shown = {name: recall for name, recall in recalls.items() if recall is not None}
        kinds = next(iter(shown.values())).keys()
        rows = [[kind, *(_percent(recall[kind]) for recall in shown.values())] for kind in kinds]
        texts.append(f"### Recall {title}, %\n\n" + table(["copy", *shown], rows))
    return "\n".join(texts)


def _found_of_near(folder: Path, made: CopySet, lookups: Mapping[str, Found]) -> str:
    """Say how many copies that are within a signature distance of their original the lookups find."""
    method = next(method for method in methods() if method.distances is goldberg_oriented)
    distances = _distances(folder, method, made)[np.arange(len(made.copies)), _truth(made)[0]]
    rows: list[list[object]] = []
    for within in (SIGNATURE_DISTANCE, 0.45):
        near = [copy for copy, distance in zip(made.copies, distances, strict=True) if distance < within]
        found = [is_found(copy, lookups[str(copy.path)]) for copy in near]
        rows.append([within, len(near), _percent(float(np.mean(found)))])
    return table(["signature distance below, 16 ways", "copies", f"found by {OURS}, %"], rows)


def is_found(copy: Copy, found: Found) -> bool:
    """Tell whether a lookup called the copy's source a duplicate."""
    return any(path == str(copy.source) and tier in DUPLICATE_TIERS for path, tier, *_ in found.hits)


def _wrong_lookups(made: CopySet, lookups: Mapping[str, Found]) -> str:
    tiers = Counter(tier for found in lookups.values() for _, tier, *_ in found.hits)
    wrong = wrong_hits(made, lookups)
    lines = [f"- {tier}: {_short(query)} and {_short(path)}" for query, path, tier in wrong[:20]]
    text = "Tiers of all hits: " + ", ".join(f"{tier} {count:,}" for tier, count in tiers.most_common()) + ".\n"
    return text + ("\nWrong pairs, the first 20:\n\n" + "\n".join(lines) + "\n" if lines else "")


def _short(path: str) -> str:
    return "/".join(Path(path).parts[-2:])


def _holes(folder: Path, pairs: Sequence[HolePair], workers: int) -> str:
    paths = list(dict.fromkeys(path for pair in pairs for path in (pair.a, pair.b)))
    looked = look_up_pairs(folder, pairs, workers=workers, progress=say)
    judged = judge_pairs(folder, pairs, progress=say)
    called = {f"{OURS}, looked up": np.array([tier in DUPLICATE_TIERS for tier in looked])}
    called["two alone"] = np.array([tier in DUPLICATE_TIERS for tier in judged])
    called["two alone: unsure"] = np.array([tier == "unsure" for tier in judged])
    for method in methods():
        taken = take_all(folder / "fingerprints", method, paths, progress=say)
        called[method.name] = _pair_distances(method, taken, paths, pairs) <= method.default
    rows: list[list[object]] = []
    for kind, is_copy in dict.fromkeys((pair.kind, pair.is_copy) for pair in sorted(pairs, key=lambda p: p.is_copy)):
        which = np.array([pair.kind == kind for pair in pairs])
        shares = [_percent(float(calls[which].mean())) for calls in called.values()]
        rows.append([kind, "yes" if is_copy else "no", int(which.sum()), *shares])
    for is_copy, name in ((False, "all that are no copies"), (True, "all copies")):
        which = np.array([pair.is_copy == is_copy for pair in pairs])
        shares = [_percent(float(calls[which].mean())) for calls in called.values()]
        rows.append([name, "yes" if is_copy else "no", int(which.sum()), *shares])
    return "### Treacherous pairs: share called copies at the default, %\n\n" + table(
        ["pairs", "copies?", "number", *called], rows
    )


def _pair_distances(
    method: Method, values: NDArray[Any], paths: Sequence[Path], pairs: Sequence[HolePair]
) -> NDArray[np.float32]:
    places = {path: place for place, path in enumerate(paths)}
    both = [(values[[places[pair.a]]], values[[places[pair.b]]]) for pair in pairs]
    return np.array([method.distances(a, b)[0, 0] for a, b in both])


def _expected(folder: Path, photos: Sequence[Path]) -> str:
    """Count pairs of different photos below each cutoff."""
    upper = np.triu_indices(len(photos), 1)
    groups = {"any two": np.ones(len(upper[0]), bool)}
    folders = np.array([str(path.parent) for path in photos])
    apart = folders[upper[0]] != folders[upper[1]]
    groups["of different folders"] = apart
    columns: dict[str, list[str]] = {}
    for method in list(methods())[:2]:
        values = take_all(folder / "fingerprints", method, photos, progress=say)
        distances = method.distances(values, values)[upper]
        for group, which in groups.items():
            counts = [int((distances[which] < cutoff).sum()) for cutoff in CUTOFFS]
            columns[f"{method.name}, {group}"] = [_per_million(count, int(which.sum())) for count in counts]
    rows = [[f"{cutoff}", *cells] for cutoff, *cells in zip(CUTOFFS, *columns.values(), strict=True)]
    return (
        f"### False pairs per million pairs, by signature cutoff\n\n{len(photos):,} photos, each with each other: "
        f"{len(upper[0]) / 1e6:.2f} million pairs, {apart.sum() / 1e6:.2f} million of photos in different folders "
        "(classes of Caltech101: two in one folder show the same kind of thing). In brackets how many there were; "
        "`below`: none, and at most so many at 95 % certainty.\n\n" + table(["distance below", *columns], rows)
    )


def _per_million(count: int, pairs: int) -> str:
    # rule of three: no event in n trials leaves 3/n as the upper bound at 95 %
    return f"{1e6 * count / pairs:.2g} ({count:,})" if count else f"below {3e6 / max(1, pairs):.2g}"


def _percent(share: float) -> str:
    return f"{100 * share:.4g}" if share < 0.9995 or share == 1 else f"{100 * share:.2f}"
