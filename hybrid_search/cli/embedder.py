"""The commands about embedders themselves: `embedder list`, `fetch` and `export`."""

from __future__ import annotations

import typer

__all__ = ["app"]

app = typer.Typer(name="embedder", help="What turns pictures and words into vectors: list, fetch and convert them.")


@app.callback()
def embedder() -> None:
    """List, fetch and convert what turns pictures and words into vectors."""
