"""Metric learning: a map of stored vectors in which pictures that belong together lie closer, if it helps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.embedders.trained.head_embedder import map_vectors
from hybrid_search.errors import TrainingImpossible
from hybrid_search.training.early_stopping import Epoch, Patience
from hybrid_search.training.examples import Examples
from hybrid_search.training.losses import (
    DRIFTS,
    LOSSES,
    MARGINS,
    TEMPERATURE,
    Loss,
    contrastive_loss,
    supcon_loss,
    triplet_loss,
)
from hybrid_search.training.ranking_gain import (
    NeighbourRanking,
    RankingGain,
    compare,
    neighbours_precision,
    rank_neighbours,
)
from hybrid_search.training.seeded_keras import seeded_keras
from hybrid_search.training.split import Split, split_examples

Arrays = Mapping[str, NDArray[np.float32]]
_WHAT = "a head"


@dataclass(frozen=True)
class HeadOptions:
    """How a head is trained.

    Parameters
    ----------
    loss : {"triplet", "contrastive", "supcon"}
    margin : float, optional
        By default that of the loss's paper, see `MARGINS`; "supcon" has none.
    dims : int, optional
        Length of the new vectors, at most that of the old, by default the same up to 512.
    hidden : int
        Units of a hidden layer beside the linear map; 0 for none.
    epochs, patience : int
        Passes at most, and how many without a better validation before it stops.
    labels, pictures : int
        In a batch, and of each label in it.
    rate : float
        Step size of Adam.
    drift : float, optional
        How much it costs to leave the untrained map: weight of the squared distance from it; by default `DRIFTS`.
    temperature : float
        Of "supcon".
    seed : int
        Of the division into parts and of everything random in training.
    """

    loss: Loss = "triplet"
    margin: float | None = None
    dims: int | None = None
    hidden: int = 0
    epochs: int = 60
    patience: int = 8
    labels: int = 16
    pictures: int = 4
    rate: float = 3e-4
    drift: float | None = None
    temperature: float = TEMPERATURE
    seed: int = 0

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ValueError(f"loss is one of {', '.join(LOSSES)} (got {self.loss!r})")
        least = {"dims": 1, "hidden": 0, "epochs": 1, "patience": 1, "labels": 2, "pictures": 2}
        for option, bound in least.items():
            value = getattr(self, option)
            if value is not None and value < bound:
                raise ValueError(f"{option} is at least {bound} (got {value})")
        if self.loss == "supcon" and self.margin is not None:
            raise ValueError(f"margin: loss 'supcon' has none (got {self.margin})")
        if self.temperature <= 0:
            raise ValueError(f"temperature is above 0 (got {self.temperature})")


@dataclass(frozen=True)
class TrainedHead:
    """A trained head and what became of the ranking of pictures that it never saw.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Its weights, as `embedders.head.map_vectors` takes them.
    options : HeadOptions
    learned_from : dict
        Numbers of labels, and of pictures in each part.
    epochs, best_epoch : int
        Passes made, and after which the weights were kept; 0 is the untrained map.
    known : RankingGain
        Held-out pictures of labels that others of it were learned from (of groups of copies: held-out groups).
    new : RankingGain or None
        All pictures of held-out labels; None where there were too few labels to spare some.
    """

    arrays: Arrays
    options: HeadOptions
    learned_from: dict[str, int]
    epochs: int
    best_epoch: int
    known: RankingGain
    new: RankingGain | None

    @property
    def is_gain(self) -> bool:
        """Whether held-out pictures find their like better by training, beyond chance, those of new labels no worse."""
        return self.best_epoch > 0 and self.known.is_gain and not (self.new is not None and self.new.is_loss)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures, without the weights, as JSON knows them."""
        return {
            "gain": self.is_gain,
            "options": asdict(self.options),
            "learned_from": dict(self.learned_from),
            "epochs": self.epochs,
            "best_epoch": self.best_epoch,
            "held_out_pictures": self.known.to_dict(),
            "held_out_labels": self.new and self.new.to_dict(),
        }


