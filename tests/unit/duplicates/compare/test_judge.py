"""Whether two pictures are copies of one: every tier on real photos, both ways round, and what must never be one."""

from __future__ import annotations

import functools
import io
import itertools
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image, ImageOps

from hybrid_search.duplicates.compare import judge as judge_module
from hybrid_search.duplicates.compare.judge import Judge
from hybrid_search.duplicates.model import Subject
from hybrid_search.errors import DuplicatesError, QueryError
from hybrid_search.hits.evidence import DUPLICATE_TIERS, TIERS, Evidence
from hybrid_search.images import decode, read_source
from hybrid_search.signature.goldberg import signature
from hybrid_search.signature.orientations import ORIENTATIONS, inverse_row, oriented
from scripts.pictures.alterations import ALTERATIONS, Company, captioned, framed, screenshot
from scripts.pictures.lookalikes import dotted, form, grain, moment, page, plain, sky
from scripts.reference.goldberg import naive_distance

PHOTOS = Path(skimage.__file__).parent / "data"
NAMES = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg", "coins.png")
SIGNATURES = arrays.arrays(np.int8, 648, elements=st.integers(-2, 2))
ALL = Judge(tiers=TIERS)
"""Shared, so that each picture's corners are found once."""


def photo(name: str, side: int = 480) -> Image.Image:
    return _photo(name, side).copy()


@functools.cache
def _photo(name: str, side: int) -> Image.Image:
    image = Image.open(PHOTOS / name).convert("RGB")
    image.thumbnail((side, side))
    # without its colour profile, which not every format keeps
    return Image.fromarray(np.asarray(image))


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **({"compress_level": 1} if kind == "PNG" else {}), **options)
    return buffer.getvalue()


def subject(data: bytes | Image.Image, **fields: Any) -> Subject:
    return Subject(**{**_facts(encoded(data) if isinstance(data, Image.Image) else data), **fields})


@functools.cache
def _facts(data: bytes) -> dict[str, Any]:
    """Return what a subject has of a file; the same few files are in most tests."""
    source = read_source(data)
    image = decode(source).image
    values = signature(image)
    return {
        "id": source.sha256,
        "sha256": source.sha256,
        "width": image.width,
        "height": image.height,
        "signature": values if values.any() else None,
        "example": source,
    }


@functools.cache
def altered(name: str, kind: str, *others: str, seed: int = 0) -> bytes:
    return ALTERATIONS[kind].encode(photo(name), Company(tuple(photo(each) for each in others), seed=seed))


def both_ways(a: Subject, b: Subject, judge: Judge = ALL, **options: Any) -> Evidence | None:
    """Judge a pair in either order, check that the two verdicts are one, and return the first."""
    one, other = judge.judge(a, b, **options), judge.judge(b, a, **options)
    if one is None or other is None:
        assert one is other
        return None
    changing = {"transform": None, "orientation": ""}
    assert replace(one, **changing) == replace(other.turned_round(), **changing)  # type: ignore[arg-type]
    assert ORIENTATIONS.index(other.orientation) == inverse_row(ORIENTATIONS.index(one.orientation))
    assert (one.transform is None) == (other.transform is None)
    if one.transform is not None and other.transform is not None:
        there, back = (np.vstack([np.reshape(each.transform, (2, 3)), (0, 0, 1)]) for each in (one, other))
        np.testing.assert_allclose(there @ back, np.eye(3), atol=1e-3)
    return one


# -- tiers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_same_bytes(name: str) -> None:
    data = (PHOTOS / name).read_bytes()
    found = both_ways(subject(data, id="1", paths=("/gone",), example=None), subject(data, id="2"))
    assert found == Evidence("bytes", distance=0.0)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_pixels_in_other_bytes(name: str) -> None:
    image = photo(name)
    a, b = subject(encoded(image)), subject(encoded(image, "BMP"))
    assert both_ways(a, b) == Evidence("pixels", distance=0.0)
    assert both_ways(a, b, Judge(tiers=["near", "edited"])).tier == "near", "the next best of the tiers wanted"
    one_off = np.array(image)
    one_off[7, 9, 1] ^= 1
    assert both_ways(a, subject(Image.fromarray(one_off))).tier == "near"


