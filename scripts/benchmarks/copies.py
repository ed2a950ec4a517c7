"""A set to measure duplicate search with: photos, altered copies of some of them, and photos that are distractors.

>>> made = make_set(folder, photos)                                                         # doctest: +SKIP
>>> made.copies[0].transform, made.copies[0].source                                         # doctest: +SKIP
('jpeg_30', PosixPath('…/flickr8k/images/….jpg'))

Everything is decided by the names of the photos, so that the set is the same on every machine. Files that are there
already are not written again. Photos that are copies of one another as they come (real_copies.py lists them) are
represented by one each.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from scripts.benchmarks.real_copies import FAMILIES
from scripts.pictures.alterations import ALTERATIONS, Company

ORIGINALS = 1_800
SOURCES = 200


@dataclass(frozen=True)
class Original:
    """A photo as it came: no other of the set is a copy of it."""

    path: Path


@dataclass(frozen=True)
class Copy:
    """An altered copy.

    Parameters
    ----------
    path : Path
        Of the encoded file.
    source : Path
        The original that it was made from.
    transform : str
        A name of `ALTERATIONS`.
    also : tuple of Path
        Other originals that are in it: the rest of a collage. To find them is not wrong.
    """

    path: Path
    source: Path
    transform: str
    also: tuple[Path, ...] = ()


@dataclass(frozen=True)
class CopySet:
    """Originals (the sources first) and copies, source by source."""

    originals: tuple[Original, ...]
    copies: tuple[Copy, ...]

    @property
    def sources(self) -> tuple[Path, ...]:
        """The originals that have copies."""
        return tuple(dict.fromkeys(copy.source for copy in self.copies))


def find_photos(data: Path) -> list[Path]:
    """Return the photos of a folder of shared test data, or of any folder."""
    inside = [data / "caltech101", data / "flickr8k" / "images"]
    folders = [folder for folder in inside if folder.is_dir()] or [data]
    suffixes = {".jpg", ".jpeg", ".png"}
    return sorted(path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in suffixes)


def make_set(
    folder: Path,
    photos: Iterable[Path],
    *,
    originals: int = ORIGINALS,
    sources: int = SOURCES,
    transforms: Sequence[str] = tuple(ALTERATIONS),
    progress: Callable[[str], None] = lambda line: None,
) -> CopySet:
    """Choose originals and sources from the photos, and write the copies below the folder.

    Sources are taken in turn from each collection (the folder two levels above a class, or the photo's own).
    """
    chosen = choose(photos, originals=originals, sources=sources)
    copies: list[Copy] = []
    for place, source in enumerate(chosen[:sources]):
        copies.extend(_copies(folder, chosen, place, source, transforms, first=sources))
        if place % 20 == 19:
            progress(f"copies of {place + 1} of {sources} photos")
    return CopySet(tuple(Original(path) for path in chosen), tuple(copies))


def choose(photos: Iterable[Path], *, originals: int, sources: int) -> list[Path]:
    """Return the originals, the sources first; the order is drawn from the photos' names."""
    dropped = {name for family in FAMILIES for name in family.names[1:]}
    kept = sorted((path for path in photos if short_name(path) not in dropped), key=_draw)
    first = list(_in_turn(kept))[:sources]
    taken = set(first)
    return (first + [path for path in kept if path not in taken])[:originals]


def short_name(path: Path) -> str:
    """Return the photo's folder and name, which say which one it is wherever the data lie."""
    return f"{path.parent.name}/{path.name}"


def open_photo(path: Path) -> Image.Image:
    """Return an upright RGB picture."""
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def write_once(path: Path, make: Callable[[], bytes]) -> Path:
    """Write a file unless it is there; a run that was cut off leaves no half of one."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        part.write_bytes(make())
        part.replace(path)
    return path


def _copies(
    folder: Path, chosen: Sequence[Path], place: int, source: Path, transforms: Sequence[str], *, first: int
) -> Iterator[Copy]:
    image = open_photo(source)
    name = short_name(source).replace("/", "-").rsplit(".", 1)[0]
    for transform in transforms:
        alteration = ALTERATIONS[transform]
        also = tuple(_others(chosen, place, first, alteration.others))
        company = Company(tuple(open_photo(other) for other in also), seed=int(_draw(source)[:8], 16))
        path = folder / transform / f"{name}{_beside(also)}.{alteration.suffix}"
        write_once(path, lambda: alteration.encode(image, company))  # noqa: B023
        yield Copy(path, source, transform, also)


def _beside(also: Sequence[Path]) -> str:
    """Name a collage after all that is in it, as sets of other sizes put other photos beside one."""
    names = "\n".join(short_name(path) for path in also)
    return f"-{hashlib.sha256(names.encode()).hexdigest()[:8]}" if also else ""


def _others(chosen: Sequence[Path], place: int, first: int, count: int) -> Iterator[Path]:
    """Take what stands beside a photo in a collage from the photos that have no copies of their own."""
    rest = chosen[first:] or chosen[place + 1 :] + chosen[:place]
    for number in range(count):
        yield rest[(3 * place + number) % len(rest)]


def _in_turn(paths: Sequence[Path]) -> Iterator[Path]:
    collections: dict[str, list[Path]] = {}
    for path in paths:
        collections.setdefault(path.parents[1].name, []).append(path)
    queues = [iter(collections[name]) for name in sorted(collections)]
    while queues:
        for queue in list(queues):
            path = next(queue, None)
            if path is None:
                queues.remove(queue)
            else:
                yield path


def _draw(path: Path) -> str:
    return hashlib.sha256(short_name(path).encode()).hexdigest()
