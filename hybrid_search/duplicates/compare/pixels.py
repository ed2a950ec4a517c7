"""The pixels of stored pictures, as small as comparing them needs, the latest kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import cache, cached_property, partial
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from hybrid_search.duplicates.compare.feature_cache import FeatureCache, Sides
from hybrid_search.duplicates.compare.features import CORNERS, Features, can_extract, extract, mirror
from hybrid_search.duplicates.model import Subject
from hybrid_search.errors import ImageError, ImageUnreadable
from hybrid_search.images import DEFAULT_LIMITS, Limits, Source, decode, read_source

_SIDE = 480  # pixels of the longer side; no measurement is kept
_LEAST_SIDE = 320  # pixels to which smaller pictures are enlarged; no measurement is kept
_FULL_RANGE = 200  # grey levels; faint pictures, of fewer, are stretched; no measurement is kept
_KEPT = 256  # pictures, 140 MB
_ONE_LEVEL = 33  # grey levels that count as one, such as paper; no measurement is kept
_SOFT = 8  # radius in pixels of light and shade that are taken away; no measurement is kept

Levels = NDArray[np.uint8]
Chroma = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def _chroma_of(image: Image.Image, size: tuple[int, int]) -> Chroma:
    """Return Cb and Cr of an RGB image at half of a size: JPEG keeps no more of colour than that."""
    half = ((size[0] + 1) // 2, (size[1] + 1) // 2)
    small = image.resize(half, Image.Resampling.BILINEAR, reducing_gap=2.0) if half != image.size else image
    _, blue, red = small.convert("YCbCr").split()
    return np.asarray(blue), np.asarray(red)


def working_levels(image: Image.Image, *, side: int = _SIDE) -> Levels:
    """Return the grey levels by which pictures are compared, (height, width) uint8, at most `side` pixels along a side.

    Pictures below 320 pixels are enlarged to that. Faint ones are stretched from their 1st to their 99th percentile, so
    that they have corners too.
    """
    return _stretched(_light_of(image, side))


def _light_of(image: Image.Image, side: int) -> Levels:
    longest = max(image.size)
    side = min(max(longest, _LEAST_SIDE), side)
    size = (max(1, round(image.width * side / longest)), max(1, round(image.height * side / longest)))
    grey = image.convert("L")
    return np.asarray(grey.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0) if size != image.size else grey)


def _stretched(levels: Levels) -> Levels:
    low, high = _percentiles(levels, (0.01, 0.99))
    if high - low >= _FULL_RANGE or high <= low:
        return np.ascontiguousarray(levels)
    return np.asarray(np.clip((levels - low) * (255.0 / (high - low)), 0, 255), np.uint8)


def _percentiles(levels: Levels, shares: tuple[float, ...]) -> list[float]:
    """Return what `np.percentile` does, by counting: to sort a picture takes longer than to decode it."""
    upto = np.cumsum(np.bincount(levels.ravel(), minlength=256))
    places = [share * (levels.size - 1) for share in shares]
    ends = [np.searchsorted(upto, (int(place), min(int(place) + 1, levels.size - 1)), side="right") for place in places]
    return [float(low + (high - low) * (place % 1)) for place, (low, high) in zip(places, ends, strict=True)]


class Pixels:
    """What a picture looks like: grey levels, colours, and its corners when they are asked for.

    Parameters
    ----------
    levels : (height, width) uint8
        As `working_levels` gives them.
    light : (height, width) uint8, optional
        Grey levels as the picture has them, not stretched; `levels` by default.
    chroma : tuple of 2 (height, width) uint8, optional
        Cb and Cr, 128 for grey, of any size of their own; grey by default.
    corners : int
        How many corners are looked for.
    detail : float
        How many of these pixels the picture really has along a side: below 1 when it was enlarged.
    """

    def __init__(
        self,
        levels: Levels,
        *,
        light: Levels | None = None,
        chroma: Chroma | None = None,
        detail: float = 1.0,
        corners: int = CORNERS,
    ) -> None:
        self.levels = levels
        self.light = levels if light is None else light
        self.chroma = chroma or (np.full((2, 2), 128, np.uint8),) * 2
        self.detail = detail
        self.corners = corners

    @classmethod
    def of(cls, image: Image.Image, *, side: int = _SIDE, corners: int = CORNERS) -> Pixels:
        """Return the pixels of an upright image, of which `side` are enough along the longer side."""
        light = _light_of(image, side)
        levels = _stretched(light)
        chroma = _chroma_of(image, (levels.shape[1], levels.shape[0]))
        return cls(
            levels, light=light, chroma=chroma, detail=min(1.0, max(image.size) / max(levels.shape)), corners=corners
        )

    @property
    def longest(self) -> int:
        """Pixels of the longer side."""
        return int(max(self.levels.shape))

    @cached_property
    def emptiness(self) -> float:
        """Share of the picture that is of one grey level, more or less, such as the paper of a page, in [0, 1]."""
        counts = np.convolve(np.bincount(self.levels.ravel(), minlength=256), np.ones(_ONE_LEVEL), "same")
        return float(counts.max() / self.levels.size)

    @cached_property
    def features(self) -> Features:
        """The corners of the picture."""
        return extract(self.levels, count=self.corners)

    @cached_property
    def detailed(self) -> Pixels:
        """The same picture without its soft light and shade."""
        soft = np.asarray(Image.fromarray(self.levels).filter(ImageFilter.BoxBlur(_SOFT)), np.int16)
        detail = np.clip(self.levels - soft + 128, 0, 255).astype(np.uint8)
        return Pixels(detail, detail=self.detail, corners=self.corners)

    @cached_property
    def mirrored(self) -> Pixels:
        """The same picture, left and right exchanged."""
        mirrored = self.flipped()
        mirrored.features = mirror(self.features, mirrored.levels)
        return mirrored

    def flipped(self) -> Pixels:
        """Return the mirrored picture without its corners."""
        planes = (self.levels, self.light, *self.chroma)
        levels, light, blue, red = (np.ascontiguousarray(plane[:, ::-1]) for plane in planes)
        return Pixels(levels, light=light, chroma=(blue, red), detail=self.detail, corners=self.corners)


class _Fresh(Pixels):
    """Pixels whose corners are kept for later runs once they are known."""

    keep: Callable[..., None]

    @cached_property
    def features(self) -> Features:
        """The corners of the picture."""
        found = super().features
        self.keep((found, self.mirrored.features), wide=self.levels.shape[1])
        return found


class _Known(Pixels):
    """Pixels whose corners are known, read from the file when anything else is asked for."""

    def __init__(self, read: Callable[[], Pixels], features: Features) -> None:
        self._read = read
        self.features = features

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "_read" not in self.__dict__:
            raise AttributeError(name)
        for known, value in vars(self._read()).items():
            self.__dict__.setdefault(known, value)
        return object.__getattribute__(self, name)


class PixelStore:
    """Reads the pixels of subjects from their files, and keeps those of the latest; several threads may ask.

    Parameters
    ----------
    limits : Limits
        The largest picture that is decoded.
    kept : int
        How many are kept, about 550 kB each.
    cache : FeatureCache, optional
        Where corners are kept from run to run.
    """

    def __init__(
        self, *, limits: Limits = DEFAULT_LIMITS, kept: int = _KEPT, cache: FeatureCache | None = None
    ) -> None:
        self._limits = limits
        self._kept = kept
        self._cache = cache or (FeatureCache() if can_extract() else None)
        self._latest: OrderedDict[str, Pixels] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, subject: Subject) -> Pixels | None:
        """Return the pixels of a subject, None when no file has its bytes any more or they cannot be decoded."""
        with self._lock:
            if subject.sha256 in self._latest:
                self._latest.move_to_end(subject.sha256)
                return self._latest[subject.sha256]
        known = None if self._cache is None or subject.example is not None else self._cache.get(subject.sha256)
        pixels = self._fresh(subject) if known is None else self._known(subject, known)
        if pixels is None:
            # a drive may be plugged in meanwhile
            return None
        with self._lock:
            self._latest[subject.sha256] = pixels
            while len(self._latest) > self._kept:
                self._latest.popitem(last=False)
        return pixels

    def _fresh(self, subject: Subject) -> Pixels | None:
        image = self._image(subject, min_side=_SIDE)
        if image is None:
            return None
        if self._cache is None or subject.example is not None:
            return Pixels.of(image)
        pixels = cast("_Fresh", _Fresh.of(image))
        pixels.keep = partial(self._cache.put, subject.sha256)
        return pixels

    def _known(self, subject: Subject, sides: Sides) -> Pixels:
        @cache
        def read() -> Pixels:
            image = self._image(subject, min_side=_SIDE)
            if image is None:
                raise ImageUnreadable(subject.id, "no file has its bytes any more")
            return Pixels.of(image)

        pixels = _Known(read, sides[0])
        pixels.mirrored = _Known(lambda: read().flipped(), sides[1])
        return pixels

    def full(self, subject: Subject) -> Image.Image | None:
        """Return the whole upright picture of a subject, None as for `get`."""
        return self._image(subject, min_side=None)

    def _image(self, subject: Subject, *, min_side: int | None) -> Image.Image | None:
        source = self.source(subject)
        if source is None:
            return None
        try:
            return decode(source, min_side=min_side, limits=self._limits).image
        except ImageError:
            return None

    def source(self, subject: Subject) -> Source | None:
        """Return the bytes of a subject, from the query or from the first of its files that still has them."""
        if subject.example is not None:
            return subject.example
        for path in subject.paths:
            if "://" in path:
                continue
            try:
                source = read_source(path, limits=self._limits)
            except ImageError:
                continue
            if source.sha256 == subject.sha256:
                return source
        return None