def test_pixels_are_compared_upright() -> None:
    upright = photo("chelsea.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = subject(encoded(upright.transpose(Image.Transpose.ROTATE_90), exif=exif))
    assert both_ways(lying, subject(upright)) == Evidence("pixels", distance=0.0)


LITTLE: dict[str, Image.Image] = {
    "white": Image.new("RGB", (300, 200), "white"),
    "sky": sky(1),
    "grain": grain(1),
    "a dot on white": dotted(1),
    "a page": page(1),
    "an icon": photo("astronaut.png").resize((16, 16)),
    "a strip": photo("coffee.png").resize((2000, 60)),
    "one pixel": Image.new("RGB", (1, 1), "red"),
}


@pytest.mark.parametrize("kind", LITTLE)
def test_the_same_pixels_where_there_is_little_to_compare(kind: str) -> None:
    image = LITTLE[kind]
    assert both_ways(subject(encoded(image)), subject(encoded(image, "BMP"))).tier == "pixels"
    larger = both_ways(subject(image), subject(ImageOps.expand(image, 1, "black")))
    assert larger is None or larger.tier != "pixels"


def test_what_is_too_small_to_compare_is_unsure() -> None:
    for image in (LITTLE["an icon"], LITTLE["a strip"]):
        found = both_ways(subject(image), subject(encoded(image, "JPEG", quality=85)))
        assert found is not None and (found.tier, found.note) == ("unsure", "too small to be compared")
        assert found.distance < 0.2


@pytest.mark.parametrize("kind", ["jpeg_30", "webp_50", "resize_50", "stretch_120", "brightness", "gamma", "grey"])
@pytest.mark.parametrize("name", NAMES[:4])
def test_near_copies(name: str, kind: str) -> None:
    found = both_ways(subject(photo(name)), subject(altered(name, kind)))
    assert found is not None and found.tier == "near", found
    assert found.distance is not None and found.distance < 0.36
    assert (found.orientation, found.negative, found.note) == ("as it is", False, "")
    assert found.quality is not None and found.quality > 0.5
    assert found.agreement is not None and found.agreement >= 0.8
    # nothing was cut off: corners lie on corners
    assert found.overlap is not None and found.overlap > 0.95


TURNS: dict[str, tuple[str, bool, Callable[[Image.Image], Image.Image]]] = {
    "rotate_90": ("turned 90°", False, lambda image: image.transpose(Image.Transpose.ROTATE_90)),
    "rotate_180": ("turned 180°", False, lambda image: image.transpose(Image.Transpose.ROTATE_180)),
    "mirror": ("mirrored", False, ImageOps.mirror),
    "mirror_turned": ("mirrored, turned 90°", False, lambda image: image.transpose(Image.Transpose.TRANSPOSE)),
    "negative": ("as it is", True, ImageOps.invert),
}


@pytest.mark.parametrize("kind", TURNS)
@pytest.mark.parametrize("name", ["astronaut.png", "chelsea.png", "coffee.png"])
def test_transformed_copies_say_how_they_are_turned(name: str, kind: str) -> None:
    orientation, negative, turn = TURNS[kind]
    original, copy = photo(name), altered(name, kind)
    found = both_ways(subject(original), subject(copy))
    assert found is not None
    assert (found.tier, found.orientation, found.negative) == ("transformed", orientation, negative)
    # what the evidence says was done to the first picture is what Pillow did, up to the loss of JPEG
    assert naive_distance(signature(turn(original)), signature(decode(read_source(copy)).image)) < 0.15


def test_orientation_of_the_second_is_undone() -> None:
    original, copy = subject(photo("coffee.png")), subject(altered("coffee.png", "rotate_90"))
    one, other = ALL.judge(original, copy), ALL.judge(copy, original)
    assert one is not None and other is not None
    assert (one.orientation, other.orientation) == ("turned 90°", "turned 270°")


CUTS = {  # where the corners (0, 0) and (1, h) of the original lie in the copy, in units of the longer sides
    "crop_10": lambda h: ((-0.125, -0.125 * h), (1.125, 1.125 * h)),
    "crop_20": lambda h: ((-1 / 3, -h / 3), (4 / 3, 4 / 3 * h)),
    "crop_side_25": lambda h: ((-0.25, 0.0), (0.75, h)) if h >= 0.75 else ((-1 / 3, 0.0), (1.0, h / 0.75)),
    "frame_10": lambda h: ((1 / 12, h / 12), (11 / 12, 11 / 12 * h)),
}


@pytest.mark.parametrize("kind", CUTS)
@pytest.mark.parametrize("name", ["astronaut.png", "chelsea.png", "motorcycle_left.png"])
def test_edited_copies_say_where_they_lie(name: str, kind: str) -> None:
    image = photo(name)
    found = both_ways(subject(image), subject(altered(name, kind)))
    assert found is not None and found.tier == "edited", found
    assert found.inliers is not None and found.inliers >= 7 and found.aligned_distance < 0.5
    assert found.overlap > 0.9 and found.agreement >= 0.8
    a, b, c, d, e, f = found.transform
    expected = CUTS[kind](image.height / image.width)
    for (x, y), there in zip(((0.0, 0.0), (1.0, image.height / image.width)), expected, strict=True):
        # two pixels of 480, and what rounding the cut to whole pixels moves
        assert (a * x + b * y + c, d * x + e * y + f) == pytest.approx(there, abs=0.006)


@pytest.mark.parametrize("kind", ["rotate_5", "reposted"])
@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png"])
def test_small_turns_and_reposts_are_copies(name: str, kind: str) -> None:
    found = both_ways(subject(photo(name)), subject(altered(name, kind)))
    # a repost is written over
    assert found is not None and found.tier in (("more",) if kind == "reposted" else ("near", "edited"))


def test_both_halves_of_a_collage() -> None:
    both = subject(altered("coffee.png", "collage", "astronaut.png"))
    for half, other in (("coffee.png", "chelsea.png"), ("astronaut.png", "motorcycle_left.png")):
        found = both_ways(subject(photo(half)), both)
        assert found is not None and found.tier == "edited"
        assert both_ways(subject(photo(other)), both) is None


def test_other_photos_are_nothing_and_similar_only_when_asked_for() -> None:
    for a, b in itertools.combinations(NAMES, 2):
        one, other = subject(photo(a)), subject(photo(b))
        assert both_ways(one, other) is None
        assert both_ways(one, other, cosine=0.91234567) == Evidence("similar", cosine=0.9123)
        assert not both_ways(one, other, cosine=0.99).is_duplicate
    assert both_ways(one, other, Judge(), cosine=0.99) is None


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from(NAMES[:4]),
    st.sampled_from(NAMES[:4]),
    st.sampled_from(["jpeg_10", "crop_10", "mirror", "sticker", "watermark", "rotate_5", "negative", "caption"]),
    st.sampled_from(["noise", "frame_10", "rotate_90", "resize_25", "caption", "blur", "screenshot"]),
)
def test_any_two_altered_copies_are_judged_the_same_both_ways(a: str, b: str, kind: str, other: str) -> None:
    found = both_ways(subject(altered(a, kind)), subject(altered(b, other)))
    assert a == b or found is None or not found.is_duplicate


