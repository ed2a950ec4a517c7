"""The command `duplicates find`, which tells whether pictures are here already."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hybrid_search.cli import exits
from hybrid_search.cli.commands import duplicates_options as wanted
from hybrid_search.cli.commands.duplicates_report import Counts, print_end, print_groups
from hybrid_search.cli.output import hit_formats, terminal
from hybrid_search.cli.parsing import options
from hybrid_search.cli.parsing.session import open_index, picture
from hybrid_search.errors.numbers import counted

if TYPE_CHECKING:
    from hybrid_search.duplicates.model import Member
    from hybrid_search.duplicates.report.group_report import GroupReport
    from hybrid_search.hits.hits import Hit
    from hybrid_search.index import HybridIndex


@dataclass
class Lookups:
    """Pictures that are looked up in an index one after the other.

    Parameters
    ----------
    index : HybridIndex
    asked : mapping
        Options of `HybridIndex.find_duplicates`.
    new, failed : list of str
        What was looked up so far and is not in the index, nor any copy that shows the same; what could not be read.
    unequal : int
        How many of the new ones have matches all the same, of which one shows more than the other.
    """

    index: HybridIndex
    asked: Mapping[str, Any]
    new: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    unequal: int = 0

    def reports(self, named: Iterable[str]) -> Iterator[GroupReport]:
        """Give the copies of each picture that has any."""
        from hybrid_search.duplicates.model import DuplicateGroup
        from hybrid_search.duplicates.report.group_report import report_group
        from hybrid_search.errors import ImageError

        for number, name in enumerate(_pictures(named), 1):
            try:
                hits = self.index.find_duplicates(picture(name), **self.asked)
            except ImageError as error:
                self.failed.append(name)
                terminal.note(f"failed: {error}")
                continue
            members = _members(hits, besides=os.path.abspath(name))
            if not any(_shows_the_same(hit) for hit in hits):
                self.new.append(name)
                self.unequal += bool(members)
            if members:
                yield report_group(DuplicateGroup(name, members), number=number)


def find(
    context: typer.Context,
    pictures: Annotated[
        list[str], typer.Argument(metavar="PICTURE", help="Files, folders with all below them, URLs, or - for stdin.")
    ],
    location: options.Index = None,
    tier: wanted.Tiers = None,
    max_distance: wanted.MaxDistance = None,
    filter: options.FilterOption = None,
    k: options.K = 10,
    new: Annotated[
        bool,
        options.flag(
            "--new",
            help="Print only the paths of the pictures of which the index has no copy that shows the same.",
            rich_help_panel="Output",
        ),
    ] = False,
    as_json: options.AsJson = False,
    as_jsonl: options.AsJsonl = False,
    as_csv: options.AsCsv = False,
    as_paths: options.AsPaths = False,
    as_paths0: options.As0 = False,
) -> None:
    """Find out whether pictures are in the index already, as they are or as edited copies."""  # fmt: skip
    form = hit_formats.choose(json=as_json, jsonl=as_jsonl, csv=as_csv, paths=as_paths, print0=as_paths0)
    if new and form not in ("table", "paths", "print0"):
        raise typer.BadParameter("--new prints paths alone; only -0 can stand beside it")
    asked = {"tiers": wanted.tiers_of(tier), "max_distance": max_distance, "filter": filter, "k": k}
    counts = Counts()
    with open_index(context, location) as index:
        lookups = Lookups(index, asked)
        reports = lookups.reports(pictures)
        if new or form in ("paths", "print0"):
            copies = [file.member.path for report in reports for file in report.files]
            shown = lookups.new if new else [path for path in copies if path is not None]
            hit_formats.print_paths(shown, form)
            found = len(shown)
        else:
            print_groups(
                reports,
                form,
                counts,
                title=lambda report: f"{terminal.short_path(report.group.id)}: {counted(len(report.files), 'copy')}",
            )
            print_end(form, new=lookups.new)
            found = counts.groups
            terminal.note(_summary(found, lookups))
    raise typer.Exit(exits.PARTIAL if lookups.failed else exits.OK if found else exits.NOTHING)


def _pictures(named: Iterable[str]) -> Iterator[str]:
    """Give the pictures that are named, those of a folder one by one."""
    from hybrid_search.ingest.folder_walk import walk

    for name in named:
        if name != "-" and os.path.isdir(os.path.expanduser(name)):
            yield from (found.path for found in walk(Path(os.path.expanduser(name))))
        else:
            yield name


def _shows_the_same(hit: Hit) -> bool:
    from hybrid_search.hits.evidence import TIERS

    return hit.tier is not None and TIERS.index(hit.tier) < TIERS.index("more")


def _members(hits: Iterable[Hit], *, besides: str) -> tuple[Member, ...]:
    """Return the files of hits that are there, but for the one that was asked for; a hit without files is one member.

    The one that was asked for is left out under each of its names.
    """
    from hybrid_search.duplicates.model import Member
    from hybrid_search.duplicates.same_file import own_files

    asked = Member("", besides)
    members = []
    for hit in hits:
        gone = {entry["path"] for entry in hit.source.get("files") or () if entry.get("missing")}
        paths = list(hit.source.get("path") or ())
        members += [
            Member(hit.id, path, hit.evidence, hit.source)
            for path in [path for path in paths if path not in gone] or paths or [None]
            if path != besides
        ]
    return tuple(member for member in own_files([asked, *members]) if member.id)


def _summary(found: int, lookups: Lookups) -> str:
    unequal = f" ({lookups.unequal:,} with matches that do not show the same)" if lookups.unequal else ""
    parts = [f"{found - lookups.unequal:,} with copies", f"{len(lookups.new):,} new{unequal}"]
    parts += [f"{len(lookups.failed):,} failed"] if lookups.failed else []
    return ", ".join(parts)
