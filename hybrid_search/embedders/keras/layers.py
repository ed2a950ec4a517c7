"""A network's layers by name, and the vector that a layer gives."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.embedders.keras.quiet_keras import values
from hybrid_search.errors import BadEmbedderOption

POOLINGS = ("avg", "max", "gem")
GEM_POWER = 3
"""Where F. Radenović et al. (TPAMI 2019) start to learn it; it is not learned here."""
GEM_LEAST = 1e-6
"""What is below counts as this: GeM takes roots, and some networks' feature maps are in part below zero."""
_PASSING = ("Dropout", "Flatten", "Reshape")
_AVERAGING = ("GlobalAveragePooling2D",)
_HEADS = ("GlobalAveragePooling2D", "Flatten")


@dataclass(frozen=True)
class LayerFeatures:
    """Where the embedding comes from.

    Parameters
    ----------
    tensor : KerasTensor
        (n, dims), or (n, height, width, dims) for a feature map.
    layer : str
        The layer that gives it.
    pooling : str
        "avg", "max" or "gem" for a feature map, else "".
    """

    tensor: Any
    layer: str
    pooling: str

    @property
    def dims(self) -> int:
        """Components of the vector."""
        return int(self.tensor.shape[-1])


def layer_names(base: Any) -> Mapping[str, Any]:
    """Return the layers of a network by name, in the order of its computation.

    Layers that Keras numbers through all networks of a process, such as "activation_27", are counted within the
    network, as in a process that makes no other.
    """
    numbers: dict[str, list[tuple[int, Any]]] = defaultdict(list)
    for layer in base.operations:
        stem, number = re.fullmatch(r"(.*?)(?:_(\d+))?", layer.name).groups()  # type: ignore[union-attr]
        if stem.replace("_", "") == type(layer).__name__.lower():
            numbers[stem].append((int(number or 0), layer))
    named = {}
    for stem, found in numbers.items():
        first = min(number for number, _ in found)
        for number, layer in found:
            named[id(layer)] = f"{stem}_{number - first}" if number > first else stem
    return {named.get(id(layer), layer.name): layer for layer in base.operations}


def features(base: Any, *, owner: str, layer: str, pooling: str, top: bool) -> LayerFeatures:
    """Return what the embedding is made of: a layer by name, or what the classifier sees.

    Without a layer, a pooling stands for that of the last feature map.

    Raises
    ------
    BadEmbedderOption
        When there is no such layer, or its output is not a vector or a feature map, or needs no pooling.
    """
    names = layer_names(base)
    tensor: Any
    if layer:
        if layer not in names:
            raise BadEmbedderOption(owner, "layer", f"no layer {layer!r}; {_like(layer, list(names))}")
        tensor = names[layer].output
    elif pooling:
        tensor = _last_map(base) if top else base.output
    else:
        tensor = _classifier(base).input if top else base.output
    maker = _maker(tensor)
    name = layer or next(name for name, each in names.items() if each is maker)
    if len(getattr(tensor, "shape", ())) == 4:
        return LayerFeatures(tensor, name, pooling or "avg")
    if pooling:
        raise BadEmbedderOption(owner, "pooling", f"layer {name} gives a vector, there is nothing to pool")
    if len(tensor.shape) != 2:
        raise BadEmbedderOption(owner, "layer", f"{name} gives neither a vector nor a feature map: {tensor.shape}")
    return LayerFeatures(tensor, name, "")


def pooled(keras: Any, output: Any, pooling: str) -> Any:
    """Return (n, dims) of a layer's output: GeM is (mean x^3)^(1/3) of each channel.

    F. Radenović et al., "Fine-tuning CNN image retrieval with no human annotation", TPAMI 2019.
    """
    if pooling == "max":
        return keras.ops.max(output, axis=(1, 2))
    if pooling == "gem":
        powers = keras.ops.power(keras.ops.maximum(output, GEM_LEAST), GEM_POWER)
        return keras.ops.power(keras.ops.mean(powers, axis=(1, 2)), 1 / GEM_POWER)
    if len(output.shape) == 4:
        # the mean of a single pixel is that pixel
        return keras.ops.mean(output, axis=(1, 2))
    return output


def class_kernel(base: Any, chosen: LayerFeatures) -> NDArray[np.float32] | None:
    """Return (dims, classes), what the classifier weighs the embedding's components with, if it takes them as they are.

    None when layers stand between that change them.
    """
    classifier = _classifier(base)
    kernel = values(classifier.kernel).reshape(-1, classifier.kernel.shape[-1])
    tensor = classifier.input
    passing = _PASSING + (_AVERAGING if chosen.pooling == "avg" else ())
    while tensor is not chosen.tensor:
        maker = _maker(tensor)
        if type(maker).__name__ not in passing:
            return None
        tensor = maker.input
    return kernel if len(kernel) == chosen.dims and chosen.pooling in ("", "avg") else None


def _classifier(base: Any) -> Any:
    """Return the last layer that has a kernel."""
    return [layer for layer in base.layers if hasattr(layer, "kernel")][-1]


def _maker(tensor: Any) -> Any:
    return tensor._keras_history.operation


def _last_map(base: Any) -> Any:
    """Return what the network's head pools or flattens."""
    maker = _maker(_classifier(base).input)
    while type(maker).__name__ not in _HEADS:
        maker = _maker(maker.input)
    return maker.input


def _like(layer: str, names: list[str]) -> str:
    near = difflib.get_close_matches(layer, names, n=5, cutoff=0.5)
    return f"near it: {', '.join(near)}" if near else f"the last ones: {', '.join(names[-5:])}"
