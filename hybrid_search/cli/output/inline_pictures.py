"""Pictures inside the terminal, by the best means that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from hybrid_search.hits.hits import Hit

WIDTH, HEIGHT = 24, 8
"""Columns and lines of the terminal that a picture takes at most."""


def check() -> None:
    """Find out what the terminal can show, before anything is printed.

    Raises
    ------
    typer.BadParameter
        When the package that draws pictures is not installed.
    """
    try:
        import textual_image.renderable  # noqa: F401
    except ImportError:
        raise typer.BadParameter(
            "--pictures needs one more package: pip install 'hybrid-search[pictures]'; "
            "--sheet FILE.png writes a contact sheet without it"
        ) from None


def inline(hit: Hit) -> Any:
    """Return a hit's picture as something that rich can print; the reason when it cannot be had."""
    from rich.text import Text
    from textual_image.renderable import Image

    from hybrid_search.cli.output.contact_sheet import picture_of

    picture = picture_of(hit, side=320)
    if isinstance(picture, str):
        return Text(picture, style="dim")
    # a line of a terminal is about twice as high as a column is wide
    width = min(WIDTH, max(2, round(2 * HEIGHT * picture.width / picture.height)))
    return Image(picture, width=width, height="auto")