def train_head(
    examples: Examples,
    *,
    options: HeadOptions | None = None,
    hold_out_labels: bool = True,
    progress: Callable[[Epoch], None] | None = None,
) -> TrainedHead:
    """Train a head on vectors and what is said of their pictures, and judge it on pictures that it never saw.

    Before the first step the map keeps the vectors' cosines as well as `dims` numbers can: it is the identity, or the
    leading directions of the vectors. Whatever training does is judged by the mean average precision of validation
    pictures after every epoch; the best map is kept, which may be the first.

    Parameters
    ----------
    examples : Examples
        Such as `read_examples` gives.
    options : HeadOptions, optional
    hold_out_labels : bool
        Set whole labels aside as well; see `split_examples`.
    progress : callable, optional
        Called after every epoch.

    Raises
    ------
    TrainingImpossible
        When there is too little to learn from or to judge by, or TensorFlow is not installed.
    PackageMissing
        When ir_measures is not installed.
    """
    options = options or HeadOptions()
    split = split_examples(examples, seed=options.seed, hold_out_labels=hold_out_labels)
    labels = [label for label in examples.labels if label not in split.new_labels]
    known, new = examples.incidence(labels), examples.incidence(split.new_labels)
    for part, rows in {"validation": split.validation, "judging": split.test}.items():
        if not _pairs(known[rows]).sum() > len(rows):
            reason = f"no two of the {len(rows)} pictures held out for {part} belong together"
            raise TrainingImpossible(_WHAT, f"{reason}; label more pictures")
    watch, epochs = _fit(examples.vectors, known, split, options, progress)
    best_epoch, arrays = watch.state

    def judged(rows: NDArray[np.intp], incidence: NDArray[np.bool_]) -> RankingGain:
        return _judge(examples.vectors[rows], incidence[rows], arrays, seed=options.seed)

    parts = {"pictures": len(examples), "labels": len(examples.labels), "new_labels": len(split.new_labels)}
    sizes = {part: len(getattr(split, part)) for part in ("train", "validation", "test", "new")}
    found_new = judged(split.new, new) if len(split.new) else None
    return TrainedHead(arrays, options, parts | sizes, epochs, best_epoch, judged(split.test, known), found_new)


def _fit(
    vectors: NDArray[np.float32],
    incidence: NDArray[np.bool_],
    split: Split,
    options: HeadOptions,
    progress: Callable[[Epoch], None] | None,
) -> tuple[Patience[tuple[int, Arrays]], int]:
    """Return the best epoch with its weights, and how many epochs there were."""
    keras = seeded_keras(_WHAT, seed=options.seed)
    random = np.random.default_rng(options.seed)
    start = _starting_map(vectors[split.train], dims=options.dims)
    model = _model(keras, start, options)
    held_out, same = vectors[split.validation], _pairs(incidence[split.validation])
    validate = partial(_precision, held_out, same, seed=options.seed)
    watch = Patience((0, _arrays(model)), validate(_arrays(model)), epochs=options.patience)
    learned, targets = vectors[split.train], incidence[split.train]
    for number in range(1, options.epochs + 1):
        batches = label_batches(targets, labels=options.labels, pictures=options.pictures, random=random)
        model.reset_metrics()
        for rows in batches:
            loss = float(model.train_on_batch(learned[rows], targets[rows].astype(np.float32)))  # of all so far
        arrays = _arrays(model)
        score = validate(arrays)
        spent = watch.spent((number, arrays), score)
        if progress is not None:
            progress(Epoch(number, options.epochs, loss, score, watch.score))
        if spent:
            break
    return watch, number


def _starting_map(vectors: NDArray[np.float32], *, dims: int | None) -> NDArray[np.float32]:
    """Return the (d, dims) map that keeps the cosines of vectors best: identity, or their leading directions."""
    width = vectors.shape[1]
    dims = min(width, 512) if dims is None else dims
    if dims > width:
        raise TrainingImpossible(_WHAT, f"{dims} dims are more than the {width} of the vectors to learn from")
    if dims == width:
        return np.eye(width, dtype=np.float32)
    _, directions = np.linalg.eigh((vectors.T @ vectors).astype(np.float64))
    return np.ascontiguousarray(directions[:, ::-1][:, :dims], np.float32)