# -- what must never be a duplicate ------------------------------------------------------------------------------------

HOLES: dict[str, tuple[Callable[[int], Image.Image], int]] = {
    "screens of one application": (lambda n: screenshot(photo(NAMES[n]), Company()), 5),
    "one caption": (lambda n: captioned(photo(NAMES[n]), Company()), 5),
    "one frame": (lambda n: framed(photo(NAMES[n]), Company()), 5),
    "one letterhead": (page, 4),
    "pages": (lambda n: page(50 + n, letterhead=False), 3),
    "one form": (form, 4),
    "a subject that moved": (
        lambda n: moment(photo("coffee.png"), photo("chelsea.png"), 0.3, 0.12 * n, seed=500 * n),
        4,
    ),
    "skies": (sky, 6),
    "plain colours": (plain, 4),
    "grain": (grain, 4),
    "dots on white": (dotted, 6),
}


@functools.cache
def hole(kind: str) -> tuple[Subject, ...]:
    make, count = HOLES[kind]
    return tuple(subject(encoded(make(n), "JPEG", quality=90)) for n in range(count))


@pytest.mark.parametrize("kind", HOLES)
def test_holes_are_never_duplicates(kind: str) -> None:
    for a, b in itertools.combinations(hole(kind), 2):
        found = both_ways(a, b)
        assert found is None or not found.is_duplicate, found
        # why it cannot be told is said, for whoever asks for the unsure ones
        assert found is None or found.note


