"""Reference texts: by which a query is told to name something that can be seen, or not."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid_search.embedders import reference_texts as module
from hybrid_search.embedders.reference_texts import reference_texts
from tests.support.fakes import ColourWords

SEEN = set(module._SEEN)


class Split:
    """A tower in which what can be seen lies in one half of a sphere, and all else in the other, with noise."""

    version, dims = "1", 24

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked: list[str] = []

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        rows = np.stack([np.random.default_rng(sum(text.encode())).normal(0, 0.3, self.dims) for text in texts])
        rows[:, 0] += [1.0 if text in SEEN or text == "a horse" else -1.0 for text in texts]
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HYBRID_SEARCH_CACHE", str(tmp_path))
    monkeypatch.setattr(module, "_known", {})
    return tmp_path


def test_a_text_is_of_the_kind_that_it_is_nearest_to() -> None:
    tower = Split("split")
    texts = reference_texts(tower)
    assert texts is not None
    for text, seen in (("a horse", True), ("IMG_0815", False), ("Karl", False)):
        (vector,) = tower.embed_texts([text])
        assert texts.names_nothing_seen(7 * vector) != seen


def test_they_are_embedded_once_and_kept_for_the_next_process(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    tower = Split("split")
    first = reference_texts(tower)
    asked = len(tower.asked)
    assert reference_texts(tower) is first and len(tower.asked) == asked
    monkeypatch.setattr(module, "_known", {})
    again = reference_texts(tower)
    assert first is not None and again is not None and np.allclose(first.seen, again.seen)
    assert len(tower.asked) == asked + 1, "one text tells that it is the same tower"
    (kept,) = os.listdir(cache)
    (cache / kept).write_bytes(b"torn")
    monkeypatch.setattr(module, "_known", {})
    torn = reference_texts(tower)
    assert torn is not None and np.allclose(torn.seen, first.seen)


def test_a_tower_that_knows_hardly_any_of_them_has_none() -> None:
    assert reference_texts(ColourWords()) is None
