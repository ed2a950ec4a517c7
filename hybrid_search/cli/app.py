"""The program: what stands before every command, and the list of commands."""

from __future__ import annotations

from typing import Annotated

import typer

from hybrid_search.cli import exits
from hybrid_search.cli.output.help_pages import PageCommand, Program
from hybrid_search.cli.parsing import connection, options
from hybrid_search.cli.parsing.excluded_words import WordsCommand
from hybrid_search.cli.parsing.session import Settings
from hybrid_search.cli.suggest import keep_place

app = Program(
    name="hybrid-search",
    help="Search pictures by words, by example, by metadata and by near-identity, in one query.",
    epilog=exits.HELP,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from hybrid_search.cli.output import terminal
        from hybrid_search.version import __version__

        terminal.write(f"hybrid-search {__version__}\n")
        raise typer.Exit()


@app.callback()
def program(
    context: typer.Context,
    index: Annotated[
        str | None,
        typer.Option(
            "--index",
            "-i",
            metavar="LOCATION",
            envvar="HYBRID_SEARCH_INDEX",
            help="The index: a folder, or the URL of Elasticsearch. Without it, a folder of your own data.",
        ),
    ] = None,
    name: Annotated[
        str, options.value("--name", "NAME", "The index's name at that location.", envvar="HYBRID_SEARCH_NAME")
    ] = "images",
    config: connection.Config = None,
    api_key: connection.ApiKey = None,
    username: connection.Username = None,
    password: connection.Password = None,
    cloud_id: connection.CloudId = None,
    ca_certs: connection.CaCerts = None,
    ca_fingerprint: connection.CaFingerprint = None,
    timeout: connection.Timeout = None,
    deadline: connection.Deadline = None,
    shards: connection.Shards = None,
    replicas: connection.Replicas = None,
    vectors: connection.Vectors = None,
    debug: Annotated[
        bool, options.flag("--debug", envvar="HYBRID_SEARCH_DEBUG", help="Show tracebacks of errors.")
    ] = False,
    version: Annotated[
        bool, options.flag("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Search pictures by words, by example, by metadata and by near-identity, in one query."""
    given = {
        "api_key": api_key,
        "username": username,
        "password": password,
        "cloud_id": cloud_id,
        "ca_certs": ca_certs,
        "ca_fingerprint": ca_fingerprint,
        "timeout": timeout,
        "deadline": deadline,
        "shards": shards,
        "replicas": replicas,
        "vectors": vectors,
    }
    typed = connection.typed_options(context, given)
    keep_place({**typed, **connection.typed_options(context, {"config": config, "name": name, "index": index})})
    context.obj = Settings(index=index, name=name, config=config, server=typed)


def _add_commands() -> None:
    from hybrid_search.cli.commands import (
        check,
        delete,
        demo,
        embed,
        index,
        label,
        migrate,
        read_text,
        search,
        serve,
        show,
        suggest_names,
    )

    for command in (
        index.index,
        search.search,
        search.similar,
        suggest_names.suggest,
        label.label,
        *(show.show, show.info),
        search.request,
        delete.delete,
        delete.prune,
        check.check,
        migrate.mapping,
        migrate.migrate,
        migrate.copy,
        embed.embed,
        read_text.read_text,
        serve.serve,
        demo.demo,
    ):
        takes_words = command in (search.search, search.request)
        app.command(no_args_is_help=False, cls=WordsCommand if takes_words else PageCommand)(command)


def _add_groups() -> None:
    from hybrid_search.cli.commands import duplicates, embedder, kibana, train

    for group in (duplicates, kibana, embedder, train):
        app.add_typer(group.app)


_add_commands()
_add_groups()
