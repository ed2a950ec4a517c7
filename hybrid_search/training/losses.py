"""What a metric-learning head is trained to lessen, over all pairs or triplets of a batch."""

from __future__ import annotations

from typing import Any, Literal, get_args

__all__ = ["LOSSES", "MARGINS", "Loss", "contrastive_loss", "squared_distances", "triplet_loss"]

Loss = Literal["contrastive", "triplet"]
"""Pairs that belong together are drawn near and others pushed away, or others are kept farther than those."""
LOSSES: tuple[Loss, ...] = get_args(Loss)
MARGINS: dict[Loss, float] = {"contrastive": 1.0, "triplet": 0.2}
"""Of each loss by default: a distance, and a difference of squared distances as in FaceNet."""
_FAR = 1e9


def squared_distances(vectors: Any) -> Any:
    """Return the (n, n) tensor of squared Euclidean distances of (n, dims) unit vectors: 2 − 2 cosines."""
    from keras import ops

    return ops.maximum(2 - 2 * ops.matmul(vectors, ops.transpose(vectors)), 0.0)


def contrastive_loss(vectors: Any, same: Any, *, margin: float = MARGINS["contrastive"]) -> Any:
    """Return the mean of D²/2 over pairs that belong together plus (margin − D)²/2 over others within the margin.

    R. Hadsell, S. Chopra and Y. LeCun, "Dimensionality reduction by learning an invariant mapping", CVPR 2006. The two
    kinds of pairs count the same, however many there are of each; others beyond the margin do not dilute them.

    Parameters
    ----------
    vectors : (n, dims) tensor
        Rows of unit length.
    same : (n, n) tensor of 0 and 1
        Which pairs belong together; the diagonal is left out.
    margin : float
        Distance D beyond which others are left alone, below 2.

    Returns
    -------
    scalar tensor
    """
    from keras import ops

    squared = squared_distances(vectors)
    # the root of 0 has no slope
    distances = ops.sqrt(squared + 1e-12)
    others_than_itself = 1 - ops.eye(squared.shape[0] or ops.shape(squared)[0])
    near = _mean(squared / 2, same * others_than_itself)
    within = (1 - same) * ops.cast(distances < margin, squared.dtype)
    far = _mean(ops.square(margin - distances) / 2, within)
    return near + far


def triplet_loss(vectors: Any, same: Any, *, margin: float = MARGINS["triplet"]) -> Any:
    """Return the mean of max(0, D²(anchor, positive) − D²(anchor, negative) + margin) over semi-hard triplets.

    F. Schroff, D. Kalenichenko and J. Philbin, "FaceNet: a unified embedding for face recognition and clustering",
    CVPR 2015: for each pair that belongs together the negative is the nearest of those farther than the positive;
    where none is farther, the farthest.

    Parameters
    ----------
    vectors : (n, dims) tensor
        Rows of unit length.
    same : (n, n) tensor of 0 and 1
        Which pairs belong together.
    margin : float
        By how much squared distances shall differ, below 4.

    Returns
    -------
    scalar tensor
        0 when there is no triplet.
    """
    from keras import ops

    squared = squared_distances(vectors)
    negatives = 1 - same
    positives = same * (1 - ops.eye(squared.shape[0] or ops.shape(squared)[0]))
    # [anchor, positive, negative]
    to_positive, to_negative = ops.expand_dims(squared, 2), ops.expand_dims(squared, 1)
    farther = ops.expand_dims(negatives, 1) * ops.cast(to_negative > to_positive, squared.dtype)
    nearest_farther = ops.min(to_negative + (1 - farther) * _FAR, axis=2)
    farthest = ops.max(squared - (1 - negatives) * _FAR, axis=1, keepdims=True)
    chosen = ops.where(nearest_farther < _FAR / 2, nearest_farther, farthest)
    judged = positives * ops.cast(farthest > -_FAR / 2, squared.dtype)
    return _mean(ops.maximum(squared - chosen + margin, 0.0), judged)


def _mean(values: Any, weights: Any) -> Any:
    from keras import ops

    return ops.sum(values * weights) / ops.maximum(ops.sum(weights), 1.0)
