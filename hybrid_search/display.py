"""Hits for people: a table on a terminal, thumbnails in a notebook."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hybrid_search.hits import Hit

__all__ = ["hits_html", "hits_table"]

_THUMBNAIL = re.compile(r"data:image/(?:jpeg|png|webp|gif);base64,[A-Za-z0-9+/]+={0,2}")
_NAME_WIDTH = 60


def hits_table(hits: Sequence[Hit], *, total: int) -> str:
    """Return hits as a table of rank, score, the legs' own scores, and name."""
    legs = list(dict.fromkeys(leg for hit in hits for leg in hit.legs))
    rows = [["rank", "score", *legs, "hit"]]
    for hit in hits:
        own = [f"{hit.legs[leg]:.3f}" if leg in hit.legs else "" for leg in legs]
        rows.append([str(hit.rank), f"{hit.score:.4f}", *own, _clipped(_name(hit)) + _more(hit)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = [
        "  ".join([*(cell.rjust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows
    ]
    return "\n".join([*lines, f"{len(hits)} of {total:,}"])


def hits_html(hits: Sequence[Hit], *, total: int) -> str:
    """Return hits as HTML: thumbnails with rank, score, caption and path; every text is escaped."""
    figures = "".join(_figure(hit) for hit in hits)
    return f'<div style="display:flex;flex-wrap:wrap;gap:12px">{figures}</div><div>{len(hits)} of {total:,}</div>'


def _figure(hit: Hit) -> str:
    thumbnail = str(hit.source.get("thumbnail", ""))
    # A document may hold any text there, and only a picture is to become one.
    picture = (
        f'<img src="{thumbnail}" alt="" style="max-width:160px;max-height:160px">'
        if _THUMBNAIL.fullmatch(thumbnail)
        else '<div style="width:160px;height:120px;background:#ddd"></div>'
    )
    legs = ", ".join(f"{name} {score:.3f}" for name, score in hit.legs.items())
    caption = str(hit.source.get("caption") or hit.source.get("title") or "")
    lines = [f"{hit.rank}. {hit.score:.4f}{_more(hit)}", legs, _clipped(caption), _clipped(_name(hit))]
    shown = "<br>".join(html.escape(line) for line in lines if line)
    title = html.escape(f"{_name(hit)}\n{caption}", quote=True)
    return (
        f'<figure style="margin:0;width:160px;font-size:12px;overflow-wrap:anywhere" title="{title}">'
        f"{picture}<figcaption>{shown}</figcaption></figure>"
    )


def _name(hit: Hit) -> str:
    return hit.path or hit.id


def _more(hit: Hit) -> str:
    count = len(hit.copies)
    return f"  +{count} {'copy' if count == 1 else 'copies'}" if count else ""


def _clipped(text: str) -> str:
    # Names may hold anything, also what would move the cursor or colour the terminal.
    flat = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return flat if len(flat) <= _NAME_WIDTH else f"…{flat[1 - _NAME_WIDTH :]}"
