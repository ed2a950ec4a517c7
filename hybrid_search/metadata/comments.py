"""Words and dates that containers keep beside EXIF, IPTC and XMP: comments, PNG's keywords, prompts."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

from hybrid_search.metadata.blocks import Blocks
from hybrid_search.metadata.fields import Gate
from hybrid_search.metadata.model import Metadata
from hybrid_search.metadata.prompts import read_prompt
from hybrid_search.metadata.values import is_default_caption, parse_date, shown

_PROGRAMS = re.compile(
    r"(?:creator: |lead technologies|applemark|intel\(r\)|lav[cf]\d|jpeg encoder|handmade software|vid:v\d|software: "
    r"|quality ?=|gif ?builder|xv version|ulead|acd systems|barebones|\W*$)"
    r"|(?:\w+ )?(?:created|made|generated|edited|resized|cropped|optimi[sz]ed|compressed|processed|converted|written"
    r"|saved|encoded|scaled) (?:with|by|using|in|from) (?:the |an? )?(?:adobe|gimp|image ?magick|graphicsmagick"
    r"|photoshop|ezgif|giphy|gifsicle|paint|jpeg|ffmpeg|irfanview|xnview|acdsee|ulead|corel|ebay|picasa|gd|libgd|ijg"
    r"|moz|matplotlib|inkscape|microsoft|windows|apple|canva|snagit|greenshot|lightshot|picasion|https?:|www\.)",
    re.IGNORECASE,
)
"""How the notes begin that programs leave of themselves."""
_KEYWORDS = {
    "title": ("title",),
    "artist": ("author", "artist"),
    "copyright": ("copyright",),
    "software": ("software",),
    "tags": ("keywords",),
}
_PROMPTS = (
    *("parameters", "prompt", "invokeai_metadata", "sd-metadata", "dream", "generation_data", "workflow"),
    *("comment", "description"),
)
"""PNG's keywords under which generators keep what they were asked for, the surest first."""


def read_notes(blocks: Blocks) -> Metadata:
    """Return what the comments and texts of a container say; every other kind of metadata says it better."""
    gate = Gate()
    texts = {name.lower(): text for name, text in reversed(blocks.text.items())}
    for name, keywords in _KEYWORDS.items():
        gate.put_first(name, *(texts[each] for each in keywords if each in texts and not _is_default(texts[each])))
    prompts = (_prompt(name, blocks.prompts.get(name) or texts.get(name, "")) for name in _PROMPTS)
    gate.put("prompt", next(filter(None, prompts), None))
    written = [texts.get("description", ""), texts.get("comment", ""), *blocks.comments]
    # a generator's settings are no words
    captions = [text for text in written if not _is_default(text) and not read_prompt(text) and text[:1] not in "{["]
    gate.put("caption", next(iter(captions), None) or gate.fields.get("prompt"))
    dates = (text for name, text in texts.items() if re.sub(r"[\W_]", "", name) in ("creationtime", "createdate"))
    if (date := next(dates, None)) is not None:
        _put_date(date, gate)
    return gate.metadata()


def _prompt(name: str, text: str) -> str:
    if name == "dream":
        return text.partition('" ')[0].strip('"')
    return read_prompt(text, certain=name in ("parameters", "prompt"))


def _is_default(text: str) -> bool:
    return is_default_caption(text) or _PROGRAMS.match(text) is not None


def _put_date(text: str, gate: Gate) -> None:
    """Take PNG's creation time, which the standard wants as e-mail writes it, and most programs write as EXIF does."""
    try:
        taken_at = parse_date(text)
    except ValueError as error:
        try:
            taken_at = parsedate_to_datetime(text).isoformat()
        except (ValueError, TypeError, OverflowError):
            gate.warn(f"Creation Time {shown(text)} {error}")
            return
    gate.put("taken_at", taken_at, source="Creation Time")
