"""Encoded images as upright RGB pixels, no larger than their use needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TypeAlias

from PIL import Image

from hybrid_search.errors import ImageError, ImageUnreadable
from hybrid_search.images.colour import to_rgb
from hybrid_search.images.decoder_warnings import quiet
from hybrid_search.images.jxl import jxl_size
from hybrid_search.images.limits import DEFAULT_LIMITS, Limits
from hybrid_search.images.memory_budget import decoding
from hybrid_search.images.memory_estimate import JXL_BYTES, memory_needed
from hybrid_search.images.opener import open_header, shrink
from hybrid_search.images.parts import NotRead
from hybrid_search.images.raw import raw_preview
from hybrid_search.images.sniff import RAW_FORMATS, describe, sniff
from hybrid_search.images.source import ImageLike, Source, read_source
from hybrid_search.images.truncated import CutFile

_ORIENTATION = 0x0112  # the EXIF tag
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)  # orientations of EXIF in which width and height change places
_UNSUPPORTED = re.compile("unsupported|not (yet )?supported|unimplemented|unknown (pixel|data)", re.I)
"""What Pillow says of sound files that it cannot decode."""

Smaller: TypeAlias = Callable[[Image.Image], Image.Image]


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
    warnings : tuple of str
        What the file lacks.
    """

    image: Image.Image
    format: str
    width: int
    height: int
    warnings: tuple[str, ...] = ()


def decode(
    source: Source, *, min_side: int | None = None, limits: Limits = DEFAULT_LIMITS, smaller: Smaller | None = None
) -> Decoded:
    """Decode an image to upright RGB pixels.

    Parameters
    ----------
    source : Source
        Bytes or pixels, from `read_source`.
    min_side : int, optional
        Pixels of the shorter side that are enough. JPEG and JPEG 2000 images, and RAW previews, are then decoded at
        1/2, 1/4 or 1/8 of their size, never below `min_side`; others come at full size.
    limits : Limits
        Pixels allowed, by the header, and memory that all threads together may take.
    smaller : callable, optional
        What is done with the pixels before the next large picture gets its memory; `image` is what it returns.

    Raises
    ------
    ImageUnreadable
        When the bytes are no image, are damaged, lack more than a twentieth of their rows, are of a kind that is not
        supported, or need a package that is not installed.
    ImageTooLarge
        When the header announces more pixels, or needs more memory, than `limits` allows.
    """
    smaller = smaller or _same
    with as_image_error(source.name, limits):
        if source.data is None:
            pixels = _decode_pixels(source, limits)
            return replace(pixels, image=smaller(pixels.image))
        format = sniff(source.data)
        if format is None:
            raise ImageUnreadable(source.name, describe(source.data))
        limits.check_bytes(source.name, len(source.data))
        if format in RAW_FORMATS:
            return _decode_raw(source.name, source.data, format, min_side, limits, smaller)
        return _decode_bytes(source.name, source.data, format, min_side, limits, smaller)


def _same(image: Image.Image) -> Image.Image:
    return image


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
    image = upright(to_rgb(source.pixels).copy(), _orientation(source.pixels))
    return Decoded(image, "pixels", *image.size)


def _decode_bytes(
    name: str,
    data: bytes,
    format: str,
    min_side: int | None,
    limits: Limits,
    smaller: Smaller,
    otherwise: int | None = None,
) -> Decoded:
    """Decode what Pillow decodes; an image that says nothing of its orientation has that of `otherwise`."""
    with ExitStack() as held:
        if format == "jxl":
            width, height = jxl_size(data)
            limits.check_pixels(name, width, height)
            held.enter_context(_memory(name, width * height * JXL_BYTES, limits))
        opened = open_header(name, data, format, limits)
        with opened.header as header:
            size = header.size
            limits.check_pixels(name, *size)
            if min(size) < 1:
                raise ImageUnreadable(name, f"it is {size[0]} × {size[1]} pixels")
            drafted = shrink(header, min_side) if min_side else False
            if format != "jxl":
                held.enter_context(_memory(name, memory_needed(opened, format, size), limits))
            header.load()
            # Some decoders (TIFF, HEIF, ICNS) know the true size only now.
            width, height = size if drafted else header.size
            orientation, warnings = opened.orientation or otherwise, _warnings(header)
            image = _detached(header)
        # its pixels may be as many as those that are made of them
        del header, opened
        image = smaller(upright(image, orientation))
    if orientation in _SIDEWAYS:
        width, height = height, width
    return Decoded(image, format, width, height, warnings)


def _memory(name: str, needed: int, limits: Limits) -> AbstractContextManager[None]:
    limits.check_memory(name, needed)
    return decoding.hold(needed, limits.budget)


def _detached(header: Image.Image) -> Image.Image:
    """Return RGB pixels that nothing else changes, without a copy of those that are RGB already."""
    rgb = to_rgb(header)
    return header._new(header.im) if rgb is header else rgb


def _warnings(header: Image.Image) -> tuple[str, ...]:
    if not isinstance(header, CutFile) or not header.cut:
        return ()
    missing = header.missing_rows
    lost = f"the last {missing:,} of {header.height:,} rows are" if missing else "its end is"
    return (f"the file ends early: {lost} missing",)


def _decode_raw(name: str, data: bytes, format: str, min_side: int | None, limits: Limits, smaller: Smaller) -> Decoded:
    preview = raw_preview(name, data, limits)
    if preview.jpeg is not None:
        # LibRaw gives JPEG previews an orientation of their own where the camera did not, and others none.
        shown = _decode_bytes(name, preview.jpeg, "jpeg", min_side, limits, smaller, preview.orientation)
        return Decoded(shown.image, format, preview.width, preview.height, shown.warnings)
    if preview.image is None:
        raise ImageUnreadable(name, "it holds no preview")
    image = smaller(upright(preview.image, preview.orientation))
    return Decoded(image, format, preview.width, preview.height)


def _orientation(image: Image.Image) -> int | None:
    """Return the EXIF orientation of a PIL image, None when there is none or it cannot be read."""
    try:
        value = image.getexif().get(_ORIENTATION)
    except Exception:
        # Damaged EXIF raises almost anything, and says nothing about the pixels.
        return None
    return value if isinstance(value, int) else None


def upright(image: Image.Image, orientation: int | None) -> Image.Image:
    """Return the image turned, without the metadata of the original."""
    method = _TRANSPOSE.get(orientation or 1)
    turned = image if method is None else image.transpose(method)
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
    except NotRead as error:
        raise ImageUnreadable(name, str(error)) from error
    except Image.DecompressionBombError as error:
        # A picture inside the file is larger than the file's header said.
        pixels = int(next(iter(re.findall(r"\d+", str(error))), 0))
        limits.check_pixels(name, pixels, 1)
        raise ImageUnreadable(name, f"Pillow's own limit, PIL.Image.MAX_IMAGE_PIXELS, is lower ({error})") from error
    except MemoryError as error:
        raise ImageUnreadable(name, "there is not enough memory to decode it") from error
    except Exception as error:
        # Decoders raise OSError, SyntaxError, struct.error, zlib.error, ValueError and more for damaged files.
        if not isinstance(error, TypeError) and _UNSUPPORTED.search(str(error)):
            raise ImageUnreadable(name, f"this kind of image is not supported ({error}); convert it to PNG") from error
        raise ImageUnreadable(name, f"the data are damaged ({error or type(error).__name__})") from error
