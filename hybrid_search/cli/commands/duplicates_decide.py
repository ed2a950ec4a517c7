"""The commands that keep what a person decided about copies: `apart`, `review`, `forget` and `decisions`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hybrid_search.cli import exits
from hybrid_search.cli.output import terminal
from hybrid_search.cli.output.hit_formats import dump
from hybrid_search.cli.parsing import options
from hybrid_search.cli.parsing.session import find_document, open_index
from hybrid_search.errors.numbers import counted

if TYPE_CHECKING:
    from hybrid_search.duplicates.report.choices import ChosenGroup
    from hybrid_search.index import HybridIndex

_PICTURES = typer.Argument(
    metavar="ID|PATH", help="Documents by id, by the start of it, or by the path of their picture."
)
Named = Annotated[list[str], _PICTURES]


def apart(context: typer.Context, named: Named, location: options.Index = None) -> None:
    """Say of pictures that no two of them are copies of one; they never stand in one group again."""
    from hybrid_search.duplicates.collect.decisions import keep_apart

    with open_index(context, location) as index:
        ids = list(dict.fromkeys(find_document(index, name).id for name in named))
        if len(ids) < 2:
            raise typer.BadParameter("name at least two pictures that are not the same file")
        pairs = keep_apart(index.backend, ids)
    terminal.write(f"{counted(pairs, 'pair')} kept apart\n")


def review(context: typer.Context, named: Named, location: options.Index = None) -> None:
    """Say that a group was looked at, by any picture of it; it does not come again until something new joins it."""
    from hybrid_search.duplicates.collect.decisions import review as note

    with open_index(context, location) as index:
        groups = {tuple(_group_of(index, name)): name for name in named}
        for ids in groups:
            note(index.backend, ids)
    terminal.write(f"{counted(len(groups), 'group')} marked as reviewed\n")


def forget(
    context: typer.Context,
    named: Annotated[list[str] | None, _PICTURES] = None,
    location: options.Index = None,
    everything: Annotated[bool, options.flag("--all", help="Whatever was decided about any picture.")] = False,
) -> None:
    """Take back what was decided about pictures: that they are no copies, that their group was reviewed."""
    from hybrid_search.duplicates.collect.decisions import forget as take_back

    if everything == bool(named):
        raise typer.BadParameter("name pictures, or pass --all")
    with open_index(context, location) as index:
        ids = None if everything else [find_document(index, name).id for name in named or ()]
        changed = take_back(index.backend, ids=ids)
    terminal.write(f"decisions about {counted(changed, 'picture')} taken back\n")
    raise typer.Exit(exits.OK if changed else exits.NOTHING)


def decisions(
    context: typer.Context,
    location: options.Index = None,
    load: Annotated[
        Path | None,
        options.value("--load", "FILE", "Take over decisions that were printed before.", exists=True, dir_okay=False),
    ] = None,
) -> None:
    """Print all decisions as JSON, by the bytes of the pictures, to keep them or to take them to another index."""
    from hybrid_search.duplicates.collect.decisions import export_decisions, import_decisions

    with open_index(context, location) as index:
        if load is None:
            dump(export_decisions(index.backend))
            return
        try:
            stored = json.loads(load.read_bytes())
        except (ValueError, RecursionError) as error:
            raise typer.BadParameter(f"{load} is no JSON ({error})") from None
        concerned = import_decisions(index.backend, stored)
    terminal.write(f"decisions about {counted(concerned, 'picture')} taken over\n")


def keep_choices(groups: Sequence[ChosenGroup], index: HybridIndex, *, yes: bool) -> None:
    """Keep what was chosen on a page: which files are no copies, and which groups were reviewed; or say what would be.

    Documents that are gone meanwhile are passed over, as there is nothing to decide about them.
    """
    from hybrid_search.duplicates.collect.decisions import keep_apart
    from hybrid_search.duplicates.collect.decisions import review as note

    pairs = [pair for group in groups for pair in group.pairs]
    reviewed = [group.reviewed_ids for group in groups if group.reviewed]
    if yes:
        known = _known(index, {id for ids in (*pairs, *reviewed) for id in ids})
        for pair in pairs:
            if known.issuperset(pair):
                keep_apart(index.backend, pair)
        for ids in reviewed:
            note(index.backend, [id for id in ids if id in known])
    would = "" if yes else " would be"
    if pairs or reviewed:
        looked_at = f"{counted(len(reviewed), 'group')}{would} marked as reviewed"
        terminal.note(f"{counted(len(pairs), 'pair')}{would} kept apart, {looked_at}")


def _known(index: HybridIndex, ids: Iterable[str]) -> set[str]:
    return {id for id, _ in index.backend.scan({"ids": {"values": sorted(ids)}}, fields=("sha256",))}


def _group_of(index: HybridIndex, named: str) -> list[str]:
    """Return the ids of the documents with which a picture stood in one group when groups were last kept."""
    document = find_document(index, named)
    group = (document.source.get("duplicate") or {}).get("group")
    if group is None:
        return [document.id]
    others = index.backend.scan({"term": {"duplicate.group": {"value": group}}}, fields=("sha256",))
    return sorted({document.id, *(id for id, _ in others)})
