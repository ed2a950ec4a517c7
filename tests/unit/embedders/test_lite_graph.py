"""EfficientNet-Lite0 as ONNX, against the same network written out naively."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from hybrid_search.embedders import lite
from hybrid_search.embedders.lite_graph import _average_direction, build_graph
from hybrid_search.embedders.preprocess import squash
from hybrid_search.embedders.state_dict import read_state_dict
from tests.support.fakes import photo

Array = NDArray[Any]
# M. Tan's table: repeats, kernel, stride of the first, expansion, channels out
BLOCKS = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192)]
BLOCKS += [(1, 3, 1, 6, 320)]


@pytest.fixture(scope="module")
def weights() -> dict[str, Array]:
    return read_state_dict(lite._weights())


def same(x: Array, kernel: int, stride: int) -> Array:
    """Pad (channels, side, side) as TensorFlow's SAME does: what cannot be halved goes to the end."""
    side = x.shape[1]
    missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    around = (missing // 2, missing - missing // 2)
    return np.pad(x, ((0, 0), around, around))


def convolve(x: Array, kernels: Array, stride: int = 1) -> Array:
    """Slide (out, in, k, k) kernels over (in, side, side); kernels with one channel in are depthwise."""
    size = kernels.shape[2]
    if size == 1:
        return np.tensordot(kernels[:, :, 0, 0], x, axes=1)
    padded = same(x, size, stride)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))[:, ::stride, ::stride]
    if kernels.shape[1] == 1:
        return np.einsum("chwij,cij->chw", windows, kernels[:, 0], optimize=True)
    return np.einsum("chwij,ocij->ohw", windows, kernels, optimize=True)


def normalise(x: Array, weights: Mapping[str, Array], name: str) -> Array:
    mean, variance, scale, shift = (
        weights[f"{name}.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / np.sqrt(variance + 1e-3) * scale + shift


def relu6(x: Array) -> Array:
    return np.clip(x, 0, 6)


def naive(pixels: Array, weights: Mapping[str, Array]) -> tuple[Array, Array]:
    """Return the last feature map and the class probabilities."""
    x = (pixels.astype(np.float64).transpose(2, 0, 1) - 127) / 128
    x = relu6(normalise(convolve(x, weights["_conv_stem.weight"], 2), weights, "_bn0"))
    number = 0
    for repeats, kernel, first_stride, expansion, channels in BLOCKS:
        for repeat in range(repeats):
            stride, before, name = first_stride if repeat == 0 else 1, x, f"_blocks.{number}"
            if expansion != 1:
                x = relu6(normalise(convolve(x, weights[f"{name}._expand_conv.weight"]), weights, f"{name}._bn0"))
            depthwise = weights[f"{name}._depthwise_conv.weight"]
            assert depthwise.shape[2] == kernel
            x = relu6(normalise(convolve(x, depthwise, stride), weights, f"{name}._bn1"))
            x = normalise(convolve(x, weights[f"{name}._project_conv.weight"]), weights, f"{name}._bn2")
            assert len(x) == channels
            x = x + before if x.shape == before.shape else x
            number += 1
    x = relu6(normalise(convolve(x, weights["_conv_head.weight"]), weights, "_bn1"))
    logits = weights["_fc.weight"] @ x.mean(axis=(1, 2)) + weights["_fc.bias"]
    odds = np.exp(logits - logits.max())
    return x, odds / odds.sum()


def test_agrees_with_the_network_written_out(weights: dict[str, Array]) -> None:
    pixels = squash(photo(7, (500, 400)), 224)
    session = onnxruntime.InferenceSession(build_graph(weights), providers=["CPUExecutionProvider"])
    (embedding,), (probabilities,) = session.run(["embedding", "probabilities"], {"images": pixels[None]})
    features, expected = naive(pixels, weights)
    assert features.shape == (1280, 7, 7)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-3, atol=1e-6)
    pooled = np.sqrt((features**2).mean(axis=(1, 2)))
    shared = 0.55 * _average_direction(weights)
    np.testing.assert_allclose(embedding, pooled / np.linalg.norm(pooled) - shared, atol=1e-5)


def test_the_average_direction_is_that_of_normal_channels_cut_by_relu6() -> None:
    random = np.random.default_rng(0)
    bias, deviation = random.normal(0, 2, 6), random.uniform(0.1, 4, 6)
    samples = np.clip(random.normal(bias, deviation, (400_000, 6)), 0, 6)
    expected = np.sqrt((samples**2).mean(axis=0))
    found = _average_direction({"_bn1.bias": bias, "_bn1.weight": deviation})
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected), atol=0.005)


def test_the_shared_part_is_what_pictures_have_in_common(weights: dict[str, Array]) -> None:
    pixels = np.stack([squash(photo(seed), 224) for seed in range(8)])
    session = onnxruntime.InferenceSession(build_graph(weights), providers=["CPUExecutionProvider"])
    (embeddings,) = session.run(["embedding"], {"images": pixels})
    direction = _average_direction(weights)
    units = embeddings + 0.55 * direction
    np.testing.assert_allclose(np.linalg.norm(units, axis=1), 1, atol=1e-4)
    assert (units @ direction > 0.2).all() and np.abs(embeddings @ direction).mean() < 0.3


def test_the_same_weights_give_the_same_bytes(weights: dict[str, Array]) -> None:
    assert build_graph(weights) == build_graph(weights)
