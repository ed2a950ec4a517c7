"""What the command and the script share: groups are found, decided, shown, and dealt with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import typer

from hybrid_search.cli.commands.duplicates_actions import Deed, exit_code, folders, print_report, report_json
from hybrid_search.cli.commands.duplicates_choices import comparison
from hybrid_search.cli.commands.duplicates_report import Counts, beside_page, print_end, print_groups
from hybrid_search.cli.output import terminal
from hybrid_search.cli.output.output_files import check_replaceable
from hybrid_search.cli.output.progress_bar import documents_bar
from hybrid_search.cli.suggest import command
from hybrid_search.errors.numbers import counted, readable_bytes

if TYPE_CHECKING:
    from hybrid_search.duplicates.act.keep import KeepRules
    from hybrid_search.duplicates.act.planned_files import Decision
    from hybrid_search.duplicates.model import DuplicateGroup
    from hybrid_search.duplicates.report.group_report import GroupReport
    from hybrid_search.hits.evidence import Tier
    from hybrid_search.index import HybridIndex


@dataclass(frozen=True)
class Listing:
    """What the options ask of the groups of a collection.

    Parameters
    ----------
    form : {"table", "json", "jsonl", "csv"}
    tiers : tuple of Tier or None
        Ways to match; None for all that are duplicates.
    max_distance : float or None
    filter : str or None
        Lucene syntax.
    between : two Path or None
    reference : sequence of Path
        Protected folders.
    reviewed, save : bool
        Also groups that were reviewed; keep in the index what was compared.
    keep : sequence of str
        Keep rules, before those that decide without any; nothing is decided unless rules, a page or an action are asked
        for.
    deed : Deed
    html : Path or None
    force : bool
        Whether the page may replace a file that is none.
    title, apply : str
        What the page says it shows, and the command that it names.
    progress : bool
    """

    form: str = "table"
    tiers: tuple[Tier, ...] | None = None
    max_distance: float | None = None
    filter: str | None = None
    between: tuple[Path, Path] | None = None
    reference: Sequence[Path] = ()
    reviewed: bool = False
    save: bool = True
    keep: Sequence[str] = ()
    deed: Deed = field(default_factory=Deed)
    html: Path | None = None
    force: bool = False
    title: str = ""
    apply: str = "hybrid-search duplicates apply choices.json --action trash"
    progress: bool = True

    def check(self) -> None:
        """Refuse what cannot be done, before anything is searched; raises QueryError and typer's BadParameter."""
        self.deed.check()
        self._rules()
        if self.html is not None and not self.html.parent.is_dir():
            raise typer.BadParameter(f"there is no folder {str(self.html.parent)!r} for the page")
        if self.html is not None:
            check_replaceable(self.html, force=self.force)

    def run(self, index: HybridIndex) -> int:
        """Show the groups, do what is to be done, and return the exit code."""
        self.deed.prepare(index.backend)
        counts, undecided = Counts(), Undecided()
        decisions: list[Decision] = []
        reports = self._reports(self._groups(index), index, decisions, undecided)
        if self.html is not None:
            reports = beside_page(reports, self.html, title=self.title, apply=self.apply, force=self.force)
        print_groups(reports, self.form, counts)
        protected = (*folders(self.reference), *self._rules().protected)
        done = self.deed.do(decisions, protected=protected, backend=index.backend) if decisions else None
        print_end(self.form, summary=counts.to_json(), **report_json(done))
        if self.html is not None:
            terminal.note(f"wrote {self.html}")
        terminal.note(_summary(counts, documents=len(index), decided=self._decides))
        undecided.note()
        if done is not None:
            print_report(done)
        return exit_code(done, found=bool(counts.groups))

    @property
    def _decides(self) -> bool:
        return bool(self.keep or self.deed.action or self.html)

    def _rules(self) -> KeepRules:
        from hybrid_search.duplicates.act.keep import KeepRule, KeepRules, parse_keep

        # of two folders the first is the one in which copies are sought
        first = (KeepRule("below", folders(self.between[:1])[0]),) if self.between else ()
        if not self.keep:
            return KeepRules(()).before_default(*first)
        # several values are one rule each, so that a pattern can hold a comma
        return parse_keep(self.keep if len(self.keep) > 1 else self.keep[0]).before_default(*first)

    def _groups(self, index: HybridIndex) -> Iterator[DuplicateGroup]:
        with documents_bar("reading the index", "comparing", shown=self.progress) as progress:
            found = index.duplicate_groups(
                tiers=self.tiers,
                max_distance=self.max_distance,
                filter=self.filter,
                between=self.between,
                reference=folders(self.reference),
                reviewed=self.reviewed,
                save=self.save,
                progress=progress,
            )
            try:
                # the bar ends before the first group is printed
                first = list(islice(found, 1))
            except KeyboardInterrupt:
                if self.save:
                    terminal.note("interrupted: what was compared is kept; the same command goes on from there")
                raise
        return chain(first, found)

    def _reports(
        self, groups: Iterable[DuplicateGroup], index: HybridIndex, decisions: list[Decision], undecided: Undecided
    ) -> Iterator[GroupReport]:
        from hybrid_search.duplicates.act.plan import DEFAULT_TIERS, decide
        from hybrid_search.duplicates.report.group_report import report_group

        rules, compare = self._rules(), comparison(index, tiers=self.tiers, max_distance=self.max_distance)
        protected = (*folders(self.reference), *rules.protected)
        tiers = self.tiers or DEFAULT_TIERS
        for number, group in enumerate(groups, 1):
            decision = None
            if self._decides:
                decision = decide(group, rules, protected=protected, tiers=tiers, compare=compare)
                undecided.add(decision)
            if decision is not None and self.deed.action:
                decisions.append(decision)
            yield report_group(group, number=number, decision=decision, protected=protected)


