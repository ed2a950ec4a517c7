"""The commands that ask an index: `search`, `similar` and `request`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hybrid_search.cli.output import hit_columns, hit_formats
from hybrid_search.cli.parsing import options
from hybrid_search.cli.parsing.search_arguments import SearchArguments, search_command
from hybrid_search.cli.parsing.session import find_document, open_index, picture
from hybrid_search.errors import DocumentNotFound

if TYPE_CHECKING:
    from hybrid_search.index import HybridIndex
    from hybrid_search.query.options import SearchOptions

_SHOWN = ("field", "sheet", "force", "pictures", "as_json", "as_jsonl", "as_csv", "as_paths", "as_paths0")
_OF_WORDS = ("text", "image", "like", "unlike", "colour", "more", "less", "beside", "literal")
_OF_LEGS = ("sort", "weights", "fusion", "num_candidates", "everything")
"""Options that a command lacks: `request` shows no hits, and `similar` looks for one picture alone."""


@search_command()
def search(context: typer.Context, arguments: SearchArguments) -> None:
    """Find pictures by words, by an example, by a filter: any of them, or all in one query.

    For example:

        hybrid-search search a dog on a beach -cat
        hybrid-search search night --image moon.png --filter 'iso:[400 TO *]'
        hybrid-search search beach + ./photo.jpg - 0.5:people
    """
    results, words, asked = arguments.results(), arguments.words(), arguments.search_options()
    title = _title(
        *(arguments.text or ()),
        arguments.beside or "",
        arguments.colour or "",
        image=arguments.image,
        like=arguments.like,
        filter=arguments.filter,
    )
    with open_index(context, arguments.location) as index:
        hits = index.search(words, **(asked | arguments.examples(index)))
        results.show(hits, title=title, words=words, k=arguments.k, offset=arguments.offset, documents=len(index))


@search_command(without=(*_OF_WORDS, *_OF_LEGS))
def similar(
    context: typer.Context,
    example: Annotated[
        str,
        typer.Argument(
            metavar="ID|PATH",
            help="An indexed picture (its id, the start of it, its path or name), or any file or URL.",
        ),
    ],
    arguments: SearchArguments,
) -> None:
    """Find pictures like one picture; an indexed picture is not among its own hits."""
    results, asked = arguments.results(), arguments.search_options()
    with open_index(context, arguments.location) as index:
        hits = index.search(**(asked | _similar(index, example)))
        title = _title(image=None, like=[example], filter=arguments.filter)
        results.show(hits, title=title, k=arguments.k, offset=arguments.offset, documents=len(index))


@search_command(without=_SHOWN)
def request(
    context: typer.Context,
    arguments: SearchArguments,
    short: Annotated[bool, options.flag("--short", help="Show only the first numbers of vectors.")] = False,
) -> None:
    """Print the Elasticsearch request body that `search` would send; nothing is searched."""
    words, asked = arguments.words(), arguments.search_options()
    with open_index(context, arguments.location) as index:
        body = hit_columns.jsonable(index.request(words, **(asked | arguments.examples(index))))
    hit_formats.dump(_short(body) if short else body)


def _similar(index: HybridIndex, named: str) -> SearchOptions:
    """Return an indexed picture as `like`, any other as `image`; what is neither was meant as an id."""
    try:
        return {"like": find_document(index, named).id}
    except DocumentNotFound:
        if named == "-" or "://" in named or os.path.exists(os.path.expanduser(named)):
            return {"image": picture(named)}
        raise


def _title(*words: str, image: str | None, like: list[str] | None, filter: str | None) -> str:
    parts = [
        " ".join(word for word in words if word),
        f"image {os.path.basename(image)}" if image else "",
        f"like {', '.join(map(os.path.basename, like))}" if like else "",
    ]
    return "  ·  ".join(part for part in (*parts, filter or "") if part)


def _short(value: Any) -> Any:
    """Return the body with every vector cut to its first three numbers and a word on how many it has."""
    if isinstance(value, dict):
        return {name: _short(part) for name, part in value.items()}
    if isinstance(value, list) and len(value) > 16 and all(isinstance(part, int | float) for part in value):
        return [*value[:3], f"… {len(value)} numbers"]
    return [_short(part) for part in value] if isinstance(value, list) else value
