"""What a person's library holds, album by album: cameras, places, days, people and tags."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class Lens:
    """A lens with the apertures that it is used at."""

    name: str
    focal_length: float
    apertures: tuple[float, ...]


@dataclass(frozen=True)
class Camera:
    """A camera, its lenses, and how it names files: a counter, or with `{moment}` the time."""

    make: str
    model: str
    lenses: tuple[Lens, ...]
    file_name: str
    first: int


@dataclass(frozen=True)
class Place:
    """A city by its name and country, in English, with the position of its centre."""

    city: str
    country: str
    latitude: float
    longitude: float


@dataclass(frozen=True)
class Album:
    """A folder of photos.

    `shows` is a pattern that human captions of its photos match, or their class in Caltech101. `tags`, `captions`,
    `styles` and `isos` say how many of the photos have each, `people` from which one on and how many; "tag:" before a
    name writes it as a tag. Photos that show somebody come first. `first` is the day of the first photo.
    """

    folder: str
    count: int
    first: date | None = None
    days: int = 1
    cameras: tuple[str, ...] = ()
    place: str = ""
    shows: str = ""
    people: dict[str, tuple[int, int]] = field(default_factory=dict)
    tags: dict[str, int] = field(default_factory=dict)
    captions: dict[str, int] = field(default_factory=dict)
    styles: dict[str, int] = field(default_factory=dict)
    isos: dict[int, int] = field(default_factory=dict)
    flash: int = 0
    file_name: str = ""
    source: str = "flickr8k"


CAMERAS = {
    "a620": Camera("Canon", "Canon PowerShot A620", (Lens("", 7.3, (2.8, 4.1)),), "IMG_{number:04}.JPG", 98),
    "5d": Camera(
        "Canon",
        "Canon EOS 5D Mark III",
        (Lens("EF50mm f/1.8 STM", 50.0, (1.8, 2.8)), Lens("EF24-105mm f/4L IS USM", 35.0, (4.0, 8.0))),
        "IMG_{number:04}.JPG",
        90,
    ),
    "d90": Camera(
        "NIKON CORPORATION",
        "NIKON D90",
        (Lens("18.0-105.0 mm f/3.5-5.6", 24.0, (3.5, 5.6)),),
        "DSC_{number:04}.JPG",
        31,
    ),
    "d800": Camera(
        "NIKON CORPORATION", "NIKON D800", (Lens("85.0 mm f/1.4", 85.0, (1.4, 2.8)),), "LT8_{number:04}.JPG", 4411
    ),
    "iphone 6": Camera(
        "Apple", "iPhone 6", (Lens("iPhone 6 back camera 4.15mm f/2.2", 4.15, (2.2,)),), "IMG_{number:04}.JPG", 1503
    ),
    "iphone 12": Camera(
        "Apple",
        "iPhone 12",
        (Lens("iPhone 12 back dual wide camera 4.2mm f/1.6", 4.2, (1.6,)),),
        "IMG_{number:04}.JPG",
        5120,
    ),
    "a7": Camera("SONY", "ILCE-7M3", (Lens("FE 35mm F1.8", 35.0, (2.0, 5.6)),), "DSC{number:05}.JPG", 1877),
    "x-t2": Camera("FUJIFILM", "X-T2", (Lens("XF23mmF2 R WR", 23.0, (2.0, 5.6)),), "DSCF{number:04}.JPG", 7040),
    "pixel": Camera("Google", "Pixel 3", (Lens("", 4.44, (1.8,)),), "IMG_{moment:%Y%m%d_%H%M%S}.jpg", 0),
}
PLACES = {
    "Berlin": Place("Berlin", "Germany", 52.5244, 13.4105),
    "Innsbruck": Place("Innsbruck", "Austria", 47.2627, 11.3945),
    "Lisbon": Place("Lisbon", "Portugal", 38.7167, -9.1333),
    "New York": Place("New York", "United States", 40.7143, -74.006),
    "Paris": Place("Paris", "France", 48.8534, 2.3488),
    "Rome": Place("Rome", "Italy", 41.8919, 12.5113),
    "Sydney": Place("Sydney", "Australia", -33.8678, 151.2073),
    "Vienna": Place("Vienna", "Austria", 48.2085, 16.3721),
}
SUNSET = r"\bsunset\b|\bsun sets?\b|\bsunrise\b|\bdusk\b"
GARDEN = r"\bgardens?\b|\bflowers?\b|\blawn\b|\byard\b"
SNOW = r"\bsnow\w*\b"
SEA = r"\bbeach\b|\bshore\b|\bocean\b|\bsea\b"
FLOWERS = "/(sunflower|lotus|water_lilly|strawberry)/"


def albums(year: int) -> tuple[Album, ...]:
    """Return the albums, in the order in which they take their photos; the newest is of `year`."""
    return (*_with_subject(), *_of_people(), *_of_days(year), *_without_metadata())


def _with_subject() -> tuple[Album, ...]:
    """Return the albums whose photos show something certain, which take them before others do."""
    return (
        Album("2019/Australia", 4, date(2019, 7, 19), 2, ("a7",), "Sydney", SUNSET, tags={"sunset": 4}),
        Album("2014/Holiday", 3, date(2014, 10, 6), 2, ("d90",), "Lisbon", SUNSET, tags={"sunset": 3}),
        Album("2008/Backyard", 12, date(2008, 5, 10), 3, ("a620",), shows=GARDEN, tags={"garden": 12}),
        Album(
            *("2017/June", 13, date(2017, 6, 2), 20, ("iphone 6",), "Berlin", GARDEN),
            people={"tag:Anna": (0, 3)},
            tags={"garden": 13},
        ),
        Album(
            *("2016/Mountains", 26, date(2016, 1, 22), 7, ("5d",), "Innsbruck", SNOW),
            tags={"winter": 26},
            captions={"Max learns to ski": 3},
        ),
        Album(
            *("Ostsee 2018", 26, date(2018, 7, 7), 8, ("iphone 6", "a7"), "", SEA),
            people={"tag:Anna": (0, 6), "Ben": (3, 5)},
            tags={"vacation": 26},
            captions={"Sandcastle contest": 4},
        ),
        Album(
            *("2019/Australia", 20, date(2019, 7, 8), 10, ("a7",), "Sydney", SEA + r"|\bwater\b"),
            tags={"vacation": 20},
            styles={"panorama": 4},
        ),
    )


def _of_people() -> tuple[Album, ...]:
    return (
        Album(
            *("2014/Wedding Lisa and Tom", 24, date(2014, 8, 16), 1, ("d800",)),
            people={"Lisa Berg": (0, 12), "Tom Berg": (8, 9), "Lena Sommer": (14, 4)},
            tags={"wedding": 24},
            isos={3200: 9},
            flash=10,
        ),
        Album(
            *("2012/Feier", 16, date(2012, 11, 17), 1, ("d90",)),
            people={"Erika Lindt": (0, 7)},
            tags={"birthday": 16, "family": 12},
            captions={"Grandma blowing out the candles": 3},
            flash=16,
        ),
        Album(
            *("2016/12", 20, date(2016, 12, 24), 3, ("iphone 6", "5d"), "Vienna"),
            people={"tag:Anna": (0, 6), "Ben": (4, 4)},
            tags={"family": 20},
            isos={6400: 4},
        ),
        Album(
            *("2018/Weekend", 26, date(2018, 10, 12), 3, ("5d", "iphone 6"), "Paris"),
            people={"tag:Anna": (0, 6)},
            styles={"black and white": 5, "raw": 6},
        ),
        Album(
            *("2015/City trip", 24, date(2015, 5, 13), 5, ("5d",), "Paris"),
            people={"tag:Anna": (0, 3), "Jo March": (2, 5)},
        ),
        Album(
            *("2017/New York", 20, date(2017, 4, 8), 6, ("x-t2",), "New York"),
            people={"Ben": (0, 5), "Lena Sommer": (3, 5)},
            isos={3200: 3},
        ),
        Album(
            *("2018/Berlin", 12, date(2018, 8, 3), 9, ("iphone 6",), "Berlin"),
            people={"tag:Anna": (0, 3)},
            tags={"birthday": 5},
            styles={"square": 4},
        ),
    )


def _of_days(year: int) -> tuple[Album, ...]:
    """Return the other albums with dates; none is of a season's first three weeks, which calendars divide otherwise."""
    return (
        Album(
            "Scans", 10, date(1987, 7, 5), 1, tags={"scan": 10}, styles={"black and white": 10}, file_name="scan_{:03}"
        ),
        Album(
            *("2009/Umzug", 16, date(2009, 3, 28), 2, ("a620",), "Berlin"),
            captions={"Our new flat, still empty": 3},
        ),
        Album("2011/Rom", 22, date(2011, 10, 5), 6, ("d90",), "Rome", styles={"panorama": 4}),
        Album("2013/12", 12, date(2013, 12, 24), 2, ("d90",), "Berlin", tags={"family": 12}, flash=4),
        Album("2014/Holiday", 15, date(2014, 10, 3), 6, ("d90",), "Lisbon", tags={"vacation": 15}),
        Album("2015/May", 10, date(2015, 5, 23), 3, ("iphone 6",), "Berlin", styles={"square": 2}),
        Album("Camera Uploads", 30, date(2019, 11, 2), 26, ("pixel",), "Berlin"),
        Album("2021/Lake", 18, date(2021, 8, 7), 2, ("iphone 12",), "Innsbruck", captions={"Max learns to swim": 3}),
        Album(
            *("Recents", 22, date(year, 2, 10), 9, ("iphone 12",), "Vienna"),
            people={"tag:Anna": (0, 3)},
            styles={"square": 2},
        ),
    )


def _without_metadata() -> tuple[Album, ...]:
    return (
        Album("WhatsApp Images", 16, file_name="IMG-20200214-WA{:04}"),
        Album("Inbox", 20, shows=FLOWERS, file_name="{:x}", source="caltech101"),
        Album("Inbox", 28, file_name="{:x}", source="caltech101"),
    )
