"""Files of embedders that commands write: one that is there may be in use by its name, and is not replaced unasked."""

from __future__ import annotations

import shlex
from pathlib import Path

import typer

from hybrid_search.cli.suggest import command


def check_free(path: Path, *, force: bool) -> bool:
    """Refuse a file that is there unless `force` was given; tell whether there is one.

    Raises
    ------
    typer.BadParameter
        When it would be replaced.
    """
    if path.exists() and not force:
        raise typer.BadParameter(f"there is a file {path}, which an index may use by its name; --force replaces it")
    return path.exists()


def told(name: str, *, replaced: bool) -> str:
    """Return how to use an embedder that was written, by its name.

    Examples
    --------
    >>> told("head:/photos/my head", replaced=False)
    "written; `hybrid-search embed 'head:/photos/my head'` gives the pictures such vectors"
    """
    if not replaced:
        return f"written; {command(f'embed {shlex.quote(name)}')} gives the pictures such vectors"
    again = command(f"embed {shlex.quote(name)} --again")
    return f"written in place of an earlier file; {again} gives such vectors, also to pictures that have older ones"