@pytest.mark.parametrize("name", NAMES)
def test_by_signature_alone_photos_tell_enough(name: str) -> None:
    original = subject(photo(name), example=None)
    for kind in ("jpeg_30", "mirror", "rotate_90"):
        found = both_ways(original, subject(altered(name, kind), example=None))
        assert found is not None and found.is_duplicate


@pytest.mark.parametrize("kind", ["skies", "plain colours", "grain", "dots on white"])
def test_flat_pictures_are_no_duplicates_by_signature_alone(kind: str) -> None:
    make, count = HOLES[kind]
    subjects = [subject(make(n), paths=("/gone.png",), example=None) for n in range(count)]
    for a, b in itertools.combinations(subjects, 2):
        for judge in (ALL, Judge(tiers=TIERS, check_pixels=False)):
            found = judge.judge(a, b)
            assert found is None or not found.is_duplicate, found


@pytest.mark.parametrize(
    ("make", "tiers"),
    [
        (lambda: screenshot(photo("astronaut.png"), Company()), {"near"}),
        (lambda: page(3), {"near", "edited"}),
        (lambda: form(3), {"near"}),
        (lambda: moment(photo("coffee.png"), photo("chelsea.png"), 0.3, 0.12, seed=1), {"near"}),
        (lambda: captioned(photo("coffee.png"), Company()), {"near"}),
    ],
    ids=["screen", "page", "form", "moment", "caption"],
)
def test_the_same_pictures_saved_again_are(make: Callable[[], Image.Image], tiers: set[str]) -> None:
    """It does not help to refuse everything of that look."""
    found = both_ways(subject(make()), subject(encoded(make(), "JPEG", quality=60)))
    assert found is not None and found.tier in tiers, found


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def copies(tmp_path: Path) -> tuple[Subject, Subject]:
    """Return two subjects with files: a photo, and the same saved again."""
    made = []
    for name, quality in (("a.jpg", 95), ("b.jpg", 60)):
        data = encoded(photo("coffee.png"), "JPEG", quality=quality)
        (tmp_path / name).write_bytes(data)
        made.append(subject(data, paths=(str(tmp_path / name),), example=None))
    return made[0], made[1]


def test_files_are_read_from_their_paths(copies: tuple[Subject, Subject]) -> None:
    found = both_ways(*copies, Judge())
    assert found is not None and found.tier == "near" and found.inliers and not found.note
    assert found.agreement == 1.0


