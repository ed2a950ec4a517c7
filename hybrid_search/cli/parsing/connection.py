"""The options of an Elasticsearch server, which stand before the command."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hybrid_search.cli.parsing import options

_ACCESS = "Elasticsearch: access"
_LAYOUT = "Elasticsearch: a new index"


def option(name: str, metavar: str, help: str, *, panel: str = _ACCESS) -> Any:
    """Return an option that can be given as HYBRID_SEARCH_NAME too."""
    variable = f"HYBRID_SEARCH_{name.removeprefix('--').replace('-', '_').upper()}"
    # a default is never shown: it may come from the environment, and be a secret
    return options.value(name, metavar, help, envvar=variable, rich_help_panel=panel, show_default=False)


_SEEN = "Other users of this machine see what is typed here; the variable and the file are safer."
Config = Annotated[
    str | None,
    option("--config", "FILE", "INI file with these options; by default config.ini in your folder of settings."),
]
ApiKey = Annotated[str | None, option("--api-key", "KEY", f"An API key, encoded as Elasticsearch shows it. {_SEEN}")]
Username = Annotated[str | None, option("--username", "NAME", "A user, in place of an API key.")]
Password = Annotated[str | None, option("--password", "TEXT", f"The user's password. {_SEEN}")]
CloudId = Annotated[str | None, option("--cloud-id", "ID", "A deployment of Elastic Cloud, in place of a URL.")]
CaCerts = Annotated[
    str | None,
    option("--ca-certs", "FILE", "Certificate (PEM) of the authority that signed the server's, the only one trusted."),
]
CaFingerprint = Annotated[
    str | None, option("--ca-fingerprint", "SHA256", "The same by its SHA-256, as Elasticsearch prints it.")
]
Timeout = Annotated[
    float | None, option("--timeout", "SECONDS", "How long one request may take; 30 seconds by default.")
]
Deadline = Annotated[
    float | None,
    option("--deadline", "SECONDS", "How long to repeat what a busy server refused; 60 seconds by default."),
]
Shards = Annotated[int | None, option("--shards", "N", "Primary shards; 1 by default.", panel=_LAYOUT)]
Replicas = Annotated[
    str | None,
    option("--replicas", "N|N-N", "Copies of each shard; 0-1 by default, none on one node.", panel=_LAYOUT),
]
Vectors = Annotated[
    str | None,
    option("--vectors", "TYPE", "hnsw (exact, the default), int8_hnsw, int4_hnsw, bbq_hnsw, flat, …", panel=_LAYOUT),
]


def typed_options(context: typer.Context, given: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were typed; what the environment gives is read where the server is opened."""
    sources = {name: getattr(context.get_parameter_source(name), "name", "") for name in given}
    return {name: value for name, value in given.items() if sources[name] == "COMMANDLINE"}
