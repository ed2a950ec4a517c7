"""Kinds of files: screenshots, RAW, GIF and other formats, panoramas, upright and square pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hybrid_search.images.sniff import RAW_FORMATS
from hybrid_search.query.understood.model import Meaning, TypedWord, any_of
from hybrid_search.query.understood.ordinary_words import PICTURE_WORDS
from hybrid_search.query.understood.vocabulary import IndexVocabulary

_ALIASES: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("jpg", "jpegs", "jpgs"), frozenset({"jpeg"})),
    "tif": frozenset({"tiff"}),
    "heic": frozenset({"heif"}),
    "gifs": frozenset({"gif"}),
    "raw": RAW_FORMATS,
    "raws": RAW_FORMATS,
}
_FORMATS = RAW_FORMATS | frozenset("jpeg gif png webp bmp avif tiff psd jp2 jxl heif".split())
_SHAPES = {
    **dict.fromkeys(("panorama", "panoramas", "pano", "panoramic", "panoramique", "panoramica"), "panorama"),
    **dict.fromkeys(("portrait", "upright", "vertical", "hochformat"), "portrait"),
    **dict.fromkeys(("landscape", "horizontal", "querformat"), "landscape"),
    **dict.fromkeys(("square", "quadratisch", "quadratische"), "square"),
}
_SURE = frozenset("panorama panoramas pano hochformat querformat".split())
_NEVER_ALONE = frozenset("landscape horizontal vertical".split())
"""Scenery is looked for far more often than pictures that are wider than high, and these words alone say neither."""
_FORM_WORDS = frozenset("format orientation mode shape crop aspect ratio formatted oriented".split())
_GREY = frozenset(
    "b&w bw monochrome greyscale grayscale schwarzweiß schwarzweiss schwarz-weiß schwarz-weiss".split()
) | {"black and white", "noir et blanc", "blanco y negro", "bianco e nero"}
_SCREENSHOTS = frozenset("screenshot screenshots screengrab bildschirmfoto bildschirmfotos screencap".split())
_SCREENSHOT_NAMES = (
    "screen shot",
    "bildschirmfoto",
    "capture d ecran",
    "captura de pantalla",
    "schermata",
    "screenshots",
)


def kind_meaning(words: Sequence[TypedWord], at: int, vocabulary: IndexVocabulary, *, alone: bool) -> Meaning | None:
    """Return the kind of file that is named from a word on, None where there is none.

    A word that says more than a kind, such as "square", is one where nothing else is asked, or beside "photos" or
    "format".

    Parameters
    ----------
    words : sequence of TypedWord
    at : int
    vocabulary : IndexVocabulary
    alone : bool
        Whether nothing else is asked but what else is understood.

    Examples
    --------
    >>> from hybrid_search.query.understood.typed_words import typed_words
    >>> known = IndexVocabulary(kinds={"shape": frozenset({"square"}), "format": frozenset({"gif"})})
    >>> kind_meaning(typed_words("square photos"), 0, known, alone=False).text
    'square pictures'
    """
    word = words[at].word
    following = words[at + 1].word if at + 1 < len(words) and not words[at + 1].literal else ""
    if word in _SCREENSHOTS or (word, following) in (("screen", "shot"), ("screen", "shots")):
        return Meaning(1 if word in _SCREENSHOTS else 2, "screenshots", _screenshot(vocabulary))
    formats = _ALIASES.get(word, _FORMATS & {word}) & vocabulary.kinds.get("format", frozenset())
    if formats:
        return Meaning(1, f"files of the format {word.rstrip('s').upper()}", {"terms": {"format": sorted(formats)}})
    return _monochrome(words, at, vocabulary, alone=alone) or _shape(words, at, following, vocabulary, alone=alone)


def _monochrome(words: Sequence[TypedWord], at: int, vocabulary: IndexVocabulary, *, alone: bool) -> Meaning | None:
    """Return the meaning of "black and white" beside "photos", or where nothing else is asked: dogs are so too."""
    length = next((count for count in (3, 1) if " ".join(each.word for each in words[at : at + count]) in _GREY), 0)
    if not length or "true" not in vocabulary.kinds.get("monochrome", ()):
        return None
    following = words[at + length].word if at + length < len(words) else ""
    if not (alone or following in PICTURE_WORDS or (at and words[at - 1].word in PICTURE_WORDS)):
        return None
    return Meaning(length, "photographs in black and white", {"term": {"monochrome": True}})


def _shape(
    words: Sequence[TypedWord], at: int, following: str, vocabulary: IndexVocabulary, *, alone: bool
) -> Meaning | None:
    word = words[at].word
    shape = _SHAPES.get(word)
    if shape is None or shape not in vocabulary.kinds.get("shape", ()):
        return None
    formed = following in _FORM_WORDS
    beside_picture = following in PICTURE_WORDS and word not in ("landscape", "portrait")
    if not (word in _SURE or formed or beside_picture or (alone and word not in _NEVER_ALONE)):
        return None
    clause: dict[str, Any] = {"term": {"shape": shape}}
    if shape == "panorama":
        # long screens of phones have that shape too
        shaped = {"bool": {"filter": [clause], "must_not": [_screenshot(vocabulary)]}}
        clause = any_of([shaped, *vocabulary.written("panorama")])
    said = {"portrait": "upright pictures", "landscape": "pictures wider than high"}
    return Meaning(1 + formed, said.get(shape, f"{shape} pictures".replace("panorama p", "panoramic p")), clause)


def _screenshot(vocabulary: IndexVocabulary) -> dict[str, Any]:
    """Return the clause for screenshots: by their names and folders, and by what phones write as their caption."""
    names = [
        {"match_phrase": {field: {"query": name}}}
        for name in _SCREENSHOT_NAMES
        for field in ("filename_text", "folder_text")
    ]
    return any_of([*vocabulary.written("screenshot"), *names])
