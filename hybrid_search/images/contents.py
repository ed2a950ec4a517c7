"""What an image file holds beside one upright RGB picture: further frames, pages or images, transparency, depth.

Everything else of this package looks at the one picture that a viewer shows first. Whether two files hold the same is
another question, which whoever removes one of them must ask.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO

from PIL import GifImagePlugin, Image, ImageFile, PngImagePlugin, WebPImagePlugin

from hybrid_search.images.colour import to_rgb
from hybrid_search.images.decode import as_image_error, decode, upright
from hybrid_search.images.limits import DEFAULT_LIMITS, Limits
from hybrid_search.images.memory_budget import decoding
from hybrid_search.images.memory_estimate import memory_needed
from hybrid_search.images.opener import OpenImage, open_header
from hybrid_search.images.parts import MAX_PARTS, TooManyParts, gif_table, jpeg_segments, png_chunks, riff_chunks
from hybrid_search.images.sniff import RAW_FORMATS, sniff
from hybrid_search.images.source import Source

_PLURALS = {"tiff": "pages", "psd": "layers", "heif": "images", "jpeg": "images"}
_ANIMATED: dict[str, Callable[[BytesIO, str], ImageFile.ImageFile]] = {
    "gif": GifImagePlugin.GifImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
}
_SINGLE = ("ico", "icns", "cur")
"""Formats whose images are one picture in several sizes."""
_BITS_PER_SAMPLE, _SUBFILE, _REDUCED = 258, 254, 1  # tags of TIFF 6.0, and the bit of a thumbnail
_DEEP_MODES = {"I": 16, "F": 32, "1": 1}
_VIDEO = (b"ftypmp4", b"ftypisom", b"ftypqt  ")
_MOST_FRAMES = 2_000
"""More are not looked at: no book of pictures has as many pages, and a hostile file may."""
_ENTRIES, _PREVIEWS = 0xB002, (0x010001, 0x010002)
"""Of the Multi-Picture Format (CIPA DC-007): the tag that lists the images, and the kinds that are large thumbnails."""


@dataclass(frozen=True)
class Contents:
    """What a file holds.

    Parameters
    ----------
    frames : int
        Frames of an animation, pages, layers or images, the first included.
    kind : str
        What they are called: "frames", "pages", "layers", "images"; nothing that contents differ by.
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
    kind: str = field(default="frames", compare=False)
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
    kind, extras = _PLURALS.get(format, "frames"), tuple(_behind(source.data, format))
    if format == "jpeg":
        return Contents(len(_pictures(source.data)), kind, extras=extras)
    with as_image_error(source.name, limits), _opened(source.name, source.data, format, limits) as opened:
        image = opened.header
        depth, frames = _depth(image, source.data, format), _count(image, format)
        durations = tuple(_durations(image, frames)) if kind == "frames" and frames > 1 else ()
        image.seek(0)
        return Contents(frames, kind, durations, _transparency(opened), depth, (*_beside(image), *extras))


def frames_of(source: Source, *, limits: Limits = DEFAULT_LIMITS) -> Iterator[Image.Image]:
    """Give the frames, pages or images of a file one after the other, upright in RGB, at most 2,000.

    Raises
    ------
    ImageUnreadable, ImageTooLarge
        When one cannot be decoded within the limits.
    """
    format = None if source.data is None else sniff(source.data)
    if source.data is None or format is None:
        yield decode(source, limits=limits).image
        return
    if format == "jpeg" or format in RAW_FORMATS:
        for picture in _pictures(source.data) if format == "jpeg" else [source.data]:
            yield decode(Source(source.name, picture), limits=limits).image
        return
    with as_image_error(source.name, limits), _opened(source.name, source.data, format, limits) as opened:
        image = opened.header
        for number in range(_count(image, format)):
            image.seek(number)
            limits.check_pixels(source.name, *image.size)
            image.load()
            yield upright(to_rgb(image).copy(), opened.orientation)


@contextmanager
def _opened(name: str, data: bytes, format: str, limits: Limits) -> Iterator[OpenImage]:
    """Open a file with all of its frames, while there is memory for one."""
    opened = open_header(name, data, format, limits)
    limits.check_pixels(name, *opened.header.size)
    needed = memory_needed(opened, format, opened.header.size)
    limits.check_memory(name, needed)
    with decoding.hold(needed, limits.budget):
        if format in _ANIMATED:
            # the decoder of one picture was given the first frame alone
            opened.header.close()
            header = _ANIMATED[format](BytesIO(whole(data, format)), "")
            if opened.plain.profile is not None:
                header.info["icc_profile"] = opened.plain.profile
            opened = OpenImage(header, opened.plain)
        with opened.header:
            yield opened