@pytest.mark.parametrize("name", NAMES[:3])
def test_a_picture_that_is_asked_about_and_a_stored_one_are_judged_the_same_both_ways(
    name: str, tmp_path: Path
) -> None:
    for kind, tier in (("crop_10", "edited"), ("mirror", "transformed"), ("jpeg_30", "near")):
        path = tmp_path / kind
        path.write_bytes(altered(name, kind))
        stored = subject(path.read_bytes(), paths=(str(path),), example=None)
        assert both_ways(subject(photo(name)), stored, Judge()).tier == tier


TROUBLES: dict[str, Callable[[Path], object]] = {
    "vanished": Path.unlink,
    "another picture now": lambda path: path.write_bytes(encoded(photo("astronaut.png"), "JPEG")),
    "corrupt": lambda path: path.write_bytes(path.read_bytes()[:300]),
    "empty": lambda path: path.write_bytes(b""),
    "a folder now": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_without_a_file_the_signatures_decide_and_it_is_said(copies: tuple[Subject, Subject], trouble: str) -> None:
    a, b = copies
    TROUBLES[trouble](Path(b.paths[0]))
    found = both_ways(a, b, Judge())
    assert found is not None and found.tier == "near" and found.inliers is None
    assert found.note == "by signature alone: a file could not be read"
    other = subject(photo("chelsea.png"), paths=("/gone.png",), example=None)
    assert both_ways(a, other, Judge(tiers=TIERS)) is None
    assert both_ways(a, replace(b, paths=("https://127.0.0.1:9/b.jpg",)), Judge()).note, "nothing is fetched"


def test_corrupt_bytes_that_are_the_stored_ones_are_no_trouble(copies: tuple[Subject, Subject], tmp_path: Path) -> None:
    a, b = copies
    data = encoded(photo("coffee.png"), "JPEG")[:200]
    (tmp_path / "c.jpg").write_bytes(data)
    corrupt = replace(b, sha256=read_source(data).sha256, paths=(str(tmp_path / "c.jpg"),))
    assert both_ways(a, corrupt, Judge()).note == "by signature alone: a file could not be read"


def test_any_path_that_still_has_the_bytes_will_do(copies: tuple[Subject, Subject], tmp_path: Path) -> None:
    a, b = copies
    changed = tmp_path / "changed.jpg"
    changed.write_bytes(encoded(photo("astronaut.png"), "JPEG"))
    moved = replace(b, paths=(str(tmp_path / "gone.jpg"), str(changed), *b.paths))
    found = both_ways(a, moved, Judge())
    assert found is not None and found.inliers and not found.note


def test_a_changed_file_never_speaks_for_what_was_stored(tmp_path: Path) -> None:
    """The file holds the very photo now; its document was made of another one."""
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(photo("coffee.png"), "JPEG"))
    stored = subject(photo("chelsea.png"), paths=(str(path),), example=None)
    assert both_ways(stored, subject(photo("coffee.png")), Judge(tiers=TIERS)) is None


