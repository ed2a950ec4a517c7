"""Small stand-ins that are cheap and predictable."""

from __future__ import annotations

import colorsys
import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hybrid_search.embedders import Label, Labels
from hybrid_search.errors import TextNotSupported, UnknownClass
from hybrid_search.ocr.text_line import TextLine


class ColourEmbedder:
    """Embeds an image as the mean colours of its 4 × 4 tiles; names its dominant colour."""

    name = "colour"
    dims = 48
    version = "1"
    embeds_text = False
    min_side = 32

    def __init__(self) -> None:
        self.seen = 0

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        self.seen += len(images)
        if not images:
            return np.zeros((0, self.dims), np.float32)
        tiles = [np.asarray(image.resize((4, 4), Image.Resampling.BOX), np.float32).ravel() + 1 for image in images]
        vectors = np.stack(tiles)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        raise TextNotSupported(self.name)

    def describe_images(self, images: Sequence[Image.Image]) -> tuple[NDArray[np.float32], list[Labels]]:
        labels: list[Labels] = []
        for image in images:
            red, green, blue = np.asarray(image, np.float64).reshape(-1, 3).mean(0) / 255
            hue = int(colorsys.rgb_to_hsv(red, green, blue)[0] * 3 + 0.5) % 3
            labels.append((Label(("crimson", "emerald", "navy")[hue], 0.9, (("red", "green", "blue")[hue], "colour")),))
        return self.embed_images(images), labels


def photo(seed: int, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """Draw a busy picture that no other seed resembles."""
    random = np.random.default_rng(seed)
    image = Image.new("RGB", size, tuple(random.integers(0, 256, 3).tolist()))
    draw = ImageDraw.Draw(image)
    for _ in range(14):
        x, y = (int(random.integers(0, side)) for side in size)
        w, h = (int(random.integers(side // 8, side // 2)) for side in size)
        shape = draw.ellipse if random.random() < 0.5 else draw.rectangle
        shape((x, y, x + w, y + h), fill=tuple(random.integers(0, 256, 3).tolist()))
    return image


def save_photo(path: Path, seed: int, size: tuple[int, int] = (160, 120), **options: object) -> Path:
    """Write `photo(seed)` to a file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    photo(seed, size).save(path, **options)  # type: ignore[arg-type]
    return path


class HueEmbedder:
    """Embeds colours and their names in one plane: the direction of a picture's hue on the colour wheel."""

    name = "hue"
    dims = 2
    version = "1"
    embeds_text = True
    min_side = 32
    words: Mapping[str, float] = MappingProxyType({"red": 0, "yellow": 60, "green": 120, "blue": 240, "pink": 320})

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        colours = [np.asarray(image, np.float64).reshape(-1, 3).mean(0) / 255 for image in images]
        return self.directions([360 * colorsys.rgb_to_hsv(*colour)[0] for colour in colours])

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the mean direction of the colours that a text names, zeros when it names none."""
        vectors = np.zeros((len(texts), 2), np.float32)
        for row, text in enumerate(texts):
            if known := [self.words[word] for word in text.lower().split() if word in self.words]:
                mean = self.directions(known).mean(axis=0)
                vectors[row] = mean / np.linalg.norm(mean)
        return vectors

    @staticmethod
    def directions(degrees: Sequence[float]) -> NDArray[np.float32]:
        angles = np.radians(np.asarray(degrees, np.float64)).reshape(-1)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


class HueClassifier(HueEmbedder):
    """Knows colours as classes, and no words."""

    name = "hueclasses"
    embeds_text = False
    classes = tuple(HueEmbedder.words)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        raise TextNotSupported(self.name)

    def class_rows(self, names: Sequence[str]) -> NDArray[np.float32]:
        for name in names:
            if name not in self.classes:
                raise UnknownClass(name, difflib.get_close_matches(name, self.classes))
        return self.directions([self.words[name] for name in names])


class ColourWords:
    """A text tower over colour names, as `HueEmbedder` embeds them."""

    name = "colourwords"
    dims = 2
    version = "1"

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return HueEmbedder().embed_texts(texts)


def hue(degrees: float) -> Image.Image:
    """Return a plain picture of a hue: it has a direction on the colour wheel, and no signature."""
    colour = colorsys.hsv_to_rgb(degrees / 360, 1.0, 1.0)
    return Image.new("RGB", (48, 48), tuple(round(255 * part) for part in colour))


class LineReader:
    """Reads lines off a plain picture by its colour, such as {"#ff0000": ("Total",)}."""

    def __init__(self, texts: Mapping[str, Sequence[str]], version: str = "lines/1") -> None:
        self._texts, self.version, self.seen = texts, version, 0

    def read(self, image: Image.Image) -> tuple[TextLine, ...]:
        self.seen += 1
        red, green, blue = image.convert("RGB").resize((1, 1)).tobytes()
        lines = self._texts.get(f"#{red:02x}{green:02x}{blue:02x}", ())
        return tuple(
            TextLine(text, 0.95, left=0.1, top=row / 2, width=0.8, height=0.25) for row, text in enumerate(lines)
        )
