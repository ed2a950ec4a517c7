"""Laying one picture over another: corners and their pairs, the transform they agree on, what the overlap shows."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import skimage
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from hybrid_search.duplicates.compare.affine_fit import fit
from hybrid_search.duplicates.compare.block_agreement import BlockAgreement, blocks_of, sharpness
from hybrid_search.duplicates.compare.features import CORNERS, FeatureMatches, Features, extract, match
from hybrid_search.duplicates.compare.overlap import Overlap, compare
from hybrid_search.duplicates.compare.overlay import Overlay, lay, lay_in_frame, turned
from hybrid_search.duplicates.compare.pixel_verdict import Verdict, is_rough
from hybrid_search.duplicates.compare.pixels import Pixels, working_levels

PHOTOS = Path(skimage.__file__).parent / "data"
Matrix = NDArray[np.float64]


def photo(name: str, side: int = 480) -> Image.Image:
    image = Image.open(PHOTOS / name).convert("RGB")
    image.thumbnail((side, side))
    return image


def moved(matrix: Matrix, points: NDArray[np.complex128]) -> NDArray[np.complex128]:
    columns = np.column_stack([points.real, points.imag, np.ones(len(points))])
    x, y = matrix @ columns.T
    return np.asarray(x + 1j * y)


def affine(scale: float, turn: float, stretch: float, x: float, y: float) -> Matrix:
    """Return a matrix that stretches across, then scales, turns and shifts."""
    cosine, sine = scale * np.cos(turn), scale * np.sin(turn)
    return np.array([[cosine * stretch, -sine, x], [sine * stretch, cosine, y]])


def matches(matrix: Matrix, turn: float, scale: float, *, right: int, wrong: int, seed: int, noise: float = 0.3):
    """Return pairs of corners, some of which lie where the matrix takes them and some anywhere."""
    random = np.random.default_rng(seed)
    a = random.uniform(0, 480, right + wrong) + 1j * random.uniform(0, 360, right + wrong)
    b = moved(matrix, a) + noise * (random.normal(size=len(a)) + 1j * random.normal(size=len(a)))
    b[right:] = random.uniform(0, 480, wrong) + 1j * random.uniform(0, 360, wrong)
    # of one corner scale and turn are known to a step of the pyramid and some degrees
    similarity = scale * np.exp(random.normal(0, 0.1, len(a)) + 1j * (turn + random.normal(0, 0.05, len(a))))
    similarity[right:] = np.exp(random.normal(0, 0.7, wrong) + 1j * random.uniform(-np.pi, np.pi, wrong))
    order = random.permutation(len(a))
    return FeatureMatches(a[order], b[order], similarity[order])


CORNER_POINTS = np.array([0, 480, 480 + 360j, 360j])


# -- the transform that most agree on ----------------------------------------------------------------------------------


@settings(deadline=None, max_examples=150)
@given(
    scale=st.floats(0.4, 2.5),
    turn=st.floats(-np.pi, np.pi),
    stretch=st.floats(0.8, 1.25),
    right=st.integers(20, 200),
    share=st.floats(0, 0.6),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_known_transform_is_recovered_to_a_pixel(
    scale: float, turn: float, stretch: float, right: int, share: float, seed: int
) -> None:
    matrix = affine(scale, turn, stretch, 30.0, -20.0)
    pairs = matches(matrix, turn, scale, right=right, wrong=round(right * share / (1 - share)), seed=seed)
    # a wrong pair that is drawn where the transform takes it is a right one, and not exact to the noise of those
    assume(np.count_nonzero(np.abs(moved(matrix, pairs.a) - pairs.b) < 5) == right)
    found = fit(pairs)
    assert found is not None
    assert np.abs(moved(found.matrix, CORNER_POINTS) - moved(matrix, CORNER_POINTS)).max() < 1.0
    assert found.inliers == sum(
        abs(there - end) < 3 for there, end in zip(moved(found.matrix, pairs.a), pairs.b, strict=True)
    )
    assert found.inliers >= right


@pytest.mark.parametrize(
    ("matrix", "turn", "scale"),
    [
        (np.array([[-1.0, 0, 480], [0, 1.0, 0]]), 0.0, 1.0),
        (affine(0.1, 0.2, 1.0, 9, 9), 0.2, 0.1),
        (affine(9.0, 0.2, 1.0, 9, 9), 0.2, 9.0),
        (affine(1.0, 0.0, 2.2, 0, 0), 0.0, 1.45),
    ],
    ids=["mirrored", "shrunk to a tenth", "nine times as large", "stretched to more than double"],
)
def test_what_no_edit_does_is_no_transform(matrix: Matrix, turn: float, scale: float) -> None:
    assert fit(matches(matrix, turn, scale, right=80, wrong=0, seed=1, noise=0.1)) is None


def test_few_pairs_or_pairs_on_a_line_fix_nothing() -> None:
    matrix = affine(1.2, 0.3, 1.0, 5, 5)
    assert fit(matches(matrix, 0.3, 1.2, right=3, wrong=0, seed=1)) is None
    assert fit(matches(matrix, 0.3, 1.2, right=4, wrong=0, seed=1)) is not None
    line = np.linspace(0, 400, 30) * (1 + 0.5j)
    assert fit(FeatureMatches(line, line * 1.1, np.full(30, 1.1 + 0j))) is None


def test_pairs_without_sense_rarely_agree() -> None:
    """Of corners paired by chance as many as seven, from which on a transform is looked at, hardly ever agree."""
    found = [fit(matches(affine(1, 0, 1, 0, 0), 0, 1, right=0, wrong=60, seed=seed)) for seed in range(200)]
    assert sum(one is not None and one.inliers >= 7 for one in found) <= 2


# -- corners and their pairs -------------------------------------------------------------------------------------------


def test_a_flat_picture_has_no_corners_and_pairs_with_nothing() -> None:
    empty, busy = extract(np.full((200, 200), 99, np.uint8)), extract(working_levels(photo("coffee.png")))
    assert len(empty) == 0 and empty.descriptors.shape == (0, 32)
    assert len(match(empty, busy)) == len(match(busy, empty)) == len(match(empty, empty)) == 0


def test_every_corner_of_a_photo_pairs_with_itself() -> None:
    corners = extract(working_levels(photo("astronaut.png")))
    assert 400 < len(corners) <= CORNERS
    assert len(extract(working_levels(photo("astronaut.png")), count=50)) <= 50
    pairs = match(corners, corners)
    assert len(pairs) > 300
    np.testing.assert_allclose(pairs.a, pairs.b)
    np.testing.assert_allclose(pairs.similarity, 1.0)


def naive_pairs(a: Features, b: Features) -> set[tuple[complex, complex]]:
    """Return the pairs of points, by comparing all bits of all corners."""
    bits_a, bits_b = (np.unpackbits(each.descriptors, axis=1).astype(int) for each in (a, b))
    apart = (bits_a[:, None, :] != bits_b[None, :, :]).sum(axis=2)
    clear = []
    for i, row in enumerate(apart):
        best, next_best = sorted(row)[:2]
        if best < 0.85 * next_best:
            clear.append((best, i, int(np.argmin(row))))
    used_a, used_b, kept = set(), set(), set()
    for _, i, j in sorted(clear):
        here, there = complex(np.round(a.points[i])), complex(np.round(b.points[j]))
        if here not in used_a and there not in used_b:
            used_a.add(here)
            used_b.add(there)
            kept.add((complex(a.points[i]), complex(b.points[j])))
    return kept


def test_pairs_are_those_of_a_naive_comparison_of_all_bits() -> None:
    a = extract(working_levels(photo("chelsea.png")), count=150)
    b = extract(working_levels(photo("chelsea.png").rotate(8).resize((300, 200))), count=150)
    pairs = match(a, b)
    assert len(pairs) > 10
    assert set(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True)) == naive_pairs(a, b)
    for side in (pairs.a, pairs.b):
        assert len(set(np.round(side).tolist())) == len(side), "a place counts once"


# -- real photos -------------------------------------------------------------------------------------------------------

EDITS = {
    "half": (0.5, 0, 0.0, 0.0),
    "larger": (1.3, 0, 0.0, 0.0),
    "turned by 7°": (1.0, 7, 0.0, 0.0),
    "turned by 90°": (1.0, 90, 0.0, 0.0),
    "turned upside down": (0.7, 180, 0.0, 0.0),
    "a part": (1.0, 0, -60.0, -40.0),
    "a turned part": (0.9, 12, -30.0, -20.0),
}


@pytest.mark.parametrize("mirrored", [False, True], ids=["", "mirrored"])
@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png"])
def test_photos_are_laid_to_a_pixel(name: str, edit: str, mirrored: bool) -> None:
    """A photo is drawn anew by a matrix of its own, kept in view; `lay` finds that matrix from the pixels."""
    image = photo(name)
    scale, degrees, left, top = EDITS[edit]
    size = (round(image.width * scale), round(image.height * scale))
    if degrees == 90:
        size = size[::-1]
    centre = np.array([[1, 0, -image.width / 2], [0, 1, -image.height / 2], [0, 0, 1]])
    flip = np.diag([-1.0 if mirrored else 1.0, 1.0, 1.0])
    back = np.array([[1, 0, size[0] / 2 + left], [0, 1, size[1] / 2 + top], [0, 0, 1]])
    matrix = back @ np.vstack([affine(scale, np.radians(degrees), 1.0, 0, 0), (0, 0, 1)]) @ flip @ centre
    copy = image.filter(ImageFilter.GaussianBlur(0.3 / scale)).transform(
        size, Image.Transform.AFFINE, tuple(np.linalg.inv(matrix)[:2].ravel()), Image.Resampling.BICUBIC
    )
    laid = lay(Pixels.of(image), Pixels.of(copy))
    assert laid is not None and laid.mirrored == mirrored and laid.inliers >= 24
    # in units of the longer sides, as evidence has it; a pixel of 480 is 0.002
    grid = np.array([x + 1j * y for x, y in itertools.product((0.3, 0.5, 0.7), repeat=2)]) * min(image.size)
    expected = moved(matrix[:2], grid) / max(size)
    assert np.abs(moved(laid.transform(), grid / max(image.size)) - expected).max() < 0.002


def test_other_photos_are_not_laid() -> None:
    names = ["astronaut.png", "coffee.png", "chelsea.png", "camera.png", "rocket.jpg", "coins.png"]
    pixels = [Pixels.of(photo(name)) for name in names]
    assert all(lay(a, b) is None for a, b in itertools.permutations(pixels, 2))


def test_pixels_turn_as_their_signatures_do() -> None:
    from hybrid_search.signature.goldberg import distance, signature
    from hybrid_search.signature.orientations import turned_signatures

    image = photo("astronaut.png", 400).convert("L")
    pixels, rows = Pixels(np.asarray(image)), turned_signatures(image)
    for row, expected in enumerate(rows):
        assert distance(signature(turned(pixels, row).levels / 255), expected) < 0.01, row
    assert turned(pixels, 0) is pixels
    np.testing.assert_array_equal(pixels.mirrored.levels, turned(pixels, 4).levels)


def test_working_levels_are_neither_large_nor_tiny_nor_faint() -> None:
    assert working_levels(Image.new("L", (4000, 1000))).shape == (120, 480)
    assert working_levels(Image.new("L", (64, 32))).shape == (160, 320)
    assert Pixels.of(Image.new("L", (64, 32))).detail == pytest.approx(0.2)
    assert Pixels.of(Image.new("L", (400, 300))).detail == 1.0
    faint = Image.fromarray(np.linspace(100, 140, 400 * 300).reshape(300, 400).astype(np.uint8))
    assert np.ptp(working_levels(faint)) == 255
    full = Image.fromarray(np.linspace(0, 255, 400 * 300).reshape(300, 400).astype(np.uint8))
    np.testing.assert_array_equal(working_levels(full), np.asarray(full))
    np.testing.assert_array_equal(working_levels(Image.new("L", (400, 300), 77)), 77)


def test_emptiness_is_the_share_of_one_level() -> None:
    levels = np.full((100, 100), 250, np.uint8)
    levels[:30] = np.random.default_rng(0).choice([0, 60, 120], (30, 100))
    assert Pixels(levels).emptiness == pytest.approx(0.7)


# -- the part that both show -------------------------------------------------------------------------------------------


def test_a_part_lies_in_the_whole() -> None:
    whole = np.asarray(photo("coffee.png").convert("L"))
    part = np.ascontiguousarray(whole[40:240, 100:400])
    shift = np.array([[1.0, 0, -100], [0, 1, -40]])
    found = compare(whole, part, shift)
    assert found is not None
    assert found.covered == (pytest.approx(part.size / whole.size, rel=0.02), pytest.approx(1.0, abs=0.02))
    assert found.share == max(found.covered)
    assert found.distance < 0.1 and found.difference < 3.0
    assert found.blocks.agreement() > 0.98 and found.blocks.contradictions(0.6) == 0
    other = compare(part, whole, np.array([[1.0, 0, 100], [0, 1, 40]]))
    assert other is not None and other.covered == pytest.approx(found.covered[::-1], abs=0.02)


def test_a_picture_lies_on_itself_exactly() -> None:
    whole = np.asarray(photo("camera.png", 256).convert("L"))
    found = compare(whole, whole, np.eye(3)[:2])
    assert found is not None and found.distance == 0.0 and found.difference == 0.0
    assert found.covered == (1.0, 1.0) and found.sharpness == 1.0
    np.testing.assert_allclose(found.blocks.correlation, 1.0)
    frames = lay_in_frame(Pixels(whole), Pixels(np.asarray(photo("camera.png", 128).convert("L"))))
    assert frames.inliers == 0
    np.testing.assert_allclose(frames.transform(), np.eye(3)[:2])


@pytest.mark.parametrize(
    "matrix",
    [affine(1, 0, 1, 1000, 0), affine(1, 0, 1, 0, -1000), affine(0.02, 0, 1, 100, 100)],
    ids=["beside it", "above it", "as small as a dot"],
)
def test_next_to_nothing_in_common_is_nothing(matrix: Matrix) -> None:
    levels = np.asarray(photo("camera.png").convert("L"))
    assert compare(levels, levels, matrix) is None


def test_an_enlarged_picture_is_compared_at_its_own_detail() -> None:
    image = photo("astronaut.png").convert("L")
    small = Pixels.of(image.resize((60, 60), Image.Resampling.BOX))
    assert small.levels.shape == (320, 320)
    found = lay_in_frame(Pixels.of(image), small).overlap(cells=12)
    assert found is not None
    assert found.blocks.correlation.shape == (12, 12) and found.blocks.agreement() > 0.9
    fine = lay_in_frame(Pixels.of(image), small).overlap(side=480, cells=24)
    assert fine is not None and fine.blocks.correlation.shape == (15, 15), "blocks of four true pixels, not more"


# -- block by block ----------------------------------------------------------------------------------------------------


def naive_correlation(a: Image.Image, b: Image.Image, cells: int) -> tuple[Matrix, Matrix, Matrix]:
    """Return what `blocks_of` returns, block by block with numpy's own correlation coefficients."""
    first, second = (np.asarray(image.filter(ImageFilter.BoxBlur(1)), float) for image in (a, b))
    high, wide = first.shape[0] // cells, first.shape[1] // cells
    padded = np.pad(first, 2, mode="edge")
    best, std_a, std_b = np.zeros((3, cells, cells))
    for row, column in itertools.product(range(cells), repeat=2):
        top, left = row * high, column * wide
        there = second[top : top + high, left : left + wide].ravel()

        def alike(down: int, right: int, there: NDArray[np.float64] = there, top: int = top, left: int = left) -> float:
            here = padded[top + 2 + down : top + 2 + down + high, left + 2 + right : left + 2 + right + wide].ravel()
            return float(np.corrcoef(here, there)[0, 1]) if here.std() > 0 and there.std() > 0 else 0.0

        std_a[row, column], std_b[row, column] = first[top : top + high, left : left + wide].std(), there.std()
        best[row, column] = alike(0, 0)
        if best[row, column] < 0.6 and (std_a[row, column] + std_b[row, column]) / 2 >= 5:
            best[row, column] = max(alike(down, right) for down in range(-2, 3) for right in range(-2, 3))
    return best, std_a, std_b


