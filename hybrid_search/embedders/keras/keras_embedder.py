"""`keras:ARCHITECTURE@LAYER`: any network of `keras.applications` as an embedder, on TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.embedders.imagenet_classes import class_rows, classes_by_name
from hybrid_search.embedders.keras.layers import POOLINGS
from hybrid_search.embedders.keras.network import Network, make_network
from hybrid_search.embedders.option_values import choice, number, whole
from hybrid_search.embedders.pixel_network import Outputs, PixelNetwork
from hybrid_search.embedders.preprocess import squash
from hybrid_search.embedders.registry import full_name
from hybrid_search.errors import BadEmbedderOption


class Keras(PixelNetwork):
    """A network of Keras; `keras_embedder` makes it, and says what belongs to its name.

    The picture is squashed to the network's square, as Keras' own pipelines do, and its pixels are brought into the
    network's range by what the architecture's `preprocess_input` does.
    """

    def __init__(self, network: Network, *, name: str, threshold: float, labels: int, batch_size: int) -> None:
        super().__init__(
            name=name,
            dims=network.features.dims,
            version=network.version,
            side=network.side,
            threshold=threshold,
            labels=labels if network.labels else 0,
            batch_size=batch_size,
        )
        self.network = network

    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        """Return the pixels that the network takes, (side, side, 3) uint8; any thread may do it."""
        return squash(image, self.network.side)

    def _infer(self, pixels: NDArray[np.uint8]) -> Outputs:
        outputs = self.network(pixels)
        return outputs["embedding"], outputs.get("probabilities")


class KerasClassifier(Keras):
    """A network of Keras whose embedding is what its classifier of ImageNet's classes weighs, with `kernel`."""

    def __init__(self, network: Network, kernel: NDArray[np.float32], *, name: str, **options: Any) -> None:
        super().__init__(network, name=name, **options)
        self._kernel = kernel

    @property
    def classes(self) -> tuple[str, ...]:
        """The names that `class_rows` knows, in lower case: classes, their other names, and categories."""
        return tuple(classes_by_name())

    def class_rows(self, names: Sequence[str]) -> NDArray[np.float32]:
        """Return (n, dims) float32: how much each component speaks for a class; raises UnknownClass."""
        return class_rows(self._kernel, names)


def keras_embedder(
    *,
    model: str = "",
    pooling: str | None = None,
    weights: str = "imagenet",
    seed: int | str | None = None,
    size: int | str | None = None,
    threshold: float | str = 0.2,
    labels: int | str = 5,
    batch_size: int | str = 32,
) -> Keras:
    """Return a network of Keras as an embedder; images only.

    Parameters
    ----------
    model : str
        "ARCHITECTURE" or "ARCHITECTURE@LAYER", such as "vgg16@fc1", "resnet50" or "mobilenet_v3_large": a name of
        `keras.applications` in snake case, and any layer of it. Without a layer, what the classifier sees.
    pooling : str, optional
        "avg", "max" or "gem", how a layer's feature map becomes a vector; "avg" by default, as in Keras. Without a
        layer it is that of the last feature map.
    weights : str
        "imagenet", which Keras downloads once; the path of a file that Keras has saved, whose classifier, if it is
        one of 1,000 classes, is taken to be one of ImageNet; or "none", with a seed.
    seed : int, optional
        Of the weights "none".
    size : int, optional
        Pixels of a side of the square that pictures are squashed to; by default the architecture's own. With
        "imagenet", at another size the classifier and its labels fall away, and the last feature map is pooled.
    threshold : float
        Least probability of a label, in [0, 1].
    labels : int
        Labels per image at most; 0 for none.
    batch_size : int
        Images that the network takes at once.

    Raises
    ------
    UnknownEmbedder
        When Keras has no such architecture.
    BadEmbedderOption
        When there is no such layer, or an option cannot have its value.
    EmbedderUnavailable
        When Keras is set up for another backend than TensorFlow.
    ModelMissing
        When Keras cannot download its weights; the message says what to bring from elsewhere.
    WeightsMissing
        When the file is not there, or has the weights of something else.
    """
    owner = f"keras:{model}"
    architecture, _, layer = model.partition("@")
    if not architecture:
        raise BadEmbedderOption("keras", "model", "name an architecture: keras:resnet50, keras:vgg16@fc1")
    options: dict[str, Any] = {
        "threshold": number(owner, "threshold", threshold, least=0, most=1),
        "labels": whole(owner, "labels", labels, least=0),
        "batch_size": whole(owner, "batch_size", batch_size, least=1),
    }
    side = whole(owner, "size", size, least=1) if size is not None else None
    drawn = whole(owner, "seed", seed, least=0) if seed is not None else None
    network = make_network(
        owner,
        architecture=architecture,
        layer=layer,
        pooling=choice(owner, "pooling", pooling, POOLINGS) if pooling is not None else "",
        weights=weights,
        seed=drawn,
        size=side or 0,
    )
    given = None if weights == "imagenet" else weights
    name = full_name("keras", model=model, pooling=pooling, weights=given, seed=drawn, size=side)
    if network.kernel is None:
        return Keras(network, name=name, **options)
    return KerasClassifier(network, network.kernel, name=name, **options)
