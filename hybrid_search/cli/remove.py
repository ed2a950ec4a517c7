"""The commands that take documents out of an index: `delete` and `prune`. Picture files are never touched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from hybrid_search.cli import exits, options, terminal
from hybrid_search.cli.confirm import confirm
from hybrid_search.cli.session import find_document, open_index
from hybrid_search.counted import counted

if TYPE_CHECKING:
    from hybrid_search.document import Document

__all__ = ["delete", "prune"]

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
    """Take the pictures out of the index whose files had vanished when their folder was last indexed, and still are."""
    with open_index(context, location) as index:
        gone = index.prune(dry_run=True)
        if dry_run:
            terminal.write("".join(f"{terminal.escape(_name(document))}\n" for document in gone))
            terminal.note(f"{counted(len(gone), 'picture')} would be removed from the index")
            raise typer.Exit(exits.OK if gone else exits.NOTHING)
        if gone:
            _confirm(gone, yes=yes)
            gone = index.prune(accept_missing=accept_missing)
    terminal.write(f"{counted(len(gone), 'picture')} removed from the index\n")


def _confirm(documents: Sequence[Document], *, yes: bool) -> None:
    shown = [_name(document) for document in documents[:SHOWN]]
    if len(documents) > SHOWN:
        shown.append(f"… and {len(documents) - SHOWN:,} more")
    question = f"Remove {counted(len(documents), 'picture')} from the index? (picture files are not touched)"
    confirm(question, yes=yes, about=shown, declined="nothing was removed")


def _name(document: Document) -> str:
    return document.path or document.id
