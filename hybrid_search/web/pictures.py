"""Pictures of documents, by their ids alone: the stored thumbnail, or the file's pixels encoded anew."""

from __future__ import annotations

import base64
import hashlib
import io
import os
from functools import partial
from typing import TYPE_CHECKING, Any

from PIL import Image

from hybrid_search.errors import DocumentNotFound, ImageError, ImageUnreadable
from hybrid_search.hits.display import thumbnail_of
from hybrid_search.images import decode, read_source

if TYPE_CHECKING:
    from hybrid_search.document.document import Document
    from hybrid_search.index import HybridIndex

SIDES = (160, 320, 640, 1280, 2560)
"""Pixels of the longer side that can be had: few, so that a browser keeps what it has."""
_QUALITY = 86


def document_of(index: HybridIndex, id: str) -> Document:
    """Return the document with this very id; the path of a picture, which `HybridIndex.get` takes too, is none.

    Raises
    ------
    DocumentNotFound
        When there is none.
    """
    document = index.get(id)
    if document.id != id:
        raise DocumentNotFound(id)
    return document


def thumbnail(document: Document) -> tuple[bytes, str]:
    """Return the stored thumbnail and its media type.

    Raises
    ------
    ImageUnreadable
        When the document has none.
    """
    uri = thumbnail_of(document.source)
    if not uri:
        raise ImageUnreadable(document.id, "no thumbnail is stored")
    head, _, payload = uri.partition(",")
    return base64.b64decode(payload), head.removeprefix("data:").removesuffix(";base64")


def picture(document: Document, size: int) -> bytes:
    """Return the picture as JPEG, upright, no larger than `size` pixels and without metadata.

    A file is read that the document names, where it is what was indexed, or lies where it says without a symbolic link
    on the way. URLs are not fetched.

    Raises
    ------
    ImageUnreadable, ImageTooLarge
        When no file of it can be shown.
    """
    source = document.source
    sides = sorted((int(source.get("width") or 1), int(source.get("height") or 1)))
    shorter = max(size * sides[0] // sides[1], 16)
    first: ImageError | None = None
    for path in _paths(source):
        try:
            read = read_source(os.fspath(path))
            if read.sha256 == source.get("sha256") or os.path.realpath(path) == os.path.abspath(path):
                return _jpeg(decode(read, min_side=shorter, smaller=partial(_fitted, size=size)).image)
        except ImageError as error:
            first = first or error
    raise first or ImageUnreadable(document.id, "none of its files can be shown")


def etag(data: bytes) -> str:
    """Return the tag by which a browser asks whether it has these bytes already."""
    return f'"{hashlib.sha256(data).hexdigest()[:32]}"'


def _paths(source: dict[str, Any] | Any) -> list[str]:
    paths = source.get("path") or []
    return [path for path in ([paths] if isinstance(paths, str) else paths) if os.path.isabs(path)]


def _fitted(image: Image.Image, *, size: int) -> Image.Image:
    scale = size / max(image.size)
    if scale >= 1:
        return image
    width, height = (max(round(side * scale), 1) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)


def _jpeg(image: Image.Image) -> bytes:
    packed = io.BytesIO()
    image.save(packed, "JPEG", quality=_QUALITY, progressive=True)
    return packed.getvalue()
