"""A photo library as a person has it, planned photo by photo, so that what a search should find is known beforehand.

The plan is made by chance that is the same each time; `library_files` writes it. Photos are those of Flickr8k and
Caltech101 in the shared test data, each at most once, so that no two pictures of the library are copies.
"""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

from PIL import Image

from scripts.pictures.library_albums import CAMERAS, PLACES, Album, Camera, Lens, Place, albums

DOCUMENTS = (
    ("Invoice 4711", "Schreiber Heating Ltd", "Amount due 318,40 EUR"),
    ("BOARDING PASS", "Flight LX 1842", "Gate B22  Seat 14A"),
    ("Guest WLAN", "Network Seeblick", "Password tulip-harbour-93"),
    ("Pharmacy receipt", "Ibuprofen 400 mg", "Total 23,80 EUR"),
    ("Lost cat", "answers to Mephisto", "call 0170 5550199"),
    ("Opening hours", "Monday closed", "Tuesday to Sunday 10-18"),
    ("Agenda", "Quarterly forecast", "Hiring freeze"),
    ("Rezept Kartoffelsuppe", "500 g Kartoffeln", "Majoran und Lorbeer"),
    ("Rent contract", "Landlord Mrs Okonkwo", "Deposit 1800 EUR"),
    ("Whiteboard", "ship the release on Thursday", "rollback plan"),
    ("PRIVATE PROPERTY", "trespassers will be", "prosecuted"),
    ("Library card", "Borrower 88213", "valid until March"),
)
SCREENS = (
    *("Messages", "Bank account", "Weather", "Timetable", "Maps", "Mail", "Calendar", "Settings"),
    *("Music", "Podcasts", "Notes", "Store", "Health", "Clock", "Stocks", "Wallet"),
)
_SHOWS_SOMEBODY = r"\b(man|men|woman|women|girls?|boys?|child|children|kids?|people|person|lady|guy)\b"


@dataclass(frozen=True)
class Photo:
    """One photo, as its file will say; `source` is below the shared data, empty for what is drawn.

    `style` is one of "", "panorama", "square", "black and white", "raw", "screenshot" and "document"; `told` are the
    human captions that Flickr8k has for it, which are written nowhere.
    """

    path: str
    source: str = ""
    taken: datetime | None = None
    camera: Camera | None = None
    lens: Lens | None = None
    f_number: float | None = None
    iso: int | None = None
    flash: bool = False
    place: Place | None = None
    position: tuple[float, float] | None = None
    tags: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    caption: str = ""
    style: str = ""
    size: tuple[int, int] = (0, 0)
    lines: tuple[str, ...] = ()
    told: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


class _Source:
    """Pictures of the shared data, in an order of chance, each given once."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._told: dict[str, list[str]] = {}
        with (data / "flickr8k" / "captions.csv").open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                self._told.setdefault(f"flickr8k/images/{row['image']}", []).append(row["caption"])
        classes = sorted((data / "caltech101").rglob("*.jpg"))
        others = [path.relative_to(data).as_posix() for path in classes]
        self._left = {"flickr8k": _shuffled(sorted(self._told)), "caltech101": _shuffled(others)}

    def take(self, album: Album) -> list[Photo]:
        """Return photos of an album, of which the files are known and nothing else."""
        left = self._left[album.source]
        fitting = [name for name in left if self._shows(name, album.shows)][: album.count]
        if len(fitting) < album.count:
            raise ValueError(f"{album.folder}: {len(fitting)} photos are left that match {album.shows!r}")
        taken = set(fitting)
        self._left[album.source] = [name for name in left if name not in taken]
        return [self._photo(name) for name in fitting]

    def _shows(self, name: str, pattern: str) -> bool:
        told = self._told.get(name, [name])
        return not pattern or any(re.search(pattern, text, re.IGNORECASE) for text in told)

    def _photo(self, name: str) -> Photo:
        with Image.open(self._data / name) as image:
            return Photo("", source=name, size=image.size, told=tuple(self._told.get(name, ())))


def plan(data: Path, *, year: int) -> tuple[Photo, ...]:
    """Return the photos of the library: about 500, the newest dated of `year`, each with a path of its own.

    Raises
    ------
    FileNotFoundError
        When `data` is not the shared test data.
    """
    source = _Source(data)
    counters = {name: count(camera.first) for name, camera in CAMERAS.items()}
    photos = [
        photo
        for number, album in enumerate(albums(year))
        for photo in _dated(album, _described(album, source.take(album)), counters, random.Random(number))
    ]
    photos += [*_screenshots(), *_documents()]
    assert len({photo.path for photo in photos}) == len(photos)
    return tuple(photos)


def _shuffled(names: Sequence[str]) -> list[str]:
    return random.Random(15).sample(names, len(names))


def _described(album: Album, photos: Sequence[Photo]) -> list[Photo]:
    """Return an album's photos with what people say of them; those with somebody in them come first."""
    photos = sorted(photos, key=lambda photo: not any(re.search(_SHOWS_SOMEBODY, told) for told in photo.told))
    texts = [text for text, times in album.captions.items() for _ in range(times)]
    styles = [style for style, times in album.styles.items() for _ in range(times)]
    described = []
    for number, photo in enumerate(photos):
        here = [name for name, (first, times) in album.people.items() if first <= number < first + times]
        tags = [tag for tag, times in album.tags.items() if number < times]
        described.append(
            replace(
                photo,
                people=tuple(name for name in here if not name.startswith("tag:")),
                tags=(*tags, *(name.removeprefix("tag:") for name in here if name.startswith("tag:"))),
                caption=texts[number] if number < len(texts) else "",
                # the last ones: no style shall fall on those who are named
                style=styles[len(photos) - 1 - number] if len(photos) - 1 - number < len(styles) else "",
            )
        )
    return [replace(photo, size=_styled_size(photo)) for photo in described]


