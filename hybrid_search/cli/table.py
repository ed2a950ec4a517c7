"""Hits as a table on a terminal, with the pictures themselves where the terminal can show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybrid_search.cli import terminal
from hybrid_search.cli.output import cell, columns
from hybrid_search.cli.rows import caption, more_copies, why

if TYPE_CHECKING:
    from rich.table import Table

    from hybrid_search.hits import Hit, Hits

__all__ = ["print_table"]

NUMBERS = ("rank", "score", "text", "vector", "signature")


def print_table(hits: Hits, *, fields: Sequence[str] = (), pictures: bool = False) -> None:
    """Print the hits for a person: numbers to the right, paths that can be clicked and copied, facets below."""
    console = terminal.console()
    if hits:
        names = columns(hits, fields)
        table = _frame(names, pictures=pictures)
        for hit in hits:
            _add(table, hit, names, pictures=pictures)
        console.print(table)
    for field, counts in hits.facets.items():
        console.print(_facet(field, counts))


def _frame(names: Sequence[str], *, pictures: bool) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 1))
    for name in names:
        if name in NUMBERS:
            title = {"rank": "#", "signature": "sign."}.get(name, name)
            table.add_column(title, justify="right", no_wrap=True, style="bold" if name == "score" else "")
        elif name == "path" and pictures:
            table.add_column("picture", no_wrap=True)
            table.add_column("path", overflow="fold", ratio=1)
        else:
            table.add_column(name, overflow="fold", ratio={"path": 3, "caption": 4}.get(name))
    return table


def _add(table: Table, hit: Hit, names: Sequence[str], *, pictures: bool) -> None:
    from rich.text import Text

    cells: list[Any] = []
    for name in names:
        if name == "path":
            if pictures:
                from hybrid_search.cli.pictures import inline

                cells.append(inline(hit))
            cells.append(_path(hit))
        elif name == "caption":
            cells.append(_caption(hit))
        else:
            cells.append(Text(terminal.escape(cell(hit, name))))
    table.add_row(*cells)


def _path(hit: Hit) -> Any:
    from rich.text import Text

    if hit.path is None:
        return Text(terminal.escape(hit.id), style="dim")
    link = Path(hit.path).as_uri() if Path(hit.path).is_absolute() else ""
    text = Text(terminal.escape(terminal.short_path(hit.path)), style=f"link {link}" if link else "")
    if hit.copies:
        text.append(f"  {more_copies(hit)}", style="cyan")
    return text


def _caption(hit: Hit) -> Any:
    from rich.text import Text

    shown, said = caption(hit.source)
    text = Text(terminal.escape(shown), style="" if said else "italic dim")
    if hit.matched:
        text.append(("\n" if shown else "") + "matched " + terminal.escape(why(hit.matched)), style="green")
    return text


def _facet(field: str, counts: Mapping[str, int]) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 1))
    table.add_column(terminal.escape(field))
    table.add_column("count", justify="right")
    table.add_column("")
    most = max(counts.values(), default=1)
    for value, count in counts.items():
        table.add_row(
            Text(terminal.escape(value)), str(count), Text("▇" * max(1, round(20 * count / most)), style="cyan")
        )
    return table
