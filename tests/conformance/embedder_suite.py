"""What every embedder keeps; a class per embedder gives the fixture `embedder`."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from hybrid_search.embedders import Embedder, Labeler, Preparer
from hybrid_search.errors import TextNotSupported
from tests.support.fakes import photo


class EmbedderSuite:
    @pytest.fixture
    def images(self) -> list[Image.Image]:
        return [photo(seed, (300 + 20 * seed, 260)) for seed in range(5)]

    @pytest.fixture
    def odd_images(self) -> list[Image.Image]:
        sizes = [(1, 1), (1, 2000), (2000, 1), (3, 5)]
        flat = [Image.new("RGB", (64, 64), colour) for colour in ("black", "white", "grey")]
        return [photo(1, (max(9, width), max(9, height))).resize((width, height)) for width, height in sizes] + flat

    def test_declares_itself(self, embedder: Embedder) -> None:
        assert isinstance(embedder, Embedder)
        assert embedder.name and embedder.version and embedder.dims > 0 and embedder.min_side > 0

    def test_rows_are_finite_and_of_unit_length(self, embedder: Embedder, images: list[Image.Image]) -> None:
        vectors = embedder.embed_images(images)
        assert vectors.shape == (5, embedder.dims) and vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)

    def test_odd_images_have_vectors_too(self, embedder: Embedder, odd_images: list[Image.Image]) -> None:
        vectors = embedder.embed_images(odd_images)
        assert np.isfinite(vectors).all()
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)

    def test_nothing_in_nothing_out(self, embedder: Embedder) -> None:
        vectors = embedder.embed_images([])
        assert vectors.shape == (0, embedder.dims) and vectors.dtype == np.float32

    def test_a_batch_equals_its_images_one_by_one(self, embedder: Embedder, images: list[Image.Image]) -> None:
        alone = np.concatenate([embedder.embed_images([image]) for image in images])
        np.testing.assert_allclose(embedder.embed_images(images), alone, atol=1e-5)

    def test_the_same_image_has_the_same_vector(self, embedder: Embedder, images: list[Image.Image]) -> None:
        np.testing.assert_array_equal(embedder.embed_images(images), embedder.embed_images(images))

    def test_different_images_differ(self, embedder: Embedder, images: list[Image.Image]) -> None:
        vectors = embedder.embed_images(images)
        assert (vectors @ vectors.T)[~np.eye(5, dtype=bool)].max() < 0.999

    def test_threads_agree(self, embedder: Embedder, images: list[Image.Image]) -> None:
        alone = embedder.embed_images(images)
        with ThreadPoolExecutor(4) as pool:
            for vectors in pool.map(embedder.embed_images, [images] * 8):
                np.testing.assert_allclose(vectors, alone, atol=1e-6)

    def test_texts_as_declared(self, embedder: Embedder) -> None:
        if embedder.embeds_text:
            vectors = embedder.embed_texts(["a dog", "a boat"])
            assert vectors.shape == (2, embedder.dims)
            np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
        else:
            with pytest.raises(TextNotSupported, match=re.escape(embedder.name)):
                embedder.embed_texts(["a dog"])

    def test_labels_come_with_the_same_vectors(self, embedder: Embedder, images: list[Image.Image]) -> None:
        if not isinstance(embedder, Labeler):
            assert not hasattr(embedder, "describe_images")
            return
        vectors, labels = embedder.describe_images(images)
        np.testing.assert_array_equal(vectors, embedder.embed_images(images))
        assert len(labels) == len(images)
        for found in labels:
            scores = [label.score for label in found]
            assert scores == sorted(scores, reverse=True) and all(0 < score <= 1 for score in scores)

    def test_pictures_are_left_as_they_were(self, embedder: Embedder, images: list[Image.Image]) -> None:
        before = [image.tobytes() for image in images]
        embedder.embed_images(tuple(images))
        assert [image.tobytes() for image in images] == before

    def test_prepared_in_threads_gives_the_same(self, embedder: Embedder, images: list[Image.Image]) -> None:
        if not isinstance(embedder, Preparer):
            assert not hasattr(embedder, "prepare")
            return
        with ThreadPoolExecutor(4) as pool:
            prepared = list(pool.map(embedder.prepare, images))
        assert len({(pixels.shape, pixels.dtype) for pixels in prepared}) == 1
        vectors, labels = embedder.describe_prepared(prepared)
        expected, expected_labels = embedder.describe_images(images)
        np.testing.assert_array_equal(vectors, expected)
        assert labels == expected_labels
