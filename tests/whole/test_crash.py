"""Killed at any moment, an index opens again and has lost nothing that was committed."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from hybrid_search.index import HybridIndex
from tests.support.fakes import ColourEmbedder, photo, save_photo
from tests.support.indexing import index_and_kill

KILLS = 50
PICTURES = 240


def test_kill_at_random_points(tmp_path: Path) -> None:
    chance = random.Random(20261121)
    folder, location = tmp_path / "photos", tmp_path / "index"
    for seed in range(PICTURES):
        save_photo(folder / f"{seed:03d}.png", seed, (64, 48))
    kills = ended = 0
    while kills < KILLS:
        committed, done = index_and_kill(location, folder, chance.uniform(0.0, 0.12))
        ended += done
        kills += not done
        with HybridIndex(location, embedder=ColourEmbedder(), create=False) as index:
            held = len(index)
            assert held >= committed, "a committed document was lost"
            documents = list(index)
            assert len({document.id for document in documents}) == held
            probe = documents[chance.randrange(held)]
            assert index.search(image=probe.path, k=1)[0].id == probe.id, "its vector is there too"
            if held > PICTURES - 40:
                index.delete(document.id for document in documents[: held // 2])
    assert kills == KILLS


def test_resumes_to_the_same_documents_as_an_unbroken_run(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    for seed in range(60):
        save_photo(folder / f"{seed:03d}.png", seed, (64, 48))
    index_and_kill(tmp_path / "broken", folder, 0.0)
    with (
        HybridIndex(tmp_path / "broken", embedder=ColourEmbedder()) as broken,
        HybridIndex(embedder=ColourEmbedder()) as whole,
    ):
        broken.add_folder(folder)
        whole.add_folder(folder)
        assert {document.id for document in broken} == {document.id for document in whole}
        query = np.asarray(ColourEmbedder().embed_images([photo(7, (64, 48))])[0])
        assert broken.search(vector=query, k=20).ids() == whole.search(vector=query, k=20).ids()
