"""A joint space of pictures and words, learned from captions: text finds pictures that nobody captioned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hybrid_search.embedders.trained.joint_embedder import map_images, map_texts
from hybrid_search.evaluate import Figures, evaluate_vectors
from hybrid_search.training.early_stopping import Epoch, Patience
from hybrid_search.training.joint_closed_form import CCA_GRID, RIDGE_GRID, cca, moments, ridge
from hybrid_search.training.joint_network import Descent
from hybrid_search.training.pairs import Pairs

JointLoss = Literal["cca", "ridge", "cosine", "hinge"]
LOSSES: tuple[JointLoss, ...] = get_args(JointLoss)
Maps = Mapping[str, NDArray[np.float32]]
Setting = Mapping[str, Any]

VALIDATION, TEST = 0.2, 0.2
"""Shares of the pictures that choose the setting, and that judge what was learned."""
SHARES = tuple(tenths / 10 for tenths in range(10))
"""Of an image embedder's own meanings beside what is learned, from which validation chooses; 0 leaves them out."""
_MOST = 1_000
"""Pictures and texts at most that validate or judge: the figures of more would differ in the third digit."""


@dataclass(frozen=True)
class JointOptions:
    """How a joint space is learned.

    Parameters
    ----------
    loss : {"cca", "ridge", "cosine", "hinge"}
        Canonical correlation analysis or ridge regression, in closed form; or a map trained for the cosine of pictures
        with their texts, or by DeViSE's hinge rank loss.
    hidden : int
        Units of a hidden layer of the map of pictures; 0 for none. The closed forms have none.
    epochs, patience : int
        Passes at most, and how many without a better validation before training stops.
    seed : int
        Of the division into parts and of everything random in training.
    """

    loss: JointLoss = "cca"
    hidden: int = 0
    epochs: int = 60
    patience: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ValueError(f"loss is one of {', '.join(LOSSES)} (got {self.loss!r})")
        for option, bound in {"hidden": 0, "epochs": 1, "patience": 1, "seed": 0}.items():
            if getattr(self, option) < bound:
                raise ValueError(f"{option} is at least {bound} (got {getattr(self, option)})")
        if self.hidden and self.is_closed:
            raise ValueError(f"loss {self.loss!r} has no hidden layer")

    @property
    def is_closed(self) -> bool:
        """Whether the loss has a closed form."""
        return self.loss in ("cca", "ridge")


@dataclass(frozen=True)
class TrainedJoint:
    """Maps into a joint space, and how well texts find held-out pictures there.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        As `hybrid_search.embedders.trained.joint_embedder` takes them, learned from all pictures.
    options : JointOptions
    setting : mapping of str to object
        What validation chose: `smoothing`, or `epochs`; and where the image embedder speaks already, its `share` with
        the mean reciprocal ranks without and with it, `alone` and `beside`.
    pictures, texts : int
        Learned from in the end.
    held_out : int
        Pictures of the gallery in which the figures were measured; these maps had not seen them, nor had validation.
    figures : Figures
        Of the held-out pictures' texts as questions.
    """

    arrays: Maps
    options: JointOptions
    setting: Setting
    pictures: int
    texts: int
    held_out: int
    figures: Figures

    def to_dict(self) -> dict[str, Any]:
        """Return all but the arrays as JSON knows it."""
        return {
            "options": asdict(self.options),
            "setting": dict(self.setting),
            "pictures": self.pictures,
            "texts": self.texts,
            "held_out": {
                "pictures": self.held_out,
                "questions": self.figures.questions,
                **{f"recall@{k}": round(share, 5) for k, share in self.figures.success.items()},
                "median_rank": self.figures.median_rank,
            },
        }


def train_joint(
    pairs: Pairs, *, options: JointOptions | None = None, progress: Callable[[Epoch], None] | None = None
) -> TrainedJoint:
    """Learn a joint space from pictures and their texts, and measure it on pictures that took no part.

    A fifth of the pictures chooses how strongly to smooth, or when to stop; another fifth judges; then all pictures
    are learned from once more in the way that was chosen. Where the pictures' vectors are in the space of texts already
    (`Pairs.speaks`), the same fifth chooses, after that, what share of the cosines these keep beside what is learned.

    Parameters
    ----------
    pairs : Pairs
    options : JointOptions, optional
    progress : callable, optional
        Told of each setting or epoch that validation has seen.

    Raises
    ------
    TrainingImpossible
        When there are too few pictures with texts, or their vectors are all the same.
    PackageMissing
        When ir_measures is not installed.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> images = random.normal(size=(200, 8)).astype(np.float32)
    >>> texts = images @ random.normal(size=(8, 6)).astype(np.float32)
    >>> trained = train_joint(Pairs(images, texts, np.arange(200)))
    >>> trained.held_out, trained.figures.success[5] > 0.9
    (40, True)
    """
    options = options or JointOptions()
    pairs = pairs.checked()
    rows = np.random.default_rng(options.seed).permutation(len(pairs))
    cut = len(pairs) - round(TEST * len(pairs))
    learned, test = pairs.part(rows[:cut]), pairs.part(rows[cut:][:_MOST])
    maps, setting = fit_joint(learned, options=options, progress=progress)
    figures = judge_joint(maps, test, seed=options.seed)
    arrays = _fit(pairs, options, setting)
    return TrainedJoint(arrays, options, setting, len(pairs), len(pairs.texts), len(test), figures)


