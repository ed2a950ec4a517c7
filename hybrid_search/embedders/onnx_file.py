"""`onnx:FILE`: any image network in an ONNX file as an embedder, on ONNX Runtime."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.embedders import preprocess
from hybrid_search.embedders.onnx_card import Card
from hybrid_search.embedders.onnx_facts import Facts, read_facts
from hybrid_search.embedders.onnx_recipe import OnnxRecipe, map_layout, recipe
from hybrid_search.embedders.onnx_session import OnnxSession
from hybrid_search.embedders.option_values import number, whole
from hybrid_search.embedders.pixel_network import Outputs, PixelNetwork
from hybrid_search.embedders.registry import full_name
from hybrid_search.errors import BadEmbedderOption

GEM_POWER = 3
GEM_LEAST = 1e-6
_RESIZES: Mapping[str, Callable[[Image.Image, int], NDArray[np.uint8]]] = {
    "squash": preprocess.squash,
    "trim": preprocess.trim,
    "crop": preprocess.center_crop,
    "pad": preprocess.pad,
}


class OnnxFile(PixelNetwork):
    """An image network in an ONNX file: one that `export_onnx` has written, or one of others.

    A file of `export_onnx` says itself how it is run. For others, names, types, layout and size are read from the
    graph; what it leaves open, options say: a float input needs at least `mean`.

    Parameters
    ----------
    model : str
        Path of the file.
    size : int, optional
        Pixels of a side of the input.
    resize : str, optional
        "squash" (the default), "trim", "crop" or "pad": how a picture becomes a square.
    mean, std : str, optional
        Taken from each value, and what it is divided by: "imagenet", "clip", "half" or "none", or one number or three
        with commas between. A name for `mean` stands for both.
    scale : float, optional
        Factor of pixels in [0, 255] before that, 1/255 by default.
    channels : str, optional
        "rgb" (the default) or "bgr".
    layout : str, optional
        "nchw" or "nhwc".
    input, output : str, optional
        Names in the graph, where there are several.
    pooling : str, optional
        "avg" (the default), "max" or "gem", for an output that is a feature map.
    output_layout : str, optional
        "nchw" or "nhwc", for a feature map whose shape does not say where its channels are.
    threshold, labels, batch_size
        As `keras_embedder` has them.
    threads : int, optional
        Threads of the network; by default one for each processor.
    providers : sequence of str, optional
        ONNX Runtime's execution providers.

    Raises
    ------
    ModelMissing
        When the file is not there, or is not an ONNX model.
    BadEmbedderOption
        When the graph leaves something open that no option says, or contradicts an option.
    """

    def __init__(
        self,
        *,
        model: str = "",
        size: int | str | None = None,
        resize: str | None = None,
        mean: str | None = None,
        std: str | None = None,
        scale: float | str | None = None,
        channels: str | None = None,
        layout: str | None = None,
        input: str | None = None,
        output: str | None = None,
        pooling: str | None = None,
        output_layout: str | None = None,
        threshold: float | str = 0.2,
        labels: int | str = 5,
        batch_size: int | str = 32,
        threads: int | str | None = None,
        providers: Sequence[str] | str | None = None,
    ) -> None:
        owner = f"onnx:{model}"
        if not model:
            raise BadEmbedderOption("onnx", "model", "name a file: onnx:resnet50.onnx")
        options = {"size": size, "resize": resize, "mean": mean, "std": std, "scale": scale, "channels": channels}
        options |= {"layout": layout, "input": input, "output": output, "pooling": pooling}
        options |= {"output_layout": output_layout}
        given = {option: str(value) for option, value in options.items() if value is not None}
        path = Path(model)
        facts = read_facts(path, owner=owner)
        self._recipe = recipe(facts, given, owner=owner)
        self._network = OnnxSession(
            lambda: path,
            owner=owner,
            threads=None if threads is None else whole(owner, "threads", threads, least=1),
            providers=providers,
            rows=self._recipe.input.shape[0] or (1 if facts.scales_batches else None),
        )
        if self._recipe.pooling and not self._recipe.map_layout:
            self._recipe = replace(self._recipe, map_layout=self._tried_layout(owner))
        super().__init__(
            name=full_name("onnx", model=model, **given),
            dims=self._dims(),
            version=_version(facts, self._recipe),
            side=self._recipe.card.size,
            threshold=number(owner, "threshold", threshold, least=0, most=1),
            labels=whole(owner, "labels", labels, least=0),
            batch_size=whole(owner, "batch_size", batch_size, least=1),
        )

    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        """Return the pixels that the network takes, (side, side, 3) uint8 RGB; any thread may do it."""
        card = self._recipe.card
        return _RESIZES[card.resize](image, card.size)

    def _infer(self, pixels: NDArray[np.uint8]) -> Outputs:
        card = self._recipe.card
        found = self._outputs(pixels, [card.output, *([card.probabilities] if card.probabilities else [])])
        return _pooled(found[0], self._recipe), found[1] if card.probabilities else None

    def _outputs(self, pixels: NDArray[np.uint8], names: Sequence[str]) -> list[NDArray[np.float32]]:
        rows = self._recipe.input.shape[0] or 1
        # a graph of so many rows takes no fewer
        padded = np.pad(pixels, ((0, -len(pixels) % rows), (0, 0), (0, 0), (0, 0)))
        outputs = self._network.run(names, {self._recipe.input.name: _values(padded, self._recipe.card)})
        return [np.asarray(values[: len(pixels)], np.float32) for values in outputs]

    def _tried_layout(self, owner: str) -> str:
        """Return where the feature map of one picture has its channels."""
        shape = self._outputs(self._black(), [self._recipe.output.name])[0].shape
        if found := map_layout(shape):
            return found
        sides = " × ".join(map(str, shape[1:]))
        reason = f"{self._recipe.output} gives {sides} for a picture, which may have its channels first or last; "
        raise BadEmbedderOption(owner, "output_layout", f"{reason}say nchw or nhwc")

    def _dims(self) -> int:
        static = self._recipe.output.shape[1 if self._recipe.map_layout == "nchw" else -1]
        return len(self._infer(self._black())[0][0]) if static is None else static

    def _black(self) -> NDArray[np.uint8]:
        return np.zeros((1, self._recipe.card.size, self._recipe.card.size, 3), np.uint8)


def _values(pixels: NDArray[np.uint8], card: Card) -> NDArray[np.uint8 | np.float32 | np.float16]:
    """Return what the graph takes of (n, side, side, 3) RGB pixels."""
    ordered = pixels[..., ::-1] if card.channels == "bgr" else pixels
    moved = ordered.transpose(0, 3, 1, 2) if card.layout == "nchw" else ordered
    if card.dtype == "uint8":
        return np.ascontiguousarray(moved)
    shape = (3, 1, 1) if card.layout == "nchw" else (3,)
    mean, std = (np.array(values, np.float32).reshape(shape) for values in (card.mean, card.std))
    scaled = (moved.astype(np.float32) * np.float32(card.scale) - mean) / std
    return np.ascontiguousarray(scaled, np.float16 if card.dtype == "float16" else np.float32)


def _pooled(values: NDArray[np.float32], recipe: OnnxRecipe) -> NDArray[np.float32]:
    """Return (n, dims) of an output; a feature map is pooled as `keras.layers.pooled` says."""
    if not recipe.pooling:
        return values.reshape(len(values), -1)
    axes = (2, 3) if recipe.map_layout == "nchw" else (1, 2)
    if recipe.pooling == "max":
        return np.asarray(values.max(axis=axes), np.float32)
    if recipe.pooling == "gem":
        powers = np.maximum(values, GEM_LEAST, dtype=np.float32) ** GEM_POWER
        return np.asarray(powers.mean(axis=axes) ** (1 / GEM_POWER), np.float32)
    return np.asarray(values.mean(axis=axes), np.float32)


def _version(facts: Facts, recipe: OnnxRecipe) -> str:
    # where both layouts are one, it stands in the card; versions before knew no other, and pooled what has two wrongly
    apart = [recipe.map_layout] if recipe.map_layout not in ("", recipe.card.layout) else []
    # versions before gave such a graph whole batches
    apart += ["one by one"] if facts.scales_batches else []
    way = (
        "" if facts.card else "-" + hashlib.sha256(repr((recipe.card, recipe.pooling, *apart)).encode()).hexdigest()[:8]
    )
    return f"onnx-{facts.sha256[:12]}{way}"
