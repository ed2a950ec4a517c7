"""The options that commands share, each declared once."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from hybrid_search.cli.suggest import keep_index

__all__ = [
    "As0",
    "AsCsv",
    "AsJson",
    "AsJsonl",
    "AsPaths",
    "BatchSize",
    "BesideWords",
    "Collapse",
    "Embedders",
    "Epochs",
    "Explain",
    "Facets",
    "Fields",
    "FilterOption",
    "FollowSymlinks",
    "Force",
    "Fusion",
    "FusionName",
    "Index",
    "K",
    "Less",
    "Like",
    "MinScore",
    "Missing",
    "More",
    "NoProgress",
    "NumCandidates",
    "Offset",
    "Patience",
    "Picture",
    "Pictures",
    "Replace",
    "Seed",
    "Sheet",
    "Sort",
    "Trained",
    "Unlike",
    "Weights",
    "Yes",
    "captions_file",
    "flag",
    "least_score",
    "leg_numbers",
]


def flag(*names: str, help: str, **more: Any) -> Any:
    """Return an option that is given or not, which help pages show without a type."""
    return typer.Option(*names, help=help, metavar="", **more)


def captions_file(help: str, **more: Any) -> Any:
    """Return the option of a file with what is written about pictures."""
    return typer.Option("--captions", metavar="FILE", exists=True, dir_okay=False, help=help, **more)


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
Picture = Annotated[
    str | None,
    typer.Option(
        "--image",
        metavar="FILE",
        help="A picture to find others by: a file, a URL, or - for stdin.",
        rich_help_panel="What to find",
    ),
]
Like = Annotated[
    list[str] | None,
    typer.Option(
        "--like",
        metavar="ID|PATH",
        help="An indexed picture to find others by; it is not among the hits. May be repeated.",
        rich_help_panel="What to find",
    ),
]
Unlike = Annotated[
    list[str] | None,
    typer.Option(
        "--unlike",
        metavar="ID|PATH",
        help="An indexed picture to lead away from; it is not among the hits. May be repeated.",
        rich_help_panel="What to find",
    ),
]
More = Annotated[
    list[str] | None,
    typer.Option(
        "--more",
        metavar="[N:]CLASS",
        help="More of what the embedder knows by this name: dog, or 2:dog for much more. May be repeated.",
        rich_help_panel="What to find",
    ),
]
Less = Annotated[
    list[str] | None,
    typer.Option(
        "--less",
        metavar="[N:]CLASS",
        help="Less of what the embedder knows by this name; may be repeated.",
        rich_help_panel="What to find",
    ),
]
Colours = Annotated[
    str | None,
    typer.Option(
        "--colour",
        metavar="COLOUR[:N],…",
        help="Colours to find pictures by, as in CSS: '#c00', or '#c00:3,white:1' with their shares.",
        rich_help_panel="What to find",
    ),
]
BesideWords = Annotated[
    str | None,
    typer.Option(
        "--words",
        metavar="TEXT",
        help="Words for captions, tags and labels beside a sum, whose own words are vectors alone.",
        rich_help_panel="What to find",
    ),
]
Embedders = Annotated[
    list[str] | None,
    typer.Option(
        "--embedder",
        metavar="NAME",
        help="Search by the vectors of this embedder of the index; may be repeated. By default by the first, and words "
        "by the first that has vectors for them and by those of captions.",
        rich_help_panel="How to rank",
    ),
]
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
Collapse = Annotated[
    bool,
    flag("--collapse", help="Show nearly identical hits as one, with its copies.", rich_help_panel="Which hits"),
]
Missing = Annotated[
    bool,
    flag("--missing", help="Also pictures whose files have vanished.", rich_help_panel="Which hits"),
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
Offset = Annotated[
    int,
    typer.Option(
        "--offset", min=0, metavar="N", help="How many hits to pass over first.", rich_help_panel="Which hits"
    ),
]
Sort = Annotated[
    list[str] | None,
    typer.Option(
        "--sort",
        metavar="FIELD[:desc]",
        help="Order by a field in place of the score; may be repeated.",
        rich_help_panel="Which hits",
    ),
]
MinScore = Annotated[
    str | None,
    typer.Option(
        "--min-score",
        metavar="N|LEG=N,…",
        help="Leave out hits below a score; vector=0.5 asks it of one leg, in its own unit.",
        rich_help_panel="Which hits",
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        "--weights",
        metavar="LEG=N,…",
        envvar="HYBRID_SEARCH_WEIGHTS",
        help="How much each leg counts, such as text=2,vector=1,signature=1.",
        rich_help_panel="How to rank",
    ),
]


class FusionName(str, Enum):
    """The ways to fuse legs, as `HybridIndex.search` knows them."""

    rrf = "rrf"
    sum = "sum"


Fusion = Annotated[
    FusionName,
    typer.Option(
        "--fusion",
        envvar="HYBRID_SEARCH_FUSION",
        help="Fuse the legs by their ranks (rrf) or by their normalised scores (sum).",
        rich_help_panel="How to rank",
    ),
]
NumCandidates = Annotated[
    int | None,
    typer.Option(
        "--num-candidates",
        min=1,
        metavar="N",
        help="Vectors that the approximate search examines: more is slower and finds more.",
        rich_help_panel="How to rank",
    ),
]
Facets = Annotated[
    list[str] | None,
    typer.Option(
        "--facet",
        metavar="FIELD",
        help="Count the values of a field, such as camera.make or taken_at:year; may be repeated.",
        rich_help_panel="What to show",
    ),
]
Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--field",
        metavar="FIELD",
        help="A field to show as a column, such as taken_at or camera.model; may be repeated.",
        rich_help_panel="What to show",
    ),
]
Explain = Annotated[
    bool,
    flag("--explain", help="Say which words and filters each hit matched.", rich_help_panel="What to show"),
]
Sheet = Annotated[
    Path | None,
    typer.Option(
        "--sheet",
        metavar="FILE",
        dir_okay=False,
        help="Also write a contact sheet (.png, .jpg, .webp) of the hits.",
        rich_help_panel="What to show",
    ),
]
Pictures = Annotated[
    bool,
    flag(
        "--pictures",
        help="Show the pictures in the terminal (kitty, sixel, or coloured blocks); needs the extra `pictures`.",
        rich_help_panel="What to show",
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
    int,
    typer.Option(
        "--batch-size", min=1, metavar="N", envvar="HYBRID_SEARCH_BATCH_SIZE", help="Pictures embedded together."
    ),
]
Trained = Annotated[
    Path,
    typer.Option("--out", metavar="FILE", dir_okay=False, help="The file to write, by whose path it is named."),
]
Epochs = Annotated[int, typer.Option("--epochs", min=1, metavar="N", help="Passes over the pictures, at most.")]
Patience = Annotated[
    int, typer.Option("--patience", min=1, metavar="N", help="Passes without a better validation after which it stops.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, metavar="N", help="The same seed trains the same embedder.")]
Replace = Annotated[
    bool,
    flag(
        "--force",
        help="Replace a file that this program did not write.",
        rich_help_panel="Output",
    ),
]
Force = Annotated[bool, flag("--force", help="Replace a file that is there.")]
Yes = Annotated[bool, flag("--yes", "-y", help="Do it without asking.")]


def leg_numbers(text: str | None, option: str) -> dict[str, float] | None:
    """Read `text=2,vector=1` as a mapping of leg to number.

    Examples
    --------
    >>> leg_numbers("text=2, vector=0.5", "--weights")
    {'text': 2.0, 'vector': 0.5}
    """
    if text is None:
        return None
    numbers: dict[str, float] = {}
    for part in text.split(","):
        # names of embedders with options have a "=" too
        leg, _, number = part.rpartition("=")
        try:
            numbers[leg.strip()] = float(number if leg else "")
        except ValueError:
            raise typer.BadParameter(f"{option} takes LEG=NUMBER,… such as text=2,vector=1 (got {text!r})") from None
    return numbers


def least_score(text: str | None) -> float | dict[str, float] | None:
    """Read the value of --min-score: one number, or one for some legs.

    Examples
    --------
    >>> least_score("0.02"), least_score("vector=0.5")
    (0.02, {'vector': 0.5})
    """
    try:
        return None if text is None else float(text)
    except ValueError:
        return leg_numbers(text, "--min-score")
