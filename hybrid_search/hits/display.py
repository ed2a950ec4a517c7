"""What people are shown: hits as a table or as thumbnails, text that cannot act on what shows it."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hybrid_search.errors.numbers import counted

if TYPE_CHECKING:
    from hybrid_search.hits.hits import Hit

UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, line separators, direction overrides and lone surrogates: what could act on a terminal."""
_FORMULA = re.compile('(^|[;\t\r\n|])([ "\ufeff]*)(?=[=+\\-@\uff1d\uff0b\uff0d\uff20])|^(?=[\t\r\n])')
"""Where a spreadsheet would see a formula begin, full-width forms included: in front of the text, or of what becomes a
cell of its own where the file is opened with another separator than the comma."""
_THUMBNAIL = re.compile(r"data:image/(?:jpeg|png|webp|gif);base64,[A-Za-z0-9+/]+={0,2}")
_NAME_WIDTH = 60


def escape(text: str) -> str:
    r"""Return the text with everything that could act on a terminal, or break a line, written as an escape.

    Examples
    --------
    >>> escape("a\x1b[31mb\nc")
    'a\\x1b[31mb\\nc'
    """
    return UNSAFE.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


def spreadsheet_cell(value: Any) -> Any:
    """Return a value as a cell of CSV: nothing for None, and text with a `'` in front of all that would be a formula.

    Examples
    --------
    >>> spreadsheet_cell("=1+1"), spreadsheet_cell("x;=1+1"), spreadsheet_cell(-2), spreadsheet_cell(None)
    ("'=1+1", "x;'=1+1", -2, '')
    """
    # a spreadsheet runs text that begins like a formula, whoever wrote it into a caption
    if isinstance(value, str):
        return _FORMULA.sub(r"\1\2'", value)
    return "" if value is None else value


def number(value: float | None) -> str:
    """Return a score with as many digits as tell hits apart, and nothing for no score.

    Examples
    --------
    >>> number(0.032787), number(12.3456), number(1.0), number(1.6e-5), number(0.0), number(None)
    ('0.0328', '12.35', '1.0000', '<0.0001', '0.0000', '')
    """
    if value is None:
        return ""
    if 0 < value < 0.00005:
        return "<0.0001"
    return f"{value:.4f}" if abs(value) <= 1 else f"{value:.2f}"


def thumbnail_of(source: Mapping[str, Any]) -> str:
    """Return a document's thumbnail, a data URI; nothing where it has none, or other text in its place."""
    thumbnail = str(source.get("thumbnail") or "")
    # A document may hold any text there, and only a picture is to become one.
    return thumbnail if _THUMBNAIL.fullmatch(thumbnail) else ""


def hits_table(hits: Sequence[Hit], *, total: str, notes: Sequence[object] = ()) -> str:
    """Return hits as a table of rank, score, the legs' own scores, and name; what is to be told of them comes last."""
    legs = list(dict.fromkeys(leg for hit in hits for leg in hit.legs))
    rows = [["rank", "score", *legs, "hit"]]
    for hit in hits:
        own = [f"{hit.legs[leg]:.3f}" if leg in hit.legs else "" for leg in legs]
        rows.append([str(hit.rank), number(hit.score), *own, _clipped(_name(hit)) + _more(hit)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = [
        "  ".join([*(cell.rjust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows
    ]
    return "\n".join([*lines, f"{len(hits)} of {total}", *(escape(str(note)) for note in notes)])


def hits_html(hits: Sequence[Hit], *, total: str, notes: Sequence[object] = ()) -> str:
    """Return hits as HTML: thumbnails with rank, score, caption and path; every text is escaped."""
    figures = "".join(_figure(hit) for hit in hits)
    told = "".join(f"<div>{html.escape(str(note))}</div>" for note in (f"{len(hits)} of {total}", *notes))
    return f'<div style="display:flex;flex-wrap:wrap;gap:12px">{figures}</div>{told}'


def _figure(hit: Hit) -> str:
    thumbnail = thumbnail_of(hit.source)
    picture = (
        f'<img src="{thumbnail}" alt="" style="max-width:160px;max-height:160px">'
        if thumbnail
        else '<div style="width:160px;height:120px;background:#ddd"></div>'
    )
    legs = ", ".join(f"{name} {score:.3f}" for name, score in hit.legs.items())
    caption = str(hit.source.get("caption") or hit.source.get("title") or "")
    lines = [f"{hit.rank}. {number(hit.score)}{_more(hit)}", legs, _clipped(caption), _clipped(_name(hit))]
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
    return f"  +{counted(count, 'copy')}" if count else ""


def _clipped(text: str) -> str:
    # Names may hold anything, also what would move the cursor or colour the terminal.
    flat = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return flat if len(flat) <= _NAME_WIDTH else f"…{flat[1 - _NAME_WIDTH :]}"
