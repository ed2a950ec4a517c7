"""How a picture becomes what a network takes: the recipe, and its steps with the rounding of whoever wrote it down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from math import ceil

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Triple = tuple[float, float, float]
CLIP_MEAN: Triple = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD: Triple = (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_STD: Triple = (0.229, 0.224, 0.225)


_THINNEST = 64
"""Times that the longer side may be the shorter one before it is enlarged with it: 1 × 60,000 pixels would become three
thousand million, of which the middle is taken."""


def _not_too_thin(image: Image.Image) -> Image.Image:
    """Cut off from a very thin picture what its middle leaves out in any case."""
    most = _THINNEST * min(image.size)
    left, top = (max(0, (side - most) // 2) for side in image.size)
    return image.crop((left, top, image.width - left, image.height - top)) if left or top else image


@dataclass(frozen=True)
class Recipe:
    """What is done to a picture before a network sees it.

    Parameters
    ----------
    width, height : int
        Pixels of the result.
    resize : {"shortest", "squash", "longest", "none"}
        The shorter side to `edge` and the middle cut out; both sides at once, the aspect ratio not kept; or the longer
        side, on a plain ground.
    edge : int
        Pixels of the shorter side, before the middle is cut out.
    filter : int
        Pillow's number of the resampling filter: 0 nearest, 1 Lanczos, 2 bilinear, 3 bicubic, 4 box, 5 Hamming.
    rounding : {"hf", "torchvision", "immich"}
        Whose arithmetic finds the longer side and the middle; they differ by a pixel.
    fill : int
        Grey of the ground, 0 to 255.
    scale : float
        What the values 0 to 255 are multiplied by.
    mean, std : tuple of float
        Of red, green and blue: what is taken away from the scaled values, and what they are divided by then.
    source : str
        The file that says all this, or "assumed for …" where none does.

    Examples
    --------
    >>> recipe = Recipe(width=2, height=2, edge=2)
    >>> recipe.pixels(Image.new("RGB", (6, 4), "white")).shape
    (2, 2, 3)
    """

    width: int
    height: int
    resize: str = "shortest"
    edge: int = 224
    filter: int = 3
    rounding: str = "hf"
    fill: int = 0
    scale: float = 1 / 255
    mean: Triple = CLIP_MEAN
    std: Triple = CLIP_STD
    source: str = ""

    @property
    def min_side(self) -> int:
        """Pixels of the shorter side of a picture from which the result loses nothing."""
        return max(1, self.edge if self.resize == "shortest" else max(self.width, self.height))

    @property
    def digest(self) -> str:
        """Eight hexadecimal digits that change with whatever changes the result."""
        said = repr(sorted(asdict(replace(self, source="")).items()))
        return sha256(said.encode()).hexdigest()[:8]

    def pixels(self, image: Image.Image) -> NDArray[np.uint8]:
        """Return the (height, width, 3) uint8 pixels of an upright RGB image; any thread may do it."""
        rgb = image if image.mode == "RGB" else image.convert("RGB")
        if self.resize == "shortest":
            rgb = _not_too_thin(rgb)
            rgb = self._middle(rgb.resize(self._shortest(*rgb.size), self._filter))
        elif self.resize == "squash":
            rgb = rgb.resize((self.width, self.height), self._filter)
        elif self.resize == "longest":
            rgb = self._middle(rgb.resize(self._longest(*rgb.size), self._filter))
        else:
            rgb = self._middle(rgb)
        return np.asarray(rgb)

    def tensor(self, pixels: Sequence[NDArray[np.uint8]], *, dtype: str = "float32") -> NDArray[np.floating]:
        """Return (n, 3, height, width) of a floating type: scaled, mean taken away, divided by std."""
        values = np.arange(256, dtype=np.float32) * np.float32(self.scale)
        # 256 values for each channel: looking them up is exact, and twice as fast as computing each pixel
        tables = [
            ((values - np.float32(m)) / np.float32(s)).astype(dtype) for m, s in zip(self.mean, self.std, strict=True)
        ]
        batch = np.empty((len(pixels), 3, self.height, self.width), dtype)
        for row, picture in enumerate(pixels):
            for channel, table in enumerate(tables):
                np.take(table, picture[:, :, channel], out=batch[row, channel], mode="clip")
        return batch

    @property
    def _filter(self) -> Image.Resampling:
        return Image.Resampling(self.filter)

    def _shortest(self, width: int, height: int) -> tuple[int, int]:
        short, long = min(width, height), max(width, height)
        # dividing first, as immich does, now and then gives a pixel less than multiplying first
        other = int(long / short * self.edge) if self.rounding == "immich" else int(self.edge * long / short)
        return (self.edge, other) if width <= height else (other, self.edge)

    def _longest(self, width: int, height: int) -> tuple[int, int]:
        ratio = max(width / self.width, height / self.height)
        return max(1, round(width / ratio)), max(1, round(height / ratio))

    def _middle(self, image: Image.Image) -> Image.Image:
        """Cut out the middle; where the picture is too small, the ground shows."""
        left, top = (
            self._start(has, wanted) for has, wanted in zip(image.size, (self.width, self.height), strict=True)
        )
        if left >= 0 and top >= 0:
            return image.crop((left, top, left + self.width, top + self.height))
        ground = Image.new("RGB", (self.width, self.height), (self.fill,) * 3)
        ground.paste(image, (-left, -top))
        return ground

    def _start(self, has: int, wanted: int) -> int:
        """Return where the middle starts; negative where the picture is too small."""
        spare = has - wanted
        if spare < 0:
            # transformers rounds the left margin up, torchvision and open_clip round it down
            return -ceil(-spare / 2) if self.rounding == "hf" else -(-spare // 2)
        if self.rounding == "hf":
            return spare // 2
        # round() goes to the even number at a half, int() cuts off
        return int(has / 2 - wanted / 2) if self.rounding == "immich" else round(spare / 2)
