"""Text inside pictures: words found on drawn pictures, false readings on photos, seconds with and without the look."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from hybrid_search.document.search_text import fold, search_text
from hybrid_search.images import decode, read_source
from hybrid_search.ocr.text_line import TextLine
from hybrid_search.ocr.text_reader import MIN_SIDE, TextReader
from scripts.benchmarks.machine import table
from scripts.pictures.text_pictures import KINDS, TextPicture, text_pictures
from scripts.pictures.written_photos import WITH_TEXT

TIMED = 16
"""Photos that are read with and without the look, to compare: every n-th."""
_TOKEN = re.compile(r"\w+(?:[.,]\w+)*")
_IDEOGRAPH = re.compile("[\u3400-\u9fff]")

Read = Callable[[Image.Image], tuple[TextLine, ...]]


def measure(
    photos: Path,
    *,
    quick: bool = False,
    seed: int = 0,
    half: str = "ab",
    parts: Sequence[str] = (),
    sheet: Path | None = None,
) -> str:
    """Return the figures; thresholds were chosen with seed 0 and half a of the photos, seed 1 and half b are reported.

    Parameters
    ----------
    photos : Path
        A folder of photos: backgrounds of signs and memes, and what false readings are counted on.
    seed : int
        Another one draws other pictures.
    half : {"a", "b", "ab"}
        Every other photo by name, from the first or the second on, or all.
    parts : sequence of str
        Of "words", "photos" and "seconds"; all by default.
    sheet : Path, optional
        Where to write a picture of all photos in which something was read, to judge by eye.
    """
    reader = TextReader()
    paths = sorted(path for path in photos.iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    drawn = text_pictures(paths, seed=seed, each=2 if quick else 14) if set(parts) != {"photos"} else []
    some = [path for place, path in enumerate(paths) if "ab"[place % 2] in half][: 8 if quick else None]
    measured: dict[str, Callable[[], str]] = {
        "words": lambda: _words(reader, drawn),
        "photos": lambda: _false_readings(reader, some, sheet),
        "seconds": lambda: _look(reader, drawn, some[:: max(1, len(some) // TIMED)]),
    }
    head = f"## Text inside pictures ({reader.version}, seed {seed}, half {half})\n"
    return "\n".join([head, *(each() for part, each in measured.items() if part in (parts or measured))])


def _words(reader: TextReader, drawn: Sequence[TextPicture]) -> str:
    found, words = defaultdict[str, int](int), defaultdict[str, int](int)
    missed = []
    for picture in drawn:
        lost = missing(picture.words, reader.read(picture.image))
        missed += [f"{word} ({picture.kind}, {picture.font})" for word in lost]
        for group in (picture.kind, picture.language, "all"):
            words[group] += len(picture.words)
            found[group] += len(picture.words) - len(lost)
    rows = [[group, words[group], f"{found[group] / words[group]:.1%}"] for group in (*KINDS, *_others(words))]
    fonts = ", ".join(sorted({picture.font for picture in drawn}))
    said = f"{len(drawn)} drawn pictures in {len({picture.font for picture in drawn})} fonts: {fonts}.\n"
    return "\n".join(
        [said, table(["pictures", "words", "found"], rows), f"Not found: {', '.join(missed) or 'none'}.\n"]
    )


def _others(words: Iterable[str]) -> list[str]:
    return sorted(group for group in words if group not in KINDS)


def missing(words: Iterable[str], lines: Iterable[TextLine]) -> list[str]:
    """Return the words that a search would not find in what was read."""
    text = " ".join(line.text for line in lines)
    tokens, joined = set(_tokens(text)), fold(text).replace(" ", "")
    return [
        word
        for word in words
        if not (fold(word) in joined if _IDEOGRAPH.search(word) else tokens.issuperset(_tokens(word)))
    ]


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(fold(search_text(text)))


def _false_readings(reader: TextReader, paths: Sequence[Path], sheet: Path | None) -> str:
    read = {path: lines for path in paths if (lines := reader.read(_pixels(path)))}
    false = [path for path in read if path.stem not in WITH_TEXT]
    if sheet is not None:
        _draw(read, sheet)
    listed = "".join(f"- {path.stem}: {' · '.join(line.text for line in read[path])}\n" for path in false)
    true = len(read) - len(false)
    said = (
        f"In {len(read)} of {len(paths)} photos something was read; in {true} of these there is text, judged by eye. "
        f"False readings: {len(false)} photos, {len(false) / max(1, len(paths)):.1%}.\n"
    )
    return said + (f"\n{listed}" if listed else "")


def _look(reader: TextReader, drawn: Sequence[TextPicture], paths: Sequence[Path]) -> str:
    written = [picture.image for picture in drawn[:: max(1, len(drawn) // TIMED)]]
    rows = []
    for name, images in (("photos", [_pixels(path) for path in paths]), ("drawn pictures", written)):
        seen = [reader.seems_written(image) for image in images]
        with_look, without = (_seconds(read, images) for read in (reader.read, reader.read_closely))
        rows.append([name, len(images), f"{sum(seen) / len(seen):.0%}", with_look, without, with_look / without])
    header = ["", "pictures", "pass the look", "s with the look", "s without", "with ÷ without"]
    return "Processor seconds a picture, one thread:\n\n" + table(header, rows)


def _seconds(read: Read, images: Sequence[Image.Image]) -> float:
    start = time.process_time()
    for image in images:
        read(image)
    return (time.process_time() - start) / len(images)


def _pixels(path: Path) -> Image.Image:
    return decode(read_source(path), min_side=MIN_SIDE).image


def _draw(read: dict[Path, tuple[TextLine, ...]], sheet: Path) -> None:
    """Draw all pictures in which something was read, with frames, names and what was read."""
    side, across = 300, 6
    paper = Image.new("RGB", (across * side, (side + 40) * -(-len(read) // across)), "white")
    pen = ImageDraw.Draw(paper)
    for place, (path, lines) in enumerate(read.items()):
        left, top = place % across * side, place // across * (side + 40)
        small = _pixels(path)
        small.thumbnail((side - 8, side - 8))
        paper.paste(small, (left, top))
        for line in lines:
            x, y = left + line.left * small.width, top + line.top * small.height
            pen.rectangle((x, y, x + line.width * small.width, y + line.height * small.height), outline="red", width=2)
        pen.text((left, top + side), path.stem, fill="black")
        pen.text((left, top + side + 14), " · ".join(line.text for line in lines)[:48], fill="blue")
    paper.save(sheet)
