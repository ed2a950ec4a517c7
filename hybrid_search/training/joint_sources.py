"""Pictures and what is written about them, as pairs of vectors: from a captions file and a folder, or from an index."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.backends import Backend
from hybrid_search.embedders import Embedder, TextEmbedder
from hybrid_search.errors import ImageError, TrainingImpossible
from hybrid_search.images import load_image
from hybrid_search.ingest.folder_walk import walk
from hybrid_search.metadata import Captions, load_captions
from hybrid_search.training.pairs import Pairs

_BATCH = 32  # pictures embedded together, as `index` does by default
_COMPARED = 8
"""Texts by which it is found out whether an image embedder has its meanings from a text tower."""


@dataclass(frozen=True)
class SourcePairs:
    """Pairs, and the pictures that could not be read."""

    pairs: Pairs
    failed: tuple[str, ...] = ()


def texts_of(fields: Mapping[str, Any]) -> tuple[str, ...]:
    r"""Return what a person has written about a picture, as texts of their own: captions, else the title, else tags.

    Examples
    --------
    >>> texts_of({"caption": "A dog runs.\nA brown dog.", "tags": ["dog"]})
    ('A dog runs.', 'A brown dog.')
    >>> texts_of({"tags": ["dog", "beach"]})
    ('dog', 'beach')
    """
    for written in (str(fields.get("caption") or "").splitlines(), [fields.get("title")], fields.get("tags") or ()):
        texts = tuple(dict.fromkeys(str(each).strip() for each in written if each and str(each).strip()))
        if texts:
            return texts
    return ()


def read_pairs(
    backend: Backend,
    key: str,
    tower: TextEmbedder,
    *,
    captions: str | Path | None = None,
    base: Embedder | None = None,
) -> Pairs:
    """Return the pairs of an index: its vectors, and the captions, titles or tags of their documents.

    Parameters
    ----------
    backend : Backend
    key : str
        The leaf of the vectors' field under `embedding`.
    tower : TextEmbedder
    captions : str or Path, optional
        A captions file, in place of what the documents say.
    base : Embedder, optional
        That of the vectors, which tells whether they speak already; see `Pairs`.

    Raises
    ------
    CaptionsUnreadable
        When the captions file is none.
    TrainingImpossible
        When no picture has a vector there and a text.
    """
    known = None if captions is None else load_captions(captions)
    vectors, written = [], []
    for _, document in backend.scan(fields=(f"embedding.{key}", "path", "caption", "title", "tags"), vectors=True):
        vector = document.get("embedding", {}).get(key)
        texts = texts_of(document if known is None else _said(known, document.get("path") or ()))
        if vector is not None and texts:
            vectors.append(np.asarray(vector, np.float32))
            written.append(texts)
    return _pairs(vectors, written, tower, base)


def embed_pairs(
    folder: str | Path,
    captions: str | Path,
    base: Embedder,
    tower: TextEmbedder,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> SourcePairs:
    """Return the pairs of a folder's pictures and of a captions file; pictures without a caption are not opened.

    Parameters
    ----------
    folder : str or Path
        With pictures, at any depth.
    captions : str or Path
        Any file that `load_captions` reads.
    base, tower : Embedder and TextEmbedder
    progress : callable, optional
        Told how many pictures of all are done.

    Raises
    ------
    CaptionsUnreadable
        When the captions file is none.
    TrainingImpossible
        When no picture has a text.
    """
    known = load_captions(captions)
    found = ((each.path, known.find(Path(each.path))) for each in walk(Path(folder)))
    written = {path: texts for path, said in found if said is not None and (texts := texts_of(said.fields))}
    vectors: dict[str, NDArray[np.float32]] = {}
    paths = list(written)
    for start in range(0, len(paths), _BATCH):
        vectors.update(_embedded(paths[start : start + _BATCH], base))
        if progress is not None:
            progress(min(start + _BATCH, len(paths)), len(paths))
    pairs = _pairs([vectors[path] for path in vectors], [written[path] for path in vectors], tower, base)
    return SourcePairs(pairs, tuple(path for path in paths if path not in vectors))


def _said(known: Captions, paths: Iterable[str]) -> Mapping[str, Any]:
    """Return what a captions file says of the first path of a document that it knows."""
    found = (known.find(Path(path)) for path in paths if "://" not in path)
    return next((said.fields for said in found if said is not None), {})


def _embedded(paths: Sequence[str], base: Embedder) -> Iterator[tuple[str, NDArray[np.float32]]]:
    images = {}
    for path in paths:
        try:
            images[path] = load_image(path, min_side=base.min_side)
        except ImageError:
            continue
    if images:
        yield from zip(images, base.embed_images(list(images.values())), strict=True)


def _pairs(
    vectors: Sequence[NDArray[np.float32]],
    written: Iterable[Sequence[str]],
    tower: TextEmbedder,
    base: Embedder | None,
) -> Pairs:
    if not vectors:
        raise TrainingImpossible("a joint space", "no picture has a caption, a title or tags")
    counted = [(row, text) for row, texts in enumerate(written) for text in texts]
    # many pictures may have one tag: it is embedded once
    distinct = list(dict.fromkeys(text for _, text in counted))
    place = {text: row for row, text in enumerate(distinct)}
    embedded = tower.embed_texts(distinct)
    texts = embedded[[place[text] for _, text in counted]]
    speaks = base is not None and _speaks(base, distinct[:_COMPARED], embedded[:_COMPARED])
    return Pairs(np.stack(vectors), texts, np.array([row for row, _ in counted], np.intp), speaks)


def _speaks(base: Embedder, texts: Sequence[str], embedded: NDArray[np.float32]) -> bool:
    """Tell whether an image embedder's texts are the tower's in its last numbers, the others being zero."""
    before = base.dims - embedded.shape[1]
    if not base.embeds_text or before < 0 or not embedded.any():
        return False
    return bool(np.allclose(base.embed_texts(texts), np.pad(embedded, ((0, 0), (before, 0))), atol=1e-4))
