"""Where an image comes from: every kind of input becomes bytes, or pixels when there never were bytes."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import stat
from dataclasses import dataclass
from functools import cached_property
from typing import Any, BinaryIO, TypeAlias
from urllib.parse import unquote, urlsplit, urlunsplit

import numpy as np
from PIL import Image

from hybrid_search.errors import ImageError, ImageUnreadable
from hybrid_search.images.array import array_to_image
from hybrid_search.images.decoder_warnings import quiet
from hybrid_search.images.limits import DEFAULT_LIMITS, Limits
from hybrid_search.images.sniff import describe, sniff

ImageLike: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO | Image.Image | np.ndarray[Any, Any]"
"""Anything that is an image: a path, an http(s) or data URI, bytes, a binary file, a PIL image, a grey or RGB array."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+://")
_DATA_URI = re.compile(r"data:", re.IGNORECASE)
_HEAD = 64
_CHUNK = 1024 * 1024  # bytes read at once


@dataclass(frozen=True)
class Source:
    """An image before it is decoded.

    Parameters
    ----------
    name : str
        The path or URL; else "bytes", "image", "array" or the file object's name. It stands in errors.
    data : bytes or None
        The encoded image; None when it came as pixels.
    pixels : PIL image or None
        The pixels when there are no bytes.
    """

    name: str
    data: bytes | None = None
    pixels: Image.Image | None = None

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the bytes (of mode, size and pixels when there are no bytes), hexadecimal."""
        if self.data is not None:
            return hashlib.sha256(self.data).hexdigest()
        if self.pixels is None:
            raise ImageUnreadable(self.name, "the source has neither bytes nor pixels")
        head = f"{self.pixels.mode} {self.pixels.width}x{self.pixels.height} "
        return hashlib.sha256(head.encode() + self.pixels.tobytes()).hexdigest()


def read_source(image: ImageLike, *, limits: Limits = DEFAULT_LIMITS) -> Source:
    """Read or fetch an image without decoding it; what is no image by its content is refused here already.

    Parameters
    ----------
    image : path, URL, bytes, binary file object, PIL image or ndarray
        A string is a URL when it starts with a scheme, a data URI when it starts with "data:", else a path; "~" at
        its beginning is the home folder. A file object is read from its start where it can seek. Arrays are
        (height, width), (height, width, 3) or (height, width, 4); uint8, uint16, float or bool.
    limits : Limits
        Bytes, pixels, seconds and redirects allowed.

    Raises
    ------
    ImageUnreadable
        When it cannot be read, or is no image.
    ImageTooLarge
        When it has more bytes or pixels than `limits` allows.
    """
    if isinstance(image, Image.Image):
        return Source(_pixels_name(image), pixels=_loaded(image, limits))
    if isinstance(image, np.ndarray):
        return Source("array", pixels=array_to_image(image, limits=limits))
    if isinstance(image, (bytes, bytearray, memoryview)):
        return _from_bytes("bytes", bytes(image), limits)
    if isinstance(image, str) and _URL.match(image):
        return _from_url(image, limits)
    if isinstance(image, str) and _DATA_URI.match(image) and not os.path.lexists(image):
        return _from_data_uri(image, limits)
    if isinstance(image, (str, os.PathLike)):
        return _from_path(_at_home(image), limits)
    if hasattr(image, "read"):
        return _from_file(image, limits)
    raise ImageUnreadable(type(image).__name__, "an image is a path, URL, bytes, binary file, PIL image or ndarray")


def place_of(image: ImageLike) -> str:
    """Return where an image lies: the absolute path of a file, a URL without user and password, "" for all else.

    Raises
    ------
    ImageUnreadable
        When it is a URL that cannot be one.
    """
    if isinstance(image, str) and _URL.match(image):
        return _without_user(image)
    if not isinstance(image, (str, os.PathLike)):
        return ""
    path = _at_home(image)
    return os.path.abspath(os.fsdecode(path)) if os.path.isfile(path) else ""


def _at_home(path: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """Return a path with "~" as the home folder, unless a file has that very name."""
    named = os.fsdecode(path)
    return os.path.expanduser(named) if named.startswith("~") and not os.path.lexists(path) else path


def _without_user(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ImageUnreadable("URL", f"this is no valid URL ({error})") from error
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _from_bytes(name: str, data: bytes, limits: Limits) -> Source:
    limits.check_bytes(name, len(data))
    if sniff(data[:_HEAD]) is None:
        raise ImageUnreadable(name, describe(data))
    return Source(name, data=data)


def _from_path(path: str | os.PathLike[str], limits: Limits) -> Source:
    name = os.fsdecode(path)
    try:
        # A FIFO or a device would block in open(), so the kind of file is asked first.
        facts = os.stat(path)
        if not stat.S_ISREG(facts.st_mode):
            kind = "a folder; index it with add_folder" if stat.S_ISDIR(facts.st_mode) else "not a regular file"
            raise ImageUnreadable(name, f"this is {kind}")
        limits.check_bytes(name, facts.st_size)
        with open(path, "rb") as file:
            head = file.read(_HEAD)
            if sniff(head) is None:
                raise ImageUnreadable(name, describe(head + file.read(256)))
            data = head + file.read(facts.st_size + 1)
    except (OSError, ValueError) as error:
        raise ImageUnreadable(name, getattr(error, "strerror", None) or str(error)) from error
    return _from_bytes(name, data, limits)


def _from_url(url: str, limits: Limits) -> Source:
    from hybrid_search.images.fetch import fetch

    name = _without_user(url)
    return _from_bytes(name, fetch(url, name=name, limits=limits), limits)


def _from_data_uri(uri: str, limits: Limits) -> Source:
    """Read `data:image/…;base64,…` (RFC 2397); the bytes tell the format, as the media type is often wrong."""
    head, comma, payload = uri.partition(",")
    name = f"{head[:60]},…"
    media, _, encoding = head[5:].lower().rpartition(";")
    if not comma or not media.startswith("image/") or encoding.strip() != "base64":
        raise ImageUnreadable(name, "of data URIs only data:image/…;base64,… are read")
    try:
        packed = "".join(unquote(payload).split()).rstrip("=")
        data = base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except ValueError as error:
        raise ImageUnreadable(name, f"its base64 is damaged ({error})") from error
    return _from_bytes(name, data, limits)


def _from_file(file: BinaryIO, limits: Limits) -> Source:
    given = getattr(file, "name", None)
    name = given if isinstance(given, str) else "file"
    parts: list[bytes] = []
    count = 0
    try:
        if callable(getattr(file, "seekable", None)) and file.seekable():
            file.seek(0)
        while count <= limits.max_bytes and (part := file.read(_CHUNK)):
            if not isinstance(part, bytes):
                raise ImageUnreadable(name, "the file object gives text; open it in binary mode")
            parts.append(part)
            count += len(part)
    except ImageError:
        raise
    except Exception as error:
        # A file object is the caller's own code: whatever it raises, this image could not be read.
        raise ImageUnreadable(name, f"the file object failed: {error!r}") from error
    return _from_bytes(name, b"".join(parts), limits)


def _pixels_name(image: Image.Image) -> str:
    filename = getattr(image, "filename", "")
    return os.fsdecode(filename) if filename else "image"


def _loaded(image: Image.Image, limits: Limits) -> Image.Image:
    name = _pixels_name(image)
    limits.check_pixels(name, *image.size)
    if min(image.size) < 1:
        raise ImageUnreadable(name, "the image has no pixels")
    try:
        with quiet():
            image.load()
    except Exception as error:
        raise ImageUnreadable(name, f"its pixels cannot be loaded: {error}") from error
    return image
