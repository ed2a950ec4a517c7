"""The fields that words are looked for in: made of what a document holds, whoever writes it, on every backend alike."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import PurePath, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from hybrid_search.document.search_text import compose, name_text, search_text

SEARCH_FIELDS = (
    {
        name: f"{name}_text"
        for name in ("title", "caption", "headline", "alt", "prompt", "tags", "people", "labels", "written_labels")
    }
    | {"text_in_picture": "text_in_picture_text"}
    | {"path": "filename_text", "folder": "folder_text"}
)
"""What is written of a picture, and the field that holds its words as they are compared; that of names is of paths."""

MADE = frozenset(SEARCH_FIELDS.values())
"""Fields that are made when a document is written, and are no part of what is read."""
# What people wrote stays as they wrote it, paths must open files, and large parts hold no words.
_AS_GIVEN = frozenset(
    "title caption headline alt prompt path folder missing_path files thumbnail signature words embedding duplicate "
    "faces text_in_picture text_lines".split()
)
LATER = frozenset({"monochrome", "colour"})
"""Fields that every new document may have; an index that was made before they were thought of is written without."""
_OF_LIBRARIES = frozenset("photos photo pictures images photographs library bilder fotos".split())
"""Names of folders that hold all pictures, so that they say nothing of any."""


def searched_as(field: str, types: Mapping[str, str]) -> str:
    """Return the field to look for words in when a field is named; one that is not a text is returned.

    Examples
    --------
    >>> searched_as("caption", {"caption": "text", "caption_text": "text", "caption_text.every_word": "text"})
    'caption_text.every_word'
    """
    made = (f"{field}_text.every_word", f"{field}_text")
    return next((name for name in made if types.get(field) == types.get(name) == "text"), field)


def field_shown(field: str) -> str:
    """Return the name by which people know a field that is made for searching.

    Examples
    --------
    >>> field_shown("filename_text"), field_shown("caption_text.every_word"), field_shown("hypernyms")
    ('filename', 'caption', 'hypernyms')
    """
    return field.removesuffix(".every_word").removesuffix("_text")


def composed(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document's fields, or those of an update, in composed Unicode and without those that are made of others.

    So a tag is one tag, in whichever form it was written. Captions and titles stay as they are, and so do paths.
    """
    kept = {name: value for name, value in source.items() if name not in MADE}
    try:
        return {name: value if name in _AS_GIVEN else _composed(value) for name, value in kept.items()}
    except RecursionError:
        # whoever writes it refuses it, and says so
        return kept


def with_search_fields(source: Mapping[str, Any], known: Container[str]) -> dict[str, Any]:
    """Return a document's fields, or those of an update, `composed` and with the fields of their words.

    Parameters
    ----------
    source : mapping
        JSON fields; what they have in the place of made fields is ignored.
    known : container of str
        The fields of the index.
    """
    made = {name: value for name, value in search_fields(source).items() if name in known}
    later = {name for name in LATER if name not in known and f"{name}.red" not in known}
    return {name: value for name, value in (composed(source) | made).items() if name not in later}


def search_fields(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are made of those that a document has.

    Examples
    --------
    >>> search_fields({"caption": "golden_retriever", "path": ["/photos/Rome/IMG_1.jpg"]})
    {'caption_text': 'golden retriever', 'filename_text': ['IMG 1'], 'folder_text': ['Rome']}
    """
    made = {
        target: _each(source[name])
        for name, target in SEARCH_FIELDS.items()
        if name in source and name not in ("path", "folder")
    }
    if "path" in source:
        names = list(_names(source))
        made["filename_text"] = _unique(name for name, _ in names)
        made["folder_text"] = _unique(folder for _, folder in names)
    return made


def _each(value: Any) -> Any:
    if isinstance(value, str):
        return search_text(value)
    return [_each(one) for one in value] if isinstance(value, (list, tuple)) else value


def _composed(value: Any) -> Any:
    if isinstance(value, str):
        return compose(value)
    if isinstance(value, Mapping):
        return {name: _composed(inner) for name, inner in value.items()}
    return [_composed(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _names(source: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the words of a picture's file names and folders, for each place in which it lies."""
    files = source.get("files")
    entries = [entry for entry in files if isinstance(entry, Mapping)] if isinstance(files, (list, tuple)) else []
    roots = {entry.get("path"): str(entry.get("root", "")) for entry in entries}
    for path in [source["path"]] if isinstance(source["path"], str) else source["path"] or ():
        if not isinstance(path, str):
            continue
        if "://" in path:
            below = PurePosixPath(unquote(urlsplit(path).path))
            yield name_text(below.stem), name_text(below.parent.name)
        else:
            yield name_text(PurePath(path).stem), _folder_text(str(PurePath(path).parent), roots.get(path, ""))


@lru_cache(maxsize=256)
def _folder_text(folder: str, root: str) -> str:
    """Return the words of a folder and those above it, up to the folder that was indexed; of an unknown one, its own.

    What lies above says where the collection is on this machine, and every picture of it would match.
    """
    path, top = PurePath(folder), PurePath(root)
    known = bool(root) and path.is_relative_to(top)
    parts = path.relative_to(top.parent).parts if known else (path.name,)
    return name_text(" ".join(parts[1:] if parts and parts[0].lower() in _OF_LIBRARIES else parts))


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))
