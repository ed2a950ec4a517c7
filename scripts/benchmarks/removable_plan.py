"""What the default plan of `duplicates --action` says of a library that holds all pairs."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hybrid_search import HybridIndex
from hybrid_search.duplicates.act.plan import Plan, make_plan
from hybrid_search.duplicates.compare.judge import Judge
from hybrid_search.duplicates.model import DuplicateGroup, Member, Subject
from hybrid_search.hits.evidence import Evidence
from scripts.benchmarks.fingerprints import code_stamp
from scripts.benchmarks.pairs import Pair


@dataclass(frozen=True)
class Planned:
    """What grouping and planning said of each file.

    Parameters
    ----------
    tiers : dict
        By two paths, the tier by which they stand in one group, of the weaker where neither is the representative.
    removed : dict
        By the path of each file to remove, the path of the file that is kept in its place.
    """

    tiers: dict[frozenset[str], str]
    removed: dict[str, str]

    def removable(self, pair: Pair) -> str:
        """Return which of a pair would be removed, whatever is kept."""
        return "".join(side for side, path in (("a", pair.a), ("b", pair.b)) if str(path) in self.removed)

    def strangers(self, pairs: Sequence[Pair]) -> list[tuple[str, str]]:
        """Return removed and kept files that are of two pairs."""
        partner = {str(one): str(other) for pair in pairs for one, other in ((pair.a, pair.b), (pair.b, pair.a))}
        return [(gone, kept) for gone, kept in self.removed.items() if partner.get(gone) != kept]


def plan_all(folder: Path, pairs: Sequence[Pair], *, progress: Callable[[str], None] = lambda line: None) -> Planned:
    """Index all pairs as one library below the folder, group them, and plan with the default rules."""
    paths = [path for pair in pairs for path in (pair.a, pair.b)]
    names = hashlib.sha256("\n".join(map(str, paths)).encode()).hexdigest()[:8]
    with HybridIndex(folder / f"{code_stamp()}-{names}", embedder="lite") as index:
        have = {str(path) for document in index for path in document.source.get("path", ())}
        for count, path in enumerate(paths):
            if str(path) not in have:
                index.add(path)
            if count % 200 == 199:
                progress(f"indexed {count + 1:,} of {len(paths):,} pictures")
        index.refresh()
        groups = list(index.duplicate_groups())
        progress(f"{len(groups):,} groups")
        return read_plan(groups, make_plan(groups, compare=_compare(index)))


def _compare(index: HybridIndex) -> Callable[[Member, Member], Evidence | None]:
    """Compare two members as the command does, of which neither represents its group."""
    judge = Judge()

    def compare(one: Member, other: Member) -> Evidence | None:
        a, b = (Subject.of(each.id, index.get(each.id, vectors=True).source) for each in (one, other))
        return judge.judge(a, b)

    return compare


def read_plan(groups: Sequence[DuplicateGroup], plan: Plan) -> Planned:
    """Read off which files match, and which are removed for which."""
    tiers: dict[frozenset[str], str] = {}
    for group in groups:
        for place, one in enumerate(group.members):
            for other in group.members[place + 1 :]:
                links = [member.evidence for member in (one, other) if member.evidence is not None]
                weakest = max(links, key=lambda evidence: evidence.strength)
                tiers[frozenset((str(one.path), str(other.path)))] = weakest.tier
    removed = {
        str(file.path): str(decision.kept.path)
        for decision in plan.decisions
        if decision.kept is not None
        for file in decision.remove
    }
    return Planned(tiers, removed)


def strangers_text(planned: Planned, pairs: Sequence[Pair]) -> str:
    """Say how many files would be removed for a file of another pair."""
    found = planned.strangers(pairs)
    kinds = {str(path): pair.kind.name for pair in pairs for path in (pair.a, pair.b)}
    counts = Counter((kinds[gone], kinds[kept]) for gone, kept in found)
    lines = "".join(f"\n- {gone} for {kept}: {count}" for (gone, kept), count in counts.most_common())
    return f"Files that would be removed for a file of another pair: {len(found)}.\n{lines}"
