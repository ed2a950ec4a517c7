"""Labels of one's own choice without training: which of some classes a picture is nearest to in a joint space.

The text of each class becomes a vector, and a picture has the class whose vector is nearest to its own (A. Radford et
al., "Learning transferable visual models from natural language supervision", ICML 2021, § 3.1). Every embedder spreads
its cosines in another range, so that temperature and the cosine from which there is anything are taken from the index's
own pictures. On Caltech101 with `lite+minilm`, ten classes that ImageNet has are given to 98 % of their pictures, none
of them wrong, and to 10 % of all other pictures; ten of which it lacks half, to 68 %, 94 % of them right, and 14 %.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.backends import Action, Backend
from hybrid_search.document.definition import field_types
from hybrid_search.document.document import first_path
from hybrid_search.embedders import Label
from hybrid_search.errors import MappingMismatch, QueryError, TextNotSupported
from hybrid_search.errors.remedies import MIGRATE
from hybrid_search.query.filters import parse_filter

if TYPE_CHECKING:
    from hybrid_search.embedders import TextEmbedder
    from hybrid_search.query.filters import Filter
    from hybrid_search.query.index_state import IndexState

TEMPLATE = "a photo of a {}"
BY = "zero-shot"
"""Marks these labels among the embedder's own in a document's `label_scores`."""
_STORED = ("labels", "label_scores", "written_labels")
_SHARPNESS = 0.5
"""The temperature, as part of the spread of cosines."""
_BATCH = 500  # documents of one request; no measurement is kept
_LEAST_SPREAD = 1e-6  # so that equal cosines, whose spread is 0, can be divided


@dataclass(frozen=True)
class Labelled:
    """What was found in one picture.

    Parameters
    ----------
    id : str
        The document's id.
    path : str or None
        Its first path.
    labels : tuple of Label
        Classes that reach the threshold, most probable first; none when it is none of them.
    """

    id: str
    path: str | None
    labels: tuple[Label, ...] = ()


def class_vectors(
    embedder: TextEmbedder, classes: Sequence[str], *, template: str | Sequence[str] = TEMPLATE
) -> NDArray[np.float32]:
    """Return a unit vector for each class: of its name in the template, the mean over several templates.

    Raises
    ------
    QueryError
        When there are no classes, one is named twice, a template has no place for the name, or no word is known.
    """
    templates = [template] if isinstance(template, str) else list(template)
    names = [" ".join(name.split()) for name in classes]
    if not names or not all(names) or len(set(names)) < len(names):
        raise QueryError("classes are one or more names, each given once")
    if not templates or not all(each.count("{}") == 1 for each in templates):
        raise QueryError(f"a template has {{}} once, where the name of the class goes, such as {TEMPLATE!r}")
    texts = [each.replace("{}", name) for each in templates for name in names]
    vectors = np.asarray(embedder.embed_texts(texts), np.float64).reshape(len(templates), len(names), -1).mean(axis=0)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not lengths.all():
        unknown = ", ".join(repr(name) for name, length in zip(names, lengths[:, 0], strict=True) if not length)
        raise QueryError(f"{embedder.name} knows no word of {unknown}")
    return np.asarray(vectors / lengths, np.float32)


def probabilities(
    cosines: NDArray[np.float32], *, temperature: float | None = None, floor: float = 2.0
) -> NDArray[np.float64]:
    """Return how probable each class is for each picture, beside the chance that it is none of them.

    Parameters
    ----------
    cosines : (pictures, classes) float32 ndarray
        Of all pictures, from which spread and mean are taken.
    temperature : float, optional
        Cosines are divided by it before the softmax; half their spread over the pictures by default.
    floor : float
        "None of these" counts as a class with a cosine that is so many spreads above the mean of all.

    Returns
    -------
    (pictures, classes) float64 ndarray
        Rows sum to less than 1: what is left is the probability of none.

    Examples
    --------
    >>> rounded = probabilities(np.array([[0.3, 0.0], [0.0, 0.0]], np.float32), temperature=0.1, floor=0.0).round(2)
    >>> rounded.tolist()
    [[0.87, 0.04], [0.24, 0.24]]
    """
    exact = np.asarray(cosines, np.float64)
    spread = max(float(np.sqrt(exact.var(axis=0).mean())), _LEAST_SPREAD) if len(exact) else _LEAST_SPREAD
    none = np.full((len(exact), 1), (exact.mean() if exact.size else 0.0) + floor * spread)
    logits = np.hstack([exact, none]) / (temperature or _SHARPNESS * spread)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers[:, :-1] / powers.sum(axis=1, keepdims=True))


def label_pictures(
    index: IndexState,
    classes: Sequence[str],
    *,
    template: str | Sequence[str] = TEMPLATE,
    threshold: float = 0.5,
    temperature: float | None = None,
    floor: float = 2.0,
    filter: Filter | None = None,
    embedder: str | None = None,
    write: bool = False,
) -> list[Labelled]:
    """Return the classes of all stored pictures that have a vector; see `HybridIndex.label_pictures`."""
    index.see_own_writes()
    key, tower = _embedder_of_words(index, embedder)
    clauses = parse_filter(filter, field_types(index.definition))
    query = {"bool": {"filter": list(clauses)}} if clauses else None
    if not 0 < threshold <= 1 or (temperature is not None and not 0 < temperature < np.inf) or np.isnan(floor):
        raise QueryError("threshold is above 0 and at most 1, temperature above 0, and floor a number")
    texts = class_vectors(tower, classes, template=template)
    names = [" ".join(name.split()) for name in classes]
    places: list[tuple[str, str | None]] = []
    rows: list[NDArray[np.float32]] = []
    for id, source in index.backend.scan(query, fields=("path", f"embedding.{key}"), vectors=True):
        if (vector := source.get("embedding", {}).get(key)) is not None:
            places.append((id, first_path(source)))
            rows.append(texts @ np.asarray(vector, np.float32))
    found = probabilities(np.reshape(rows, (-1, len(names))), temperature=temperature, floor=floor)
    labelled = [Labelled(*place, _reaching(row, names, threshold)) for place, row in zip(places, found, strict=True)]
    if write:
        write_labels(index.backend, labelled)
    return labelled


def _embedder_of_words(index: IndexState, name: str | None) -> tuple[str, TextEmbedder]:
    """Return an embedder that has vectors for words among its pictures, and its key; by default the index's first."""
    held = index.current_embedders()
    key = held.key(name) if name else index.asker.key_for_words()
    spec = held.specs[key]
    if spec.of != "image":
        raise QueryError(f"{spec.name!r} embeds what is written about pictures; name an embedder of pictures and words")
    if not spec.embeds_text:
        raise TextNotSupported(spec.name)
    return key, held.load(key)


