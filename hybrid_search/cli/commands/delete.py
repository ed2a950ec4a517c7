"""The commands that take documents out of an index: `delete` and `prune`. Picture files are never touched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from hybrid_search.cli import exits
from hybrid_search.cli.confirm import confirm
from hybrid_search.cli.output import terminal
from hybrid_search.cli.parsing import options
from hybrid_search.cli.parsing.session import find_document, open_index
from hybrid_search.errors.numbers import counted

if TYPE_CHECKING:
    from hybrid_search.document.document import Document

SHOWN = 20


def delete(
    context: typer.Context,
    named: Annotated[
        list[str],
        typer.Argument(
            metavar="ID|PATH", help="Documents by id, by the start of it, or by the path or name of their picture."
        ),
    ],
    location: options.Index = None,
    yes: options.Yes = False,
) -> None:
    """Take pictures out of the index. The picture files themselves stay where they are."""
    with open_index(context, location) as index:
        found = {document.id: document for document in (find_document(index, name) for name in named)}
        _confirm(list(found.values()), yes=yes)
        removed = index.delete(list(found))
    terminal.write(f"{counted(removed, 'picture')} removed from the index; no picture file was touched\n")


def prune(
    context: typer.Context,
    location: options.Index = None,
    dry_run: Annotated[bool, options.flag("--dry-run", "-n", help="Only list them.")] = False,
    accept_missing: Annotated[
        bool, options.flag("--accept-missing", help="Also when they are more than 20 and more than half of the index.")
    ] = False,
    yes: options.Yes = False,
) -> None:
    """Take the pictures out of the index whose files had vanished when their folder was last indexed, and still are.

    Of pictures that were found elsewhere, the paths are let go at which they are no longer.
    """
    with open_index(context, location) as index:
        gone = index.prune(dry_run=True)
        old = [path for paths in gone.paths.values() for path in paths]
        if dry_run:
            lines = [*map(_name, gone), *old]
            terminal.write("".join(f"{terminal.escape(line)}\n" for line in lines))
            terminal.note(f"{counted(len(gone), 'picture')} would be removed from the index{_let_go(old)}")
            raise typer.Exit(exits.OK if lines else exits.NOTHING)
        if gone or old:
            _confirm(gone, old, yes=yes)
            gone = index.prune(accept_missing=accept_missing)
    terminal.write(f"{counted(len(gone), 'picture')} removed from the index{_let_go(old)}\n")


def _let_go(old: Sequence[str]) -> str:
    return f", {counted(len(old), 'old path')} of others let go" if old else ""


def _confirm(documents: Sequence[Document], old: Sequence[str] = (), *, yes: bool) -> None:
    names = [*map(_name, documents), *old]
    shown = names[:SHOWN]
    if len(names) > SHOWN:
        shown.append(f"… and {len(names) - SHOWN:,} more")
    number = counted(len(documents), "picture")
    paths = counted(len(old), "old path")
    what = f"Remove {number} from the index" if documents else f"Let go of {paths} of pictures that are elsewhere"
    both = f" and let go of {paths} of others" if documents and old else ""
    confirm(f"{what}{both}? (picture files are not touched)", yes=yes, about=shown, declined="nothing was removed")


def _name(document: Document) -> str:
    return document.path or document.id
