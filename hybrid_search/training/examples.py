"""What an index has to learn from: stored vectors, and what says which of the pictures belong together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hybrid_search.backends import Backend
from hybrid_search.document.definition import EmbeddingSpec
from hybrid_search.document.index_embedders import EmbedderSet
from hybrid_search.errors import EmbedderMismatch, TrainingImpossible
from hybrid_search.errors.numbers import counted
from hybrid_search.errors.remedies import Call

Source = Literal["labels", "tags", "groups", "folders"]
"""What says that pictures belong together: labels, tags, groups of copies, or the folder that they lie in."""
LEAST = 8
"""Pictures of a label, below which it cannot be both learned and judged; copies of one picture count once."""
_COMMON = 0.5  # of all pictures: labels and tags of more are not learned from; no measurement is kept


@dataclass(frozen=True)
class Examples:
    """Vectors of pictures, and what is said of each.

    Parameters
    ----------
    vectors : (n, dims) float32 ndarray
        Rows of unit length.
    marks : tuple of frozenset of str
        The labels of each picture; pictures that share one belong together.
    groups : tuple of str
        The group of copies that each picture is in; one of its own where it is in none.
    """

    vectors: NDArray[np.float32]
    marks: tuple[frozenset[str], ...]
    groups: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.marks)

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels, in alphabetical order."""
        return tuple(sorted({mark for marks in self.marks for mark in marks}))

    def incidence(self, labels: Iterable[str] | None = None) -> NDArray[np.bool_]:
        """Return (n, number of labels) bool: which picture has which label.

        Examples
        --------
        >>> some = Examples(np.eye(2, dtype=np.float32), (frozenset("ab"), frozenset("b")), ("1", "2"))
        >>> some.incidence().astype(int).tolist()
        [[1, 1], [0, 1]]
        """
        column = {label: at for at, label in enumerate(self.labels if labels is None else labels)}
        table = np.zeros((len(self), len(column)), np.bool_)
        for row, marks in enumerate(self.marks):
            table[row, [column[mark] for mark in marks if mark in column]] = True
        return table


def spec_in(backend: Backend, *, embedder: str | None = None) -> tuple[str, EmbeddingSpec]:
    """Return key and spec of an index's vectors by the embedder's name; by default those of its default embedder.

    Raises
    ------
    EmbedderMismatch
        When the index has no vectors of pictures by that embedder.
    """
    held = EmbedderSet(backend.definition())
    key = held.key(embedder, asked="learn")
    if held.specs[key].of != "image":
        written = f"what is written about pictures, by {embedder!r}"
        raise EmbedderMismatch(written, "pictures", "name an embedder of pictures", "not of")
    return key, held.specs[key]


def read_examples(backend: Backend, key: str, *, source: Source) -> Examples:
    """Return what an index has to learn from.

    Pictures without a vector, or of which nothing usable is said, are left out: that one has no tag does not say that
    it differs from those that have it.

    Parameters
    ----------
    backend : Backend
    key : str
        The leaf of the vectors' field under `embedding`.
    source : {"labels", "tags", "groups", "folders"}
        What says that pictures belong together.

    Raises
    ------
    TrainingImpossible
        When the index has no vectors there, or too few labels with enough pictures.
    """
    fields = (f"embedding.{key}", "duplicate.group", "path", "labels", "tags")
    vectors, marks, groups = [], [], []
    for id, document in backend.scan(fields=fields, vectors=True):
        vector = document.get("embedding", {}).get(key)
        if vector is not None:
            vectors.append(np.asarray(vector, np.float32))
            marks.append(frozenset(_marks(document, source)))
            groups.append(str((document.get("duplicate") or {}).get("group") or f"alone {id}"))
    if not vectors:
        remedy = "fill it with " + Call("HybridIndex.add_folder")
        raise TrainingImpossible("on this index", "it has no vectors", remedy)
    found = Examples(np.stack(vectors), tuple(marks), tuple(groups))
    return keep_usable(found, source=source)


def keep_usable(examples: Examples, *, source: Source) -> Examples:
    """Return the examples with the labels alone that can be learned and judged.

    Labels of fewer than `LEAST` pictures are left out (of groups of copies: fewer than 2), and tags and labels that
    more than half of all pictures have, which tell nothing apart.

    Raises
    ------
    TrainingImpossible
        When fewer than two labels (of groups of copies: `LEAST`) are left.
    """
    pictures = {(mark, group) for marks, group in zip(examples.marks, examples.groups, strict=True) for mark in marks}
    counted = Counter(mark for mark, _ in pictures)
    members = Counter(mark for marks in examples.marks for mark in marks)
    if source == "groups":
        usable = {mark for mark, number in members.items() if number >= 2}
    else:
        common = len(examples) * (_COMMON if source in ("labels", "tags") else 1)
        usable = {mark for mark, number in counted.items() if number >= LEAST and members[mark] <= common}
    _demand(source, found=len(members), usable=len(usable))
    marks = [marks & usable for marks in examples.marks]
    rows = [row for row, kept in enumerate(marks) if kept]
    return Examples(
        examples.vectors[rows], tuple(marks[row] for row in rows), tuple(examples.groups[row] for row in rows)
    )


def _demand(source: Source, *, found: int, usable: int) -> None:
    if source == "groups":
        if usable < LEAST:
            reason = f"the index has {usable} groups of copies, and {LEAST} are the least"
            remedy = Call("HybridIndex.duplicate_groups") + " finds them"
            raise TrainingImpossible("from groups", reason, remedy)
    elif usable < 2:
        there = f"{counted(found, source.removesuffix('s'))} {'is' if found == 1 else 'are'} there"
        reason = f"{there}, {usable} of them with {LEAST} pictures or more, and two are the least"
        raise TrainingImpossible(f"from {source}", f"{reason}; label more pictures, or learn from something else")


def _marks(document: Mapping[str, Any], source: Source) -> Iterator[str]:
    if source == "folders":
        # a URL has no folder in which somebody sorted it
        yield from (str(PurePath(path).parent) for path in document.get("path") or () if "://" not in path)
    elif source == "groups":
        group = (document.get("duplicate") or {}).get("group")
        yield from [str(group)] if group else []
    else:
        yield from map(str, document.get(source) or ())
