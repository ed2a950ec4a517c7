"""Signatures of pictures, made and compared as image-match's generator does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from hybrid_search.errors import QueryError
from hybrid_search.images import load_image
from hybrid_search.signature.goldberg import distance, signature

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from hybrid_search.images import ImageLike

_ONLY = {
    "n": 9, "n_grid": 9, "crop_percentiles": (5, 95), "crop_percentile": (5, 95), "P": None, "k": 16, "N": 63,
    "diagonal_neighbors": True, "identical_tolerance": 2 / 255, "n_levels": 2, "fix_ratio": False,
}  # fmt: skip


class ImageSignature:
    """image-match's generator of signatures; other parameters than its defaults are refused.

    Examples
    --------
    >>> gis = ImageSignature()
    >>> ramp = np.linspace(0, 1, 64)[None, :].repeat(64, axis=0)
    >>> gis.normalized_distance(gis.generate_signature(ramp), gis.generate_signature(ramp))
    0.0
    """

    def __init__(
        self,
        n: int = 9,
        crop_percentiles: tuple[int, int] | None = (5, 95),
        P: int | None = None,
        diagonal_neighbors: bool = True,
        identical_tolerance: float = 2 / 255,
        n_levels: int = 2,
        fix_ratio: bool = False,
    ) -> None:
        refuse_others(
            n=n,
            crop_percentiles=crop_percentiles,
            P=P,
            diagonal_neighbors=diagonal_neighbors,
            identical_tolerance=identical_tolerance,
            n_levels=n_levels,
            fix_ratio=fix_ratio,
        )

    @staticmethod
    def generate_signature(path_or_image: ImageLike, bytestream: bool = True) -> NDArray[np.int8]:
        """Return the signature of all pixels of a picture, turned upright.

        Parameters
        ----------
        path_or_image : path, URL, bytes, file object, PIL image or ndarray
            What it is tells how it is read: text is a path or URL, bytes are the picture.
        bytestream : bool
            Not needed, and taken for the sake of old calls.

        Returns
        -------
        (648,) int8 ndarray
            Values −2 to 2, bit for bit those of image-match for the same grey levels.

        Raises
        ------
        ImageUnreadable, ImageTooLarge
            When the picture cannot be decoded.
        """
        if isinstance(path_or_image, np.ndarray) and path_or_image.ndim == 2 and path_or_image.dtype.kind in "fu":
            return signature(path_or_image)
        return signature(load_image(path_or_image))

    @staticmethod
    def normalized_distance(_a: ArrayLike, _b: ArrayLike) -> float:
        """Return ‖b − a‖ / (‖b‖ + ‖a‖) of two signatures, in [0, 1]; 1 for two flat pictures, where 0 / 0 was NaN.

        Raises
        ------
        BadVector
            When a signature has another length than 648.
        """
        return cast("float", distance(np.asarray(_a, np.int8), np.asarray(_b, np.int8)))


def refuse_others(**given: Any) -> None:
    """Raise QueryError when a parameter of the signature is not image-match's default.

    Examples
    --------
    >>> refuse_others(k=16, crop_percentile=[5, 95])
    """
    for name, value in given.items():
        value = tuple(value) if isinstance(value, list) else value
        if value != _ONLY[name]:
            raise QueryError(f"{name}={value!r} is not taken: all signatures of an index are made with {_ONLY[name]!r}")
