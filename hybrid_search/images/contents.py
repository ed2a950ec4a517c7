"""What an image file holds beside one upright RGB picture: further frames, pages or images, transparency, depth.

Everything else of this package looks at the one picture that a viewer shows first. Whether two files hold the same is
another question, which whoever removes one of them must ask.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageFile, JpegImagePlugin, MpoImagePlugin

from hybrid_search.images.colour import to_rgb
from hybrid_search.images.decode import as_image_error, orientation_of, upright
from hybrid_search.images.limits import DEFAULT_LIMITS, Limits
from hybrid_search.images.opener import open_header
from hybrid_search.images.sniff import RAW_FORMATS, sniff
from hybrid_search.images.source import Source

__all__ = ["Contents", "frames_of", "read_contents"]

_PLURALS = {"tiff": "pages", "psd": "layers", "heif": "images", "jpeg": "images", "ico": "sizes", "icns": "sizes"}
_BITS_PER_SAMPLE, _SUBFILE, _REDUCED = 258, 254, 1
_DEEP_MODES = {"I": 16, "F": 32, "1": 1}
_VIDEO = (b"ftypmp4", b"ftypisom", b"ftypqt  ")
_PREVIEW = "Large Thumbnail"
_MOST_FRAMES = 2_000
"""More are counted and not looked at: no picture book has as many, and a hostile file may."""


@dataclass(frozen=True)
class Contents:
    """What a file holds.

    Parameters
    ----------
    frames : int
        Frames of an animation, pages, layers or images, the first included.
    kind : str
        What they are called: "frames", "pages", "layers", "images".
    durations : tuple of int
        Milliseconds that each frame is shown; empty where nothing moves.
    transparency : str
        A hash of the transparency of the first frame, empty when all of it is opaque.
    depth : int
        Bits of each channel.
    extras : tuple of str
        What else belongs to the picture: "a depth map", "a gain map", "a video".
    """

    frames: int = 1
    kind: str = "frames"
    durations: tuple[int, ...] = ()
    transparency: str = ""
    depth: int = 8
    extras: tuple[str, ...] = ()


def read_contents(source: Source, *, limits: Limits = DEFAULT_LIMITS) -> Contents:
    """Return what a file holds beside its first picture; pictures in memory and camera raw files hold nothing.

    Raises
    ------
    ImageUnreadable, ImageTooLarge
        When the file cannot be decoded within the limits.
    """
    format = None if source.data is None else sniff(source.data)
    if source.data is None or format is None or format in RAW_FORMATS:
        return Contents()
    with as_image_error(source.name, limits), _opened(source.name, source.data, format, limits) as image:
        limits.check_pixels(source.name, *image.size)
        frames, kind = _count(image, format), _PLURALS.get(format, "frames")
        depth = _depth(image, source.data, format)
        durations = tuple(_durations(image, frames)) if kind == "frames" and frames > 1 else ()
        image.seek(0)
        return Contents(
            frames, kind, durations, _transparency(image), depth, tuple(_extras(image, source.data, format))
        )


def frames_of(source: Source, *, limits: Limits = DEFAULT_LIMITS) -> Iterator[Image.Image]:
    """Give the frames, pages or images of a file one after the other, upright in RGB, at most 2,000.

    Raises
    ------
    ImageUnreadable, ImageTooLarge
        When one cannot be decoded within the limits.
    """
    format = None if source.data is None else sniff(source.data)
    if source.data is None or format is None:
        return
    with as_image_error(source.name, limits), _opened(source.name, source.data, format, limits) as image:
        for number in range(min(_count(image, format), _MOST_FRAMES)):
            image.seek(number)
            limits.check_pixels(source.name, *image.size)
            image.load()
            yield upright(to_rgb(image), orientation_of(image))


def _opened(name: str, data: bytes, format: str, limits: Limits) -> ImageFile.ImageFile:
    header = open_header(name, data, format, limits)
    if isinstance(header, JpegImagePlugin.JpegImageFile) and header.info.get("mp") is not None:
        return MpoImagePlugin.MpoImageFile.adopt(header)
    return header


def _count(image: ImageFile.ImageFile, format: str) -> int:
    count = int(getattr(image, "n_frames", 1))
    if isinstance(image, MpoImagePlugin.MpoImageFile):
        # cameras put a large preview beside the picture, which is nothing that a copy could lack
        entries = (image.mpinfo or {}).get(0xB002, ())
        return count - sum(str(entry["Attribute"]["MPType"]).startswith(_PREVIEW) for entry in entries)
    if format == "tiff":
        return max(1, count - _reduced(image, count))
    # the icon's sizes are one picture, and Pillow counts the merged picture of a PSD apart from its layers
    return 1 if format in ("ico", "icns", "cur") else max(1, count)


def _reduced(image: ImageFile.ImageFile, count: int) -> int:
    """Return how many pages of a TIFF say that they are smaller versions of another."""
    smaller = 0
    for number in range(1, min(count, _MOST_FRAMES)):
        image.seek(number)
        smaller += bool(int(getattr(image, "tag_v2", {}).get(_SUBFILE, 0)) & _REDUCED)
    image.seek(0)
    return smaller


def _durations(image: ImageFile.ImageFile, count: int) -> Iterator[int]:
    for number in range(min(count, _MOST_FRAMES)):
        image.seek(number)
        # Pillow knows a WebP frame's duration only once it is decoded
        image.load()
        yield round(float(image.info.get("duration") or 0))


def _transparency(image: ImageFile.ImageFile) -> str:
    image.load()
    if image.mode not in ("RGBA", "RGBa", "LA", "La", "PA") and "transparency" not in image.info:
        return ""
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        return f"one level of {image.mode}: {image.info.get('transparency')}"
    alpha = upright(image.convert("RGBA").getchannel("A"), orientation_of(image))
    if alpha.getextrema() == (255, 255):
        return ""
    return hashlib.sha256(repr(alpha.size).encode() + alpha.tobytes()).hexdigest()


def _depth(image: ImageFile.ImageFile, data: bytes, format: str) -> int:
    """Return the bits of each channel, as the file has them and not as Pillow decodes them."""
    if image.mode.startswith("I;"):
        return 16
    if image.mode in _DEEP_MODES:
        return _DEEP_MODES[image.mode]
    if format == "tiff":
        return max(int(bits) for bits in getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (8,)))
    if format == "psd":
        return int.from_bytes(data[22:24], "big")
    if format == "avif":
        return _pixi_depth(data)
    codec = image.tile[0] if image.tile else None
    raw = codec.args if codec is not None else ""
    text = raw if isinstance(raw, str) else str(raw[0]) if isinstance(raw, tuple) and raw else ""
    return 16 if ";16" in text else int(image.info.get("bit_depth") or 8)


def _pixi_depth(data: bytes) -> int:
    """Return the bits of the first channel by the pixel information box of ISO/IEC 23008-12, 8 without one."""
    at = data.find(b"pixi", 0, 65536)
    return data[at + 9] if 0 < at < len(data) - 9 and data[at + 8] else 8


def _extras(image: ImageFile.ImageFile, data: bytes, format: str) -> Iterator[str]:
    if image.info.get("depth_images"):
        yield "a depth map"
    auxiliary = " ".join(map(str, image.info.get("aux") or {})).lower()
    if "gainmap" in auxiliary or (format == "jpeg" and b"hdrgm:Version" in data):
        yield "a gain map"
    elif auxiliary:
        yield "auxiliary images"
    # a motion photo is a JPEG or HEIC with a video behind it
    if format in ("jpeg", "heif") and any(data.find(mark, len(data) // 50 + 64) > 0 for mark in _VIDEO):
        yield "a video"
