"""Encoded images as upright RGB pixels, no larger than their use needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image

from hybrid_search.errors import ImageError, ImageUnreadable
from hybrid_search.images.colour import to_rgb
from hybrid_search.images.limits import DEFAULT_LIMITS, Limits
from hybrid_search.images.opener import open_header, shrink
from hybrid_search.images.quiet import quiet
from hybrid_search.images.raw import raw_preview
from hybrid_search.images.sniff import RAW_FORMATS, describe, sniff
from hybrid_search.images.source import ImageLike, Source, read_source

__all__ = ["Decoded", "as_image_error", "decode", "load_image", "orientation_of", "upright"]

_ORIENTATION = 0x0112
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)


@dataclass(frozen=True)
class Decoded:
    """An image as pixels.

    Parameters
    ----------
    image : PIL image
        Upright, mode RGB; smaller than the full size when draft decoding was asked for.
    format : str
        By content, lower case: "jpeg", "png", "heif", "cr2", …; "pixels" when it never was encoded.
    width, height : int
        Pixels of the upright image at full size.
    """

    image: Image.Image
    format: str
    width: int
    height: int


def decode(source: Source, *, min_side: int | None = None, limits: Limits = DEFAULT_LIMITS) -> Decoded:
    """Decode an image to upright RGB pixels.

    Parameters
    ----------
    source : Source
        Bytes or pixels, from `read_source`.
    min_side : int, optional
        Pixels of the shorter side that are enough. JPEG and JPEG 2000 images, and RAW previews, are then decoded at
        1/2, 1/4 or 1/8 of their size, never below `min_side`; others come at full size.
    limits : Limits
        Pixels allowed, by the header.

    Raises
    ------
    ImageUnreadable
        When the bytes are no image, are damaged or truncated, or need a package that is not installed.
    ImageTooLarge
        When the header announces more pixels than `limits` allows.
    """
    with as_image_error(source.name, limits):
        if source.data is None:
            return _decode_pixels(source, limits)
        format = sniff(source.data)
        if format is None:
            raise ImageUnreadable(source.name, describe(source.data))
        limits.check_bytes(source.name, len(source.data))
        if format in RAW_FORMATS:
            return _decode_raw(source.name, source.data, format, min_side, limits)
        return _decode_bytes(source.name, source.data, format, min_side, limits)


def load_image(image: ImageLike, *, min_side: int | None = None, limits: Limits = DEFAULT_LIMITS) -> Image.Image:
    """Read and decode an image of any kind; see `read_source` and `decode`.

    Examples
    --------
    >>> load_image(Image.new("RGBA", (2, 1), (0, 0, 0, 0))).getpixel((0, 0))
    (255, 255, 255)
    """
    return decode(read_source(image, limits=limits), min_side=min_side, limits=limits).image


def _decode_pixels(source: Source, limits: Limits) -> Decoded:
    if source.pixels is None:
        raise ImageUnreadable(source.name, "the source has neither bytes nor pixels")
    limits.check_pixels(source.name, *source.pixels.size)
    image = upright(to_rgb(source.pixels), orientation_of(source.pixels))
    return Decoded(image, "pixels", *image.size)


def _decode_bytes(name: str, data: bytes, format: str, min_side: int | None, limits: Limits) -> Decoded:
    image, orientation, (width, height) = _read_pixels(name, data, format, min_side, limits)
    if orientation in _SIDEWAYS:
        width, height = height, width
    return Decoded(upright(image, orientation), format, width, height)


def _decode_raw(name: str, data: bytes, format: str, min_side: int | None, limits: Limits) -> Decoded:
    preview = raw_preview(name, data, limits)
    image, orientation = preview.image, None
    if preview.jpeg is not None:
        image, orientation, _ = _read_pixels(name, preview.jpeg, "jpeg", min_side, limits)
    if image is None:
        raise ImageUnreadable(name, "it holds no preview")
    # LibRaw gives JPEG previews an orientation of their own where the camera did not, and others none.
    turned = upright(image, preview.orientation if orientation is None else orientation)
    return Decoded(turned, format, preview.width, preview.height)


def _read_pixels(
    name: str, data: bytes, format: str, min_side: int | None, limits: Limits
) -> tuple[Image.Image, int | None, tuple[int, int]]:
    """Return RGB pixels as they are stored, the EXIF orientation that turns them, and their full size."""
    with open_header(name, data, format, limits) as header:
        size = header.size
        limits.check_pixels(name, *size)
        if min(size) < 1:
            raise ImageUnreadable(name, f"it is {size[0]} × {size[1]} pixels")
        drafted = shrink(header, min_side) if min_side else False
        header.load()
        # Some decoders (TIFF, HEIF, ICNS) know the true size only now.
        return to_rgb(header), orientation_of(header), size if drafted else header.size


def orientation_of(image: Image.Image) -> int | None:
    """Return the EXIF orientation, None when there is none or it cannot be read."""
    if image.format == "JXL" and not getattr(image, "jpeg", False):
        # libjxl has turned the pixels by the codestream's own orientation, which overrides EXIF.
        return None
    try:
        value = image.getexif().get(_ORIENTATION)
    except Exception:
        # Damaged EXIF raises almost anything, and says nothing about the pixels.
        return None
    return value if isinstance(value, int) else None


def upright(image: Image.Image, orientation: int | None) -> Image.Image:
    """Return a turned copy, without the metadata of the original."""
    method = _TRANSPOSE.get(orientation or 1)
    turned = image.copy() if method is None else image.transpose(method)
    turned.info = {}
    return turned


@contextmanager
def as_image_error(name: str, limits: Limits) -> Iterator[None]:
    """Turn whatever a decoder raises into ImageUnreadable or ImageTooLarge, and keep what it prints to itself."""
    try:
        with quiet():
            yield
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        # A picture inside the file is larger than the file's header said.
        pixels = int(next(iter(re.findall(r"\d+", str(error))), 0))
        limits.check_pixels(name, pixels, 1)
        raise ImageUnreadable(name, f"Pillow's own limit, PIL.Image.MAX_IMAGE_PIXELS, is lower ({error})") from error
    except MemoryError as error:
        raise ImageUnreadable(name, "there is not enough memory to decode it") from error
    except Exception as error:
        # Decoders raise OSError, SyntaxError, struct.error, zlib.error, ValueError and more for damaged files.
        raise ImageUnreadable(name, f"the data are damaged ({error or type(error).__name__})") from error
