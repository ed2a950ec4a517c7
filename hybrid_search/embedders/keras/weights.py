"""Networks with weights: those that Keras brings, those of a file, or drawn from a seed."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_search.embedders.keras.architectures import Architecture
from hybrid_search.embedders.keras.quiet_keras import quiet_keras, values
from hybrid_search.errors import BadEmbedderOption, ModelMissing, WeightsMissing

_KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")
_DEVIATIONS = (0.229, 0.224, 0.225)
"""Standard deviations of ImageNet's channels."""


@dataclass(frozen=True)
class WeightedNetwork:
    """A network of `keras.applications` with weights; `top` says whether it has its classifier, `trained` on what."""

    base: Any
    top: bool
    trained: bool


def build(
    keras: Any, architecture: Architecture, *, owner: str, weights: str, seed: int | None, size: int
) -> WeightedNetwork:
    """Return the network, for pictures of size × size pixels; 0 is the architecture's own size.

    Parameters
    ----------
    keras : module
        What `load_keras` returns.
    architecture : Architecture
        Which network.
    owner : str
        The embedder's name, for errors.
    weights : str
        "imagenet", "none" (with a seed), or a file that Keras has saved.
    seed : int, optional
        Of the weights "none".
    size : int
        Pixels of a side.

    Raises
    ------
    BadEmbedderOption
        When the network does not take this size, or a seed is missing.
    ModelMissing
        When Keras cannot download its weights.
    WeightsMissing
        When the file is not there, or has the weights of something else.
    """
    shape = {"input_shape": (size, size, 3)} if size else {}
    with quiet_keras(keras), _size_refused(owner, size):
        if weights == "none":
            if seed is None:
                raise BadEmbedderOption(owner, "seed", "weights=none needs one, to make the same network again: seed=1")
            base = architecture.build(weights=None, **shape)
            _draw(base, seed)
            return WeightedNetwork(base, top=True, trained=False)
        if seed is not None:
            raise BadEmbedderOption(owner, "seed", "it belongs to weights=none")
        if weights == "imagenet":
            return _downloaded(architecture, owner, shape)
        return _from_file(architecture, Path(weights), shape)


def weights_hash(model: Any) -> str:
    """Return 12 hex digits that change with any weight of a model."""
    digest = hashlib.sha256()
    for variable in model.weights:
        found = values(variable)
        digest.update(repr(found.shape).encode())
        digest.update(found.data)
    return digest.hexdigest()[:12]


def _draw(base: Any, seed: int) -> None:
    """Draw all kernels as in K. He et al., "Delving deep into rectifiers", ICCV 2015: the same ones for a seed.

    Keras' own initialisers draw from the state of the whole process; biases and norms are as Keras begins them.
    """
    draws = np.random.default_rng(seed)
    for variable in base.weights:
        if variable.name in _KERNELS:
            shape = tuple(variable.shape)
            inputs = math.prod(shape[:2]) if variable.name == "depthwise_kernel" else math.prod(shape[:-1])
            variable.assign(draws.standard_normal(shape, np.float32) * np.float32(math.sqrt(2 / inputs)))


def _downloaded(architecture: Architecture, owner: str, shape: dict[str, Any]) -> WeightedNetwork:
    with _download_failed(owner), warnings.catch_warnings():
        # MobileNets have weights of one size, say so, and take them for all sizes: that is what is asked for
        warnings.filterwarnings("ignore", message=".*Weights for input shape .* will be loaded")
        try:
            return WeightedNetwork(architecture.build(weights="imagenet", **shape), top=True, trained=True)
        except ValueError as error:
            # another size than the classifier's own: the convolutions alone take it
            if not shape or _download_of(error) is not None:
                raise
            base = architecture.build(weights="imagenet", include_top=False, **shape)
            return WeightedNetwork(base, top=False, trained=True)


def _from_file(architecture: Architecture, path: Path, shape: dict[str, Any]) -> WeightedNetwork:
    if not path.is_file():
        raise WeightsMissing(str(path), "there is no such file; weights are imagenet, none, or a file saved by Keras")
    reason = ""
    for top in (True, False):
        base = architecture.build(weights=None, include_top=top, **shape)
        try:
            with warnings.catch_warnings():
                # Keras only warns when it leaves layers as they were drawn
                warnings.filterwarnings("error", message=".*freshly-initialized weights", category=UserWarning)
                base.load_weights(path)
        except (ValueError, OSError, KeyError, UserWarning) as error:
            reason = reason or " ".join(str(error).split())[:300]
        else:
            _correct_scaling(base)
            return WeightedNetwork(base, top=top, trained=True)
    raise WeightsMissing(str(path), f"it does not have the weights of {architecture.name}: {reason}")


def _correct_scaling(base: Any) -> None:
    """Give EfficientNet the variances that its files mean.

    Keras' files of EfficientNet have the standard deviations in their place; Keras makes up for that with a layer
    which it adds for weights="imagenet", and not for the same file by name.
    """
    for layer in base.layers:
        if type(layer).__name__ == "Normalization":
            variance = values(layer.adapt_variance)
            if variance.shape == (3,) and np.allclose(variance, _DEVIATIONS, atol=1e-3):
                layer.adapt_variance.assign(variance**2)
                layer.finalize_state()


@contextmanager
def _size_refused(owner: str, size: int) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        if not size:
            raise
        raise BadEmbedderOption(owner, "size", " ".join(str(error).split())) from error


@contextmanager
def _download_failed(owner: str) -> Iterator[None]:
    """Say which file is missing, where it can be had, and where it goes."""
    try:
        yield
    except Exception as error:
        # Keras raises a bare Exception; which file of which address it wanted only its own frame knows
        wanted = _download_of(error)
        if wanted is None:
            raise
        origin, target = wanted
        reason = f"Keras cannot download {target.name} ({' '.join(str(error).split())})"
        remedy = f"where there is a network run `curl -LO {origin}`, and bring the file here as {target}"
        raise ModelMissing(owner, reason, remedy) from error


def _download_of(error: BaseException) -> tuple[str, Path] | None:
    trace = error.__traceback__
    while trace is not None:
        known = trace.tb_frame.f_locals
        if trace.tb_frame.f_code.co_name == "get_file" and "download_target" in known:
            return str(known["origin"]), Path(known["download_target"])
        trace = trace.tb_next
    return None