def fit_joint(
    pairs: Pairs, *, options: JointOptions | None = None, progress: Callable[[Epoch], None] | None = None
) -> tuple[Maps, Setting]:
    """Return the maps learned from all pairs in the way that a fifth of them has chosen, and that choice.

    Parameters and errors are those of `train_joint`, which judges besides.
    """
    options = options or JointOptions()
    pairs = pairs.checked()
    rows = np.random.default_rng([options.seed, 1]).permutation(len(pairs))
    cut = len(pairs) - round(VALIDATION * len(pairs))
    train, validation = pairs.part(rows[:cut]), pairs.part(rows[cut:][:_MOST])
    choose = _choose_smoothing if options.is_closed else _choose_epochs
    setting, maps = choose(train, validation, options, progress)
    if pairs.speaks:
        setting = {**setting, **_choose_share(train, validation, maps)}
    return _fit(pairs, options, setting), setting


def judge_joint(maps: Maps, pairs: Pairs, *, gallery: NDArray[np.float32] | None = None, seed: int = 0) -> Figures:
    """Return how well texts find their pictures in the joint space.

    Parameters
    ----------
    maps : mapping of str to ndarray
        Of a joint space.
    pairs : Pairs
        Whose texts are the questions, at most 1,000 drawn ones.
    gallery : (n, d) float32 ndarray, optional
        Vectors of further pictures, which are found by mistake.
    seed : int
        Of the choice of questions.
    """
    chosen = np.random.default_rng(seed).permutation(len(pairs.texts))[:_MOST]
    images = pairs.images if gallery is None else np.vstack([pairs.images, gallery])
    relevant = pairs.owners[chosen, None] == np.arange(len(images))
    return evaluate_vectors(map_texts(pairs.texts[chosen], maps), map_images(images, maps), relevant=relevant)


def _fit(pairs: Pairs, options: JointOptions, setting: Setting) -> Maps:
    return _with_share(_learned(pairs, options, setting), setting.get("share", 0.0))


def _learned(pairs: Pairs, options: JointOptions, setting: Setting) -> Maps:
    if options.loss == "ridge":
        return ridge(moments(pairs), setting["smoothing"])
    if options.loss == "cca":
        return cca(moments(pairs), tuple(setting["smoothing"]))
    descent = _descent(pairs, options)
    for _ in range(setting["epochs"]):
        descent.epoch()
    return descent.maps()


def _choose_smoothing(
    train: Pairs, validation: Pairs, options: JointOptions, progress: Callable[[Epoch], None] | None
) -> tuple[Setting, Maps]:
    found = moments(train)
    grid: list[Any] = list(RIDGE_GRID if options.loss == "ridge" else CCA_GRID)
    best, best_score = grid[0], -1.0
    best_maps: Maps = {}
    for number, smoothing in enumerate(grid, start=1):
        maps: Maps = ridge(found, smoothing) if options.loss == "ridge" else cca(found, smoothing)
        score = _score(maps, validation, train.images)
        if score > best_score:
            best, best_maps, best_score = smoothing, maps, score
        if progress is not None:
            progress(Epoch(number, len(grid), 1 - score, score, best_score))
    return {"smoothing": list(best) if isinstance(best, tuple) else best}, best_maps


def _choose_epochs(
    train: Pairs, validation: Pairs, options: JointOptions, progress: Callable[[Epoch], None] | None
) -> tuple[Setting, Maps]:
    descent = _descent(train, options)
    watch: Patience[tuple[int, Maps]] = Patience((1, descent.maps()), -1.0, epochs=options.patience)
    for number in range(1, options.epochs + 1):
        loss = descent.epoch()
        maps = descent.maps()
        score = _score(maps, validation, train.images)
        spent = watch.spent((number, maps), score)
        if progress is not None:
            progress(Epoch(number, options.epochs, loss, score, watch.score))
        if spent:
            break
    epochs, best = watch.state
    return {"epochs": epochs}, best


def _choose_share(train: Pairs, validation: Pairs, maps: Maps) -> Setting:
    """Return the share of the pictures' own meanings that validation does best with; none where that is as good."""
    scores = {share: _score(_with_share(maps, share), validation, train.images) for share in SHARES}
    best = max(SHARES, key=lambda share: scores[share])
    return {"share": best, "alone": round(scores[0.0], 5), "beside": round(scores[best], 5)}


def _with_share(maps: Maps, share: float) -> Maps:
    return {**maps, "share": np.array(share, np.float32)} if share else maps


def _descent(pairs: Pairs, options: JointOptions) -> Descent:
    return Descent(pairs, loss=options.loss, hidden=options.hidden, seed=options.seed)


def _score(maps: Maps, pairs: Pairs, learned: NDArray[np.float32]) -> float:
    """Return the mean reciprocal rank of each text's picture: it tells settings apart where recall does not yet.

    It is sought among the pictures that were learned from as well, as in an index: too close a fit draws texts to them.
    """
    gallery = np.vstack([pairs.images, learned[:_MOST]])
    scores = map_texts(pairs.texts, maps) @ map_images(gallery, maps).T
    own = scores[np.arange(len(scores)), pairs.owners]
    return float((1 / (scores >= own[:, None]).sum(axis=1)).mean())
