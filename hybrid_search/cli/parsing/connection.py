"""The options of an Elasticsearch server, which stand before the command."""

from __future__ import annotations

from typing import Annotated, Any

import typer

_ACCESS = "Elasticsearch: access"
_LAYOUT = "Elasticsearch: a new index"


def _option(name: str, metavar: str, help: str, *, panel: str = _ACCESS) -> Any:
    # a default is never shown: it may come from the environment, and be a secret
    variable = f"HYBRID_SEARCH_{name.removeprefix('--').replace('-', '_').upper()}"
    return typer.Option(
        name, metavar=metavar, envvar=variable, help=help, rich_help_panel=panel, show_default=False
    )  # fmt: skip


_SEEN = "Other users of this machine see what is typed here; the variable and the file are safer."
Config = Annotated[
    str | None,
    _option("--config", "FILE", "INI file with these options; by default config.ini in your folder of settings."),
]
ApiKey = Annotated[str | None, _option("--api-key", "KEY", f"An API key, encoded as Elasticsearch shows it. {_SEEN}")]
Username = Annotated[str | None, _option("--username", "NAME", "A user, in place of an API key.")]
Password = Annotated[str | None, _option("--password", "TEXT", f"The user's password. {_SEEN}")]
CloudId = Annotated[str | None, _option("--cloud-id", "ID", "A deployment of Elastic Cloud, in place of a URL.")]
CaCerts = Annotated[
    str | None,
    _option("--ca-certs", "FILE", "Certificate (PEM) of the authority that signed the server's, the only one trusted."),
]
CaFingerprint = Annotated[
    str | None, _option("--ca-fingerprint", "SHA256", "The same by its SHA-256, as Elasticsearch prints it.")
]
Timeout = Annotated[
    float | None, _option("--timeout", "SECONDS", "How long one request may take; 30 seconds by default.")
]
Deadline = Annotated[
    float | None,
    _option("--deadline", "SECONDS", "How long to repeat what a busy server refused; 60 seconds by default."),
]
Shards = Annotated[int | None, _option("--shards", "N", "Primary shards; 1 by default.", panel=_LAYOUT)]
Replicas = Annotated[
    str | None,
    _option("--replicas", "N|N-N", "Copies of each shard; 0-1 by default, none on one node.", panel=_LAYOUT),
]
Vectors = Annotated[
    str | None,
    _option("--vectors", "TYPE", "hnsw (exact, the default), int8_hnsw, int4_hnsw, bbq_hnsw, flat, …", panel=_LAYOUT),
]


def typed_options(context: typer.Context, given: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were typed; what the environment gives is read where the server is opened."""
    sources = {name: getattr(context.get_parameter_source(name), "name", "") for name in given}
    return {name: value for name, value in given.items() if sources[name] == "COMMANDLINE"}
