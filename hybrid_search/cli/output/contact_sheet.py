"""Contact sheets: the hits of a search as one picture, each with its rank, score and caption."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from hybrid_search.cli.output.fonts import fit, font_for, wrap
from hybrid_search.cli.output.hit_columns import caption, legs_of, more_copies, number
from hybrid_search.cli.output.output_files import GENERATOR, replacing
from hybrid_search.cli.output.terminal import escape
from hybrid_search.errors import HybridSearchError
from hybrid_search.hits.text_lines import lines_with
from hybrid_search.query.text import parse_text

if TYPE_CHECKING:
    from hybrid_search.hits.hits import Hit
    from hybrid_search.ocr.text_line import TextLine

MAX_HITS = 500
TILE, GAP, MARGIN = 240, 16, 24
LINE, SMALL, LARGE = 19, 14, 20
PAPER, INK, FAINT, GREY, ACCENT = "#ffffff", "#1b1f24", "#6a737d", "#e4e7eb", "#0b5cad"
MARK = "#e8590c"


def write_sheet(
    hits: Sequence[Hit],
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    words: str | None = None,
    columns: int = 5,
    force: bool = False,
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
    words : str, optional
        What was searched for: lines of text inside the pictures that hold it are framed.
    columns : int
        Pictures in a row.
    force : bool
        Whether a file that is no sheet may be replaced.

    Raises
    ------
    ValueError
        When there are too many hits, no column, or a suffix that no picture format has.
    typer.BadParameter
        When there is a file that is no sheet.
    """
    sheet_format(path)
    save_sheet(draw_sheet(hits, title=title, words=words, columns=columns), path, force=force)


