"""A network of Keras from pixels to features: scaling, layers and pooling in one graph."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.embedders.keras.architectures import find_architecture
from hybrid_search.embedders.keras.layers import LayerFeatures, class_kernel, features, pooled
from hybrid_search.embedders.keras.quiet_keras import load_keras
from hybrid_search.embedders.keras.scaling import scaling
from hybrid_search.embedders.keras.weights import WeightedNetwork, build, weights_hash

_DEFAULT_SIDE = 224
"""What most networks of ImageNet were trained at; for those that name no size."""
_RECIPE = 1
"""Raised when the same weights would give other vectors."""


@dataclass(frozen=True)
class Network:
    """A network that takes uint8 RGB pixels (n, side, side, 3).

    Parameters
    ----------
    model : keras.Model
        Gives {"embedding": (n, dims)}, not of unit length, and with labels {"probabilities": (n, 1000)} too.
    side : int
        Pixels of a side.
    features : LayerFeatures
        Layer and pooling.
    labels : bool
        Whether it knows ImageNet's classes.
    kernel : (dims, 1000) ndarray or None
        What the classifier weighs the embedding with, if it takes the embedding as it is and the classes are known.
    version : str
        Of architecture, layer, pooling, size and weights.
    """

    model: Any
    side: int
    features: LayerFeatures
    labels: bool
    kernel: NDArray[np.float32] | None
    version: str
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def __call__(self, pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Return the outputs of a batch; several threads may call."""
        # TensorFlow is not meant to trace one function in two threads at once
        with self._lock:
            traced = self.function.get_concrete_function()
        return {name: values.numpy() for name, values in traced(pixels).items()}

    @cached_property
    def function(self) -> Any:
        """The TensorFlow function from `images` to the outputs, for batches of any length."""
        import tensorflow

        images = tensorflow.TensorSpec((None, self.side, self.side, 3), tensorflow.uint8, name="images")
        return tensorflow.function(lambda images: self.model(images, training=False), input_signature=[images])


def make_network(
    owner: str, *, architecture: str, layer: str, pooling: str, weights: str, seed: int | None, size: int
) -> Network:
    """Build a network of `keras.applications` for embedding; 0 stands for the architecture's own size.

    Raises
    ------
    UnknownEmbedder, BadEmbedderOption, EmbedderUnavailable, ModelMissing, WeightsMissing
        As `find_architecture`, `build`, `features` and `load_keras` say.
    """
    keras = load_keras(owner)
    known = find_architecture(keras, architecture)
    built = build(keras, known, owner=owner, weights=weights, seed=seed, size=size)
    chosen = features(built.base, owner=owner, layer=layer, pooling=pooling, top=built.top)
    side = size or built.base.input_shape[1] or _DEFAULT_SIDE
    labels = built.top and built.trained
    origin = weights_hash(keras.Model(built.base.input, chosen.tensor)) if built.trained else f"seed{seed}"
    parts = (f"keras{keras.__version__.partition('.')[0]}", architecture, chosen.layer, chosen.pooling, side, origin)
    return Network(
        model=_joined(keras, built, chosen, side, scaling(known.preprocess), labels=labels),
        side=side,
        features=chosen,
        labels=labels,
        kernel=class_kernel(built.base, chosen) if labels else None,
        version="-".join(str(part) for part in (*parts, _RECIPE) if part != ""),
    )


def _joined(keras: Any, built: WeightedNetwork, chosen: LayerFeatures, side: int, scale: Any, *, labels: bool) -> Any:
    pixels = keras.Input((side, side, 3), dtype="uint8", name="images")
    scaled = scale(keras, keras.ops.cast(pixels, "float32"))
    wanted = {"embedding": chosen.tensor} | ({"probabilities": built.base.output} if labels else {})
    found = keras.Model(built.base.input, wanted)(scaled)
    found["embedding"] = pooled(keras, found["embedding"], chosen.pooling)
    return keras.Model(pixels, found)
