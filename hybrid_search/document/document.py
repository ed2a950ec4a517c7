"""One image as one document: its metadata, signature, embedding, labels and thumbnail in the shape of the mapping."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import PurePath, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from hybrid_search.document.search_text import compose, search_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hybrid_search.document.picture import Picture
    from hybrid_search.embedders import Labels
    from hybrid_search.metadata import Metadata


@dataclass(frozen=True)
class Document:
    """One image as stored: its id and its JSON fields (`source`), nested as in the mapping.

    Examples
    --------
    >>> Document("a1", {"path": ["/photos/cat.jpg"], "caption": "a cat"}).path
    '/photos/cat.jpg'
    """

    id: str
    source: Mapping[str, Any]

    @property
    def path(self) -> str | None:
        """The first path at which the image was seen, None when it came without one."""
        return first_path(self.source)


def first_path(source: Mapping[str, Any]) -> str | None:
    """Return the first path of a document's fields, None when there is none."""
    paths = source.get("path") or None
    return paths if paths is None or isinstance(paths, str) else str(paths[0])


def is_below(path: str, folder: str) -> bool:
    """Tell whether an absolute path is a folder or lies below it; both are written as the system writes them.

    Examples
    --------
    >>> is_below("/photos/2019/a.jpg", "/photos"), is_below("/photos2/a.jpg", "/photos"), is_below("/photos", "/")
    (True, False, True)
    """
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


@dataclass(frozen=True)
class FileFacts:
    """Where an image came from, and what tells whether that file has changed since it was indexed.

    Parameters
    ----------
    path : str
        Absolute path, or the URL of an image that was fetched.
    bytes : int or None
        Size of the file, None for a URL.
    mtime_ns : int or None
        Time of the last change, nanoseconds since 1970, None for a URL.
    sidecars, captions : str
        Fingerprints of what describes the file from outside: its sidecars, and its entry in a captions file.
    missing : bool
        The file was not there when its folder was last indexed.
    root : str
        The folder that was indexed, by the names of whose folders the picture is found; empty for a single file.
    """

    path: str
    bytes: int | None = None
    mtime_ns: int | None = None
    sidecars: str = ""
    captions: str = ""
    missing: bool = False
    root: str = field(default="", compare=False)

    @property
    def is_file(self) -> bool:
        """Whether it is a file, which can change and vanish; a URL only says where the image came from."""
        return self.mtime_ns is not None

    def to_json(self) -> dict[str, Any]:
        """Return the facts as one entry of the document's `files`."""
        return {name: value for name, value in asdict(self).items() if value not in ("", None) and value is not False}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> FileFacts:
        """Read one entry of the document's `files`."""
        return cls(**entry)


def build_source(
    picture: Picture,
    *,
    files: Sequence[FileFacts] = (),
    embeddings: Mapping[str, NDArray[np.float32]],
    labels: Labels = (),
) -> dict[str, Any]:
    """Return the document's JSON fields, ready for a backend.

    Parameters
    ----------
    picture : Picture
        What the image gave.
    files : sequence of FileFacts
        Where it lies; none when it came as bytes or pixels.
    embeddings : mapping of str to (dims,) float32 ndarray
        Unit vectors by the leaf of their field under `embedding`.
    labels : tuple of Label
        What the embedder sees in the image, most probable first.
    """
    # loaded here: those who only search and show documents have no use for decoders
    from hybrid_search.signature.goldberg import norm, word_tokens

    prepared = picture.prepared
    return {
        "sha256": picture.sha256,
        "bytes": picture.bytes,
        "format": prepared.format,
        "width": prepared.width,
        "height": prepared.height,
        "megapixels": round(prepared.width * prepared.height / 1e6, 3),
        "shape": _shape(prepared.width, prepared.height),
        **({"monochrome": True} if picture.monochrome else {}),
        **({"colour": dict(picture.colours)} if picture.colours else {}),
        "indexed_at": _moment(time.time()),
        # a flat picture has no direction to be near to, and no duplicates
        **({"signature": prepared.signature} if prepared.signature.any() else {}),
        "signature_norm": norm(prepared.signature),
        "words": list(word_tokens(prepared.signature)),
        "embedding": dict(embeddings),
        "thumbnail": picture.thumbnail,
        **metadata_fields(picture.metadata),
        **{name: value for name, value in file_fields(files).items() if value is not None},
        **label_fields(labels),
    }


