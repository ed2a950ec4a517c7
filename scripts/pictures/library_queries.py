"""What people type at the library, and which of its photos are right: read off the plan, by no search engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from scripts.pictures.library import Photo

Right = Callable[[Photo], bool]


@dataclass(frozen=True)
class TypedQuery:
    """A query, its kind, and the paths of the pictures that are right; none where nothing shall be found.

    `half` is "a", on which thresholds are chosen, or "b", on which figures are reported.
    """

    kind: str
    text: str
    relevant: tuple[str, ...]
    half: str


def library_queries(photos: Sequence[Photo], *, year: int) -> tuple[TypedQuery, ...]:
    """Return the queries over a library that was planned with this year; of each kind every other one is to report.

    Raises
    ------
    ValueError
        When a query of a kind that has answers has none.
    """
    queries = []
    for kind, asked in _kinds(year).items():
        for number, (text, right) in enumerate(asked.items()):
            relevant = tuple(photo.path for photo in photos if right(photo))
            if bool(relevant) == (kind in ("nonsense", "not there")):
                raise ValueError(f"{kind}: {text!r} has {len(relevant)} answers")
            queries.append(TypedQuery(kind, text, relevant, "ab"[number % 2]))
    return tuple(queries)


def write_queries(queries: Sequence[TypedQuery], path: Path) -> None:
    """Write queries as lines of kind, half, query and paths, divided by tabs; the paths by `|`."""
    lines = [f"{each.kind}\t{each.half}\t{each.text}\t{'|'.join(each.relevant)}\n" for each in queries]
    path.write_text("kind\thalf\tquery\trelevant\n" + "".join(lines), encoding="utf-8")


def _kinds(year: int) -> dict[str, dict[str, Right]]:
    return {
        **_of_words(),
        "dates": _dates(year),
        **_of_cameras(),
        "combined": _combined(),
        **_of_files(),
        **_misspelt_and_foreign(),
        **_of_pixels(),
        **_nothing(),
    }


# -- what a photo is -------------------------------------------------------------------------------------------------


def _both(*conditions: Right) -> Right:
    return lambda photo: all(condition(photo) for condition in conditions)


def _tag(*tags: str) -> Right:
    return lambda photo: set(tags) <= set(photo.tags)


def _person(name: str) -> Right:
    return lambda photo: any(name in f" {person} " for person in (*photo.people, *photo.tags))


def _caption(text: str) -> Right:
    return lambda photo: text in photo.caption


def _taken(first: str, last: str = "") -> Right:
    """Return whether a day is from `first` on, until `last`; both as they begin in ISO 8601."""
    return lambda photo: photo.taken is not None and first <= photo.taken.isoformat() < (last or first) + "~"


def _camera(pattern: str) -> Right:
    return lambda photo: bool(photo.camera and re.search(pattern, f"{photo.camera.make} {photo.camera.model}"))


def _lens(pattern: str) -> Right:
    return lambda photo: bool(photo.lens and re.search(pattern, photo.lens.name))


def _place(name: str) -> Right:
    return lambda photo: photo.place is not None and name in (photo.place.city, photo.place.country)


def _style(style: str) -> Right:
    return lambda photo: photo.style == style


def _square(photo: Photo) -> bool:
    return abs(photo.size[0] - photo.size[1]) * 20 <= max(photo.size)


def _upright(photo: Photo) -> bool:
    return photo.size[1] > photo.size[0] and not _square(photo) and photo.size[1] < 2 * photo.size[0]


def _line(text: str) -> Right:
    return lambda photo: any(text.lower() in line.lower() for line in photo.lines)


def _told(pattern: str, *, least: int = 1) -> Right:
    return lambda photo: sum(bool(re.search(pattern, told, re.IGNORECASE)) for told in photo.told) >= least


def _christmas(photo: Photo) -> bool:
    return photo.taken is not None and photo.taken.month == 12 and 24 <= photo.taken.day <= 26


# -- the queries -----------------------------------------------------------------------------------------------------


def _of_words() -> dict[str, dict[str, Right]]:
    return {
        "names": {
            "Anna": _person("Anna"),
            "anna": _person("Anna"),
            "Lena Sommer": _person("Lena Sommer"),
            "Ben": _person("Ben"),
            "jo march": _person("Jo March"),
            "Lisa Berg": _person("Lisa Berg"),
            "Anna and Ben": _both(_person("Anna"), _person("Ben")),
            "photos of Lena": _person("Lena Sommer"),
        },
        "tags": {
            "garden": _tag("garden"),
            "family": _tag("family"),
            "wedding": _tag("wedding"),
            "birthday": _tag("birthday"),
            "vacation": _tag("vacation"),
            "sunset": _tag("sunset"),
            "family birthday": _tag("family", "birthday"),
            "scans": _tag("scan"),
        },
        "captions": {
            "sandcastle contest": _caption("Sandcastle contest"),
            "new flat": _caption("new flat"),
            "grandma": _caption("Grandma"),
            "blowing out the candles": _caption("candles"),
            "Max": _caption("Max"),
            "learns to swim": _caption("learns to swim"),
        },
    }


def _dates(year: int) -> dict[str, Right]:
    return {
        "2019": _taken("2019"),
        "july 2019": _taken("2019-07"),
        "summer 2018": _taken("2018-06-21", "2018-08-31"),
        "christmas": _christmas,
        "last year": _taken(str(year)),
        "Mai 2015": _taken("2015-05"),
        "vor 2010": _taken("0", "2009-12-31"),
        "before 2010": _taken("0", "2009-12-31"),
        "christmas 2016": _both(_christmas, _taken("2016")),
        "photos from 2014": _taken("2014"),
        "July 10, 2018": _taken("2018-07-10"),
        "2016-01-24": _taken("2016-01-24"),
        "October 2018": _taken("2018-10"),
        "between 2012 and 2014": _taken("2012", "2014-12-31"),
        "August 2021": _taken("2021-08"),
        "since 2020": lambda photo: photo.taken is not None and photo.taken >= datetime(2020, 1, 1),
        "Herbst 2018": _taken("2018-09-23", "2018-11-30"),
        "1987": _taken("1987"),
    }


def _of_cameras() -> dict[str, dict[str, Right]]:
    return {
        "cameras": {
            "Canon": _camera("Canon"),
            "iPhone 12": _camera("iPhone 12"),
            "50mm": _lens("50mm"),
            "nikon d90": _camera("D90"),
            "iphone": _camera("iPhone"),
            "Sony": _camera("SONY"),
            "EOS 5D Mark III": _camera("5D Mark III"),
            "pixel 3": _camera("Pixel 3"),
            "PowerShot": _camera("PowerShot"),
            "fujifilm": _camera("FUJIFILM"),
            "85mm lens": _lens("85"),
            "shot on iPhone 6": _camera("iPhone 6"),
        },
        "places": {
            "Paris": _place("Paris"),
            "Berlin": _place("Berlin"),
            "Sydney": _place("Sydney"),
            "new york": _place("New York"),
            "Austria": _place("Austria"),
            "Vienna, Austria": _place("Vienna"),
            "photos from Lisbon": _place("Lisbon"),
            "Germany": _place("Germany"),
        },
        "settings": {
            "ISO 3200": lambda photo: photo.iso == 3200,
            "f/1.8": lambda photo: photo.f_number == 1.8,
            "with flash": lambda photo: photo.flash,
            "iso 6400": lambda photo: photo.iso == 6400,
            "f1.4": lambda photo: photo.f_number == 1.4,
            "flash Nikon": _both(lambda photo: photo.flash, _camera("NIKON")),
        },
    }


def _combined() -> dict[str, Right]:
    return {
        "photos taken with Canon in Paris": _both(_camera("Canon"), _place("Paris")),
        "sunset 2019": _both(_tag("sunset"), _taken("2019")),
        "Anna Paris 2018": _both(_person("Anna"), _place("Paris"), _taken("2018")),
        "family christmas": _both(_tag("family"), _christmas),
        "iPhone 12 Vienna": _both(_camera("iPhone 12"), _place("Vienna")),
        "Ben in New York": _both(_person("Ben"), _place("New York")),
        "garden 2008": _both(_tag("garden"), _taken("2008")),
        "black and white Paris": _both(_style("black and white"), _place("Paris")),
        "Berlin 2009": _both(_place("Berlin"), _taken("2009")),
        "Anna garden": _both(_person("Anna"), _tag("garden")),
        "wedding ISO 3200": _both(_tag("wedding"), lambda photo: photo.iso == 3200),
        "panorama Sydney": _both(_style("panorama"), _place("Sydney")),
        "Anna summer 2018": _both(_person("Anna"), _taken("2018-06-21", "2018-08-31")),
        "birthday 2012 with flash": _both(_tag("birthday"), _taken("2012"), lambda photo: photo.flash),
    }


def _of_files() -> dict[str, dict[str, Right]]:
    return {
        "file kinds": {
            "screenshot": _style("screenshot"),
            "raw": _style("raw"),
            "portrait": _upright,
            "panorama": _style("panorama"),
            "square": _square,
            "black and white": _style("black and white"),
            "screenshots": _style("screenshot"),
            "raw photos": _style("raw"),
        },
        "file names": {
            "IMG_0108": lambda photo: photo.name == "IMG_0108.JPG",
            "DSC_0042.JPG": lambda photo: photo.name == "DSC_0042.JPG",
            "img-20200214-wa0003": lambda photo: photo.name.lower() == "img-20200214-wa0003.jpg",
            "DSC01890": lambda photo: photo.name == "DSC01890.JPG",
            "scan_004": lambda photo: photo.name == "scan_004.jpg",
            "img_5123": lambda photo: photo.name == "IMG_5123.JPG",
        },
        "folders": {
            "Ostsee 2018": lambda photo: photo.folder == "Ostsee 2018",
            "Umzug": lambda photo: "Umzug" in photo.folder,
            "camera uploads": lambda photo: photo.folder == "Camera Uploads",
            "City trip": lambda photo: photo.folder == "2015/City trip",
            "Feier 2012": lambda photo: photo.folder == "2012/Feier",
            "mountains 2016": lambda photo: photo.folder == "2016/Mountains",
        },
    }


def _misspelt_and_foreign() -> dict[str, dict[str, Right]]:
    return {
        "typos": {
            "Parris": _place("Paris"),
            "gardn": _tag("garden"),
            "Berln": _place("Berlin"),
            "Sidney": _place("Sydney"),
            "birhtday": _tag("birthday"),
            "Lena Somer": _person("Lena Sommer"),
            "Ostse": lambda photo: photo.folder == "Ostsee 2018",
            "weding": _tag("wedding"),
            "iphnoe 12": _camera("iPhone 12"),
            "sun set": _tag("sunset"),
            "screen shots": _style("screenshot"),
            "vacations": _tag("vacation"),
        },
        "other languages": {
            "Hund": _told(r"\bdogs?\b"),
            "Geburtstag": _tag("birthday"),
            "plage": _told(r"\bbeach\b|\bshore\b"),
            "Hochzeit": _tag("wedding"),
            "perro en la nieve": _both(_told(r"\bdogs?\b"), _told(r"\bsnow\w*\b")),
            "Wien": _place("Vienna"),
            "Schnee": _told(r"\bsnow\w*\b"),
            "Bildschirmfoto": _style("screenshot"),
        },
    }


def _of_pixels() -> dict[str, dict[str, Right]]:
    return {
        "text in pictures": {
            "invoice 4711": _line("Invoice 4711"),
            "gate B22": _line("Gate B22"),
            "wlan password": _line("Password"),
            "ibuprofen": _line("Ibuprofen"),
            "Mephisto": _line("Mephisto"),
            "opening hours": _line("Opening hours"),
            "Kartoffelsuppe": _line("Kartoffelsuppe"),
            "rollback plan": _line("rollback plan"),
        },
        "colours": {
            "red shirt": _told(r"\bred (\w+ )?shirt\b"),
            "blue shirt": _told(r"\bblue (\w+ )?shirt\b"),
            "yellow flower": lambda photo: "/sunflower/" in photo.source,
            "black dog": _told(r"\bblack (\w+ )?dog\b", least=2),
            "white dog": _told(r"\bwhite (\w+ )?dog\b", least=2),
            "red strawberry": lambda photo: "/strawberry/" in photo.source,
        },
    }


def _nothing() -> dict[str, dict[str, Right]]:
    nonsense = (
        "asdfghjkl",
        "zzzz qqqq",
        "qwrtpsdf",
        "xkcdvbn lkjhg",
        "blorptastic frumious",
        "jjjjjjj",
        "vbnmvbnm 98765",
    )
    elsewhere = ("Leica", "Reykjavik", "Nokia 3310", "1066", "Xaver Unterhuber", "ISO 51200", "Antananarivo")
    return {
        "nonsense": dict.fromkeys((*nonsense, "wqpoeiru"), lambda photo: False),
        "not there": dict.fromkeys((*elsewhere, "DSC_9876.NEF"), lambda photo: False),
    }
