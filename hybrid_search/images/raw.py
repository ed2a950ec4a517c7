"""Camera RAW files through the preview that the camera put inside (rawpy, LibRaw)."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

from PIL import Image

from hybrid_search.errors import ImageUnreadable
from hybrid_search.errors.remedies import ANOTHER_PACKAGE
from hybrid_search.images.limits import Limits
from hybrid_search.images.memory_budget import decoding

_DEVELOPED = 6
"""Bytes a pixel of the sensor that its development takes: its numbers of 16 bits, four of them for each pixel of half
the size, and RGB."""
_EXIF_ORIENTATION = {0: 1, 3: 3, 5: 8, 6: 6}
"""LibRaw's `flip` → EXIF orientation."""


@dataclass(frozen=True)
class Preview:
    """What a RAW file shows of itself.

    Parameters
    ----------
    jpeg : bytes or None
        The embedded JPEG.
    image : PIL image or None
        RGB pixels when there is no JPEG.
    orientation : int
        EXIF orientation that the RAW file asks for, 1 when the pixels are upright already.
    width, height : int
        Pixels of the upright photo at full size.
    """

    jpeg: bytes | None
    image: Image.Image | None
    orientation: int
    width: int
    height: int


def raw_preview(name: str, data: bytes, limits: Limits) -> Preview:
    """Return the embedded preview, or a half-size development of the sensor data when there is none.

    Parameters
    ----------
    name : str
        What errors call the image.
    data : bytes
        The whole RAW file.
    limits : Limits
        Pixels allowed, of the full photo.

    Raises
    ------
    ImageUnreadable
        When rawpy is not installed, or LibRaw does not know the file.
    ImageTooLarge
        When the photo has more pixels than allowed.
    """
    try:
        import rawpy
    except ImportError as error:
        raise ImageUnreadable(name, f"RAW {ANOTHER_PACKAGE}pip install 'hybrid-search[raw]'") from error
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            return _preview(name, raw, limits)
    except rawpy.LibRawError as error:
        raise ImageUnreadable(name, f"LibRaw cannot read it ({error})") from error


def _preview(name: str, raw: Any, limits: Limits) -> Preview:
    import rawpy

    sizes = raw.sizes
    limits.check_pixels(name, sizes.width, sizes.height)
    width, height = (sizes.height, sizes.width) if sizes.flip in (5, 6) else (sizes.width, sizes.height)
    orientation = _EXIF_ORIENTATION.get(sizes.flip, 1)
    try:
        thumbnail = raw.extract_thumb()
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
        thumbnail = None
    if thumbnail is not None and thumbnail.format == rawpy.ThumbFormat.JPEG:
        return Preview(bytes(thumbnail.data), None, orientation, width, height)
    if thumbnail is not None and thumbnail.format == rawpy.ThumbFormat.BITMAP:
        return Preview(None, Image.fromarray(thumbnail.data), orientation, width, height)
    needed = sizes.width * sizes.height * _DEVELOPED
    limits.check_memory(name, needed)
    with decoding.hold(needed, limits.budget):
        developed = raw.postprocess(half_size=True, use_camera_wb=True, output_bps=8)
        return Preview(None, Image.fromarray(developed), 1, width, height)
