"""The command that looks whether an index is sound: `check`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from hybrid_search.cli import exits
from hybrid_search.cli.confirm import confirm
from hybrid_search.cli.output import terminal
from hybrid_search.cli.parsing import options
from hybrid_search.cli.parsing.session import Settings, backend_at, open_index
from hybrid_search.cli.suggest import command
from hybrid_search.errors.numbers import counted

if TYPE_CHECKING:
    from hybrid_search.backends.integrity import IntegrityReport

SHOWN = 20


def check(
    context: typer.Context,
    location: options.Index = None,
    repair: Annotated[
        bool, options.flag("--repair", help="Mend what can be mended; what was damaged is kept beside the index.")
    ] = False,
    yes: options.Yes = False,
    as_json: options.AsJson = False,
) -> None:
    """Compare every file of an index with its checksum, to see whether all is still as it was written.

    Pictures are never touched. After a repair that lost documents, `index` brings those back whose pictures are there.
    """
    backend = backend_at(context, location)
    if not backend.exists():
        from hybrid_search.errors import IndexNotFound

        raise IndexNotFound(backend.location, context.ensure_object(Settings).name)
    checked = backend.check()
    if repair and checked.damages:
        if not yes:
            _print_damages(checked)
        confirm("Mend the index?", yes=yes, declined="nothing was changed")
        checked = backend.check(repair=True)
        if checked.incomplete:
            from hybrid_search.images import DEFAULT_LIMITS
            from hybrid_search.ingest.recompute import refilled

            with open_index(context, location) as index:
                checked = refilled(checked, index.backend, index.filling(), limits=DEFAULT_LIMITS)
    backend.close()
    if as_json:
        from hybrid_search.cli.output.hit_formats import dump

        dump(asdict(checked))
    else:
        _print(checked)
    raise typer.Exit(exits.FAILED if any(not each.harmless for each in checked.damages) else exits.OK)


def _print(checked: IntegrityReport) -> None:
    for sentence in checked.repaired:
        terminal.write(f"{terminal.escape(sentence)}\n")
    _print_damages(checked)
    if checked.unsummed:
        terminal.note(f"no checksums yet of {', '.join(checked.unsummed)}; the next write adds them")
    if checked.lost:
        again = command("index FOLDER")
        terminal.note(f"{counted(checked.lost, 'document')} lost; {again} brings back pictures that are there")
    if checked.incomplete:
        number = counted(len(checked.incomplete), "picture")
        terminal.note(f"{number} may lack vectors or have damaged fields, and the files are away")
    if checked.kept:
        terminal.note(f"the damaged files are kept in {terminal.escape(checked.kept)}; remove them when all is well")
    if checked.damages:
        if any(not each.harmless for each in checked.damages):
            terminal.note(f"{command('check --repair')} mends what can be mended")
        return
    read = f"{counted(checked.files, 'file')} of {checked.bytes / 1e6:,.1f} MB"
    terminal.write(f"{terminal.escape(checked.location)} is sound: {read}\n")


def _print_damages(checked: IntegrityReport) -> None:
    for each in checked.damages[:SHOWN]:
        terminal.write(f"{terminal.escape(f'{each.file}: {each.reason} (affects {each.affects})')}\n")
    if len(checked.damages) > SHOWN:
        terminal.write(f"… and {len(checked.damages) - SHOWN:,} more\n")
