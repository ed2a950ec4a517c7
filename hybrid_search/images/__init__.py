"""Pictures in: paths, URLs, bytes, files, PIL images and arrays become upright RGB pixels, or an `ImageError`.

Examples
--------
>>> import numpy as np
>>> load_image(np.zeros((4, 6), dtype=np.uint8)).size
(6, 4)
"""

from hybrid_search.images.decode import Decoded, decode, load_image
from hybrid_search.images.limits import DEFAULT_LIMITS, Limits
from hybrid_search.images.sniff import SUFFIXES, is_candidate, sniff
from hybrid_search.images.source import ImageLike, Source, place_of, read_source

__all__ = [
    "DEFAULT_LIMITS",
    "SUFFIXES",
    "Decoded",
    "ImageLike",
    "Limits",
    "Source",
    "decode",
    "is_candidate",
    "load_image",
    "place_of",
    "read_source",
    "sniff",
]