def test_without_pixels_no_file_is_read(copies: tuple[Subject, Subject], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise AssertionError("a file was read")

    monkeypatch.setattr("hybrid_search.duplicates.compare.pixels.read_source", refuse)
    judge = Judge(check_pixels=False)
    found = both_ways(*copies, judge)
    assert found is not None and found.tier == "near" and not found.note and found.inliers is None
    assert judge.look_distance == judge.max_distance == 0.36
    assert not judge.needs_vectors and not judge.compares_parts
    with pytest.raises(AssertionError, match="was read"):
        Judge().judge(*copies)


@pytest.mark.parametrize("tiers", [["bytes"], ["transformed"], ["bytes", "transformed"]])
def test_no_file_is_read_for_tiers_that_the_pair_cannot_be_of(
    copies: tuple[Subject, Subject], monkeypatch: pytest.MonkeyPatch, tiers: list[Any]
) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise AssertionError("a file was read")

    monkeypatch.setattr("hybrid_search.duplicates.compare.pixels.read_source", refuse)
    assert both_ways(*copies, Judge(tiers=tiers)) is None


# -- two moments of one camera -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "tier"),
    [
        (("2020-05-01T10:00:00", "Canon M1"), ("2020-05-01T10:00:02", "Canon M1"), "unsure"),
        (("2020-05-01T10:00:00+02:00", "Canon M1"), ("2020-05-01T09:00:00+00:00", "Canon M1"), "unsure"),
        (("2020-05-01T10:00:00", "Canon M1"), ("2020-05-01T10:00:00", "Canon M1"), "near"),
        (("2020-05-01T10:00:00.100", "Canon M1"), ("2020-05-01T10:00:00.900", "Canon M1"), "near"),
        (("2020-05-01T10:00:00+02:00", "Canon M1"), ("2020-05-01T08:00:00+00:00", "Canon M1"), "near"),
        (("2020-05-01T10:00:00", "Canon M1"), ("2020-05-01T10:00:02", "Nikon Z"), "near"),
        (("2020-05-01T10:00:00", ""), ("2020-05-01T10:00:02", ""), "near"),
        (("2020-05-01T10:00:00", "Canon M1"), ("", "Canon M1"), "near"),
        (("2020-05-01T10:00:00", "Canon M1"), ("2020-05-01T10:00:02+02:00", "Canon M1"), "unsure"),
        (("2020-05-01T10:00:00", "Canon M1"), ("2020-05-01T10:00:00+02:00", "Canon M1"), "near"),
        (("2020-05-01T08:00:00", "Canon M1"), ("2020-05-01T10:00:00+02:00", "Canon M1"), "near"),
        (("2020-05-01T08:00:00", "Canon M1"), ("2020-05-01T10:00:00", "Canon M1"), "unsure"),
        (("2020-05-01", "Canon M1"), ("2020-05-01T10:00:00", "Canon M1"), "near"),
        (("2020", "Canon M1"), ("2020-05-01T10:00:00+02:00", "Canon M1"), "near"),
        (("1935", "Canon M1"), ("1936", "Canon M1"), "near"),
        (("2020-05-01T10:00:00", "Canon M1"), ("yesterday", "Canon M1"), "near"),
    ],
)
def test_two_moments_of_one_camera_are_two_photos(a: tuple[str, str], b: tuple[str, str], tier: str) -> None:
    one = subject(photo("coffee.png"), taken_at=a[0], camera=a[1])
    other = subject(altered("coffee.png", "jpeg_30"), taken_at=b[0], camera=b[1])
    found = both_ways(one, other)
    assert found is not None and found.tier == tier
    assert (found.note == "one camera, two moments") == (tier == "unsure")


def test_moments_are_told_apart_without_files_too() -> None:
    one = subject(photo("coffee.png"), taken_at="2020-05-01T10:00:00", camera="Canon M1", example=None)
    other = subject(altered("coffee.png", "jpeg_30"), taken_at="2020-05-01T10:00:02", camera="Canon M1", example=None)
    for judge in (ALL, Judge(tiers=TIERS, check_pixels=False)):
        found = both_ways(one, other, judge)
        assert found is not None and (found.tier, found.note) == ("unsure", "one camera, two moments")