def _model(keras: Any, start: NDArray[np.float32], options: HeadOptions) -> Any:
    width, dims = start.shape
    inputs = keras.Input((width,))
    weight = DRIFTS[options.loss] if options.drift is None else options.drift
    anchored = partial(_drift, start=start, weight=weight)
    linear = keras.layers.Dense(dims, use_bias=False, kernel_regularizer=anchored, name="projection")
    mapped = linear(inputs)
    if options.hidden:
        inner = keras.layers.Dense(options.hidden, activation="relu", name="inner")(inputs)
        outer = keras.layers.Dense(dims, use_bias=False, kernel_initializer="zeros", name="outer")
        mapped = mapped + outer(inner)
    model = keras.Model(inputs, keras.layers.UnitNormalization(axis=1)(mapped))
    linear.set_weights([start])
    chosen = _loss(options)

    def loss(targets: Any, vectors: Any) -> Any:
        from keras import ops

        same = ops.cast(ops.matmul(targets, ops.transpose(targets)) > 0, vectors.dtype)
        return chosen(vectors, same)

    model.compile(optimizer=keras.optimizers.Adam(options.rate), loss=loss)
    return model


def _loss(options: HeadOptions) -> Callable[[Any, Any], Any]:
    if options.loss == "supcon":
        return partial(supcon_loss, temperature=options.temperature)
    margin = MARGINS[options.loss] if options.margin is None else options.margin
    return partial(triplet_loss if options.loss == "triplet" else contrastive_loss, margin=margin)


def _drift(kernel: Any, *, start: NDArray[np.float32], weight: float) -> Any:
    from keras import ops

    return weight * ops.sum(ops.square(kernel - start))


def _arrays(model: Any) -> Arrays:
    layers = {layer.name: [np.array(each) for each in layer.get_weights()] for layer in model.layers}
    arrays = {"projection": layers["projection"][0]}
    if "inner" in layers:
        arrays |= {"inner": layers["inner"][0], "inner_bias": layers["inner"][1], "outer": layers["outer"][0]}
    return arrays


def _pairs(incidence: NDArray[np.bool_]) -> NDArray[np.bool_]:
    counted = incidence.astype(np.float32)
    return np.asarray(counted @ counted.T > 0)


def _precision(vectors: NDArray[np.float32], same: NDArray[np.bool_], arrays: Arrays, *, seed: int) -> float:
    return neighbours_precision(map_vectors(vectors, arrays), same, seed=seed)


def _ranked(vectors: NDArray[np.float32], same: NDArray[np.bool_], arrays: Arrays, *, seed: int) -> NeighbourRanking:
    return rank_neighbours(map_vectors(vectors, arrays), same, seed=seed)


def _judge(vectors: NDArray[np.float32], incidence: NDArray[np.bool_], arrays: Arrays, *, seed: int) -> RankingGain:
    same = _pairs(incidence)
    # the rarest label of each stands for what it was drawn with
    rarity = np.where(incidence, incidence.sum(axis=0), len(incidence) + 1)
    clusters = [str(label) for label in rarity.argmin(axis=1)]
    before = rank_neighbours(vectors, same, seed=seed)
    return compare(before, _ranked(vectors, same, arrays, seed=seed), clusters=clusters, seed=seed)


def label_batches(
    incidence: NDArray[np.bool_], *, labels: int, pictures: int, random: np.random.Generator
) -> Iterator[NDArray[np.intp]]:
    """Give the batches of one epoch: some labels at random, some pictures of each (P × K sampling).

    A. Hermans, L. Beyer and B. Leibe, "In defense of the triplet loss for person re-identification", 2017. Labels come
    equally often, so that those with many pictures do not crowd out the others; the epoch is over when as many pictures
    have come as there are.

    Parameters
    ----------
    incidence : (n, number of labels) bool ndarray
        Which picture has which label.
    labels, pictures : int
        Labels in a batch, and pictures of each; of fewer labels more pictures come.
    random : Generator

    Yields
    ------
    (m,) intp ndarray
        Rows of pictures, ascending, each once.

    Examples
    --------
    >>> table = np.repeat(np.eye(2, dtype=bool), 6, axis=0)
    >>> [len(rows) for rows in label_batches(table, labels=2, pictures=3, random=np.random.default_rng(0))]
    [6, 6]
    """
    usable = np.flatnonzero(incidence.sum(axis=0) >= 2)
    size = labels * pictures
    labels = min(labels, len(usable))
    pictures = size // max(1, labels)
    drawn = 0
    order = np.zeros(0, np.intp)
    while drawn < len(incidence) and labels:
        if len(order) < labels:
            order = random.permutation(usable)
        chosen, order = order[:labels], order[labels:]
        rows = [random.permutation(np.flatnonzero(incidence[:, label]))[:pictures] for label in chosen]
        yield np.unique(np.concatenate(rows))
        drawn += size
