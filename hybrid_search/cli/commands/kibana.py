"""The commands that bring an index into Kibana."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from hybrid_search.cli.output import terminal
from hybrid_search.cli.output.help_pages import Program
from hybrid_search.cli.parsing import options
from hybrid_search.cli.parsing.connection import option, typed_options
from hybrid_search.cli.parsing.session import Settings, server_of
from hybrid_search.errors.numbers import counted

_credential = partial(option, panel="Credentials")

app = Program(
    name="kibana",
    help="Look at an index in Kibana: thumbnails, saved searches and a dashboard.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def kibana(context: typer.Context) -> None:
    """Look at an index in Kibana: thumbnails, saved searches and a dashboard."""
    if context.invoked_subcommand is None:
        terminal.write(context.get_help())


@app.command("import")
def import_(
    context: typer.Context,
    url: Annotated[
        str, options.value("--url", "URL", "Kibana's address.", envvar="HYBRID_SEARCH_KIBANA_URL")
    ] = "http://localhost:5601",
    space: Annotated[
        str | None,
        options.value(
            "--space",
            "ID",
            "The space, by the identifier in its URL; the default space without it.",
            envvar="HYBRID_SEARCH_KIBANA_SPACE",
        ),
    ] = None,
    name: Annotated[
        str | None, options.value("--name", "NAME", "The index to show; may stand before the command too.")
    ] = None,
    overwrite: Annotated[
        bool, options.flag("--overwrite", help="Replace what an earlier import made, with what was changed in it.")
    ] = False,
    dry_run: Annotated[
        bool,
        options.flag("--dry-run", "-n", help="Only print the file that would be imported; Kibana's pages take it too."),
    ] = False,
    api_key: Annotated[
        str | None, _credential("--api-key", "KEY", "An API key, encoded as Elasticsearch shows it.")
    ] = None,
    username: Annotated[str | None, _credential("--username", "NAME", "In place of an API key.")] = None,
    password: Annotated[
        str | None, _credential("--password", "TEXT", "Others see what is typed here; the variable is safer.")
    ] = None,
    ca_certs: Annotated[
        str | None,
        _credential(
            "--ca-certs", "FILE", "PEM file of the authority that signed Kibana's certificate, the only one trusted."
        ),
    ] = None,
    ca_fingerprint: Annotated[str | None, _credential("--ca-fingerprint", "SHA256", "The same by its SHA-256.")] = None,
) -> None:
    """Import a data view with thumbnails, saved searches, charts, a map and a dashboard into Kibana."""
    from hybrid_search.backends.elasticsearch.kibana import import_objects, load_objects, to_ndjson

    name = name or context.ensure_object(Settings).name
    objects = load_objects(name)
    if dry_run:
        terminal.write(to_ndjson(objects))
        terminal.note(f"{counted(len(objects), 'object')} for index {name!r}; nothing was imported")
        return
    given = {"api_key": api_key, "username": username, "password": password, "ca_certs": ca_certs}
    given |= {"ca_fingerprint": ca_fingerprint}
    server = server_of(context, url).with_options(**typed_options(context, given))
    done = import_objects(objects, url=url, space=space, server=server, overwrite=overwrite)
    for warning in done.warnings:
        terminal.note(f"Kibana: {warning}")
    replaced = f", {done.overwritten} of them replaced" if done.overwritten else ""
    terminal.note(f"{counted(done.count, 'object')} for index {name!r} imported{replaced}")
    terminal.write(f"{done.dashboard}\n")
