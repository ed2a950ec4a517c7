"""What one image gives before it is embedded: identity, metadata, signature, thumbnail and working pixels."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.images import DEFAULT_LIMITS, Limits, Source, decode
from hybrid_search.metadata import Metadata, merge, read_metadata
from hybrid_search.signature import SIGNATURE_MIN_SIDE, signature

__all__ = ["Picture", "read_picture", "thumbnail", "working_image"]

THUMBNAIL_SIDE = 192
"""Pixels of a thumbnail's longer side: enough to recognise a picture in a table, about 5 kB as JPEG."""


@dataclass(frozen=True)
class Picture:
    """Everything that one image gave.

    Parameters
    ----------
    sha256 : str
        Of the file's bytes (of the pixels when there are no bytes), hexadecimal.
    bytes : int
        Size of the file; of the pixels when there is none.
    format : str
        By content, lower case: "jpeg", "png", "heif", …
    width, height : int
        Pixels of the upright image at full size.
    image : PIL image
        Upright RGB, as small as the signature and the embedder allow.
    metadata : Metadata
        What the file says of itself, and what sidecars and captions say of it.
    signature : (648,) int8 ndarray
        Goldberg signature.
    thumbnail : str
        Data URI.
    """

    sha256: str
    bytes: int
    format: str
    width: int
    height: int
    image: Image.Image
    metadata: Metadata
    signature: NDArray[np.int8]
    thumbnail: str


def read_picture(
    source: Source, *, min_side: int, described: Metadata | None = None, limits: Limits = DEFAULT_LIMITS
) -> Picture:
    """Decode an image once and take from it all that a document needs except its embedding.

    Parameters
    ----------
    source : Source
        The image's bytes or pixels.
    min_side : int
        Pixels of the shorter side that the embedder needs.
    described : Metadata, optional
        What sidecars, captions or the caller say; it wins over what the file says.

    Raises
    ------
    ImageUnreadable, ImageTooLarge
        When the image cannot be decoded within the limits.
    """
    decoded = decode(source, min_side=max(min_side, SIGNATURE_MIN_SIDE), limits=limits)
    image = working_image(decoded.image, min_side=max(min_side, SIGNATURE_MIN_SIDE))
    inside = (
        read_metadata(source.data, format=decoded.format, name=source.name) if source.data else Metadata({}, {}, ())
    )
    return Picture(
        sha256=source.sha256,
        bytes=len(source.data) if source.data is not None else decoded.width * decoded.height * 3,
        format=decoded.format,
        width=decoded.width,
        height=decoded.height,
        image=image,
        metadata=merge(inside, described) if described else inside,
        signature=signature(image),
        thumbnail=thumbnail(image),
    )


def working_image(image: Image.Image, *, min_side: int) -> Image.Image:
    """Shrink an image by a whole factor so that its shorter side is at least `min_side`, at most twice that.

    A box filter, as JPEG draft decoding is one: a picture gets nearly the same signature from any format, and a
    large picture does not stay in memory while it waits for its embedding.
    """
    factor = min(image.size) // min_side
    return image.reduce(factor) if factor > 1 else image


def thumbnail(image: Image.Image, *, side: int = THUMBNAIL_SIDE) -> str:
    """Return a JPEG data URI of the image, its longer side at most `side` pixels.

    Examples
    --------
    >>> thumbnail(Image.new("RGB", (640, 480)))[:23]
    'data:image/jpeg;base64,'
    """
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=70)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
