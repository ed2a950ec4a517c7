"""The vocabulary of a small library, without an index."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hybrid_search.query.understood.vocabulary import IndexVocabulary, read_vocabulary

YEARS = (1985, 1995, *range(2005, 2027))


def buckets(*keys: object) -> dict[str, Any]:
    """Return what an aggregation says of values."""
    return {"buckets": [{"key": key, "doc_count": 1} for key in keys], "sum_other_doc_count": 0}


def year_buckets(*years: int) -> dict[str, Any]:
    """Return what a histogram of years says."""
    epoch = datetime(1970, 1, 1)
    return buckets(*(int((datetime(year, 1, 1) - epoch).total_seconds() * 1000) for year in years))


def small_library() -> IndexVocabulary:
    """Return what is in a library of three cameras, some towns and some people."""
    return read_vocabulary(
        {
            "camera.make": buckets("canon", "apple", "nikon corporation", "gopro"),
            "camera.model": buckets("canon eos 5d mark ii", "iphone 12", "iphone 12 pro", "nikon d750", "hero9 black"),
            "lens": buckets("ef50mm f/1.8 stm", "ef24-70mm f/2.8l ii usm"),
            "place.city": buckets("paris", "new york city", "nice", "bath", "münchen", "frankfurt am main", "sydney"),
            "place.country": buckets("france", "turkey", "united states"),
            "people": buckets("anna müller", "lena sommer", "will smith", "mark", "sydney"),
            "taken_at": year_buckets(*YEARS),
            "iso": buckets(100, 400, 3200),
            "f_number": buckets(1.8, 2.8),
            "exposure_time": buckets(0.002, 0.5),
            "focal_length": buckets(50.0, 35.0, 4.2),
            "focal_length_35mm": buckets(26.0),
            "flash": buckets(0, 1),
            "monochrome": buckets(1),
            "format": buckets("jpeg", "gif", "png", "cr2"),
            "shape": buckets("landscape", "portrait", "square", "panorama"),
        }
    )
