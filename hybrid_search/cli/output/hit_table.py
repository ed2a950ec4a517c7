"""Hits as a table on a terminal, with the pictures themselves where the terminal can show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybrid_search.cli.output import terminal
from hybrid_search.cli.output.hit_columns import (
    caption,
    evidence,
    legs_of,
    lines_read,
    lookup,
    more_copies,
    number,
    plain,
    why,
)

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from hybrid_search.hits.hits import Hit, Hits


def print_table(hits: Hits, *, fields: Sequence[str] = (), pictures: bool = False, explain: bool = False) -> None:
    """Print the hits for a person: scores, then what a picture shows above its path, which can be clicked."""
    from rich.text import Text

    console = terminal.console()
    if hits:
        legs = legs_of(hits)
        table = _frame(["#", *(["score"] if legs else []), *legs], fields, pictures=pictures)
        for hit in _drawable(hits) if pictures else hits:
            scores = [number(hit.score), *(number(hit.legs.get(leg)) for leg in legs)] if legs else []
            values = [Text(terminal.escape(plain(lookup(hit.source, field)))) for field in fields]
            table.add_row(
                str(hit.rank), *scores, *values, *([_picture(hit)] if pictures else []), _description(hit, explain)
            )
        console.print(table)
    for field, counts in hits.facets.items():
        console.print()
        console.print(_facet(field, counts))


def _frame(numbers: Sequence[str], fields: Sequence[str], *, pictures: bool) -> Table:
    from rich.markup import escape

    table = _table()
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True, style="bold" if name == "score" else "")
    for field in fields:
        table.add_column(escape(terminal.escape(field)), overflow="fold")
    if pictures:
        table.add_column("", no_wrap=True)
    table.add_column("picture", overflow="fold")
    return table


def _table() -> Table:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")


def _drawable(hits: Hits) -> Sequence[Hit]:
    from hybrid_search.cli.output.contact_sheet import with_stand_ins

    return with_stand_ins(hits)


def _picture(hit: Hit) -> Any:
    from hybrid_search.cli.output.inline_pictures import inline

    return inline(hit)


def _description(hit: Hit, explain: bool) -> Text:
    """Return the caption, the path and what matched, each on its own line; labels in place of a caption are slanted."""
    from rich.text import Text

    said, by_people = caption(hit.source)
    lines = [Text(terminal.escape(said), style="" if by_people else "italic")] if said else []
    lines.append(_path(hit))
    if hit.matched:
        lines.append(Text(terminal.escape(why(hit.matched)), style="green"))
    if explain and hit.leg_evidence:
        lines.append(Text(f"evidence {evidence(hit)}", style="green"))
    if read := lines_read(hit):
        lines.append(Text(terminal.escape(f"reads {read}"), style="green"))
    return Text("\n").join(lines)


def _path(hit: Hit) -> Text:
    from rich.text import Text

    if hit.path is None:
        text = Text(terminal.escape(hit.id), style="dim")
    else:
        link = f" link {Path(hit.path).as_uri()}" if Path(hit.path).is_absolute() else ""
        text = Text(terminal.escape(terminal.short_path(hit.path)), style=f"dim{link}")
    if hit.source.get("missing"):
        text.append("  missing", style="not dim red")
    return text.append(f"  {more_copies(hit)}", style="not dim cyan") if hit.copies else text


def _facet(field: str, counts: Mapping[str, int]) -> Table:
    from rich.markup import escape
    from rich.text import Text

    table = _table()
    table.add_column(escape(terminal.escape(field)), overflow="fold")
    table.add_column("count", justify="right")
    table.add_column("")
    most = max(counts.values(), default=1)
    for value, count in counts.items():
        bar = Text("▇" * max(1, round(20 * count / most)), style="cyan")
        table.add_row(Text(terminal.escape(value)), f"{count:,}", bar)
    return table