def save_sheet(sheet: Image.Image, path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Write a sheet that says of itself what it is, so that another may take its place; see `write_sheet`."""
    marks = Image.Exif()
    marks[0x0131] = GENERATOR
    with replacing(Path(path), force=force) as draft, open(draft, "xb") as file:
        sheet.save(file, sheet_format(path), exif=marks, comment=GENERATOR.encode())


def sheet_format(path: str | os.PathLike[str]) -> str:
    """Return Pillow's name of the format that a file's suffix asks for; ValueError when it can write none."""
    suffix = Path(path).suffix.lower()
    form = Image.registered_extensions().get(suffix, "")
    if form not in Image.SAVE:
        raise ValueError(f"cannot write a sheet as {suffix or str(path)!r}; name a .png, .jpg or .webp file")
    return form


def draw_sheet(
    hits: Sequence[Hit], *, title: str | None = None, words: str | None = None, columns: int = 5
) -> Image.Image:
    """Return the contact sheet as an image; see `write_sheet`."""
    if len(hits) > MAX_HITS:
        raise ValueError(f"a sheet holds at most {MAX_HITS} hits (got {len(hits)}); ask for a smaller k")
    if columns < 1:
        raise ValueError(f"a sheet has at least one column (got {columns})")
    hits = with_stand_ins(hits)
    across = max(1, min(columns, len(hits)))
    asked = parse_text(words or "")
    tiles = [_tile(hit, (*asked.sought, *asked.phrases)) for hit in hits]
    rows = [tiles[start : start + across] for start in range(0, len(tiles), across)]
    heights = [max(tile.height for tile in row) + 8 + 5 * LINE for row in rows]
    head = LARGE + GAP if title else 0
    needed = font_for(title, LARGE).getlength(escape(title)) if title else 0
    most = columns * (TILE + GAP) - GAP
    width = 2 * MARGIN + max(across * (TILE + GAP) - GAP, min(int(needed) + 1, most), min(2 * TILE, most))
    height = 2 * MARGIN + head + (sum(heights) + GAP * (len(rows) - 1) if rows else LINE)
    sheet = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(sheet)
    if title:
        font = font_for(title, LARGE)
        pen.text((MARGIN, MARGIN - 4), fit(escape(title), font, width - 2 * MARGIN), fill=INK, font=font)
    if not hits:
        pen.text((MARGIN, MARGIN + head), "nothing found", fill=FAINT, font=font_for("", SMALL))
    top = MARGIN + head
    for number_of_row, (row, tall) in enumerate(zip(rows, heights, strict=True)):
        foot = top + tall - 8 - 5 * LINE
        for place, tile in enumerate(row):
            left = MARGIN + place * (TILE + GAP)
            # pictures stand on one line, as prints do: their captions then begin at one height
            sheet.paste(tile, (left + (TILE - tile.width) // 2, foot - tile.height))
            _write_below(pen, hits[number_of_row * across + place], left, foot + 8)
        top += tall + GAP
    return sheet


def with_stand_ins(hits: Sequence[Hit]) -> Sequence[Hit]:
    """Return the hits of a search with their stored thumbnails, when the file of one of them is gone."""
    from hybrid_search.hits.hits import Hits

    if isinstance(hits, Hits) and any(hit.path is None or not os.path.exists(hit.path) for hit in hits):
        return hits.with_thumbnails()
    return hits


def picture_of(hit: Hit, *, side: int) -> Image.Image | str:
    """Return the picture of a hit, its longer side `side` pixels if it has half of them, or why there is none."""
    reason = "no file"
    if hit.path is not None and "://" not in hit.path:
        from hybrid_search.images import load_image

        try:
            return _fitted(load_image(hit.path, min_side=side), side)
        except HybridSearchError as error:
            reason = str(getattr(error, "reason", error))
        except OSError as error:
            reason = error.strerror or str(error)
    head, _, data = str(hit.source.get("thumbnail") or "").partition(",")
    if head.startswith("data:image/") and head.endswith(";base64"):
        try:
            with Image.open(io.BytesIO(base64.b64decode(data))) as small:
                return _fitted(small.convert("RGB"), side)
        except (OSError, ValueError):
            return reason
    return reason


def _fitted(picture: Image.Image, side: int) -> Image.Image:
    """Scale a picture to the side, a small one at most to twice its size."""
    scale = min(side / max(picture.size), 2.0)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _tile(hit: Hit, sought: Sequence[str]) -> Image.Image:
    picture = picture_of(hit, side=TILE)
    if not isinstance(picture, str):
        return _framed(picture, lines_with(hit.source, sought))
    tile = Image.new("RGB", (TILE, TILE * 2 // 3), GREY)
    font = font_for(picture, SMALL)
    for row, line in enumerate(wrap(escape(picture), font, TILE - 24, 5)):
        ImageDraw.Draw(tile).text((12, 12 + row * LINE), line, fill=FAINT, font=font)
    return tile


def _framed(picture: Image.Image, lines: Sequence[TextLine]) -> Image.Image:
    """Draw a frame around each line, two pixels away from its letters."""
    pen = ImageDraw.Draw(picture)
    for line in lines:
        left, top = line.left * picture.width - 3, line.top * picture.height - 3
        right, bottom = left + line.width * picture.width + 6, top + line.height * picture.height + 6
        pen.rectangle((left, top, right, bottom), outline=MARK, width=2)
    return picture


def _write_below(pen: ImageDraw.ImageDraw, hit: Hit, left: int, top: int) -> None:
    small = font_for("", SMALL)
    pen.text((left, top), f"{hit.rank}.", fill=ACCENT, font=font_for("", LARGE - 3))
    score = f"score {number(hit.score)}  {more_copies(hit)}" if hit.legs else more_copies(hit)
    pen.text((left + TILE, top + 3), score.rstrip(), fill=INK, font=small, anchor="ra")
    said, _ = caption(hit.source)
    name = Path(hit.path).name if hit.path else hit.id
    font = font_for(said, SMALL)
    lines = [(part, INK, font) for part in (wrap(escape(said), font, TILE, 2) if said else [])]
    font = font_for(name, SMALL)
    of_legs = " · ".join(f"{'sign.' if leg == 'signature' else leg} {hit.legs[leg]:.3g}" for leg in legs_of([hit]))
    legs = [(fit(of_legs, small, TILE), FAINT, small)] if hit.legs else []
    lines = [*legs, *lines, (fit(escape(name), font, TILE), FAINT, font)]
    for row, (text, colour, font) in enumerate(lines, 1):
        pen.text((left, top + row * LINE + 2), text, fill=colour, font=font)
