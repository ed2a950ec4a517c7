"""Sixty made-up documents with a value of every kind that a field can have, odd ones among them."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from hybrid_search.document.definition import EmbeddingSpec, load_definition

DIMS = 8
COUNT = 60
WORDS = ("red", "boat", "boats", "dog", "sea", "night", "snow", "café", "straße", "東京", "the", "it", "f-16", "l'été")
TAGS = (
    "Night",
    "night sky",
    "Travel",
    "New York",
    "Café",
    "ÅNGSTRÖM",
    "straße",
    "東京",
    "😀",
    "ﬁne",
    "a*b",
    "a?b",
    "a\\b",
)
PEOPLE = ("Lena Sommer", "Ada", "ada lovelace", "Bob", "O’Brien", "O'Brien")
MAKES = ("Canon", "NIKON", "Nikon", "SONY", "Sony ", "canon")
FOLDERS = ("/p", "/p/Rome", "/p/rome", "/p/Rome 2019", "/p/été")
ISOS = (0, 50, 100, 200, 400, 800, 3200)
APERTURES = (1.4, 1.8, 2.8, 4.0, 5.6)
BIASES = (-2.0, -0.5, 0.0, 0.5, 2.0)
PRICES = (-12.5, 0.0, 0.1, 3.0, 1e6, 1e-3)
DATES = (
    "1935", "1969-12-31T23:59:59.999Z", "1970-01-01", "2019", "2019-02", "2019-02-28", "2019-02-28T23:59:59",
    "2019-03-01T00:00:00Z", "2019-12-31T23:30:00-05:00", "2020-01-01T12:00:00+14:00", "2020-02-29T10:20:30.5",
    "2020-12-31", "2021-06-15T08:09", "2024-02-29T00:00:00.001+01:00",
)  # fmt: skip
PLACES = (
    (0.0, 0.0), (48.85, 2.35), (48.86, 2.34), (89.9, 10.0), (90.0, 0.0), (-90.0, 0.0), (-89.95, -170.0), (0.0, 180.0),
    (10.0, 179.99), (10.0, -179.99), (-33.9, 151.2), (64.1, -21.9), (-45.0, -179.5),
)  # fmt: skip
SHOPS = ((0.0, -180.0), (0.0, 180.0), (-0.0, 0.0), (90.0, 180.0))
EXIF = ("Canon", "canon", "NIKON CORPORATION", "1/250", "é", "😀", "50mm", "*", "0")
OFFSETS = ("+00:00", "-05:00", "+05:45")
EXTRA: dict[str, Any] = {
    "price": {"type": "double"},
    "stock": {"type": "long"},
    "client": {"type": "keyword", "normalizer": "lowercase"},
    "due": {"type": "date", "format": "strict_date_optional_time"},
    "sold": {"type": "boolean"},
    "remark": {"type": "text", "analyzer": "text"},
    "shop": {"type": "geo_point"},
}


def definition() -> dict[str, Any]:
    return load_definition(analysis="portable", embeddings={"tiny": EmbeddingSpec("tiny", "1", dims=DIMS)}, extra=EXTRA)


def document(number: int) -> dict[str, Any]:
    """Every field may be absent, null, an empty list, one value or several; `bytes` tells documents apart."""
    draw = random.Random(number)

    def some(values: Any, most: int = 1) -> Any:
        case = draw.randrange(10)
        if case == 0:
            return None
        if case == 1:
            return []
        if case < 5 and most > 1:
            return draw.sample(values, draw.randint(1, most)) + ([None] if case == 4 else [])
        return draw.choice(values)

    def point(place: tuple[float, float]) -> Any:
        lat, lon = place
        return draw.choice([{"lat": lat, "lon": lon}, f"{lat},{lon}", [lon, lat], f"POINT ({lon} {lat})"])

    source = {
        "bytes": 1_000 + number * number,
        "path": [f"{draw.choice(FOLDERS)}/IMG_{number:02d}.jpg"],
        "folder": some(FOLDERS, 3),
        "filename": f"IMG_{number:02d}.{draw.choice(['JPG', 'jpg', 'png'])}",
        "caption": " ".join([*(draw.choice(WORDS) for _ in range(draw.randint(0, 8))), draw.choice(WORDS[:8])]),
        "title": some(["A red boat", "Night", "boats, boats; boats", "the", ""], 2),
        "tags": some(TAGS, 4),
        "people": some(PEOPLE, 2),
        "camera": {"make": some(MAKES), "model": some(["M1", "m1", "M 2", "M10"])},
        "taken_offset": some(OFFSETS),
        "width": draw.choice([1, 3000, 4000, 2**31 - 1]),
        "iso": some(ISOS, 3),
        "f_number": some(APERTURES, 2),
        "exposure_bias": some(BIASES),
        "rating": some([0, 1, 5, "3"]),
        "flash": some([True, False, "true", "false"]),
        "missing": draw.random() < 0.2,
        "taken_at": some(DATES, 2),
        "taken_at_utc": some(DATES),
        "words": [f"{place:02x}:{draw.randrange(3)}" for place in range(5)],
        "exif": {
            "Make": some(EXIF, 2),
            "Make Note": some(EXIF),
            "Image": {"Artist": some(EXIF), "Deep": {"Est": some(EXIF)}},
        },
        "extra": {
            "price": some(PRICES, 3),
            "stock": some([-5, 0, 7, 2**53 + 1, -(2**63), 2**63 - 1]),
            "client": some(["ACME", "acme gmbh", "Ünal"]),
            "due": some(DATES, 2),
            "sold": some([True, False], 2),
            "remark": some(["sold at the sea", "red, red boat", "the"]),
        },
        "regions": [{"label": "dog", "score": 0.5}],
    }
    if number % 4:
        source["location"] = point(draw.choice(PLACES))
        source["embedding"] = {"tiny": vector(draw)}
    if number % 7 == 0:
        source["extra"]["shop"] = point(draw.choice(SHOPS))
        source["exif"] = None
    return source


def vector(draw: random.Random) -> list[float]:
    """Return a vector of length 1 that half-precision floats hold exactly."""
    values = [0.0] * DIMS
    for place in draw.sample(range(DIMS), 4):
        values[place] = draw.choice([-0.5, 0.5])
    return values


def asked(seed: int) -> list[float]:
    """Return a direction that all documents are at different angles to."""
    values = np.random.default_rng(seed).normal(size=DIMS)
    return [float(each) for each in (values / np.linalg.norm(values)).astype(np.float32)]


def documents() -> dict[str, dict[str, Any]]:
    return {f"d{number:02d}" if number % 9 else f"ü {number}": document(number) for number in range(COUNT)}