# -- options -----------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(SIGNATURES, SIGNATURES, st.integers(0, 15), st.floats(0, 0.6), st.integers(0, 2**32 - 1))
def test_by_signature_alone_it_is_the_least_of_sixteen_both_ways(
    a: NDArray[np.int8], b: NDArray[np.int8], row: int, share: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    mixed = np.where(random.random(648) < share, b, oriented(a)[row]).astype(np.int8)
    judge = Judge(tiers=TIERS, check_pixels=False)
    one, other = Subject("1", "1", signature=a), Subject("2", "2", signature=mixed)
    found = both_ways(one, other, judge)
    distances = [naive_distance(each, mixed) for each in oriented(a)]
    if abs(min(distances) - 0.36) > 1e-6:
        assert (found is not None) == (min(distances) < 0.36)
    if found is not None:
        assert found.distance == pytest.approx(min(distances), abs=1e-4)
        straight = distances[0] <= min(distances) + 1e-9
        assert found.tier in ("unsure", "near" if straight else "transformed")


def test_the_distance_asked_for_is_the_one_that_counts() -> None:
    a, b = subject(photo("coffee.png"), example=None), subject(altered("coffee.png", "rotate_5"), example=None)
    apart = naive_distance(a.signature, b.signature)
    assert 0.05 < apart < 0.5
    for cutoff, tier in ((apart - 0.01, None), (apart + 0.01, "near")):
        found = both_ways(a, b, Judge(max_distance=cutoff, check_pixels=False))
        assert (found and found.tier) == tier


@pytest.mark.parametrize("distance", [0, 1, -0.1, 1.5, float("nan")])
def test_distances_out_of_range_are_refused(distance: float) -> None:
    with pytest.raises(QueryError, match="max_distance is between 0 and 1"):
        Judge(max_distance=distance)


def test_tiers_are_checked_and_ordered() -> None:
    assert Judge().tiers == DUPLICATE_TIERS
    assert Judge(tiers={"edited", "bytes"}).tiers == ("bytes", "edited")
    assert Judge(tiers="near").tiers == ("near",)  # type: ignore[arg-type]
    with pytest.raises(QueryError, match=r"no tier 'exact'; known: bytes, pixels"):
        Judge(tiers=["exact"])  # type: ignore[list-item]


def test_only_wanted_tiers_come_back() -> None:
    a = subject(photo("coffee.png"))
    pairs = {
        "bytes": a,
        "pixels": subject(encoded(photo("coffee.png"), "BMP")),
        "near": subject(altered("coffee.png", "jpeg_30")),
        "transformed": subject(altered("coffee.png", "mirror")),
        "edited": subject(altered("coffee.png", "crop_20")),
    }
    for tier, other in pairs.items():
        assert both_ways(a, other, Judge(tiers=[tier])).tier == tier  # type: ignore[list-item]
        rest = [each for each in DUPLICATE_TIERS if each != tier]
        found = both_ways(a, other, Judge(tiers=rest))
        assert found is None if tier != "pixels" else found.tier == "near"


def test_versions_name_what_verdicts_depend_on(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {Judge().version, Judge(check_pixels=False).version}
    monkeypatch.setattr(judge_module, "can_extract", lambda: False)
    versions |= {Judge().version, Judge(check_pixels=False).version}
    assert len(versions) >= 3


# -- without OpenCV ----------------------------------------------------------------------------------------------------


@pytest.fixture
def without_opencv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge_module, "can_extract", lambda: False)


def test_edited_copies_need_opencv(without_opencv: None) -> None:
    assert Judge().tiers == ("bytes", "pixels", "near", "transformed", "more")
    with pytest.raises(DuplicatesError, match=r"'edited' needs .*pip install 'hybrid-search\[duplicates\]'") as caught:
        Judge(tiers=["near", "edited"])
    assert caught.value.tier == "edited"
    assert both_ways(subject(photo("coffee.png")), subject(altered("coffee.png", "crop_20")), Judge()) is None


@pytest.mark.parametrize("make", [page, form], ids=["page", "form"])
def test_without_opencv_a_page_saved_again_is_a_copy(without_opencv: None, make: Callable[[int], Image.Image]) -> None:
    found = both_ways(subject(make(3)), subject(encoded(make(3), "JPEG", quality=80)), Judge(max_distance=0.45))
    assert found is not None and found.tier == "near", found


@pytest.mark.parametrize("kind", ["jpeg_30", "resize_50", "mirror", "negative", "rotate_90"])
def test_without_opencv_signatures_and_pixels_still_find_copies(without_opencv: None, kind: str) -> None:
    a, b = subject(photo("coffee.png")), subject(altered("coffee.png", kind))
    found = both_ways(a, b, Judge())
    assert found is not None and found.tier == ("near" if kind in ("jpeg_30", "resize_50") else "transformed")
    assert found.inliers is None and found.agreement is not None
    assert both_ways(a, subject(encoded(photo("coffee.png"), "BMP")), Judge()).tier == "pixels"


@pytest.mark.parametrize("kind", HOLES)
def test_without_opencv_holes_are_no_duplicates(without_opencv: None, kind: str) -> None:
    judge = Judge(tiers=[tier for tier in TIERS if tier != "edited"])
    for a, b in itertools.combinations(hole(kind), 2):
        found = both_ways(a, b, judge)
        assert found is None or not found.is_duplicate, found


def test_a_whole_lookup_without_opencv() -> None:
    """In an interpreter in which OpenCV cannot be imported."""
    script = """
import sys
sys.modules["cv2"] = None
import numpy as np
from PIL import Image, ImageOps
from hybrid_search import HybridIndex
from hybrid_search.errors import DuplicatesError

picture = Image.fromarray(np.random.default_rng(1).integers(0, 255, (40, 60, 3), np.uint8)).resize((480, 320))
with HybridIndex(embedder="histogram+hog") as index:
    index.add(picture, id="it")
    print([hit.tier for hit in index.find_duplicates(picture)])
    print([hit.tier for hit in index.find_duplicates(ImageOps.mirror(picture))])
    print([hit.tier for hit in index.find_duplicates(picture.crop((100, 60, 400, 300)))])
    try:
        index.find_duplicates(picture, tiers=["edited"])
    except DuplicatesError as refused:
        print(refused)
"""
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == [
        "['bytes']",
        "['transformed']",
        "[]",
        "the tier 'edited' needs a package that is not installed: pip install 'hybrid-search[duplicates]'",
    ]


# -- evidence ----------------------------------------------------------------------------------------------------------

SHARES = st.none() | st.floats(0, 1)
EVIDENCE = st.builds(
    Evidence,
    st.sampled_from(TIERS),
    distance=SHARES,
    orientation=st.sampled_from(ORIENTATIONS),
    negative=st.booleans(),
    cosine=st.none() | st.floats(-1, 1),
    inliers=st.none() | st.integers(0, 500),
    overlap=SHARES,
    transform=st.none() | st.tuples(*[st.floats(-9, 9)] * 6),
    aligned_distance=SHARES,
    agreement=SHARES,
    quality=SHARES,
    note=st.text(max_size=20),
)


@given(EVIDENCE)
def test_evidence_is_kept_as_json(evidence: Evidence) -> None:
    import json

    stored = json.loads(json.dumps(evidence.to_json()))
    assert Evidence.from_json(stored) == evidence
    assert stored["tier"] == evidence.tier and None not in stored.values()


def test_evidence_that_knows_little_says_little() -> None:
    assert Evidence("bytes").to_json() == {"tier": "bytes"}
    assert Evidence("near", distance=0.0).to_json() == {"tier": "near", "distance": 0.0}


def test_the_surest_evidence_comes_first() -> None:
    ordered = [
        Evidence("bytes"),
        Evidence("pixels", distance=0.0),
        Evidence("near", distance=0.1),
        Evidence("near", distance=0.3),
        Evidence("near"),
        Evidence("transformed", distance=0.05),
        Evidence("edited", distance=0.9, aligned_distance=0.1),
        Evidence("edited", distance=0.2, aligned_distance=0.4),
        Evidence("more", distance=0.9, aligned_distance=0.1),
        Evidence("more", distance=0.3),
        Evidence("unsure", distance=0.0),
        Evidence("similar", cosine=0.99),
    ]
    assert sorted(reversed(ordered), key=lambda each: each.strength) == ordered
    assert [each.is_duplicate for each in ordered] == [True] * 10 + [False] * 2
    assert TIERS[:6] == DUPLICATE_TIERS and TIERS[6:] == ("unsure", "similar")
