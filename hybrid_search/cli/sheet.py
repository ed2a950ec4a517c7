"""Contact sheets: the hits of a search as one picture, each with its rank, score and caption."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from hybrid_search.cli.fonts import fit, font_for, wrap
from hybrid_search.cli.rows import caption, copies, legs_of, number
from hybrid_search.cli.terminal import escape
from hybrid_search.errors import HybridSearchError

if TYPE_CHECKING:
    from hybrid_search.hits import Hit

__all__ = ["MAX_HITS", "draw_sheet", "picture_of", "sheet_format", "write_sheet"]

MAX_HITS = 500
TILE, GAP, MARGIN = 240, 16, 24
LINE, SMALL, LARGE = 19, 14, 20
PAPER, INK, FAINT, GREY, ACCENT = "#ffffff", "#1b1f24", "#6a737d", "#e4e7eb", "#0b5cad"


def write_sheet(
    hits: Sequence[Hit], path: str | os.PathLike[str], *, title: str | None = None, columns: int = 5
) -> None:
    """Write the hits as one picture file.

    A hit shows the picture at its path; where that is gone its stored thumbnail; otherwise a grey tile with the reason.

    Parameters
    ----------
    hits : sequence of Hit
        At most 500, best first.
    path : str or PathLike
        The file to write; its suffix chooses the format (.png, .jpg, .webp, …).
    title : str, optional
        A line above the pictures, such as what was searched for.
    columns : int
        Pictures in a row.

    Raises
    ------
    ValueError
        When there are too many hits, no column, or a suffix that no picture format has.
    """
    form = sheet_format(path)
    buffer = io.BytesIO()
    draw_sheet(hits, title=title, columns=columns).save(buffer, form)
    Path(path).write_bytes(buffer.getvalue())


def sheet_format(path: str | os.PathLike[str]) -> str:
    """Return Pillow's name of the format that a file's suffix asks for; ValueError when it can write none."""
    suffix = Path(path).suffix.lower()
    form = Image.registered_extensions().get(suffix, "")
    if form not in Image.SAVE:
        raise ValueError(f"cannot write a sheet as {suffix or str(path)!r}; name a .png, .jpg or .webp file")
    return form


def draw_sheet(hits: Sequence[Hit], *, title: str | None = None, columns: int = 5) -> Image.Image:
    """Return the contact sheet as an image; see `write_sheet`."""
    if len(hits) > MAX_HITS:
        raise ValueError(f"a sheet holds at most {MAX_HITS} hits (got {len(hits)}); ask for a smaller k")
    if columns < 1:
        raise ValueError(f"a sheet has at least one column (got {columns})")
    across = max(1, min(columns, len(hits)))
    rows = -(-len(hits) // across)
    head = LARGE + GAP if title else 0
    height = TILE + 8 + 5 * LINE
    width = max(2 * MARGIN + across * (TILE + GAP) - GAP, 2 * MARGIN + 2 * TILE)
    sheet = Image.new("RGB", (width, 2 * MARGIN + head + max(rows * (height + GAP) - GAP, LINE)), PAPER)
    pen = ImageDraw.Draw(sheet)
    if title:
        font = font_for(title, LARGE)
        pen.text((MARGIN, MARGIN - 4), fit(escape(title), font, width - 2 * MARGIN), fill=INK, font=font)
    if not hits:
        pen.text((MARGIN, MARGIN + head), "nothing found", fill=FAINT, font=font_for("", SMALL))
    for place, hit in enumerate(hits):
        left = MARGIN + (place % across) * (TILE + GAP)
        top = MARGIN + head + (place // across) * (height + GAP)
        _draw_hit(sheet, pen, hit, left, top)
    return sheet


def picture_of(hit: Hit, *, side: int) -> Image.Image | str:
    """Return the picture of a hit, its longer side at most `side` pixels, or why there is none to show."""
    reason = "no path"
    if hit.path is not None:
        from hybrid_search.images import load_image

        try:
            return _shrunk(load_image(hit.path, min_side=side), side)
        except HybridSearchError as error:
            reason = str(getattr(error, "reason", error))
        except OSError as error:
            reason = error.strerror or str(error)
    head, _, data = str(hit.source.get("thumbnail") or "").partition(",")
    if head.startswith("data:image/") and head.endswith(";base64"):
        try:
            with Image.open(io.BytesIO(base64.b64decode(data))) as small:
                return _shrunk(small.convert("RGB"), side)
        except (OSError, ValueError):
            return reason
    return reason


def _shrunk(picture: Image.Image, side: int) -> Image.Image:
    small = picture.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return small


def _draw_hit(sheet: Image.Image, pen: ImageDraw.ImageDraw, hit: Hit, left: int, top: int) -> None:
    picture = picture_of(hit, side=TILE)
    if isinstance(picture, str):
        pen.rectangle((left, top, left + TILE - 1, top + TILE - 1), fill=GREY)
        font = font_for(picture, SMALL)
        for row, line in enumerate(wrap(escape(picture), font, TILE - 24, 5)):
            pen.text((left + 12, top + 12 + row * LINE), line, fill=FAINT, font=font)
    else:
        # pictures stand on one line, as prints do: captions then begin at one height
        sheet.paste(picture, (left + (TILE - picture.width) // 2, top + TILE - picture.height))
    base = top + TILE + 8
    pen.text((left, base), f"{hit.rank}.", fill=ACCENT, font=font_for("", LARGE - 3))
    score = font_for("", SMALL)
    text = f"score {number(hit.score)}" + (f"  +{copies(hit)} copies" if copies(hit) else "")
    pen.text((left + TILE, base + 3), text, fill=INK, font=score, anchor="ra")
    pen.text((left, base + LINE + 2), fit(_legs(hit), score, TILE), fill=FAINT, font=score)
    name = escape(Path(hit.path).name if hit.path else hit.id)
    said, _ = caption(hit.source)
    font = font_for(said, SMALL)
    lines = wrap(escape(said), font, TILE, 2) if said else []
    for row, part in enumerate(lines):
        pen.text((left, base + (2 + row) * LINE + 2), part, fill=INK, font=font)
    font = font_for(name, SMALL)
    pen.text((left, base + (2 + len(lines)) * LINE + 2), fit(name, font, TILE), fill=FAINT, font=font)


def _legs(hit: Hit) -> str:
    parts = [f"{leg} {number(hit.legs[leg])}" for leg in legs_of([hit])]
    return " · ".join(parts + ([f"distance {number(hit.distance)}"] if hit.distance is not None else []))