def _pictures(data: bytes) -> list[bytes]:
    """Return the pictures of a JPEG by the Multi-Picture Format, without large previews: no copy lacks those."""
    for kind, start, _ in jpeg_segments(data):
        if kind != b"\xe2" or data[start : start + 4] != b"MPF\0":
            continue
        base, pictures = start + 4, [data]
        order = "<" if data[base : base + 2] == b"II" else ">"
        try:
            (directory,) = struct.unpack_from(order + "I", data, base + 4)
            (fields,) = struct.unpack_from(order + "H", data, base + directory)
            for field in range(min(fields, 64)):
                tag, _, size, at = struct.unpack_from(order + "HHII", data, base + directory + 2 + 12 * field)
                for entry in range(1, min(size // 16, _MOST_FRAMES)) if tag == _ENTRIES else ():
                    what, length, offset = struct.unpack_from(order + "III", data, base + at + 16 * entry)
                    if what & 0xFFFFFF not in _PREVIEWS and offset:
                        pictures.append(data[base + offset : base + offset + length])
        except struct.error:
            return [data]
        return pictures
    return [data]


def _count(image: ImageFile.ImageFile, format: str) -> int:
    if format in _SINGLE:
        return 1
    if format != "tiff":
        return min(max(1, int(getattr(image, "n_frames", 1))), _MOST_FRAMES)
    # a page may say that it is a smaller version of another
    pages = 1
    for number in range(1, _MOST_FRAMES):
        try:
            image.seek(number)
        except EOFError:
            break
        pages += not int(getattr(image, "tag_v2", {}).get(_SUBFILE, 0)) & _REDUCED
    image.seek(0)
    return pages


def _durations(image: ImageFile.ImageFile, count: int) -> Iterator[int]:
    for number in range(min(count, _MOST_FRAMES)):
        image.seek(number)
        # Pillow knows a WebP frame's duration only once it is decoded
        image.load()
        yield round(float(image.info.get("duration") or 0))


def _transparency(opened: OpenImage) -> str:
    image = opened.header
    if image.mode not in ("RGBA", "RGBa", "LA", "La", "PA") and "transparency" not in image.info:
        return ""
    image.load()
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        return f"one level of {image.mode}: {image.info.get('transparency')}"
    alpha = upright(image.convert("RGBA").getchannel("A"), opened.orientation)
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


def _beside(image: ImageFile.ImageFile) -> Iterator[str]:
    """Give what a HEIF file has beside its images."""
    if image.info.get("depth_images"):
        yield "a depth map"
    auxiliary = " ".join(map(str, image.info.get("aux") or {})).lower()
    if auxiliary:
        yield "a gain map" if "gainmap" in auxiliary else "auxiliary images"


def _behind(data: bytes, format: str) -> Iterator[str]:
    """Give what telephones write behind a picture: a brighter version (ISO 21496-1), a moment of video."""
    if format == "jpeg" and b"hdrgm:Version" in data:
        yield "a gain map"
    if format in ("jpeg", "heif") and any(data.find(mark, len(data) // 50 + 64) > 0 for mark in _VIDEO):
        yield "a video"


_PNG = frozenset((b"IHDR", b"PLTE", b"tRNS", b"acTL", b"fcTL", b"fdAT", b"IDAT", b"IEND"))
_WEBP = frozenset((b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L"))


def whole(data: bytes, format: str) -> bytes:
    """Return a GIF, PNG or WebP without its comments, texts and metadata, with all of its frames.

    Raises
    ------
    TooManyParts
        When the file is cut into more parts than are read.
    """
    if format == "png":
        return data[:8] + b"".join(data[start - 8 : end + 4] for kind, start, end in png_chunks(data) if kind in _PNG)
    if format == "gif":
        return b"".join(_gif_frames(data)) + b";"
    body = b"".join(
        data[start - 8 : end] + bytes((end - start) % 2) for kind, start, end in riff_chunks(data) if kind in _WEBP
    )
    return b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body


def _gif_frames(data: bytes) -> Iterator[bytes]:
    """Give the head of a GIF, then its graphic controls and images (GIF89a, appendix A)."""
    position, left = 13 + gif_table(data[10:11]), MAX_PARTS
    yield data[:position]
    while position < len(data) and data[position] in b"!,":
        start, is_image = position, data[position : position + 1] == b","
        # the blocks begin behind an image's descriptor, table and code size, or behind an extension's label
        position += 11 + gif_table(data[start + 9 : start + 10]) if is_image else 2
        while position < len(data) and data[position]:
            position += 1 + data[position]
            left -= 1
            if left < 0:
                raise TooManyParts("blocks", MAX_PARTS)
        position += 1
        if is_image or data[start + 1] == 0xF9:
            yield data[start:position]
