"""Pairs of pictures of which one must not be removed in favour of the other, and pairs that are harmless.

A kind of pair is a function that makes two files out of photos and a generator of random numbers; everything follows
from the seed, the kind's name, the pair's number and the names of the photos, so that a pair is the same on every
machine. Each pair has photos of its own, so that a library of all pairs holds no copies besides.
"""

from __future__ import annotations

import hashlib
import io
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from scripts.benchmarks.copies import choose, open_photo, short_name, write_once

FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "tif": "TIFF", "gif": "GIF", "bmp": "BMP", "avif": "AVIF"}
THINGS = 60
FORMATS |= {"heic": "HEIF", "mpo": "MPO"}


@dataclass(frozen=True)
class File:
    """What is written: bytes, and the suffix that says how they are encoded."""

    data: bytes
    suffix: str


@dataclass(frozen=True)
class Given:
    """What a pair is made of.

    Parameters
    ----------
    photos : sequence of Path
        Photos of this pair alone; a maker takes the first that suits it.
    things : sequence of Path
        Photos of which something is put into a picture, or behind its first frame.
    number : int
        Of the pair within its kind.
    random : Generator
        The pair's own.
    """

    photos: Sequence[Path]
    things: Sequence[Path]
    number: int
    random: Generator

    def photo(self, suits: Callable[[Image.Image], bool] = lambda image: True) -> Image.Image:
        """Return the first photo that suits, else the first of all."""
        for path in self.photos:
            image = open_photo(path)
            if suits(image):
                return image
        return open_photo(self.photos[0])


Both = tuple[File, File]


@dataclass(frozen=True)
class Kind:
    """One kind of pair.

    Parameters
    ----------
    name : str
        As the tables call it.
    family : str
        The class that it belongs to.
    make : callable
        Makes one pair, `a` first.
    removable : str
        Which of both may be removed in favour of the other: "" for neither, "a", "b" or "ab".
    is_harmless : bool
        Whether both show the same, so that they are to be found, and one to be removable.
    needs : int
        How many photos a pair is given, of which one that suits is chosen.
    version : int
        Raised when its pairs would come out otherwise, so that those of before are not taken for them.
    """

    name: str
    family: str
    make: Callable[[Given], Both]
    removable: str = ""
    is_harmless: bool = False
    needs: int = 1
    version: int = 1


@dataclass(frozen=True)
class Pair:
    """Two files of one kind, and their number within it."""

    a: Path
    b: Path
    kind: Kind
    number: int

    @property
    def half(self) -> str:
        """The half that it belongs to: thresholds are chosen on "a" and reported on "b"."""
        # neither odd and even nor by threes or fives, so that what goes by the number's remainders is in both halves
        return "ab"[self.number * 7 // 4 % 2]


def make_pairs(
    folder: Path,
    photos: Sequence[Path],
    kinds: Sequence[Kind],
    *,
    count: int,
    seed: int = 0,
    only: str = "",
    progress: Callable[[str], None] = lambda line: None,
) -> list[Pair]:
    """Write the pairs of every kind below the folder and return them; harmless kinds have half as many.

    Those that are there already are not made again. Photos are dealt out: no two pairs share one while they last. With
    `only` it is those of the kinds and families whose name holds it, the same as among all.
    """
    chosen = choose(photos, originals=len(photos), sources=0)
    names = "\n".join(short_name(path) for path in chosen)
    folder = folder / f"{count}-{seed}-{hashlib.sha256(names.encode()).hexdigest()[:8]}"
    order = np.random.default_rng(seed).permutation(len(chosen))
    made: list[Pair] = []
    at = 0
    for kind in kinds:
        wanted = (count + 1) // 2 if kind.is_harmless else count
        if only not in kind.name and only not in kind.family:
            at += wanted * kind.needs
            continue
        for number in range(wanted):
            own = [chosen[order[(at + step) % len(order)]] for step in range(kind.needs)]
            random = np.random.default_rng([seed, zlib.crc32(kind.name.encode()), number])
            things = [chosen[place] for place in random.integers(0, len(chosen), THINGS)]
            made.append(_pair(folder, kind, Given(own, things, number, random)))
            at += kind.needs
        progress(f"{kind.name}: {wanted} pairs")
    return made


def _pair(folder: Path, kind: Kind, given: Given) -> Pair:
    name = kind.name.replace(" ", "-").replace("%", "percent").replace(",", "")
    folder, stem = folder / f"{name}-{kind.version}", f"{name}-{given.number:03}"
    there = [path for side in "ab" for path in folder.glob(f"{stem}-{side}.*") if path.suffix != ".part"]
    if len(there) < 2:
        made = zip("ab", kind.make(given), strict=True)
        there = [write_once(folder / f"{stem}-{side}.{file.suffix}", partial(bytes, file.data)) for side, file in made]
    return Pair(there[0], there[1], kind, given.number)


def encoded(image: Image.Image, suffix: str = "jpg", **options: Any) -> File:
    """Return a picture as a file."""
    if suffix == "heic":
        import pillow_heif

        pillow_heif.register_heif_opener()
    buffer = io.BytesIO()
    image.save(buffer, FORMATS[suffix], **options)
    return File(buffer.getvalue(), suffix)


def jpeg(image: Image.Image, random: Generator, low: int = 70, high: int = 95) -> File:
    """Return a picture as a JPEG file of a quality that is drawn."""
    return encoded(image.convert("RGB"), quality=int(random.integers(low, high + 1)))


def levels_of(image: Image.Image) -> NDArray[np.float64]:
    """Return the levels of a picture, to calculate with."""
    return np.asarray(image, np.float64)


def image_of(levels: NDArray[np.float64]) -> Image.Image:
    """Return the picture of these levels, those out of range cut off."""
    return Image.fromarray(np.clip(np.round(levels), 0, 255).astype(np.uint8))


def noisy(image: Image.Image, random: Generator, sigma: float) -> Image.Image:
    """Return a picture with noise of its own."""
    levels = levels_of(image)
    return image_of(levels + random.normal(0, sigma, levels.shape))


def at_least(image: Image.Image, side: int) -> Image.Image:
    """Enlarge a picture whose longer side is shorter than this."""
    longest = max(image.size)
    if longest >= side:
        return image
    size = (round(image.width * side / longest), round(image.height * side / longest))
    return image.resize(size, Image.Resampling.LANCZOS)


def in_turn(values: Sequence[Any], number: int) -> Any:
    """Return the value of this number, going round."""
    return values[number % len(values)]


def some_of(pairs: Sequence[Pair], *, half: str | None, first: int | None) -> list[Pair]:
    """Return the pairs of one half or of both, and of each kind the first ones of these."""
    kept = [pair for pair in pairs if half in (None, pair.half)]
    seen: Counter[str] = Counter()
    chosen = []
    for pair in kept:
        seen[pair.kind.name] += 1
        if first is None or seen[pair.kind.name] <= first:
            chosen.append(pair)
    return chosen
