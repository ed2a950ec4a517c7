"""The options that commands share, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hybrid_search.cli.suggest import keep_index


def flag(*names: str, help: str, **more: Any) -> Any:
    """Return an option that is given or not, which help pages show without a type."""
    return typer.Option(*names, help=help, metavar="", **more)


def value(name: str, metavar: str, help: str, **more: Any) -> Any:
    """Return an option that takes a value, which help pages show as `metavar`."""
    return typer.Option(name, metavar=metavar, help=help, **more)


def captions_file(help: str, **more: Any) -> Any:
    """Return the option of a file with what is written about pictures."""
    return value("--captions", "FILE", help, exists=True, dir_okay=False, **more)


Index = Annotated[
    str | None,
    typer.Option(
        "--index",
        "-i",
        metavar="LOCATION",
        help="The index: a folder, or the URL of Elasticsearch. May stand before the command too.",
        show_default=False,
        callback=keep_index,
    ),
]
FollowSymlinks = Annotated[
    bool, flag("--follow-symlinks", help="Also the folders that symbolic links below the folder lead to.")
]
NoProgress = Annotated[bool, flag("--no-progress", envvar="HYBRID_SEARCH_NO_PROGRESS", help="No progress bar.")]
FilterOption = Annotated[
    str | None,
    typer.Option(
        "--filter",
        "-f",
        metavar="QUERY",
        help="Exact conditions in Lucene syntax, as in Kibana: 'camera.make:canon AND iso:[400 TO *]'.",
        rich_help_panel="What to find",
    ),
]
K = Annotated[
    int,
    typer.Option(
        "-k",
        "--k",
        min=1,
        metavar="N",
        envvar="HYBRID_SEARCH_K",
        help="How many hits to show.",
        rich_help_panel="Which hits",
    ),
]
AsJson = Annotated[bool, flag("--json", help="Print one JSON object.", rich_help_panel="Output")]
AsJsonl = Annotated[bool, flag("--jsonl", help="Print one JSON object per hit.", rich_help_panel="Output")]
AsCsv = Annotated[bool, flag("--csv", help="Print CSV with a header line.", rich_help_panel="Output")]
AsPaths = Annotated[bool, flag("--paths", help="Print only the paths.", rich_help_panel="Output")]
As0 = Annotated[
    bool,
    flag(
        "-0",
        "--print0",
        help="Print only the paths, each ended by NUL, as xargs -0 reads them.",
        rich_help_panel="Output",
    ),
]
BatchSize = Annotated[
    int, value("--batch-size", "N", "Pictures embedded together.", min=1, envvar="HYBRID_SEARCH_BATCH_SIZE")
]
Trained = Annotated[Path, value("--out", "FILE", "The file to write, by whose path it is named.", dir_okay=False)]
Epochs = Annotated[int, value("--epochs", "N", "Passes over the pictures, at most.", min=1)]
Patience = Annotated[int, value("--patience", "N", "Passes without a better validation after which it stops.", min=1)]
Seed = Annotated[int, value("--seed", "N", "The same seed trains the same embedder.", min=0)]
Replace = Annotated[
    bool, flag("--force", help="Replace a file that this program did not write.", rich_help_panel="Output")
]
Force = Annotated[bool, flag("--force", help="Replace a file that is there.")]
Yes = Annotated[bool, flag("--yes", "-y", help="Do it without asking.")]