def file_fields(files: Sequence[FileFacts]) -> dict[str, Any]:
    """Return the fields that say where the image lies or lay: paths, ancestor folders, names, facts of each file.

    Files that are there come first, then URLs, then files that have vanished. What URLs alone do not have is empty, so
    that an update takes it from the document.
    """
    if not files:
        return {}
    files = sorted(files, key=lambda facts: (facts.missing, not facts.is_file))
    paths = [PurePath(facts.path) for facts in files if facts.is_file]
    names = [*paths, *(PurePosixPath(unquote(urlsplit(facts.path).path)) for facts in files if not facts.is_file)]
    newest = max((facts.mtime_ns for facts in files if facts.mtime_ns is not None), default=None)
    return {
        "path": [facts.path for facts in files],
        "folder": _unique(name for path in paths for name in _folders(str(path.parent))),
        "filename": _unique(compose(path.name) for path in names if path.name),
        "files": [facts.to_json() for facts in files],
        "missing": all(facts.missing for facts in files),
        "missing_path": [facts.path for facts in files if facts.missing] or None,
        "modified_at": None if newest is None else _moment(newest / 1e9),
    }


def metadata_fields(metadata: Metadata) -> dict[str, Any]:
    """Return metadata as nested fields, with the moment in UTC, and texts by which words find camera and place."""
    # loaded by whoever has metadata; those who only search and show documents have no use for what reads files
    from hybrid_search.metadata.taken_at import instant, moment_fields, moment_of

    fields: dict[str, Any] = {}
    for name, value in metadata.fields.items():
        _set(fields, name, value)
    if moment := moment_of(metadata.fields):
        at = instant(moment.clock, moment.offset)
        fields.update(moment_fields(moment))
        fields.update({"taken_at_utc": at} if at else {})
    fields.update(word_fields(fields))
    if metadata.exif:
        fields["exif"] = dict(metadata.exif)
    if metadata.warnings:
        fields["warnings"] = list(metadata.warnings)
    return fields


def lookup(source: Mapping[str, Any], field: str) -> Any:
    """Return the value of a dotted field, None when the document has none.

    Examples
    --------
    >>> lookup({"camera": {"make": "Canon"}}, "camera.make")
    'Canon'
    """
    value: Any = source
    for name in field.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value


def word_fields(source: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts by which camera and place are found in words.

    Examples
    --------
    >>> word_fields({"camera": {"make": "Canon", "model": "EOS R5"}, "place": {"city": "Zürich"}})
    {'camera_text': 'Canon EOS R5', 'place_text': 'zurich'}
    """
    camera, place = source.get("camera") or {}, source.get("place") or {}
    texts = {
        "camera_text": [camera.get("make"), camera.get("model"), source.get("lens")],
        "place_text": [place.get(leaf) for leaf in ("sublocation", "settlement", "city", "region", "country")],
    }
    joined = {name: " ".join(_unique(str(part) for part in parts if part)) for name, parts in texts.items()}
    return {name: search_text(text) for name, text in joined.items() if text}


def caption_text(source: Mapping[str, Any]) -> str:
    """Return what is written about a picture as one text, as text embedders get it; "" when there is nothing.

    Title and caption are sentences, the tags one more, with commas: what says most comes before the point where a
    tower cuts long texts off. Predicted labels are no part of it, as they say nothing that the pixels do not.

    Examples
    --------
    >>> caption_text({"title": "Summer", "caption": "A dog on a beach!", "tags": ["dog", "sea"], "labels": ["cat"]})
    'Summer. A dog on a beach! dog, sea'
    """
    title, caption = (" ".join(str(source.get(name) or "").split()) for name in ("title", "caption"))
    tags = source.get("tags") or ()
    tags = [tags] if isinstance(tags, str) else tags
    parts = _unique(part for part in (title, caption, ", ".join(_unique(map(str, tags)))) if part)
    return " ".join([*(part if part[-1] in ".!?…" else f"{part}." for part in parts[:-1]), *parts[-1:]])


def label_fields(labels: Labels) -> dict[str, Any]:
    """Return the predicted labels, their probabilities, and the hypernyms by which "dog" finds a Chihuahua."""
    if not labels:
        return {}
    names = _unique(label.name for label in labels)
    above = _unique(name for label in labels for name in label.hypernyms)
    return {
        "labels": names,
        "label_scores": [{"label": label.name, "score": round(label.score, 4)} for label in labels],
        **({"hypernyms": search_text(", ".join(above))} if above else {}),
    }


@lru_cache(maxsize=256)
def _folders(folder: str) -> tuple[str, ...]:
    """Return a folder and all above it, which the pictures of a folder share."""
    return (folder, *map(str, PurePath(folder).parents))


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")


def _shape(width: int, height: int) -> str:
    if width * 20 >= height * 40 or height * 20 >= width * 40:
        return "panorama"
    if abs(width - height) * 20 <= max(width, height):
        return "square"
    return "landscape" if width > height else "portrait"


def _set(fields: dict[str, Any], name: str, value: Any) -> None:
    *parents, leaf = name.split(".")
    for parent in parents:
        fields = fields.setdefault(parent, {})
    fields[leaf] = value


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
