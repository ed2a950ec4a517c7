"""A denoising autoencoder for somebody's own pictures: no labels are needed, and what it is worth is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.embedders.histogram_hog import HistogramHog
from hybrid_search.embedders.onnx_session import OnnxSession
from hybrid_search.embedders.trained.autoencoder_embedder import INPUT, OUTPUT, encode
from hybrid_search.errors import TrainingImpossible
from hybrid_search.training.early_stopping import Epoch, Patience
from hybrid_search.training.ranking_gain import NeighbourRanking, RankingGain, compare, rank_neighbours
from hybrid_search.training.seeded_keras import INSTALL, seeded_keras
from hybrid_search.training.split import Split, split_examples
from hybrid_search.training.training_pictures import Pictures

LEAST = 50
"""Pictures, below which there is nothing to learn."""
_WHAT = "an autoencoder"
_CHANNELS = (32, 64, 128)  # of the three convolutions; no measurement is kept
_SHRINKS = 2 ** len(_CHANNELS)


@dataclass(frozen=True)
class AutoencoderOptions:
    """How an autoencoder is made and trained.

    Parameters
    ----------
    dims : int
        Numbers in a code.
    size : int
        Pixels of the sides of the squares that pictures are squashed to, a multiple of 8.
    epochs, patience : int
        Passes at most, and how many without a better validation before it stops.
    batch : int
        Pictures in a step.
    rate : float
        Step size of Adam.
    gaussian : float
        Standard deviation of the noise on every value, of a range of 1.
    masked : float
        Share of the pixels that are made black.
    seed : int
        Of the division into parts and of everything random in training.
    """

    dims: int = 128
    size: int = 64
    epochs: int = 40
    patience: int = 5
    batch: int = 32
    rate: float = 1e-3
    gaussian: float = 0.1
    masked: float = 0.25
    seed: int = 0

    def __post_init__(self) -> None:
        if self.size < _SHRINKS or self.size % _SHRINKS:
            raise ValueError(f"size is a multiple of {_SHRINKS} (got {self.size})")
        for option in ("dims", "epochs", "patience", "batch"):
            if getattr(self, option) < 1:
                raise ValueError(f"{option} is at least 1 (got {getattr(self, option)})")


@dataclass(frozen=True)
class Reconstruction:
    """Mean squared errors on held-out pictures, values in [0, 1].

    Parameters
    ----------
    autoencoder : float
        Of what it paints from the noisy pictures.
    noisy : float
        Of the noisy pictures themselves.
    mean : float
        Of the mean of the pictures that were learned from.
    """

    autoencoder: float
    noisy: float
    mean: float

    @property
    def is_learned(self) -> bool:
        """Whether it paints better than both, which take no learning."""
        return self.autoencoder < min(self.noisy, self.mean)


@dataclass(frozen=True)
class TrainedAutoencoder:
    """A trained encoder, and what it is worth on pictures that it never saw.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        `encoder`, its ONNX graph as bytes, and `center` and `scale` of the codes.
    options : AutoencoderOptions
    learned_from : dict
        Number of pictures in each part.
    epochs, best_epoch : int
        Passes made, and after which the weights were kept.
    reconstruction : Reconstruction
    retrieval : RankingGain or None
        Held-out pictures finding those of the same label: `before` by `histogram+hog`, which needs no training,
        `after` by the codes. None where no labels are known.
    """

    arrays: Mapping[str, NDArray[Any]]
    options: AutoencoderOptions
    learned_from: dict[str, int]
    epochs: int
    best_epoch: int
    reconstruction: Reconstruction
    retrieval: RankingGain | None

    @property
    def is_gain(self) -> bool:
        """Whether its codes find pictures of the same label better than `histogram+hog`, beyond chance."""
        return self.retrieval is not None and self.retrieval.is_gain

    def to_dict(self) -> dict[str, Any]:
        """Return the figures, without the weights, as JSON knows them."""
        return {
            "gain": self.is_gain,
            "options": asdict(self.options),
            "learned_from": dict(self.learned_from),
            "epochs": self.epochs,
            "best_epoch": self.best_epoch,
            "reconstruction": {name: round(error, 6) for name, error in asdict(self.reconstruction).items()},
            "baseline": "histogram+hog",
            "retrieval": self.retrieval and self.retrieval.to_dict(),
        }


def train_autoencoder(
    pictures: Pictures,
    *,
    options: AutoencoderOptions | None = None,
    progress: Callable[[Epoch], None] | None = None,
) -> TrainedAutoencoder:
    """Train an autoencoder to paint pictures again from noisy ones, and judge it on pictures that it never saw.

    P. Vincent, H. Larochelle, Y. Bengio and P.-A. Manzagol, "Extracting and composing robust features with denoising
    autoencoders", ICML 2008, with strided convolutions.

    Parameters
    ----------
    pictures : Pictures
        Squashed to the size of the options.
    options : AutoencoderOptions, optional
    progress : callable, optional
        Called after every epoch; its score is the negative error on validation pictures.

    Raises
    ------
    TrainingImpossible
        When there are fewer than 50 pictures, or TensorFlow is not installed.
    PackageMissing
        When ir_measures is not installed.
    """
    options = options or AutoencoderOptions()
    if len(pictures) < LEAST:
        raise TrainingImpossible(_WHAT, f"there are {len(pictures)} pictures, and {LEAST} are the least; add more")
    split = split_examples(pictures.as_examples(), seed=options.seed, hold_out_labels=False)
    keras = seeded_keras(_WHAT, seed=options.seed)
    convert = _converter()
    # before the training: if it cannot be judged, that is to be told now
    baseline = _baseline(pictures, split.test, seed=options.seed)
    encoder, whole = _networks(keras, options)
    watch, epochs = _fit(whole, pictures.pixels, split, options, progress)
    best_epoch, weights = watch.state
    whole.set_weights(weights)
    graph = _onnx(convert, encoder, options.size)
    codes = _in_parts(encoder, pictures.pixels[split.train])
    scale = codes.std(axis=0)
    arrays = {
        "encoder": np.frombuffer(graph, np.uint8),
        "center": codes.mean(axis=0),
        "scale": np.where(scale > 0, scale, 1).astype(np.float32),
    }
    sizes = {part: len(getattr(split, part)) for part in ("train", "validation", "test")}
    painted = _reconstruction(whole, pictures.pixels, split, options)
    judged = partial(_retrieval, pictures, split.test, arrays, seed=options.seed)
    retrieval = None if baseline is None else judged(before=baseline)
    return TrainedAutoencoder(
        arrays, options, {"pictures": len(pictures), **sizes}, epochs, best_epoch, painted, retrieval
    )


def add_noise(
    pixels: NDArray[np.float32], *, gaussian: float, masked: float, random: np.random.Generator
) -> NDArray[np.float32]:
    """Return images with Gaussian noise on every value and a share of the pixels made black (masking noise).

    Parameters
    ----------
    pixels : (n, height, width, 3) float32 ndarray
        Values in [0, 1].
    gaussian : float
        Standard deviation.
    masked : float
        Share in [0, 1].
    random : Generator

    Examples
    --------
    >>> white = np.ones((1, 2, 2, 3), np.float32)
    >>> float(add_noise(white, gaussian=0.0, masked=1.0, random=np.random.default_rng(0)).max())
    0.0
    """
    noisy = pixels + gaussian * random.standard_normal(pixels.shape, np.float32)
    kept = random.random((*pixels.shape[:-1], 1), np.float32) >= masked
    return np.asarray(np.clip(noisy, 0, 1) * kept, np.float32)


def _networks(keras: Any, options: AutoencoderOptions) -> tuple[Any, Any]:
    """Return the encoder, and it with the decoder behind it; they share their weights."""
    layers = keras.layers
    side = options.size // _SHRINKS
    pixels = keras.Input((options.size, options.size, 3), name=INPUT)
    flow = pixels
    for channels in _CHANNELS:
        flow = layers.Conv2D(channels, 3, strides=2, padding="same", activation="relu")(flow)
    code = layers.Dense(options.dims, name=OUTPUT)(layers.Flatten()(flow))
    flow = layers.Dense(side * side * _CHANNELS[-1], activation="relu")(code)
    flow = layers.Reshape((side, side, _CHANNELS[-1]))(flow)
    for channels in (*_CHANNELS[-2::-1], _CHANNELS[0]):
        flow = layers.Conv2DTranspose(channels, 3, strides=2, padding="same", activation="relu")(flow)
    # no sigmoid: on dark pictures it is driven to black, where it no longer learns
    painted = layers.Conv2D(3, 3, padding="same")(flow)
    whole = keras.Model(pixels, painted)
    whole.compile(optimizer=keras.optimizers.Adam(options.rate), loss="mse")
    return keras.Model(pixels, code), whole


def _fit(
    whole: Any,
    pixels: NDArray[np.uint8],
    split: Split,
    options: AutoencoderOptions,
    progress: Callable[[Epoch], None] | None,
) -> tuple[Patience[tuple[int, Any]], int]:
    random = np.random.default_rng(options.seed)
    watch: Patience[tuple[int, Any]] = Patience((0, whole.get_weights()), -np.inf, epochs=options.patience)
    for number in range(1, options.epochs + 1):
        whole.reset_metrics()
        order = random.permutation(split.train)
        for start in range(0, len(order), options.batch):
            clean = _floats(pixels[order[start : start + options.batch]])
            noisy = add_noise(clean, gaussian=options.gaussian, masked=options.masked, random=random)
            loss = float(whole.train_on_batch(noisy, clean))  # the mean of the epoch so far
        score = -_error(whole, pixels[split.validation], options)
        spent = watch.spent((number, whole.get_weights()), score)
        if progress is not None:
            progress(Epoch(number, options.epochs, loss, score, watch.score))
        if spent:
            break
    return watch, number


def _error(whole: Any, pixels: NDArray[np.uint8], options: AutoencoderOptions) -> float:
    """Return the mean squared error of what is painted from noisy pictures, the noise the same each time."""
    clean = _floats(pixels)
    painted = _in_parts(whole, _noisy(clean, options))
    return float(np.mean((painted - clean) ** 2))


def _noisy(clean: NDArray[np.float32], options: AutoencoderOptions) -> NDArray[np.float32]:
    random = np.random.default_rng(options.seed)
    return add_noise(clean, gaussian=options.gaussian, masked=options.masked, random=random)


def _reconstruction(whole: Any, pixels: NDArray[np.uint8], split: Split, options: AutoencoderOptions) -> Reconstruction:
    held_out = _floats(pixels[split.test])
    mean = pixels[split.train].mean(axis=0) / 255
    noisy = float(np.mean((_noisy(held_out, options) - held_out) ** 2))
    return Reconstruction(_error(whole, pixels[split.test], options), noisy, float(np.mean((held_out - mean) ** 2)))


def _baseline(pictures: Pictures, rows: NDArray[np.intp], *, seed: int) -> NeighbourRanking | None:
    """Return how well `histogram+hog` does; None where no two pictures have a label in common."""
    same = _same(pictures, rows)
    if same.sum() == np.trace(same):
        return None
    vectors = HistogramHog().embed_images([Image.fromarray(each) for each in pictures.pixels[rows]])
    return rank_neighbours(vectors, same, seed=seed)


def _retrieval(
    pictures: Pictures,
    rows: NDArray[np.intp],
    arrays: Mapping[str, NDArray[Any]],
    *,
    before: NeighbourRanking,
    seed: int,
) -> RankingGain:
    session = OnnxSession(lambda: arrays["encoder"].tobytes(), owner="autoencoder")
    after = rank_neighbours(encode(session, pictures.pixels[rows], arrays), _same(pictures, rows), seed=seed)
    marks = pictures.as_examples().marks
    return compare(before, after, clusters=[min(marks[row], default="") for row in rows], seed=seed)


def _same(pictures: Pictures, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    incidence = pictures.as_examples().incidence()[rows].astype(np.float32)
    return np.asarray(incidence @ incidence.T > 0)


def _converter() -> Any:
    """Return what makes ONNX of the network; that it is missing is told before the training, not after it."""
    try:
        import tf2onnx
    except ImportError as error:
        raise TrainingImpossible(_WHAT, f"tf2onnx is not installed: {INSTALL} ({error})") from error
    return tf2onnx.convert


def _onnx(convert: Any, encoder: Any, size: int) -> bytes:
    import tensorflow

    taken = [tensorflow.TensorSpec((None, size, size, 3), tensorflow.float32, name=INPUT)]

    def run(pixels: Any) -> dict[str, Any]:
        return {OUTPUT: encoder(pixels)}

    traced = tensorflow.function(run, autograph=False)
    graph, _ = convert.from_function(traced, input_signature=taken, opset=17)
    return bytes(graph.SerializeToString())


def _in_parts(model: Any, pixels: NDArray[Any], *, part: int = 256) -> NDArray[np.float32]:
    parts = [pixels[start : start + part] for start in range(0, len(pixels), part)]
    done = [np.asarray(model(_floats(each) if each.dtype == np.uint8 else each)) for each in parts]
    return np.concatenate(done)


def _floats(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return pixels.astype(np.float32) / np.float32(255)
