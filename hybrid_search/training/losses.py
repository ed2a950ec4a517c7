"""What a metric-learning head is trained to lessen, over all pairs or triplets of a batch."""

from __future__ import annotations

from typing import Any, Literal, get_args

Loss = Literal["contrastive", "triplet", "supcon"]
"""Pairs that belong together are drawn near and others pushed away; or others are kept farther than those; or those
are told from all others of the batch."""
LOSSES: tuple[Loss, ...] = get_args(Loss)
MARGINS: dict[Loss, float] = {"contrastive": 1.0, "triplet": 0.2}
"""Of each loss by default: a distance, and a difference of squared distances as in FaceNet."""
DRIFTS: dict[Loss, float] = {"contrastive": 1e-3, "triplet": 1e-3, "supcon": 1e-2}
"""What it costs by default to leave the untrained map: at less, the last one makes labels that it never saw worse."""
TEMPERATURE = 0.1
"""Of the supervised contrastive loss, as in its paper."""
_FAR = 1e9  # farther than unit vectors can be, whose squared distance is 4 at most


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


def supcon_loss(vectors: Any, same: Any, *, temperature: float = TEMPERATURE) -> Any:
    """Return the mean over pictures of −log of the share that those of its own have among all others, each of them.

    P. Khosla et al., "Supervised contrastive learning", NeurIPS 2020, the loss L_out: for a picture the mean over its
    positives p of −log(exp(cos(i, p)/t) / Σ exp(cos(i, a)/t)), a being all others of the batch. Near negatives and far
    positives weigh most by themselves, so that none are chosen.

    Parameters
    ----------
    vectors : (n, dims) tensor
        Rows of unit length.
    same : (n, n) tensor of 0 and 1
        Which pairs belong together; the diagonal is left out.
    temperature : float
        The smaller, the more the nearest count, above 0.

    Returns
    -------
    scalar tensor
        0 when nothing belongs together.
    """
    from keras import ops

    itself = ops.eye(vectors.shape[0] or ops.shape(vectors)[0])
    scores = ops.matmul(vectors, ops.transpose(vectors)) / temperature - itself * _FAR
    shares = scores - ops.logsumexp(scores, axis=1, keepdims=True)
    positives = same * (1 - itself)
    counts = ops.sum(positives, axis=1)
    each = -ops.sum(positives * shares, axis=1) / ops.maximum(counts, 1.0)
    return _mean(each, ops.cast(counts > 0, each.dtype))


def _mean(values: Any, weights: Any) -> Any:
    from keras import ops

    return ops.sum(values * weights) / ops.maximum(ops.sum(weights), 1.0)
