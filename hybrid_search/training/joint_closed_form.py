"""Joint spaces in closed form: regularised canonical correlation analysis, and ridge regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.training.pairs import Pairs

Maps = dict[str, NDArray[np.float32]]
Matrix = NDArray[np.float64]

RIDGE_GRID = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
CCA_GRID = tuple((image, text) for image in (0.3, 1.0, 3.0, 10.0, 30.0) for text in (0.3, 1.0, 3.0))
"""What validation chooses from: how strongly each side is smoothed, in units of its mean variance."""
_LEAST = 1e-9


@dataclass(frozen=True)
class Moments:
    """Means, principal axes and common variance of pictures and texts: all that the closed forms need.

    Parameters
    ----------
    image_mean, text_mean : (d,) and (t,) float64 ndarray
    image_axes, text_axes : (d, r) and (t, s) float64 ndarray
        Columns of unit length, at right angles.
    image_variances, text_variances : (r,) and (s,) float64 ndarray
        Along the axes, above 0.
    common : (r, s) float64 ndarray
        Covariance of pictures and texts along the axes.
    """

    image_mean: Matrix
    text_mean: Matrix
    image_axes: Matrix
    text_axes: Matrix
    image_variances: Matrix
    text_variances: Matrix
    common: Matrix


def moments(pairs: Pairs) -> Moments:
    """Return the moments of pairs; every picture counts the same, however many texts it has.

    The variance of texts is that of all of them, not of the mean text of each picture: in what five people write
    differently about one picture, they say nothing that could be seen.
    """
    images, weights = pairs.images.astype(np.float64), pairs.weights
    texts = pairs.texts.astype(np.float64)
    image_mean, text_mean = images.mean(axis=0), weights @ texts
    image_axes, image_variances = _principal((images - image_mean) / np.sqrt(len(pairs)))
    text_axes, text_variances = _principal((texts - text_mean) * np.sqrt(weights)[:, None])
    common = (images - image_mean).T @ (pairs.means() - text_mean) / len(pairs)
    return Moments(
        image_mean,
        text_mean,
        image_axes,
        text_axes,
        image_variances,
        text_variances,
        image_axes.T @ common @ text_axes,
    )


def ridge(found: Moments, smoothing: float) -> Maps:
    """Return the map of pictures that comes nearest to their texts, by regularised least squares.

    A. Hoerl and R. Kennard, "Ridge regression: biased estimation for nonorthogonal problems", 1970.

    Parameters
    ----------
    found : Moments
    smoothing : float
        Added to the variance along every axis, in units of the mean variance.
    """
    damped = found.image_variances + smoothing * found.image_variances.mean()
    weight = found.image_axes @ (found.common / damped[:, None]) @ found.text_axes.T
    # texts stay as they are, but for what all of them share
    return _maps(image_weight=weight, image_bias=-found.image_mean @ weight, text_bias=-found.text_mean)


def cca(found: Moments, smoothing: tuple[float, float]) -> Maps:
    """Return maps of both sides into the directions in which pictures and texts vary together.

    Regularised canonical correlation analysis (H. Vinod, "Canonical ridge and econometrics of joint production",
    1976) with each direction scaled by its correlation (Y. Gong et al., "A multi-view embedding space for modeling
    internet images, tags, and their semantics", IJCV 2014).

    Parameters
    ----------
    found : Moments
    smoothing : (float, float)
        Added to the variance along every axis, of pictures and of texts, in units of their mean variance.
    """
    image_scale = 1 / np.sqrt(found.image_variances + smoothing[0] * found.image_variances.mean())
    text_scale = 1 / np.sqrt(found.text_variances + smoothing[1] * found.text_variances.mean())
    left, correlations, right = np.linalg.svd(image_scale[:, None] * found.common * text_scale, full_matrices=False)
    kept = correlations > _LEAST * correlations[0]
    image_weight = found.image_axes @ (image_scale[:, None] * left * correlations)[:, kept]
    text_weight = found.text_axes @ (text_scale[:, None] * right.T * correlations)[:, kept]
    return _maps(
        image_weight=image_weight,
        image_bias=-found.image_mean @ image_weight,
        text_weight=text_weight,
        text_bias=-found.text_mean @ text_weight,
    )


def _principal(centred: Matrix) -> tuple[Matrix, Matrix]:
    """Return the axes along which rows vary, and how much, the most first."""
    rows, columns = centred.shape
    if rows < columns:
        values, vectors = np.linalg.eigh(centred @ centred.T)
        kept = values > _LEAST * values[-1]
        axes = centred.T @ vectors[:, kept] / np.sqrt(values[kept])
    else:
        values, vectors = np.linalg.eigh(centred.T @ centred)
        kept = values > _LEAST * values[-1]
        axes = vectors[:, kept]
    return axes[:, ::-1], values[kept][::-1]


def _maps(**arrays: Any) -> Maps:
    return {name: np.asarray(array, np.float32) for name, array in arrays.items()}