def _styled_size(photo: Photo) -> tuple[int, int]:
    width, height = photo.size
    if photo.style == "panorama":
        return (width, width // 3)
    if photo.style == "square":
        return (min(width, height),) * 2
    return (width // 2 * 2, height // 2 * 2) if photo.style == "raw" else photo.size


def _dated(
    album: Album, photos: Sequence[Photo], counters: Mapping[str, Iterator[int]], chance: random.Random
) -> Iterator[Photo]:
    """Yield an album's photos with their files' names and what the camera writes, in the order of their moments."""
    moments = sorted(chance.sample(range(9 * 60, 21 * 60), len(photos)))
    order = chance.sample(range(len(photos)), len(photos))
    for number, (at, photo) in enumerate(zip(order, sorted(photos, key=lambda each: each.source), strict=True)):
        rank = photos.index(photo)
        day = number * album.days // len(photos)
        taken = None
        if album.first is not None:
            taken = datetime.combine(album.first + timedelta(days=day), datetime.min.time())
            taken += timedelta(minutes=moments[number], seconds=at % 60)
        name = album.cameras[rank % len(album.cameras)] if album.cameras else ""
        if photo.style == "raw":
            name = "5d"
        # the camera has no GPS, and nobody wrote it into its raw files
        place = PLACES[album.place] if album.place and photo.style != "raw" else None
        facts = _exposed(album, rank, CAMERAS[name], chance) if name else {}
        file_name = _file_name(album, number, photo, name, taken, counters)
        position = (
            (place.latitude + chance.uniform(-0.004, 0.004), place.longitude + chance.uniform(-0.004, 0.004))
            if place
            else None
        )
        yield replace(photo, path=f"{album.folder}/{file_name}", taken=taken, place=place, position=position, **facts)


def _exposed(album: Album, rank: int, camera: Camera, chance: random.Random) -> dict[str, object]:
    """Return what a camera writes of an exposure: the first of an album at its ISOs, those after them with flash."""
    lens = chance.choice(camera.lenses)
    isos = [iso for iso, times in album.isos.items() for _ in range(times)]
    usual = chance.choice((100, 200, 400, 800))
    return {
        "camera": camera,
        "lens": lens,
        "f_number": chance.choice(lens.apertures),
        "iso": isos[rank] if rank < len(isos) else usual,
        "flash": len(isos) <= rank < len(isos) + album.flash,
    }


def _file_name(
    album: Album,
    number: int,
    photo: Photo,
    camera: str,
    taken: datetime | None,
    counters: Mapping[str, Iterator[int]],
) -> str:
    if camera:
        given = CAMERAS[camera].file_name.format(number=next(counters[camera]), moment=taken)
        return given.replace(".JPG", ".dng") if photo.style == "raw" else given
    # names of an inbox say nothing: digits alone
    told = int.from_bytes(photo.source.encode(), "big") % 900_000_007 if album.folder == "Inbox" else number + 1
    return f"{album.file_name.format(told)}.jpg"


def _screenshots() -> Iterator[Photo]:
    """Yield screenshots: those of a computer say so in their names, those of a telephone in their EXIF."""
    for number, title in enumerate(SCREENS):
        lines = (title, *(f"item {number * 7 + row}" for row in range(5)))
        taken = datetime(2020, 3, 1 + number, 10, 11, 12)
        if number % 4 == 3:
            path = f"Recents/IMG_{2101 + number}.PNG"
            yield Photo(path, taken=taken, style="screenshot", size=(390, 844), lines=lines)
        else:
            path = f"Screenshots/Screenshot {taken:%Y-%m-%d} at {taken:%H.%M.%S}.png"
            yield Photo(path, style="screenshot", size=(960, 600), lines=lines)


def _documents() -> Iterator[Photo]:
    for number, lines in enumerate(DOCUMENTS):
        yield Photo(f"Documents/doc{number:03}.png", style="document", size=(800, 560), lines=lines)
