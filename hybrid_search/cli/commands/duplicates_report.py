"""Groups of duplicates on stdout and on a page, one after the other as they are found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybrid_search.cli.output import terminal
from hybrid_search.cli.output.hit_formats import indented
from hybrid_search.cli.output.output_files import replacing
from hybrid_search.errors.numbers import counted

if TYPE_CHECKING:
    from rich.text import Text

    from hybrid_search.duplicates.report.group_report import FileReport, GroupReport

_COLOURS = {"keep": "green", "remove": "red", "left": "yellow"}


@dataclass
class Counts:
    """What was shown so far: groups, their files, and how many files and bytes are to go."""

    groups: int = 0
    files: int = 0
    removed: int = 0
    freed: int = 0

    def add(self, report: GroupReport) -> None:
        """Count one more group."""
        self.groups += 1
        self.files += len(report.files)
        self.removed += report.removed_files
        self.freed += report.freed_bytes

    def to_json(self) -> dict[str, int]:
        """Return the counts as JSON."""
        return {"groups": self.groups, "files": self.files, "removed": self.removed, "freed_bytes": self.freed}


def beside_page(
    reports: Iterable[GroupReport], path: Path, *, title: str, apply: str, force: bool = False
) -> Iterator[GroupReport]:
    """Give the groups on, each written to a page first; the page is there when all of them are on it."""
    from hybrid_search.duplicates.report.page import page_foot, page_head, page_section

    with replacing(path, force=force) as draft, open(draft, "x", encoding="utf-8", errors="backslashreplace") as file:
        file.write(page_head(title=title, made=datetime.now().strftime("%Y-%m-%d %H:%M:%S"), apply=apply))
        for report in reports:
            file.write(page_section(report))
            yield report
        file.write(page_foot())


def group_title(report: GroupReport) -> str:
    """Return the line above a group's files."""
    from hybrid_search.duplicates.report.group_report import describe

    return f"Group {report.number}: {counted(len(report.files), 'file')}, weakest link {describe(report.group.weakest)}"


def print_groups(
    reports: Iterable[GroupReport],
    form: str,
    counts: Counts,
    *,
    title: Callable[[GroupReport], str] = group_title,
) -> None:
    """Print groups as they come; what follows the groups of JSON is left to `print_end`.

    Parameters
    ----------
    form : {"table", "json", "jsonl", "csv"}
    counts : Counts
        Counts what is printed.
    title : callable
        Gives the line above each group of a table.
    """
    if form == "csv":
        from hybrid_search.duplicates.report.spreadsheet import csv_lines

        for lines in csv_lines(_counted(reports, counts)):
            terminal.write(terminal.escape_lines(lines) if terminal.is_terminal() else lines)
        return
    if form == "json":
        terminal.write('{\n  "groups": [')
    for report in _counted(reports, counts):
        if form == "json":
            terminal.write(f"{',' if counts.groups > 1 else ''}\n    {_json(indented(report.to_json(), 2))}")
        elif form == "jsonl":
            terminal.write(_json(json.dumps(report.to_json(), ensure_ascii=False)) + "\n")
        else:
            _print_group(report, title(report))


def print_end(form: str, **more: Any) -> None:
    """Print what follows the groups in JSON: counts, and what was done."""
    if form == "json":
        rest = "".join(f",\n  {json.dumps(name)}: {_json(indented(value, 1))}" for name, value in more.items())
        terminal.write(f"\n  ]{rest}\n}}\n")


def _counted(reports: Iterable[GroupReport], counts: Counts) -> Iterator[GroupReport]:
    for report in reports:
        counts.add(report)
        yield report


def _json(text: str) -> str:
    return terminal.escape_json(text)


def _print_group(report: GroupReport, title: str) -> None:
    """Print a group for people: columns of one width, the path last and never cut, so that it can be copied."""
    from hybrid_search.duplicates.report.group_report import LABELS, differences

    rows = [_cells(file) for file in report.files]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    differ = ", ".join(LABELS[name] for name in report.differing)
    lines = [_line((title, "bold"))]
    for file, cells in zip(report.files, rows, strict=True):
        choice, match, *sizes = (
            cell.rjust(width) if place >= 2 else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        start = [(f"{choice}  ", _COLOURS[file.choice])] if file.choice else []
        said = "; ".join(filter(None, (file.why, differences(file.member.evidence))))
        why = (f"  ({said})", "dim") if said else ("", "")
        path = file.member.path
        link = f"link {Path(path).as_uri()}" if path is not None and Path(path).is_absolute() else ""
        lines.append(_line(("  ", ""), *start, ("  ".join([match, *sizes, ""]), ""), (file.name, link), why))
    _write([*lines, *([_line((f"  differ in {differ}", "dim"))] if differ else [])])


def _cells(file: FileReport) -> list[str]:
    from hybrid_search.duplicates.report.group_report import text_of

    evidence = file.member.evidence
    match: str = "first" if evidence is None else evidence.tier
    if evidence is not None and evidence.tier not in ("bytes", "pixels") and evidence.strength[1] < 1:
        match = f"{evidence.tier} {evidence.strength[1]:.3f}"
    return [file.choice or "", match, *(text_of(name, file.facts.get(name)) for name in ("pixels", "bytes"))]


def _line(*parts: tuple[str, str]) -> list[tuple[str, str]]:
    return [(terminal.escape(text), style) for text, style in parts if text]


def _write(lines: Iterable[list[tuple[str, str]]]) -> None:
    if not terminal.is_terminal():
        terminal.write("".join("".join(text for text, _ in parts) + "\n" for parts in lines) + "\n")
        return
    console = terminal.console()
    for parts in lines:
        console.print(_text(parts), soft_wrap=True)
    console.print()


def _text(parts: list[tuple[str, str]]) -> Text:
    from rich.text import Text

    text = Text()
    for part, style in parts:
        text.append(terminal.short_path(part) if style.startswith("link ") else part, style=style)
    return text
