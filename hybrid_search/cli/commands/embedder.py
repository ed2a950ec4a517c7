"""The commands about embedders themselves: `embedder list`, `fetch` and `export`."""

from __future__ import annotations

from hybrid_search.cli.commands.embedder_export import export
from hybrid_search.cli.commands.embedder_fetch import fetch
from hybrid_search.cli.commands.embedder_list import list_
from hybrid_search.cli.output.help_pages import Program

app = Program(name="embedder", help="What turns pictures and words into vectors: list, fetch and convert them.")


@app.callback()
def embedder() -> None:
    """List, fetch and convert what turns pictures and words into vectors."""


app.command("list")(list_)
app.command("fetch")(fetch)
app.command("export")(export)
