"""The command that completes what is typed: `suggest`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from hybrid_search.cli import exits
from hybrid_search.cli.output import terminal
from hybrid_search.cli.output.hit_formats import dump
from hybrid_search.cli.parsing import options
from hybrid_search.cli.parsing.session import open_index


def suggest(
    context: typer.Context,
    prefix: Annotated[list[str], typer.Argument(metavar="PREFIX", help="What has been typed so far.")],
    location: options.Index = None,
    k: Annotated[int, typer.Option("-k", "--k", min=1, metavar="N", help="How many names to show.")] = 10,
    as_json: options.AsJson = False,
) -> None:
    """Complete what is typed: tags, people, places, cameras, labels and file names with a word that begins so.

    Each line has a name, its kind, and how many pictures have it, divided by tabs. For example:

        hybrid-search suggest gar
        hybrid-search suggest new yo | cut -f1
    """
    with open_index(context, location) as index:
        found = index.suggest(" ".join(prefix), k=k)
    if as_json:
        dump({"suggestions": [asdict(each) for each in found]})
    else:
        for each in found:
            terminal.write(f"{terminal.escape(each.text)}\t{each.kind}\t{each.pictures}\n")
    raise typer.Exit(exits.OK if found else exits.NOTHING)
