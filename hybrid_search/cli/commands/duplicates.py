"""The commands that deal with duplicates: `duplicates` lists groups, those below it look one picture up and decide."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from hybrid_search.cli import exits
from hybrid_search.cli.commands import duplicates_options as wanted
from hybrid_search.cli.commands.duplicates_actions import Deed, existing_backend, exit_code, print_report, undo_by
from hybrid_search.cli.commands.duplicates_choices import apply_choices
from hybrid_search.cli.commands.duplicates_decide import apart, decisions, forget, review
from hybrid_search.cli.commands.duplicates_find import find
from hybrid_search.cli.commands.duplicates_listing import Listing
from hybrid_search.cli.output import hit_formats, terminal
from hybrid_search.cli.output.help_pages import Program
from hybrid_search.cli.parsing import options
from hybrid_search.cli.parsing.session import Settings, open_index, place_of

app = Program(
    name="duplicates",
    help="Find copies of pictures, look at them side by side, and decide what stays.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def duplicates(
    context: typer.Context,
    location: options.Index = None,
    tier: wanted.Tiers = None,
    max_distance: wanted.MaxDistance = None,
    filter: options.FilterOption = None,
    between: wanted.Between = None,
    reference: wanted.Reference = None,
    reviewed: wanted.All = False,
    no_save: wanted.NoSave = False,
    keep: wanted.Keep = None,
    action: wanted.Action = None,
    to: wanted.To = None,
    merge_metadata: wanted.MergeMetadata = False,
    journal: wanted.Journal = None,
    yes: wanted.Yes = False,
    html: wanted.Html = None,
    force: options.Replace = False,
    as_json: options.AsJson = False,
    as_jsonl: options.AsJsonl = False,
    as_csv: options.AsCsv = False,
    no_progress: options.NoProgress = False,
) -> None:
    """List the groups of copies in an index; nothing happens to any file without --action and --yes.

    Each file of a group is a copy of the group's first. Pictures that were compared before are not compared again.
    """
    if context.invoked_subcommand is not None:
        _pass_on(context, location)
        return
    listing = Listing(
        form=hit_formats.choose(json=as_json, jsonl=as_jsonl, csv=as_csv, paths=False, print0=False),
        tiers=wanted.tiers_of(tier),
        max_distance=max_distance,
        filter=filter,
        between=between,
        reference=reference or (),
        reviewed=reviewed,
        save=not no_save,
        keep=keep or (),
        deed=Deed(action, to, merge_metadata, journal, yes),
        html=html,
        force=force,
        title=place_of(context, location),
        progress=not no_progress,
    )
    listing.check()
    with open_index(context, location) as index:
        raise typer.Exit(listing.run(index))


def _pass_on(context: typer.Context, location: str | None) -> None:
    """Let --index stand before a command too; what lists groups has no meaning there."""
    for name in context.params:
        source = context.get_parameter_source(name)
        if name != "location" and source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter(
                f"--{name.replace('_', '-')} stands behind {context.invoked_subcommand!r}, if at all"
            )
    if location is not None:
        context.obj = replace(context.ensure_object(Settings), index=location)


app.command()(find)


@app.command()
def apply(
    context: typer.Context,
    choices: Annotated[
        Path,
        typer.Argument(metavar="CHOICES", exists=True, dir_okay=False, help="The file that a page of --html exported."),
    ],
    location: options.Index = None,
    reference: wanted.Protected = None,
    action: wanted.Action = None,
    to: wanted.To = None,
    merge_metadata: wanted.MergeMetadata = False,
    journal: wanted.Journal = None,
    yes: wanted.Yes = False,
    as_json: options.AsJson = False,
) -> None:
    """Apply what was chosen on a page: files that go, files that are no copies, groups that were reviewed.

    Without --yes it is only said. Every file is compared with what the page showed before it is touched.
    """
    deed = Deed(action, to, merge_metadata, journal, yes)
    with open_index(context, location) as index:
        done = apply_choices(choices, deed, index=index, protected=reference or (), as_json=as_json)
    raise typer.Exit(done)


@app.command()
def undo(
    context: typer.Context,
    journal: Annotated[
        Path | None,
        typer.Argument(metavar="JOURNAL", exists=True, dir_okay=False, help="The last one of your own without it."),
    ] = None,
    location: options.Index = None,
    yes: wanted.Yes = False,
    as_json: options.AsJson = False,
) -> None:
    """Put files back that were moved, put into the trash or replaced by links; what was deleted is counted.

    Without --yes it is only said what can be put back.
    """
    with existing_backend(context, location) as backend:
        report = undo_by(journal, backend=backend, yes=yes)
    if as_json:
        hit_formats.dump(report.to_json())
    print_report(report)
    raise typer.Exit(exit_code(report, found=bool(report.done)))


for command in (apart, review, forget, decisions):
    app.command()(command)


@app.command()
def rules() -> None:
    """List the rules that --keep takes, and those that decide without it."""
    from hybrid_search.duplicates.act.keep import DEFAULT_KEEP, KEEP_RULES

    width = max(map(len, KEEP_RULES))
    terminal.write("".join(f"{name.ljust(width)}  {about}\n" for name, about in KEEP_RULES.items()))
    terminal.write(f"\nwithout --keep: {DEFAULT_KEEP}\n")
    raise typer.Exit(exits.OK)
