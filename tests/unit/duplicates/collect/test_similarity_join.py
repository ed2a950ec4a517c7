"""Pairs of near signatures: all of them, in every orientation."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from PIL import Image, ImageOps

from hybrid_search.duplicates.collect import similarity_join
from hybrid_search.duplicates.collect.similarity_join import cosine_neighbours, signature_pairs
from hybrid_search.signature.goldberg import distance, signature
from scripts.pictures.altered_copies import ALTERATIONS
from tests.support.fakes import photo

TURNS = [None, *Image.Transpose]


def altered(image: Image.Image, number: int) -> Image.Image:
    """Return a copy of a picture, altered, turned and negative as its number says."""
    copy = list(ALTERATIONS.values())[number % len(ALTERATIONS)](image)
    turn = TURNS[number % len(TURNS)]
    copy = copy if turn is None else copy.transpose(turn)
    return ImageOps.invert(copy) if number % 5 == 4 else copy


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """Signatures of 160 pictures and 200 copies, mixed, with three flat pictures between them."""
    pictures = [photo(seed, (240, 180)) for seed in range(160)]
    copies = [altered(pictures[number // 4], number) for number in range(200)]
    found = np.stack([signature(image) for image in [*pictures, *copies]])
    found = np.concatenate([found, np.zeros((3, 648), np.int8)])
    return found[np.random.default_rng(5).permutation(len(found))]


def by_hand(rows: np.ndarray, max_distance: float) -> set[tuple[int, int]]:
    """Turn each signature as the picture would be, by its 9 × 9 × 3 × 3 neighbours, and compare each with each."""
    patches = np.zeros((len(rows), 9, 9, 9))
    patches[..., [0, 1, 2, 3, 5, 6, 7, 8]] = rows.reshape(-1, 9, 9, 8)
    patches = patches.reshape(-1, 9, 9, 3, 3)
    found = set()
    for mirrored in (False, True):
        for quarters in range(4):
            turned = patches[:, :, ::-1, :, ::-1] if mirrored else patches
            turned = np.rot90(np.rot90(turned, quarters, axes=(1, 2)), quarters, axes=(3, 4))
            flat = np.delete(turned.reshape(len(rows), 81, 9), 4, axis=2).reshape(len(rows), 648)
            for sign in (1, -1):
                for row, other in enumerate(sign * flat.astype(np.int8)):
                    near = np.flatnonzero(np.asarray(distance(other, rows)) <= max_distance)
                    found |= {(min(row, int(n)), max(row, int(n))) for n in near if n != row}
    return found


@pytest.fixture(scope="module")
def expected(rows: np.ndarray) -> set[tuple[int, int]]:
    return by_hand(rows, 0.45)


def pairs(rows: np.ndarray, **options: object) -> set[tuple[int, int]]:
    return {(int(a), int(b)) for found in signature_pairs(rows, **options) for a, b in found.rows}  # type: ignore[arg-type]


def test_each_with_each_misses_nothing(rows, expected):
    assert len(expected) > 200
    assert pairs(rows, max_distance=0.45, exact=True) == expected


def test_a_graph_finds_nearly_all_and_nothing_else(rows, expected):
    found = pairs(rows, max_distance=0.45, exact=False)
    assert found <= expected
    assert len(found) >= 0.99 * len(expected)


def test_pictures_as_they_are_alone(rows):
    expected = {
        (a, b) for a, b in combinations(range(len(rows)), 2) if rows[a].any() and distance(rows[a], rows[b]) <= 0.4
    }
    assert expected
    assert pairs(rows, max_distance=0.4, turned=False) == expected
    assert pairs(rows, max_distance=0.4, turned=False, exact=False) <= expected


@pytest.mark.parametrize("exact", [True, False])
def test_more_copies_than_are_looked_at_first(rows, exact):
    many = np.concatenate([np.repeat(rows[:1], 60, axis=0), rows])
    found = pairs(many, max_distance=0.2, turned=False, exact=exact)
    expected = {(a, b) for a, b in combinations(range(60), 2)}
    assert expected <= found if exact else len(expected & found) > 0.9 * len(expected)


@pytest.mark.parametrize("exact", [True, False])
def test_new_ones_alone_are_compared_with_all(rows, expected, exact):
    asked = np.arange(0, len(rows), 3)
    found = list(signature_pairs(rows, asked=asked, max_distance=0.45, exact=exact))
    assert np.concatenate([each.done for each in found]).tolist() == asked.tolist()
    theirs = {pair for pair in expected if set(pair) & set(asked.tolist())}
    ours = {(int(a), int(b)) for each in found for a, b in each.rows}
    assert ours == theirs if exact else ours <= theirs and len(ours) >= 0.99 * len(theirs)
    one = list(signature_pairs(rows, asked=asked[:1], max_distance=0.45, exact=exact))
    assert one[0].done.tolist() == [0]


def test_few_flat_or_no_pictures_have_no_pairs(rows):
    assert pairs(rows[:0], max_distance=0.45) == set()
    assert pairs(rows[:1], max_distance=0.45) == set()
    assert pairs(np.zeros((5, 648), np.int8), max_distance=1.0, exact=True) == set()
    assert pairs(np.zeros((5, 648), np.int8), max_distance=1.0, exact=False) == set()


@pytest.mark.parametrize("exact", [0, 10**9])
def test_neighbours_by_cosine(monkeypatch, exact):
    monkeypatch.setattr(similarity_join, "_EXACT_COSINES", exact)
    random = np.random.default_rng(2)
    vectors = random.normal(size=(400, 300)).astype(np.float32)
    vectors[200:] = vectors[:200] + 0.5 * random.normal(size=(200, 300))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = {(int(a), int(b)) for each in cosine_neighbours(vectors, k=3) for a, b in each.rows}
    assert all((row, row + 200) in found for row in range(200))
    assert len(found) <= 3 * len(vectors)
    asked = np.array([5, 390])
    few = {(int(a), int(b)) for each in cosine_neighbours(vectors, asked=asked, k=1) for a, b in each.rows}
    assert few == {(5, 205), (190, 390)}
    assert list(cosine_neighbours(vectors, asked=asked[:0], k=1)) == []


@pytest.mark.parametrize("exact", [0, 10**9])
def test_what_has_no_vector_is_no_neighbour(monkeypatch, exact):
    monkeypatch.setattr(similarity_join, "_EXACT_COSINES", exact)
    vectors = np.eye(6, 300, dtype=np.float16)
    vectors[[1, 4]] = 0
    found = {(int(a), int(b)) for each in cosine_neighbours(vectors, k=5) for a, b in each.rows}
    assert found == {(0, 2), (0, 3), (0, 5), (2, 3), (2, 5), (3, 5)}
    assert [each.rows.tolist() for each in cosine_neighbours(vectors[:1], k=5)] == [[]]


def test_exact_neighbours_are_those_of_a_naive_search(monkeypatch):
    monkeypatch.setattr(similarity_join, "_FEW_ASKED", 7)
    vectors = np.random.default_rng(5).normal(size=(30, 40)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = set()
    for row in range(30):
        near = sorted(range(30), key=lambda other: -float(vectors[row] @ vectors[other]))
        expected |= {(min(row, other), max(row, other)) for other in near[1:4]}
    assert {(int(a), int(b)) for each in cosine_neighbours(vectors, k=3) for a, b in each.rows} == expected
