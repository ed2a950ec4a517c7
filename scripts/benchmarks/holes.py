"""Pairs of pictures on which the search for copies is known to go wrong, and whether they are copies.

Made up: screens of one application with different photos, pages and forms of one letterhead with different words,
pictures with one watermark, caption or frame, flat and nearly flat pictures, moments of a scene in which something
moves. Real: photos and drawings of one moment and the next (real_copies.py), frames of videos where a folder of them is
given. To the wrong pairs of each kind stand right ones of the same look, so that it does not help to refuse them all.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from scripts.benchmarks.copies import open_photo, short_name, write_once
from scripts.benchmarks.video import frame_pairs
from scripts.pictures.alterations import Company, captioned, collage, framed, joined, screenshot, watermarked
from scripts.pictures.lookalikes import dotted, form, grain, moment, page, plain, sky


@dataclass(frozen=True)
class HolePair:
    """Two pictures of one kind of trouble, and whether one is a copy of the other (or of a part of it)."""

    a: Path
    b: Path
    kind: str
    is_copy: bool


def make_holes(
    folder: Path, photos: Sequence[Path], *, count: int = 40, videos: Path | None = None, real: bool = True
) -> list[HolePair]:
    """Write the pictures below the folder, in one of their own for these photos, and return the pairs.

    Parameters
    ----------
    photos : sequence of Path
        Photos that are no copies of one another; of each kind about `count` pairs are made from them.
    videos : Path, optional
        A folder of videos; frames of one shot are different pictures, a frame saved again is a copy.
    real : bool
        Whether to add the real moments among the shared test data that the photos came from.
    """
    folder /= hashlib.sha256("\n".join(short_name(path) for path in photos).encode()).hexdigest()[:12]
    makers = (_screens, _pages, _forms, _marked, _moments, _flat, _parts)
    pairs = [pair for make in makers for pair in make(folder / make.__name__.strip("_"), photos, count)]
    if real:
        pairs.extend(real_pairs(photos))
    if videos is not None:
        pairs.extend(HolePair(*pair) for pair in frame_pairs(folder / "video", videos, count))
    return pairs


def real_pairs(photos: Sequence[Path]) -> Iterator[HolePair]:
    """Yield pairs of the families in real_copies.py whose files lie beside the photos."""
    from scripts.benchmarks.real_copies import FAMILIES

    roots = dict.fromkeys(root for path in photos for root in path.parents[1:3])
    for family in FAMILIES:
        if family.is_copy is None:
            continue
        found = [path for name in family.names if (path := _found(roots, name)) is not None]
        for place, a in enumerate(found):
            for b in found[place + 1 :]:
                yield HolePair(a, b, f"real: {family.kind}", family.is_copy)


def _found(roots: Sequence[Path] | dict[Path, None], name: str) -> Path | None:
    return next((root / name for root in roots if (root / name).is_file()), None)


def _screens(folder: Path, photos: Sequence[Path], count: int) -> Iterator[HolePair]:
    """Screens of one application: another photo, the same photo with other words, the photo itself."""
    shots = [_saved(folder, f"{n}", screenshot(open_photo(photos[n]), Company())) for n in range(count)]
    for n in range(count - 1):
        yield HolePair(shots[n], shots[n + 1], "screens, other photo", False)
    for n in range(0, count, 4):
        again = _saved(folder, f"{n}-again", screenshot(open_photo(photos[n]), Company()), quality=40)
        yield HolePair(shots[n], again, "screen saved again", True)
        yield HolePair(shots[n], photos[n], "screen and its photo", True)
        yield HolePair(shots[n], photos[(n + 1) % count], "screen and another photo", False)


def _pages(folder: Path, photos: Sequence[Path], count: int) -> Iterator[HolePair]:
    """Pages with one letterhead and other words; the same page, scanned a little askew and saved small."""
    pages = [_saved(folder, f"{n}", page(n)) for n in range(count)]
    plain = [_saved(folder, f"plain-{n}", page(1000 + n, letterhead=False)) for n in range(count // 2)]
    for n in range(count - 1):
        yield HolePair(pages[n], pages[n + 1], "pages, one letterhead", False)
    for n in range(len(plain) - 1):
        yield HolePair(plain[n], plain[n + 1], "pages without letterhead", False)
    for n in range(0, count, 4):
        scanned = page(n).rotate(0.7, Image.Resampling.BICUBIC, fillcolor="white").resize((620, 877))
        yield HolePair(pages[n], _saved(folder, f"{n}-scan", scanned, quality=50), "page scanned again", True)


def _forms(folder: Path, photos: Sequence[Path], count: int) -> Iterator[HolePair]:
    """One printed form, filled in differently: all but a few words are the same."""
    forms = [_saved(folder, f"{n}", form(n)) for n in range(count)]
    for n in range(count - 1):
        yield HolePair(forms[n], forms[n + 1], "forms, filled in differently", False)
    for n in range(0, count, 4):
        yield HolePair(forms[n], _saved(folder, f"{n}-again", form(n), quality=30), "form saved again", True)


def _marked(folder: Path, photos: Sequence[Path], count: int) -> Iterator[HolePair]:
    """Different photos with one watermark, one caption strip, one frame, one badge of a shop."""
    changes = {"watermark": watermarked, "caption": captioned, "frame": framed, "banner": _bannered}
    for name, change in changes.items():
        made = [_saved(folder, f"{name}-{n}", change(open_photo(photos[n]), Company())) for n in range(count)]
        for n in range(count - 1):
            yield HolePair(made[n], made[n + 1], f"one {name}, other photo", False)


def _bannered(image: Image.Image, company: Company) -> Image.Image:
    """Set a photo, cut square, into a printed border with much detail, as shops and games do."""
    draw_from = np.random.default_rng(7)
    card = Image.new("RGB", (480, 640), "#d8c090")
    draw = ImageDraw.Draw(card)
    for _ in range(260):
        x, y, r = draw_from.integers(0, 480), draw_from.integers(0, 640), draw_from.integers(3, 14)
        shade = f"#{draw_from.integers(90, 200):02x}{draw_from.integers(80, 160):02x}40"
        draw.ellipse((x - r, y - r, x + r, y + r), outline=shade, width=2)
    card.paste(ImageOps.fit(image, (360, 360)), (60, 110))
    draw.rectangle((60, 500, 420, 600), fill="#f4ead0", outline="black", width=3)
    draw.text((240, 530), "COLLECTOR'S SERIES", fill="black", anchor="mm", font=ImageFont.load_default(28))
    draw.text((240, 570), "second edition", fill="black", anchor="mm", font=ImageFont.load_default(22))
    return card


def _moments(folder: Path, photos: Sequence[Path], count: int) -> Iterator[HolePair]:
    """Simulated bursts: one background, the camera a little off, and a cut-out of another photo that moved.

    A real burst changes more (light, focus, noise), so that these are harder to tell from copies than real ones.
    """
    for share, travel, kind in ((0.3, 0.12, "a little"), (0.35, 0.4, "far")):
        for n in range(count):
            behind, thing = open_photo(photos[n]), open_photo(photos[(n + 7) % len(photos)])
            a, b = (moment(behind, thing, share, travel * step, seed=n + 500 * step) for step in (0, 1))
            first = _saved(folder, f"{kind}-{n}-a", a)
            yield HolePair(first, _saved(folder, f"{kind}-{n}-b", b), f"simulated burst, moved {kind}", False)
            if n % 4 == 0:
                again = _saved(folder, f"{kind}-{n}-again", a.resize((a.width * 2 // 3, a.height * 2 // 3)))
                yield HolePair(first, again, "moment saved smaller", True)


def _flat(folder: Path, photos: Sequence[Path], count: int) -> Iterator[HolePair]:
    """Pictures with next to nothing on them: plain colours, skies, grain, a dot on white."""
    made = {
        "plain colours": [plain(n) for n in range(count)],
        "skies": [sky(n) for n in range(count)],
        "grain": [grain(n) for n in range(count)],
        "a dot on white": [dotted(n) for n in range(count)],
    }
    for kind, images in made.items():
        paths = [_saved(folder, f"{kind}-{n}", image) for n, image in enumerate(images)]
        for n in range(count - 1):
            yield HolePair(paths[n], paths[n + 1], f"flat: {kind}", False)


def _parts(folder: Path, photos: Sequence[Path], count: int) -> Iterator[HolePair]:
    """Collages and what is in them; collages that share no photo; pictures in another orientation."""
    turns = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270, Image.Transpose.TRANSPOSE)
    for n in range(0, count, 2):
        left, right = open_photo(photos[n]), open_photo(photos[n + 1])
        both = _saved(folder, f"both-{n}", collage(left, Company((right,))))
        yield HolePair(both, photos[n], "collage and its left", True)
        yield HolePair(both, photos[n + 1], "collage and its right", True)
        yield HolePair(both, photos[(n + 2) % len(photos)], "collage and another photo", False)
        other = joined(left, ImageOps.fit(open_photo(photos[(n + 3) % len(photos)]), left.size))
        turned = _saved(folder, f"turned-{n}", left.transpose(turns[n // 2 % 3]))
        yield HolePair(photos[n], turned, "turned or mirrored", True)
        cut = _saved(folder, f"cut-{n}", other.crop((left.width, 0, 2 * left.width, left.height)))
        yield HolePair(both, cut, "collage and a photo not in it", False)


def _saved(folder: Path, name: str, image: Image.Image, *, quality: int = 90) -> Path:
    def encoded() -> bytes:
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, "JPEG", quality=quality)
        return buffer.getvalue()

    return write_once(folder / f"{name.replace(' ', '-')}.jpg", encoded)
