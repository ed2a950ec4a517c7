"""The command that gives pictures labels of one's own choice: `label`."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hybrid_search.cli import exits
from hybrid_search.cli.output import terminal
from hybrid_search.cli.output.hit_formats import choose, dump
from hybrid_search.cli.parsing import options
from hybrid_search.cli.parsing.session import open_index
from hybrid_search.errors.numbers import counted
from hybrid_search.hits.display import spreadsheet_cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hybrid_search.ingest.labelling import Labelled

SHOWN_ABSENT = 10  # classes that no picture shows and that are named; no measurement is kept
_FILE = re.compile(r"(~|\.{0,2}[/\\]|[A-Za-z]:[/\\])|[^,]*\.(txt|csv|tsv|lst|list|names|json|md)$", re.IGNORECASE)
"""What no class is called: a path from a folder, or a name with an ending of files of texts."""


def label(
    context: typer.Context,
    classes: Annotated[
        str, options.value("--classes", "NAME,…|FILE", "The classes: dog,beach,crowd, or a file of one a line.")
    ],
    location: options.Index = None,
    template: Annotated[
        list[str] | None,
        options.value(
            "--template",
            "TEXT",
            "The text of a class, {} for its name: 'a photo of a {}'. May be repeated, for a mean.",
        ),
    ] = None,
    threshold: Annotated[
        float, options.value("--threshold", "P", "Least probability of a label, above 0 and at most 1.")
    ] = 0.5,
    temperature: Annotated[
        float | None,
        options.value(
            "--temperature",
            "N",
            "The smaller, the surer: cosines are divided by it. By default half their spread; for CLIP, 0.01.",
        ),
    ] = None,
    floor: Annotated[
        float,
        options.value(
            "--floor",
            "N",
            "How many spreads above the mean a cosine must lie for any class; -99 gives each picture one.",
        ),
    ] = 2.0,
    filter: options.FilterOption = None,
    embedder: Annotated[
        str | None,
        options.value(
            "--embedder", "NAME", "An embedder of the index that has vectors for words; the first such by default."
        ),
    ] = None,
    write: Annotated[
        bool,
        options.flag(
            "--write",
            help="Keep the labels in the index, in place of an earlier run's: words, filters and facets find them.",
        ),
    ] = False,
    as_json: options.AsJson = False,
    as_jsonl: Annotated[bool, options.flag("--jsonl", help="Print one JSON object per picture.")] = False,
    as_csv: options.AsCsv = False,
) -> None:
    """Say which of some classes each indexed picture shows, with no training; it needs an embedder of words too.

    For example:

        hybrid-search label --classes dog,beach,crowd
        hybrid-search label --classes classes.txt --threshold 0.8 --write
    """
    form = choose(json=as_json, jsonl=as_jsonl, csv=as_csv, paths=False, print0=False)
    names = _names(classes)
    with open_index(context, location) as index:
        given = {"template": template} if template else {}
        labelled = index.label_pictures(
            names,
            threshold=threshold,
            temperature=temperature,
            floor=floor,
            filter=filter,
            embedder=embedder,
            write=write,
            **given,
        )
    _print(labelled, form)
    shown = sum(bool(each.labels) for each in labelled)
    kept = "; kept in the index" if write else ""
    terminal.note(f"{shown:,} of {counted(len(labelled), 'picture')}: {_counts(names, labelled)}{kept}")
    raise typer.Exit(exits.OK if shown else exits.NOTHING)


def _counts(names: Sequence[str], labelled: Sequence[Labelled]) -> str:
    """Return how many pictures show each class, most first, also those that none shows."""
    found = Counter(label.name for each in labelled for label in each.labels)
    shown = [f"{count:,} {name}" for name, count in found.most_common()]
    none = [" ".join(name.split()) for name in names if " ".join(name.split()) not in found]
    several = f"0 of {counted(len(none), 'other class')}"
    return ", ".join([*shown, *([several] if len(none) > SHOWN_ABSENT else [f"0 {name}" for name in none])])


def _names(classes: str) -> list[str]:
    """Return the classes of a file, one a line, or those between commas."""
    path = Path(os.path.expanduser(classes))
    if _FILE.match(classes) and not path.is_file():
        raise typer.BadParameter(f"no file {classes!r}", param_hint="--classes")
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else classes.split(",")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"cannot read the classes in {classes}: {error}") from None
    return [name.strip() for name in lines if name.strip()]


def _print(labelled: Sequence[Labelled], form: str) -> None:
    entries = [
        {
            "id": each.id,
            "path": each.path,
            "labels": [{"label": found.name, "score": round(found.score, 4)} for found in each.labels],
        }
        for each in labelled
    ]
    if form == "json":
        dump(entries)
    elif form == "jsonl":
        lines = (json.dumps(entry, ensure_ascii=False) for entry in entries)
        terminal.write("".join(terminal.escape_json(line) + "\n" for line in lines))
    elif form == "csv":
        _print_csv(labelled)
    else:
        for each in labelled:
            said = ", ".join(f"{found.name} {found.score:.2f}" for found in each.labels) or "-"
            terminal.write(f"{terminal.escape(each.path or each.id)}\t{terminal.escape(said)}\n")


def _print_csv(labelled: Sequence[Labelled]) -> None:
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(["id", "path", "label", "score"])
    for each in labelled:
        for found in each.labels:
            table.writerow(
                [each.id, spreadsheet_cell(each.path or ""), spreadsheet_cell(found.name), f"{found.score:.4f}"]
            )
    terminal.write(buffer.getvalue())