def write_labels(backend: Backend, labelled: Iterable[Labelled]) -> int:
    """Keep labels in their documents, beside the embedder's own and in place of those of an earlier run.

    They are in `labels` with the others, and alone in `written_labels`: predicted labels are no words to search where
    words have a vector among pictures, but somebody has chosen these.

    Returns
    -------
    int
        How many documents were changed.

    Raises
    ------
    MappingMismatch
        When the index was made by a version that had no `written_labels`; nothing is written.
    """
    if "written_labels" not in backend.definition()["mappings"]["properties"]:
        remedy = MIGRATE + " brings it up to date; search and `label` without writing work as it is"
        raise MappingMismatch("written_labels", "the index was made before this field was thought of", remedy)
    changed = 0
    every = list(labelled)
    for start in range(0, len(every), _BATCH):
        batch = every[start : start + _BATCH]
        stored = dict(backend.scan({"ids": {"values": [each.id for each in batch]}}, fields=_STORED))
        updates = ((each.id, _fields(stored[each.id], each.labels)) for each in batch if each.id in stored)
        actions = [Action("update", id, fields) for id, fields in updates if fields]
        changed += sum(outcome.status < 300 for outcome in backend.bulk(actions)) if actions else 0
    backend.refresh()
    return changed


def _reaching(row: NDArray[np.float64], names: Sequence[str], threshold: float) -> tuple[Label, ...]:
    best_first = np.argsort(-row, kind="stable")
    return tuple(Label(names[each], float(row[each])) for each in best_first if row[each] >= threshold)


def _fields(source: Mapping[str, Any], labels: Sequence[Label]) -> dict[str, Any]:
    """Return what an update writes, {} where nothing changes."""
    scores = list(source.get("label_scores") or ())
    own = [entry for entry in scores if entry.get("by") != BY]
    earlier = {entry["label"] for entry in scores if entry.get("by") == BY} - {entry["label"] for entry in own}
    names = [name for name in source.get("labels") or () if name not in earlier]
    names += [label.name for label in labels if label.name not in names]
    entries = [*own, *({"label": label.name, "score": round(label.score, 4), "by": BY} for label in labels)]
    written = [label.name for label in labels]
    fields = {"labels": names, "label_scores": entries, "written_labels": written}
    before = {name: list(source.get(name) or ()) for name in _STORED}
    return {} if fields == before else fields
