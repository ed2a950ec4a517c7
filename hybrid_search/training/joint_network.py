"""Joint spaces by gradient descent: DeViSE's hinge rank loss and the cosine loss, on numpy alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.training.pairs import Pairs

Matrix = NDArray[np.floating[Any]]
Arrays = dict[str, Matrix]

MARGIN = 0.1
"""Of the hinge rank loss, as in DeViSE."""
_LEAST = 1e-9
_SMALL = 0.01
"""A map that begins at random has to unlearn that first: of few pictures it never does."""


def hinge_loss(mapped: Matrix, texts: Matrix, same: NDArray[np.bool_]) -> tuple[float, Matrix]:
    """Return DeViSE's loss of pictures against the texts of others, mean over pictures, and its gradient.

    A. Frome et al., "DeViSE: a deep visual-semantic embedding model", NIPS 2013: for a picture v with text t the sum
    over the texts s of others of max(0, 0.1 - t·v + s·v). All that come too near count; the paper stops at the first.

    Parameters
    ----------
    mapped : (n, dims) floating ndarray
        Pictures in the space of texts.
    texts : (n, dims) floating ndarray
        The text of each, of unit length.
    same : (n, n) bool ndarray
        Which texts (columns) are of which picture (rows): these are no negatives.

    Returns
    -------
    loss : float
    gradient : (n, dims) floating ndarray
        With respect to `mapped`.
    """
    scores = mapped @ texts.T
    excess = np.where(same, 0, MARGIN - np.diag(scores)[:, None] + scores)
    near = excess > 0
    gradient = near @ texts - near.sum(axis=1, keepdims=True) * texts
    return float(excess[near].sum() / len(mapped)), gradient / len(mapped)


def cosine_loss(mapped: Matrix, targets: Matrix) -> tuple[float, Matrix]:
    """Return the mean of minus the cosine of pictures with their texts, and its gradient with respect to `mapped`.

    Parameters
    ----------
    mapped : (n, dims) floating ndarray
        Pictures in the space of texts.
    targets : (n, dims) floating ndarray
        The mean of each picture's texts, themselves of unit length: its product is their mean cosine.
    """
    lengths = np.linalg.norm(mapped, axis=1, keepdims=True)
    # a picture of which dropout has left nothing has no direction, and none to go
    known = lengths > _LEAST
    lengths = np.where(known, lengths, 1)
    unit = mapped * known / lengths
    cosines = (unit * targets).sum(axis=1, keepdims=True)
    return float(-cosines.mean()), -(targets - cosines * unit) * known / lengths / len(mapped)


@dataclass
class Layers:
    """A linear map, or one behind a hidden layer of rectified units with dropout.

    `arrays` are `weight` and `bias`, and with a hidden layer `inner` and `inner_bias`, as `map_images` takes them.
    """

    arrays: Arrays
    dropout: float = 0.0
    """Share of the inputs of the last layer that are left out at each step, in [0, 1)."""
    _kept: tuple[Matrix, Matrix, Matrix] | None = field(default=None, repr=False)

    @staticmethod
    def drawn(inputs: int, outputs: int, *, hidden: int, dropout: float, random: np.random.Generator) -> Layers:
        """Return layers with random weights (K. He et al., ICCV 2015), the last ones small."""
        last = hidden or inputs
        arrays: Arrays = {
            "weight": random.normal(0, _SMALL / np.sqrt(last), (last, outputs)),
            "bias": np.zeros(outputs),
        }
        if hidden:
            arrays["inner"] = random.normal(0, np.sqrt(2 / inputs), (inputs, hidden))
            arrays["inner_bias"] = np.zeros(hidden)
        return Layers(arrays, dropout)

    def forward(self, x: Matrix, *, random: np.random.Generator | None = None) -> Matrix:
        """Return (n, outputs) for (n, inputs); with `random` as in training, with dropout."""
        inner = np.maximum(x @ self.arrays["inner"] + self.arrays["inner_bias"], 0) if "inner" in self.arrays else x
        mask = np.ones_like(inner)
        if random is not None and self.dropout:
            kept = random.random(inner.shape, np.float32) >= self.dropout
            mask = kept.astype(inner.dtype) / (1 - self.dropout)
        self._kept = x, inner * mask, mask
        return np.asarray(inner * mask @ self.arrays["weight"] + self.arrays["bias"])

    def backward(self, gradient: Matrix) -> Arrays:
        """Return the gradients of the arrays, for that of what `forward` returned last."""
        if self._kept is None:
            raise RuntimeError("backward follows forward")
        x, inner, mask = self._kept
        found = {"weight": inner.T @ gradient, "bias": gradient.sum(axis=0)}
        if "inner" in self.arrays:
            behind = gradient @ self.arrays["weight"].T * mask * (inner > 0)
            found["inner"], found["inner_bias"] = x.T @ behind, behind.sum(axis=0)
        return found


class Adam:
    """D. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, with decoupled weight decay."""

    def __init__(self, arrays: Arrays, *, rate: float, decay: float = 0.0) -> None:
        self._arrays, self._rate, self._decay = arrays, rate, decay
        self._first = {name: np.zeros_like(array) for name, array in arrays.items()}
        self._second = {name: np.zeros_like(array) for name, array in arrays.items()}
        self._steps = 0

    def step(self, gradients: Arrays) -> None:
        """Move the arrays, in place, against their gradients."""
        self._steps += 1
        for name, gradient in gradients.items():
            self._first[name] += 0.1 * (gradient - self._first[name])
            self._second[name] += 0.001 * (gradient**2 - self._second[name])
            first = self._first[name] / (1 - 0.9**self._steps)
            second = self._second[name] / (1 - 0.999**self._steps)
            self._arrays[name] -= self._rate * (first / (np.sqrt(second) + 1e-8) + self._decay * self._arrays[name])


class Descent:
    """One training by gradient descent; each pass gives the maps so far.

    Parameters
    ----------
    pairs : Pairs
        What is learned from.
    loss : {"hinge", "cosine"}
    hidden : int
        Units of a hidden layer; 0 for a linear map.
    seed : int
        Of the first weights, the order of pictures, the choice among their texts, and dropout.
    """

    def __init__(
        self,
        pairs: Pairs,
        *,
        loss: str,
        hidden: int = 0,
        seed: int = 0,
        rate: float = 1e-3,
        decay: float = 0.1,
        dropout: float = 0.8,
        batch: int = 256,
    ) -> None:
        self._random = np.random.default_rng(seed)
        self._loss, self._batch, self._owners = loss, batch, pairs.owners
        images = pairs.images.astype(np.float64)
        self._mean = images.mean(axis=0)
        deviation = np.sqrt(((images - self._mean) ** 2).sum(axis=1).mean())
        # components of variance 1 on average, whatever the embedder
        self._scale = np.sqrt(images.shape[1]) / max(float(deviation), 1e-12)
        self._images = np.asarray((images - self._mean) * self._scale, np.float32)
        self._text_mean = pairs.weights @ pairs.texts
        texts = pairs.texts - self._text_mean
        self._texts = np.asarray(texts / np.maximum(np.linalg.norm(texts, axis=1, keepdims=True), 1e-12), np.float32)
        self._targets = Pairs(pairs.images, self._texts, pairs.owners).means().astype(np.float32)
        self._order = np.argsort(pairs.owners, kind="stable")
        self._counts = np.bincount(pairs.owners, minlength=len(pairs))
        drawn = Layers.drawn(images.shape[1], pairs.texts.shape[1], hidden=hidden, dropout=dropout, random=self._random)
        self._layers = Layers({name: array.astype(np.float32) for name, array in drawn.arrays.items()}, dropout)
        self._adam = Adam(self._layers.arrays, rate=rate, decay=decay)

    def epoch(self) -> float:
        """Go once over all pictures, and return the mean loss."""
        losses = []
        for rows in self._batches():
            mapped = self._layers.forward(self._images[rows], random=self._random)
            if self._loss == "cosine":
                loss, gradient = cosine_loss(mapped, self._targets[rows])
            else:
                loss, gradient = self._hinge(rows, mapped)
            self._adam.step(self._layers.backward(gradient))
            losses.append(loss)
        return float(np.mean(losses))

    def maps(self) -> dict[str, NDArray[np.float32]]:
        """Return the maps as they are now, for vectors as the embedders give them."""
        arrays = {name: array.astype(np.float64) for name, array in self._layers.arrays.items()}
        first = "inner" if "inner" in arrays else "weight"
        bias = "inner_bias" if first == "inner" else "bias"
        arrays[first] *= self._scale
        arrays[bias] -= self._mean @ arrays[first]
        found = {f"image_{name}": array.astype(np.float32) for name, array in arrays.items()}
        return {**found, "text_bias": (-self._text_mean).astype(np.float32)}

    def _hinge(self, rows: NDArray[np.intp], mapped: Matrix) -> tuple[float, Matrix]:
        starts = np.cumsum(self._counts) - self._counts
        drawn = self._order[starts[rows] + self._random.integers(0, self._counts[rows])]
        # several texts of one picture stand in a batch only when a picture does twice, which it does not
        return hinge_loss(mapped, self._texts[drawn], np.eye(len(rows), dtype=np.bool_))

    def _batches(self) -> Iterator[NDArray[np.intp]]:
        order = self._random.permutation(len(self._images))
        # a last batch of one picture has no negatives
        yield from np.array_split(order, max(1, round(len(order) / self._batch)))
