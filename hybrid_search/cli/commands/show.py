"""The commands that look into an index: `show` and `info`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from hybrid_search.cli.output import terminal
from hybrid_search.cli.output.hit_columns import jsonable, light, plain
from hybrid_search.cli.output.hit_formats import dump
from hybrid_search.cli.parsing import options
from hybrid_search.cli.parsing.session import backend_at, find_document, open_index, place_of
from hybrid_search.errors import BackendError
from hybrid_search.errors.numbers import readable_bytes


def show(
    context: typer.Context,
    named: Annotated[
        str,
        typer.Argument(
            metavar="ID|PATH", help="The id of a document, the start of it, or the path or name of its picture."
        ),
    ],
    location: options.Index = None,
    full: Annotated[
        bool, options.flag("--full", help="All fields: also raw EXIF, thumbnail, signature and vectors.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Show all that the index knows of one picture."""
    with open_index(context, location) as index:
        document = find_document(index, named, vectors=full)
    fields = jsonable(document.source if full else light(document.source))
    if as_json:
        dump({"id": document.id, "source": fields})
        return
    first = {name: fields[name] for name in ("path", "title", "caption", "people", "tags", "labels") if name in fields}
    _print_fields({"id": document.id, **_flat({**first, **fields})})


def info(
    context: typer.Context,
    location: options.Index = None,
    fields: Annotated[
        bool, options.flag("--fields", help="List the fields that filters, --sort, --facet and --field can name.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Say where the index is, how many pictures it has, and how it was made."""
    if fields:
        from hybrid_search.document.definition import field_types, load_definition
        from hybrid_search.query.filters.field_names import offered

        known = offered(field_types(load_definition(embeddings={})))
        facts: dict[str, Any] = {**known, **_own_fields(context, location)}
    else:
        with open_index(context, location) as index:
            facts = {**jsonable(index.info()), "location": place_of(context, location)}
        if not as_json and "drift" in facts:
            facts["drift"] = "; ".join(facts["drift"]) or "none"
    if as_json:
        dump(facts)
    else:
        _print_fields(facts if fields else _readable(_flat(facts)))


def _readable(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts with what people ask first in front, and numbers as people write them.

    Examples
    --------
    >>> _readable({"format": 1, "vectors.lite.bytes": 2_306_528, "documents": 12_000, "location": "/idx"})
    {'location': '/idx', 'documents': '12,000', 'format': '1', 'vectors.lite.bytes': '2.3 MB'}
    """
    first = [name for name in ("location", "backend", "documents", "missing", "bytes") if name in facts]
    ordered = {name: facts[name] for name in (*first, *facts)}
    return {name: _number(name, value) if type(value) is int else value for name, value in ordered.items()}


def _number(name: str, value: int) -> str:
    if name.rpartition(".")[2].endswith("bytes") and value >= 1000:
        return readable_bytes(value)
    return f"{value:,}"


def _own_fields(context: typer.Context, location: str | None) -> dict[str, str]:
    """Return the own fields of the index, where there is one that can be read."""
    from hybrid_search.document.definition import extra_fields

    backend = backend_at(context, location)
    try:
        own = extra_fields(backend.definition())
    except BackendError:
        return {}
    finally:
        backend.close()
    return {f"extra.{leaf}": each["type"] for leaf, each in own.items()}


def _flat(value: Mapping[str, Any], start: str = "") -> dict[str, Any]:
    """Return nested fields under dotted names; points on earth stay whole."""
    flat: dict[str, Any] = {}
    for name, part in value.items():
        if isinstance(part, Mapping) and set(part) != {"lat", "lon"}:
            flat.update(_flat(part, f"{start}{name}."))
        else:
            flat[start + name] = part
    return flat


def _print_fields(fields: Mapping[str, Any]) -> None:
    width = max(map(len, fields), default=0)
    bold, end = ("\x1b[1m", "\x1b[0m") if terminal.is_coloured() else ("", "")
    lines = (
        f"{bold}{terminal.escape(name).ljust(width)}{end}  {terminal.escape(plain(value))}\n"
        for name, value in fields.items()
    )
    terminal.write("".join(lines))