@pytest.mark.parametrize("cells", [5, 12])
@pytest.mark.parametrize("pair", [("coffee.png", "coffee.png"), ("astronaut.png", "camera.png")])
def test_blocks_are_those_of_a_naive_correlation(pair: tuple[str, str], cells: int) -> None:
    a, b = (photo(name).convert("L").resize((190, 130)) for name in pair)
    b = b.transform(b.size, Image.Transform.AFFINE, (1, 0, 1.5, 0, 1, -1), Image.Resampling.BILINEAR)
    found, expected = blocks_of(a, b, cells=cells), naive_correlation(a, b, cells)
    for values, right in zip((found.correlation, found.a, found.b), expected, strict=True):
        np.testing.assert_allclose(values, right, atol=1e-9)


def blocks(n: int = 12, *, correlation: float = 0.9, a: float = 20.0, b: float = 20.0) -> BlockAgreement:
    return BlockAgreement(np.full((n, n), correlation), np.full((n, n), a), np.full((n, n), b), np.zeros((n, n)))


def swapped(made: BlockAgreement) -> BlockAgreement:
    return BlockAgreement(made.correlation, made.b, made.a, -made.lean)


def written(
    at: tuple[slice | int, slice | int], *, a: float, b: float, into: BlockAgreement | None = None
) -> BlockAgreement:
    """Make blocks unlike, with so much texture in either picture."""
    made = into or blocks()
    made.correlation[at], made.a[at], made.b[at] = 0.1, a, b
    return made


