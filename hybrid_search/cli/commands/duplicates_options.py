"""The options of the commands that deal with duplicates, each declared once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from hybrid_search.cli.parsing import options
from hybrid_search.hits.evidence import DUPLICATE_TIERS, TIERS

if TYPE_CHECKING:
    from hybrid_search.hits.evidence import Tier

_WHAT, _DO = "What to find", "What to do with the files"


Tiers = Annotated[
    list[str] | None,
    options.value(
        "--tier",
        "TIER,…",
        f"Ways to match: {', '.join(DUPLICATE_TIERS)} (all of these by default), "
        f"{', '.join(TIERS[len(DUPLICATE_TIERS) :])}. Those that are named may be removed too; without it only files "
        "of the tiers bytes, pixels and near. A file that shows something which the kept one does not never goes.",
        rich_help_panel=_WHAT,
    ),
]
MaxDistance = Annotated[
    float | None,
    options.value(
        "--max-distance",
        "N",
        "The largest signature distance of the tiers near and transformed; less finds fewer and surer.",
        min=0.0,
        max=1.0,
        rich_help_panel=_WHAT,
    ),
]
Between = Annotated[
    tuple[Path, Path] | None,
    options.value(
        "--between",
        "FOLDER FOLDER",
        "Only copies of which one lies in the first and one in the second folder.",
        rich_help_panel=_WHAT,
    ),
]
Reference = Annotated[
    list[Path] | None,
    options.value(
        "--reference",
        "FOLDER",
        "Only copies of pictures in this folder, which is protected: its files are always kept. May be repeated.",
        rich_help_panel=_WHAT,
    ),
]
Protected = Annotated[
    list[Path] | None,
    options.value(
        "--reference",
        "FOLDER",
        "A protected folder: whatever was chosen, its files are kept. May be repeated.",
        rich_help_panel=_DO,
    ),
]
All = Annotated[bool, options.flag("--all", help="Also groups that were reviewed.", rich_help_panel=_WHAT)]
NoSave = Annotated[
    bool, options.flag("--no-save", help="Keep nothing of what was compared in the index.", rich_help_panel=_WHAT)
]
Keep = Annotated[
    list[str] | None,
    options.value(
        "--keep",
        "RULE,…",
        "Say which file of each group is to be kept, the first rule first: 'most-pixels,oldest'. A rule with a "
        "comma in it needs a --keep for each rule. `hybrid-search duplicates rules` lists them.",
        rich_help_panel=_DO,
    ),
]
Action = Annotated[
    Literal["move", "trash", "hardlink", "symlink", "delete"] | None,
    typer.Option(
        "--action",
        help="What to do with the files that are not kept. Only said, not done, without --yes.",
        rich_help_panel=_DO,
    ),
]
To = Annotated[
    Path | None,
    options.value(
        "--to",
        "FOLDER",
        "Where --action move puts them, in the same folders as they lie in now.",
        file_okay=False,
        rich_help_panel=_DO,
    ),
]
MergeMetadata = Annotated[
    bool,
    options.flag(
        "--merge-metadata",
        help="First give the kept picture, in the index, what only its copies have: caption, tags, rating, place, …",
        rich_help_panel=_DO,
    ),
]
Journal = Annotated[
    Path | None,
    options.value(
        "--journal",
        "FILE",
        "A new file to note in what is done; without it one of your own data.",
        dir_okay=False,
        rich_help_panel=_DO,
    ),
]
Yes = Annotated[bool, options.flag("--yes", "-y", help="Do it; without this it is only said.", rich_help_panel=_DO)]
Html = Annotated[
    Path | None,
    options.value(
        "--html",
        "FILE",
        "Also write a page that shows the pictures side by side, and on which to choose.",
        dir_okay=False,
        rich_help_panel="Output",
    ),
]


def tiers_of(names: Sequence[str] | None) -> tuple[Tier, ...] | None:
    """Read the values of --tier, the surest first; None when there are none.

    Examples
    --------
    >>> tiers_of(["near,bytes", "edited"]), tiers_of(None)
    (('bytes', 'near', 'edited'), None)
    """
    if not names:
        return None
    wanted = {part.strip() for name in names for part in name.split(",") if part.strip()}
    if unknown := wanted.difference(TIERS):
        raise typer.BadParameter(f"no tier {sorted(unknown)[0]!r}; known: {', '.join(TIERS)}")
    return cast("tuple[Tier, ...]", tuple(tier for tier in TIERS if tier in wanted))
