"""What was chosen on a page of duplicates, applied: only to what the index still knows as copies."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hybrid_search.cli.commands.duplicates_actions import Deed, exit_code, folders, print_results
from hybrid_search.cli.commands.duplicates_decide import keep_choices

if TYPE_CHECKING:
    from hybrid_search.duplicates.act.action_report import ActionReport, FileResult
    from hybrid_search.duplicates.act.planned_files import Decision
    from hybrid_search.duplicates.model import Member
    from hybrid_search.hits.evidence import Evidence, Tier
    from hybrid_search.index import HybridIndex


def apply_choices(
    path: Path, deed: Deed, *, index: HybridIndex | None, protected: Iterable[Path] = (), as_json: bool = False
) -> int:
    """Apply what was chosen on a page, print what became of it, and return the exit code.

    Parameters
    ----------
    index : HybridIndex or None
        Where it is kept which files are no copies and which groups were reviewed, and which tells whether files are
        still copies; None where there is no such place: then the files themselves are compared.
    """
    from hybrid_search.duplicates.report.choices import read_choices

    groups = read_choices(path)
    if any(group.decision.remove for group in groups) and deed.action is None:
        raise typer.BadParameter("files are to go; --action says where")
    if deed.action is not None:
        deed.check()
    chosen = [group.decision for group in groups if group.decision.remove]
    decisions, refused = _rechecked(chosen, index)
    if index is not None:
        # before files go, as the documents of some go with them
        keep_choices(groups, index, yes=deed.yes)
    backend = None if index is None else index.backend
    report = deed.do(decisions, protected=folders(protected), backend=backend) if decisions else None
    report = _with_refused(report, refused, deed)
    if report is not None:
        print_results(report, as_json=as_json)
    return exit_code(report, found=bool(groups))


def comparison(
    index: HybridIndex, *, tiers: Sequence[Tier] | None, max_distance: float | None = None
) -> Callable[[Member, Member], Evidence | None]:
    """Return a comparison of two members that reads their signatures from the index."""
    from hybrid_search.duplicates.compare.judge import Judge
    from hybrid_search.duplicates.model import Subject

    judge = Judge(tiers=tiers, max_distance=max_distance)

    def compare(one: Member, other: Member) -> Evidence | None:
        pair = (Subject.of(each.id, index.get(each.id, vectors=True).source) for each in (one, other))
        return judge.judge(*pair)

    return compare


def _rechecked(
    decisions: Sequence[Decision], index: HybridIndex | None
) -> tuple[list[Decision], tuple[FileResult, ...]]:
    from hybrid_search.duplicates.compare.features import can_extract
    from hybrid_search.duplicates.recheck import Recheck
    from hybrid_search.hits.evidence import TIERS

    if not decisions:
        return [], ()
    # a person may have removed what is no more than unsure; embeddings alone make no copies
    tiers = [tier for tier in TIERS if tier != "similar" and (tier != "edited" or can_extract())]
    with _known(decisions, index) as known:
        recheck = Recheck(known.backend, comparison(known, tiers=tiers))
        checked = [recheck.checked(decision) for decision in decisions]
    left = [decision for decision, _ in checked if decision.remove]
    return left, tuple(result for _, results in checked for result in results)


@contextmanager
def _known(decisions: Sequence[Decision], index: HybridIndex | None) -> Iterator[HybridIndex]:
    """Give the index, or one of the files that are named, for as long as they are compared."""
    if index is not None:
        yield index
        return
    from hybrid_search.index import HybridIndex

    paths = {str(file.path) for decision in decisions for file in (*decision.keep[:1], *decision.remove)}
    with tempfile.TemporaryDirectory(prefix="find-duplicates-") as scratch:
        with HybridIndex(scratch, embedder="colour:lab") as made:
            for path in sorted(path for path in paths if os.path.isfile(path)):
                made.add_folder(path)
            yield made


def _with_refused(report: ActionReport | None, refused: tuple[FileResult, ...], deed: Deed) -> ActionReport | None:
    from hybrid_search.duplicates.act.action_report import ActionReport

    if not refused:
        return report
    whole = report or ActionReport(str(deed.action), (), None, not deed.yes)
    return replace(whole, results=(*refused, *whole.results))