def test_agreement_by_hand() -> None:
    assert blocks().agreement() == 1.0
    half = blocks()
    half.correlation[:, :6] = 0.2
    assert half.agreement() == pytest.approx(6 / 9), "a quarter on the left may be written over, no more"
    scattered = blocks()
    scattered.correlation[2::4, 2::4] = 0.2
    assert scattered.agreement() == pytest.approx(1 - 9 / 144)
    soft = blocks(a=4.0, b=5.9)
    assert soft.textured == 0.0 and soft.agreement() == 0.0, "nothing to compare is no agreement"
    soft.a[0, 0] = 4.2
    assert soft.textured == pytest.approx(1 / 144) and soft.agreement() == 1.0


EDGES = {"below": (slice(9, 12), slice(None)), "above": (slice(0, 3), slice(None)), "left": (slice(None), slice(0, 3))}


@pytest.mark.parametrize("edge", EDGES)
def test_a_caption_along_an_edge_contradicts_nothing(edge: str) -> None:
    made = written(EDGES[edge], a=20.0, b=60.0)
    assert made.agreement() == 1.0
    assert made.contradictions(0.5) == 0
    assert written(EDGES[edge], a=20.0, b=22.0).contradictions(0.5) == 0, "even where the words look like the photo"


def test_one_sided_contradictions_are_something_added() -> None:
    added = written((slice(4, 6), slice(4, 6)), a=10.0, b=60.0)
    assert added.contradictions(0.5) == 0
    assert swapped(added).contradictions(0.5) == 0


