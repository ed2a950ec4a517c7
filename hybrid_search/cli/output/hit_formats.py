"""Hits on stdout: a table for people, JSON, JSON Lines, CSV or paths for programs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from hybrid_search.cli.output import terminal
from hybrid_search.cli.output.hit_columns import (
    caption,
    evidence,
    hit_json,
    jsonable,
    legs_of,
    lines_read,
    lookup,
    more_copies,
    number,
    plain,
    why,
)
from hybrid_search.cli.suggest import in_words
from hybrid_search.hits.display import spreadsheet_cell

if TYPE_CHECKING:
    from hybrid_search.hits.hits import Hit, Hits


def choose(*, json: bool, jsonl: bool, csv: bool, paths: bool, print0: bool) -> str:
    """Return the one form that was asked for, "table" when none was."""
    asked = {"json": json, "jsonl": jsonl, "csv": csv, "print0": print0, "paths": paths and not print0}
    forms = [form for form, wanted in asked.items() if wanted]
    if len(forms) > 1:
        raise typer.BadParameter(f"--{forms[0]} and --{forms[1]} cannot be had at once; choose one")
    return forms[0] if forms else "table"


def print_hits(
    hits: Hits, form: str, *, fields: Sequence[str] = (), pictures: bool = False, explain: bool = False
) -> None:
    """Print the hits, and their facets where the form has a place for them.

    Parameters
    ----------
    form : {"table", "json", "jsonl", "csv", "paths", "print0"}
        See `choose`.
    fields : sequence of str
        Dotted fields to show as columns of a table or of CSV.
    pictures : bool
        Show the pictures themselves; a terminal is needed.
    explain : bool
        Say in a table what each leg is evidence of.
    """
    if form == "json":
        dump({**_summary(hits), "hits": [hit_json(hit) for hit in hits]})
    elif form == "jsonl":
        terminal.write("".join(_line(hit_json(hit)) + "\n" for hit in hits))
    elif form == "csv":
        _print_csv(hits, fields)
    elif form in ("paths", "print0"):
        print_paths((hit.path for hit in hits if hit.path is not None), form)
    elif terminal.is_terminal():
        from hybrid_search.cli.output.hit_table import print_table

        print_table(hits, fields=fields, pictures=pictures, explain=explain)
    else:
        _print_plain(hits, fields, explain=explain)


def print_paths(paths: Iterable[str], form: str) -> None:
    """Print paths as the bytes that they are, each ended by NUL where the form is "print0", else by a line break."""
    end = b"\0" if form == "print0" else b"\n"
    if terminal.is_terminal() and end == b"\n":
        terminal.write("".join(terminal.escape(path) + "\n" for path in paths))
    else:
        terminal.write_bytes(b"".join(os.fsencode(path) + end for path in paths))


def dump(value: Any) -> None:
    """Print a value as indented JSON, lists of numbers on one line."""
    terminal.write(terminal.escape_json(indented(jsonable(value))) + "\n")


def indented(value: Any, depth: int = 0) -> str:
    r"""Return JSON with two spaces for each level, and lists of plain values on one line.

    Examples
    --------
    >>> print(indented({"k": 2, "vector": [0.1, 0.2], "query": {}}))
    {
      "k": 2,
      "vector": [0.1, 0.2],
      "query": {}
    }
    """
    inner, outer = "  " * (depth + 1), "  " * depth
    if isinstance(value, dict) and value:
        lines = (
            f"{inner}{json.dumps(name, ensure_ascii=False)}: {indented(part, depth + 1)}"
            for name, part in value.items()
        )
        return "{\n" + ",\n".join(lines) + f"\n{outer}}}"
    if isinstance(value, list) and any(isinstance(part, dict | list) for part in value):
        return "[\n" + ",\n".join(inner + indented(part, depth + 1) for part in value) + f"\n{outer}]"
    return json.dumps(value, ensure_ascii=False)


def columns(hits: Iterable[Hit], fields: Sequence[str] = ()) -> list[str]:
    """Return the columns of a table: rank, score and one for each leg if anything ranks, fields, path, caption."""
    legs = legs_of(hits)
    return ["rank", *(["score"] if legs else []), *legs, *fields, "path", "caption"]


def cell(hit: Hit, column: str) -> str:
    """Return what a hit shows in a column.

    A leg in which the hit is not found is empty, and so is a field that the document does not have.
    """
    if column == "rank":
        return str(hit.rank)
    if column == "score":
        return number(hit.score)
    if column == "path":
        return " ".join([hit.path or hit.id, *([f"({more_copies(hit)})"] if hit.copies else [])])
    if column == "caption":
        return caption(hit.source)[0]
    return number(hit.legs[column]) if column in hit.legs else plain(lookup(hit.source, column))


def _summary(hits: Hits) -> dict[str, Any]:
    facets = {field: dict(counts) for field, counts in hits.facets.items()}
    lacking = [
        {"leg": each.leg, "embedder": each.embedder, "reason": in_words(each.reason, each.cure)}
        for each in hits.unavailable
    ]
    parts = {
        "facets": facets,
        "unavailable": lacking,
        "understood": [asdict(part) for part in hits.understood],
        "did_you_mean": [asdict(correction) for correction in hits.did_you_mean],
        "foreign": hits.foreign and {"language": hits.foreign.language},
    }
    return {
        "total": hits.total,
        **({"at_least": True} if hits.at_least else {}),
        "took_ms": round(hits.took_ms, 3),
        **{name: part for name, part in parts.items() if part},
    }


def _line(value: Mapping[str, Any]) -> str:
    return terminal.escape_json(json.dumps(value, ensure_ascii=False))


def _print_csv(hits: Hits, fields: Sequence[str]) -> None:
    import csv
    import io

    names = [
        "rank",
        "id",
        "score",
        *legs_of(hits),
        "distance",
        "path",
        "caption",
        "labels",
        "tags",
        "taken_at",
        *fields,
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for hit in hits:
        writer.writerow([spreadsheet_cell(_csv_value(hit, name)) for name in names])
    shown = text.getvalue()
    terminal.write(terminal.escape_lines(shown) if terminal.is_terminal() else shown)


def _csv_value(hit: Hit, name: str) -> Any:
    if name in ("rank", "id", "score", "distance", "path"):
        return getattr(hit, name)
    if name in hit.legs:
        return hit.legs[name]
    value = lookup(hit.source, name)
    if isinstance(value, float | int):
        return value
    return "; ".join(map(plain, value)) if isinstance(value, list | tuple) else plain(value)


def _print_plain(hits: Hits, fields: Sequence[str], *, explain: bool) -> None:
    """Print aligned columns without colours, nothing cut or wrapped: for pipes and files."""
    names = columns(hits, fields)
    table = [names] if hits else []
    table += [[terminal.escape(cell(hit, name)) for name in names] for hit in hits]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row, hit in zip(table, (None, *hits), strict=False):
        padded = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        terminal.write("  ".join(padded).rstrip() + "\n")
        if hit is not None and hit.matched:
            terminal.write(f"    matched {terminal.escape(why(hit.matched))}\n")
        if hit is not None and explain and hit.leg_evidence:
            terminal.write(f"    evidence {evidence(hit)}\n")
        if hit is not None and (read := lines_read(hit)):
            terminal.write(f"    reads {terminal.escape(read)}\n")
    for field, counts in hits.facets.items():
        terminal.write(f"\n{terminal.escape(field)}\n")
        for value, count in counts.items():
            terminal.write(f"{count:>8}  {terminal.escape(value)}\n")