def _summary(counts: Counts, *, documents: int, decided: bool) -> str:

    if not documents:
        return f"no duplicates: the index is empty; {command('index FOLDER')} fills it"
    if not counts.groups:
        return f"no duplicates among {counted(documents, 'picture')}"
    groups = f"{counted(counts.groups, 'group')} of {counted(counts.files, 'file')}"
    if not decided:
        return f"{groups}; --keep RULES says which to keep, --html FILE makes a page to choose on"
    gone = counted(counts.removed, "file")
    return f"{groups}; {gone} could go, {readable_bytes(counts.freed)}"


_SHOWN = 3  # pairs of folders that are named; no measurement is kept


@dataclass
class Undecided:
    """Counts files that were left alone since they lie in two folders alike."""

    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, decision: Decision) -> None:
        """Count those of one group."""
        from hybrid_search.duplicates.act.plan import SAME_ELSEWHERE

        for file in decision.left:
            if file.why == SAME_ELSEWHERE and file.path and decision.kept and decision.kept.path:
                self.pairs[_heads(decision.kept.path, file.path)] += 1

    def note(self) -> None:
        """Say on stderr in which folders they are, and what decides."""
        for (first, second), count in self.pairs.most_common(_SHOWN):
            same = f"{counted(count, 'file')} {'is' if count == 1 else 'are'} the same in {first} and in {second}"
            terminal.note(f"{same}; left alone: name --reference {first!r} or --reference {second!r} to keep those")
        if more := sum(self.pairs.values()) - sum(count for _, count in self.pairs.most_common(_SHOWN)):
            terminal.note(f"{counted(more, 'file')} more that {'is' if more == 1 else 'are'} the same in two folders")


def _heads(one: str, other: str) -> tuple[str, str]:
    """Return two folders that mirror each other as far as the paths of two files show it, in order.

    Examples
    --------
    >>> _heads("/new/2014/rome/a.jpg", "/old/2014/rome/a.jpg")
    ('/new', '/old')
    """
    heads = PurePath(one).parent, PurePath(other).parent
    while heads[0].name == heads[1].name and heads[0].parent != heads[1].parent and heads[0].name:
        heads = heads[0].parent, heads[1].parent
    first, second = sorted(map(str, heads))
    return first, second