def test_two_sided_contradictions_are_something_moved() -> None:
    moved = written((slice(4, 6), slice(2, 4)), a=10.0, b=60.0)
    written((5, slice(7, 10)), a=60.0, b=10.0, into=moved)
    assert moved.contradictions(0.5) == 3, "the fewer of four and three"
    assert swapped(moved).contradictions(0.5) == 3
    assert moved.contradictions(0.05) == 0, "they correlate more than that"


def test_other_things_of_as_much_texture_contradict_by_themselves() -> None:
    assert written((slice(4, 6), slice(4, 6)), a=20.0, b=22.0).contradictions(0.5) == 4
    assert written((slice(4, 6), slice(4, 6)), a=9.0, b=9.9).contradictions(0.5) == 0, "too little texture to tell"


def test_light_words_over_a_picture_are_something_added_and_a_light_thing_that_moved_is_not() -> None:
    words = written((slice(4, 6), slice(2, 8)), a=20.0, b=22.0)
    words.lean[4:6, 2:8] = -0.8
    assert words.contradictions(0.5) == 0 == swapped(words).contradictions(0.5)
    words.lean[5, 5:8] = 0.8
    assert words.contradictions(0.5) == 3 == swapped(words).contradictions(0.5), "the fewer of nine and three"


def test_lean_is_what_is_left_of_the_difference_when_the_tone_is_one() -> None:
    clean = np.asarray(photo("coffee.png").convert("L").resize((240, 160)), np.float64)
    over = 0.6 * clean + 40
    over[40:60, 60:120] += 30.0
    one, other = (Image.fromarray(levels.astype(np.uint8)) for levels in (over, clean))
    assert blocks_of(one, other, cells=8).lean[2, 2:4].min() > 0.9
    assert blocks_of(other, one, cells=8).lean[2, 2:4].max() < -0.9


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(5, 24), st.floats(0.1, 0.9))
def test_what_blocks_say_is_symmetric(seed: int, n: int, least: float) -> None:
    random = np.random.default_rng(seed)
    correlation, a, b = random.uniform(-1, 1, (n, n)), random.exponential(15, (n, n)), random.exponential(15, (n, n))
    one = BlockAgreement(correlation, a, b, random.uniform(-1, 1, (n, n)))
    other = swapped(one)
    assert one.agreement() == other.agreement() and one.textured == other.textured
    # a ratio of exactly 1.6 would fall on one side only
    assume(not np.isclose((a + 2) / (b + 2), 1.6).any())
    assert one.contradictions(least) == other.contradictions(least)
    assert one.contradictions(least) <= one.contradictions(least + 0.1)
    assert 0.0 <= one.agreement() <= 1.0 and 0 <= one.contradictions(least) <= n * n


def test_sharpness_compares_fine_detail() -> None:
    image = photo("coffee.png").convert("L")
    soft, softer = (image.filter(ImageFilter.GaussianBlur(radius)) for radius in (1, 3))
    assert sharpness(image, image) == 1.0
    assert 0 < sharpness(image, softer) < sharpness(image, soft) < 1
    assert sharpness(soft, image) == sharpness(image, soft)
    assert sharpness(Image.new("L", (50, 50), 3), Image.new("L", (50, 50), 200)) == 1.0


@pytest.mark.parametrize(("inliers", "distance", "rough"), [(79, 0.22, True), (80, 0.22, False), (79, 0.21, False)])
def test_few_corners_and_pixels_that_only_roughly_agree_may_be_one_sign_in_two_photos(
    inliers: int, distance: float, rough: bool
) -> None:
    overlap = Overlap(distance, blocks(), sharpness=1.0, difference=0.0, covered=(1.0, 1.0))
    nothing = Pixels(np.zeros((8, 8), np.uint8))
    laid = Overlay(np.eye(3)[:2], inliers, nothing, nothing)
    assert is_rough(laid, Verdict("copy", overlap)) is rough
