"""From which cosine on a picture resembles words, by the pictures of the index."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid_search.backends import Action
from hybrid_search.backends.embedded import EmbeddedBackend
from hybrid_search.document.definition import EmbeddingSpec, load_definition
from hybrid_search.embedders import reference_texts as module
from hybrid_search.query.legs import Resemblance
from hybrid_search.query.resemblance import CosineReader

DIMS = 64
SPEC = EmbeddingSpec("drawn", "1", DIMS, embeds_text=True)


class Drawn:
    """A tower whose texts have vectors that are drawn, so that none has to do with any picture."""

    name, version, dims = "drawn", "1", DIMS

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.stack([np.random.default_rng(list(text.encode())).normal(size=DIMS) for text in texts])
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_SEARCH_CACHE", str(tmp_path))
    monkeypatch.setattr(module, "_known", {})
    monkeypatch.setattr(module.ReferenceTexts, "names_nothing_seen", lambda self, vector: False)


def filled(count: int) -> EmbeddedBackend:
    backend = EmbeddedBackend(None)
    backend.create(load_definition(embeddings={"drawn": SPEC}))
    chance = np.random.default_rng(1)
    rows = chance.normal(size=(count, DIMS))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    backend.bulk(
        [
            Action("index", str(number), {"sha256": f"{chance.integers(2**63):016x}" * 4, "embedding": {"drawn": row}})
            for number, row in enumerate(rows.astype(np.float32))
        ]
    )
    backend.refresh()
    return backend


def read(reader: CosineReader) -> Resemblance | None:
    tower = Drawn()
    return reader.resemblance("drawn", spec=SPEC, tower=tower, vector=tower.embed_texts(["a horse"])[0])


@pytest.mark.parametrize("count", [150, 1_200])
def test_of_unrelated_pictures_about_the_nearest_is_at_the_least_cosine(count: int) -> None:
    found = read(CosineReader(filled(count)))
    assert found is not None
    # cosines of random directions in 64 dimensions have a deviation of 1/8
    assert found.unrelated == pytest.approx(0.0, abs=0.01)
    assert found.least_cosine() == pytest.approx(math.sqrt(2 * math.log(count)) / 8, rel=0.06)
    assert found.evidence(found.least_cosine() - 0.01) == 0.0
    assert 0 < found.evidence(found.least_cosine()) < found.evidence(found.least_cosine(strong=True)) < 0.8


def test_names_have_to_be_nearer(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = CosineReader(filled(150))
    seen = read(reader)
    monkeypatch.setattr(module.ReferenceTexts, "names_nothing_seen", lambda self, vector: True)
    named = read(reader)
    assert seen is not None and named is not None
    assert named.least_cosine() == pytest.approx(1.5 * seen.least_cosine(), abs=0.01)


@pytest.mark.parametrize("count", [1, 3])
def test_of_few_pictures_one_has_to_be_as_near_as_the_nearest_of_a_hundred(count: int) -> None:
    found = read(CosineReader(filled(count)))
    assert found is not None
    # few cosines with few texts tell the deviation roughly; of as few as one, it is that of the texts
    assert found.least_cosine() == pytest.approx(math.sqrt(2 * math.log(100)) / 8, rel=0.4)
    assert found.evidence(found.unrelated) == 0.0, "of few pictures, too, one that is as near as any is not shown"


def test_no_pictures_tell_nothing_until_there_are_some() -> None:
    backend = filled(0)
    reader = CosineReader(backend)
    assert read(reader) is None and reader.documents == 0
    rows = np.random.default_rng(2).normal(size=(20, DIMS)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    backend.bulk(
        [Action("index", f"n{n}", {"sha256": f"{n:064x}", "embedding": {"drawn": row}}) for n, row in enumerate(rows)]
    )
    backend.refresh()
    assert read(reader) is None, "it is looked at once"
    reader.forget()
    assert read(reader) is not None and reader.documents == 20
