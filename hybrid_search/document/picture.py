"""What one image gives before it is embedded: identity, metadata, signature, thumbnail and working pixels."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.document.colour_shares import colour_shares
from hybrid_search.document.monochrome import is_monochrome
from hybrid_search.images import DEFAULT_LIMITS, Limits, Source, decode
from hybrid_search.metadata import Metadata, add_places, merge, read_metadata
from hybrid_search.signature.goldberg import SIGNATURE_MIN_SIDE, signature

THUMBNAIL_SIDE = 192
"""Pixels of a thumbnail's longer side: enough to recognise a picture in a table, about 5 kB as JPEG."""

WORKING_PIXELS = 8_000_000
"""Pixels of a picture that waits for its embedding: 24 MB, and some forty wait. A panorama of 25 to 1 has fewer at the
largest size that an embedder here takes."""


@dataclass(frozen=True)
class PreparedPicture:
    """A decoded image, ready to be embedded.

    Parameters
    ----------
    image : PIL image
        Upright RGB, as small as the signature and the embedder allow.
    signature : (648,) int8 ndarray
        Goldberg signature.
    format : str
        By content, lower case: "jpeg", "png", "heif", …
    width, height : int
        Pixels of the upright image at full size.
    warnings : tuple of str
        What the file lacks.
    """

    image: Image.Image
    signature: NDArray[np.int8]
    format: str
    width: int
    height: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Picture:
    """Everything that one image gave.

    Parameters
    ----------
    sha256 : str
        Of the file's bytes (of the pixels when there are no bytes), hexadecimal.
    bytes : int
        Size of the file; of the pixels when there is none.
    prepared : PreparedPicture
        Pixels, signature, format and size.
    metadata : Metadata
        What the file says of itself, and what sidecars and captions say of it.
    thumbnail : str
        Data URI.
    monochrome : bool
        Whether it is a photograph in black and white.
    colours : mapping of str to float
        How much of it has each of the basic colours, in (0, 1].
    """

    sha256: str
    bytes: int
    prepared: PreparedPicture
    metadata: Metadata
    thumbnail: str
    monochrome: bool = False
    colours: Mapping[str, float] = field(default_factory=dict)


def prepare(source: Source, *, min_side: int, limits: Limits = DEFAULT_LIMITS) -> PreparedPicture:
    """Decode an image and take its signature: what a stored picture and an example go through alike.

    Raises
    ------
    ImageUnreadable, ImageTooLarge
        When the image cannot be decoded within the limits.
    """
    enough = max(min_side, SIGNATURE_MIN_SIDE)
    decoded = decode(source, min_side=enough, limits=limits, smaller=partial(working_image, min_side=enough))
    image = decoded.image
    return PreparedPicture(image, signature(image), decoded.format, decoded.width, decoded.height, decoded.warnings)


def read_picture(
    source: Source, *, min_side: int, described: Metadata | None = None, limits: Limits = DEFAULT_LIMITS
) -> Picture:
    """Take from one image all that its document needs except the embedding; it is decoded once.

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
    prepared = prepare(source, min_side=min_side, limits=limits)
    inside = Metadata({}, {}, ())
    if source.data is not None:
        inside = read_metadata(source.data, format=prepared.format, name=source.name)
        inside = replace(inside, warnings=(*prepared.warnings, *inside.warnings))
    small = thumbnail_image(prepared.image)
    return Picture(
        sha256=source.sha256,
        bytes=len(source.data) if source.data is not None else prepared.width * prepared.height * 3,
        prepared=prepared,
        metadata=add_places(merge(inside, described) if described else inside),
        thumbnail=thumbnail(small),
        monochrome=is_monochrome(prepared.image),
        colours=colour_shares(small),
    )


def working_image(image: Image.Image, *, min_side: int) -> Image.Image:
    """Shrink an image by a whole factor so that its shorter side is at least `min_side`, at most twice that.

    A box filter, as JPEG draft decoding is one: a picture gets nearly the same signature from any format, and a
    large picture does not stay in memory while it waits for its embedding. Of one so thin that this leaves more than
    `WORKING_PIXELS` the longer side alone is shrunk further.
    """
    factor = max(1, min(image.size) // min_side)
    across, down = (factor if side == min(image.size) else max(factor, _excess(image, factor)) for side in image.size)
    return image.reduce((across, down)) if max(across, down) > 1 else image


def _excess(image: Image.Image, factor: int) -> int:
    """Return the factor for the longer side that leaves no more than `WORKING_PIXELS`."""
    return -(-image.width * image.height // (factor * WORKING_PIXELS))


def thumbnail_image(image: Image.Image, *, side: int = THUMBNAIL_SIDE) -> Image.Image:
    """Return the image, its longer side at most `side` pixels.

    Examples
    --------
    >>> thumbnail_image(Image.new("RGB", (640, 480))).size
    (192, 144)
    """
    scale = min(1.0, side / max(image.size))
    width, height = (max(1, round(length * scale)) for length in image.size)
    # a gap of 1 halves the time: whole-factor averaging first, then the filter over what is left
    return image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=1.0)


def thumbnail(image: Image.Image, *, side: int = THUMBNAIL_SIDE) -> str:
    """Return a JPEG data URI of the image, its longer side at most `side` pixels.

    Examples
    --------
    >>> thumbnail(Image.new("RGB", (640, 480)))[:23]
    'data:image/jpeg;base64,'
    """
    buffer = io.BytesIO()
    thumbnail_image(image, side=side).save(buffer, "JPEG", quality=70)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def thumbnail_colours(uri: str) -> dict[str, float]:
    """Return how much of a picture has each colour, by its thumbnail; none when that cannot be read.

    Examples
    --------
    >>> thumbnail_colours(thumbnail(Image.new("RGB", (64, 48), "#c00")))
    {'red': 1.0}
    """
    try:
        image = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
        return colour_shares(image.convert("RGB"))
    except (OSError, ValueError):
        return {}
