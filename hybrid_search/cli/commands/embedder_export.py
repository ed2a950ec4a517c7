"""`hybrid-search embedder export`: an embedder as an ONNX file."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from hybrid_search.cli.output import terminal
from hybrid_search.cli.output.embedder_files import check_free, told
from hybrid_search.cli.parsing import options


def export(
    embedder: Annotated[
        str, typer.Argument(metavar="EMBEDDER", help="What to convert, such as lite or keras:resnet50.")
    ],
    out: Annotated[Path, typer.Argument(metavar="FILE", help="The ONNX file to write.")],
    force: options.Force = False,
) -> None:
    """Write an embedder's network as an ONNX file, which then is an embedder by name: onnx:FILE.

    For example:

        hybrid-search embedder export keras:resnet50 resnet50.onnx
    """
    if not out.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {out.parent}", param_hint="FILE")
    if out.is_dir():
        raise typer.BadParameter(f"{out} is a folder", param_hint="FILE")
    replaced = check_free(out, force=force)
    from hybrid_search.embedders.onnx_export import export_onnx
    from hybrid_search.embedders.registry import get_embedder

    with terminal.waiting(f"converting {embedder}"):
        export_onnx(get_embedder(embedder), out)
    size = out.stat().st_size / 1e6
    name = shlex.quote(f"onnx:{out}")
    terminal.write(terminal.escape(f"{embedder} is now in {out} ({size:.0f} MB); its name is {name}") + "\n")
    if replaced:
        terminal.note(told(f"onnx:{out.absolute()}", replaced=True))
