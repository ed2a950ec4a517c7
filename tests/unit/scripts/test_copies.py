"""The set that duplicate search is measured on is what it says, and the figures are counted as a person would."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from hybrid_search.signature.goldberg import distance
from hybrid_search.signature.orientations import nearest_orientation
from scripts.benchmarks import duplicates, fingerprints
from scripts.benchmarks.copies import Copy, CopySet, Original, choose, make_set, short_name
from scripts.benchmarks.holes import make_holes, real_pairs
from scripts.benchmarks.lookups import Ask, Found, Results, look_up
from scripts.benchmarks.real_copies import FAMILIES
from scripts.pictures.alterations import ALTERATIONS, MORE, NAMED, Company

SIZE = (120, 80)


def photo(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """A smooth picture with some shapes in it, another for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "photos" / "mine"
    folder.mkdir(parents=True)
    paths = [folder / f"{number}.png" for number in range(14)]
    for number, path in enumerate(paths):
        photo(number).save(path)
    return paths


def altered(name: str) -> Image.Image:
    import io

    alteration = ALTERATIONS[name]
    others = tuple(photo(100 + number) for number in range(alteration.others))
    return Image.open(io.BytesIO(alteration.encode(photo(1), Company(others, seed=3)))).convert("RGB")


def test_there_are_the_24_kinds_of_the_published_comparisons() -> None:
    assert len(NAMED) == 24
    assert not NAMED.keys() & MORE.keys()


@pytest.mark.parametrize(
    ("name", "size"),
    {
        "resize_50": (60, 40),
        "resize_25": (30, 20),
        "stretch_120": (144, 80),
        "crop_5": (108, 72),
        "crop_10": (96, 64),
        "crop_20": (72, 48),
        "crop_side_25": (90, 80),
        "frame_10": (144, 96),
        "rotate_5": (120, 80),
        "rotate_90": (80, 120),
        "collage": (240, 80),
        "collage_of_4": (246, 166),
        "screenshot": (540, 1170),
        "jpeg_10": (120, 80),
    }.items(),
)
def test_a_copy_has_the_size_that_its_name_says(name: str, size: tuple[int, int]) -> None:
    assert altered(name).size == size


def test_a_copy_shows_what_its_name_says() -> None:
    original = np.asarray(photo(1)).astype(int)

    def far(name: str, expected: np.ndarray) -> float:
        return float(np.abs(np.asarray(altered(name)).astype(int) - expected).mean())

    assert far("lossless", original) == 0
    assert far("mirror", original[:, ::-1]) < 3
    assert far("rotate_90", np.rot90(original)) < 3
    assert far("rotate_180", original[::-1, ::-1]) < 3
    assert far("mirror_turned", np.rot90(original[:, ::-1])) < 3
    assert far("negative", 255 - original) < 3
    assert far("crop_10", original[8:72, 12:108]) < 3
    assert 0 < far("jpeg_30", original) < far("jpeg_10", original)
    framed = np.asarray(altered("frame_10")).astype(int)
    assert framed[2:6].min() > 235
    assert np.abs(framed[8:88, 12:132] - original).mean() < 3
    beside = np.asarray(altered("collage")).astype(int)
    assert np.abs(beside[:, :120] - original).mean() < 3
    assert np.abs(beside[:, 120:] - np.asarray(photo(100)).astype(int)).mean() < 3


def test_the_set_is_the_same_wherever_the_photos_lie_and_is_written_once(photos: list[Path], tmp_path: Path) -> None:
    first = make_set(tmp_path / "a", photos, originals=10, sources=3, transforms=("jpeg_30", "collage"))
    again = make_set(tmp_path / "b", photos[::-1], originals=10, sources=3, transforms=("jpeg_30", "collage"))
    assert [copy.path.read_bytes() for copy in first.copies] == [copy.path.read_bytes() for copy in again.copies]
    assert len(first.originals) == 10
    assert len(first.copies) == 6
    assert first.sources == tuple(original.path for original in first.originals[:3])
    written = [copy.path.stat().st_mtime_ns for copy in first.copies]
    make_set(tmp_path / "a", photos, originals=10, sources=3, transforms=("jpeg_30", "collage"))
    assert [copy.path.stat().st_mtime_ns for copy in first.copies] == written


def test_sets_of_two_sizes_share_a_folder_and_not_their_collages(photos: list[Path], tmp_path: Path) -> None:
    sizes = {"originals": 14, "sources": 5}
    make_set(tmp_path / "shared", photos, originals=10, sources=3, transforms=("jpeg_30", "collage"))
    beside = make_set(tmp_path / "shared", photos, **sizes, transforms=("jpeg_30", "collage"))
    alone = make_set(tmp_path / "alone", photos, **sizes, transforms=("jpeg_30", "collage"))
    assert [copy.also for copy in beside.copies] == [copy.also for copy in alone.copies]
    assert [copy.path.read_bytes() for copy in beside.copies] == [copy.path.read_bytes() for copy in alone.copies]


def test_what_stands_beside_a_photo_in_a_collage_is_an_original_that_has_no_copies(
    photos: list[Path], tmp_path: Path
) -> None:
    made = make_set(
        tmp_path / "set", photos, originals=10, sources=3, transforms=("lossless", "collage", "collage_of_4")
    )
    for copy in made.copies:
        assert len(copy.also) == {"lossless": 0, "collage": 1, "collage_of_4": 3}[copy.transform]
        assert not set(copy.also) & set(made.sources)
        assert set(copy.also) <= {original.path for original in made.originals}


def test_of_pictures_that_are_copies_as_they_come_only_one_is_an_original() -> None:
    names = [name for family in FAMILIES for name in family.names]
    kept = choose([Path("/data/caltech101") / name for name in names], originals=1000, sources=5)
    shown = {short_name(path) for path in kept}
    for family in FAMILIES:
        assert not shown & set(family.names[1:]), family
    assert len(shown) == len({family.names[0] for family in FAMILIES} - {n for f in FAMILIES for n in f.names[1:]})


def test_sources_come_from_each_collection_in_turn() -> None:
    many = [Path(f"/data/many/class/{number}.jpg") for number in range(50)]
    few = [Path(f"/data/few/images/{number}.jpg") for number in range(5)]
    chosen = choose([*many, *few], originals=20, sources=8)
    assert sum(path in few for path in chosen[:8]) == 4


def test_treacherous_pairs_exist_and_copies_stand_beside_what_is_none(photos: list[Path], tmp_path: Path) -> None:
    pairs = make_holes(tmp_path / "holes", photos, count=4)
    assert all(pair.a.is_file() and pair.b.is_file() and pair.a != pair.b for pair in pairs)
    kinds = {pair.kind for pair in pairs}
    for wanted in ("screens, other photo", "pages, one letterhead", "one watermark, other photo", "flat: skies"):
        assert wanted in kinds
    for kind in kinds:
        assert len({pair.is_copy for pair in pairs if pair.kind == kind}) == 1
    assert any(pair.is_copy for pair in pairs)
    assert not all(pair.is_copy for pair in pairs)


def test_pairs_of_other_photos_share_a_folder_and_not_their_pictures(photos: list[Path], tmp_path: Path) -> None:
    make_holes(tmp_path / "shared", photos, count=2)
    beside = make_holes(tmp_path / "shared", photos[3:], count=2)
    alone = make_holes(tmp_path / "alone", photos[3:], count=2)
    assert [pair.a.read_bytes() for pair in beside] == [pair.a.read_bytes() for pair in alone]


def test_moments_differ_where_the_thing_moved_and_hardly_elsewhere(photos: list[Path], tmp_path: Path) -> None:
    pairs = [pair for pair in make_holes(tmp_path / "h", photos, count=2) if pair.kind == "simulated burst, moved far"]
    for pair in pairs:
        a, b = (np.asarray(Image.open(path).convert("L")).astype(float) for path in (pair.a, pair.b))
        apart = np.abs(a - b)
        assert np.median(apart) < 20
        assert apart.max() > 40


def test_real_pairs_are_those_whose_files_are_there(tmp_path: Path) -> None:
    family = next(family for family in FAMILIES if family.is_copy)
    for name in (*family.names, "zebra/image_0001.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        photo(1).save(tmp_path / name)
    found = list(real_pairs([tmp_path / "zebra/image_0001.jpg"]))
    assert [(short_name(pair.a), short_name(pair.b), pair.is_copy) for pair in found] == [(*family.names, True)]


def test_frames_of_a_video_are_no_copies_and_a_frame_saved_again_is_one(photos: list[Path], tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    (tmp_path / "videos").mkdir()
    video = cv2.VideoWriter(str(tmp_path / "videos" / "v.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (96, 64))
    for number in range(60):
        frame = np.asarray(ImageOps.fit(photo(5), (96, 64)))[:, :, ::-1].copy()
        frame[20:40, number : number + 20] = 255
        video.write(frame)
    video.release()
    pairs = make_holes(tmp_path / "h", photos, count=8, videos=tmp_path / "videos", real=False)
    frames = [pair for pair in pairs if pair.kind.startswith("video")]
    kinds = {(pair.kind, pair.is_copy) for pair in frames}
    assert kinds == {
        ("video: half a second later", False),
        ("video: two seconds later", False),
        ("video: frame saved again", True),
    }


@pytest.fixture
def made() -> CopySet:
    names = [Path(f"/o/{name}") for name in "abc"]
    copies = (
        Copy(Path("/c/1"), names[0], "crop"),
        Copy(Path("/c/2"), names[1], "crop"),
        Copy(Path("/c/3"), names[0], "collage", (names[2],)),
        Copy(Path("/c/4"), names[1], "collage", (names[2],)),
    )
    return CopySet(tuple(Original(path) for path in names), copies)


def test_recall_wrong_pairs_and_the_cutoff_without_one_are_counted_as_by_hand(made: CopySet) -> None:
    distances = np.array([[2, 9, 5], [7, 4, 4], [1, 8, 0], [6, 7, 3]], np.float32)
    among = np.array([[0, 9, 9], [9, 0, 5], [9, 5, 0]], np.float32)
    score = duplicates.score_distances(made, distances, among, default=5)
    assert score.cutoff == 4  # /c/2 against c
    assert score.at_zero == {"crop": 0.5, "collage": 0.5}  # 2 and 1 lie below 4; 4 and 7 do not
    assert score.at_default == {"crop": 1.0, "collage": 0.5}
    assert score.wrong == 3  # /c/1 against c, /c/2 against c, b against c
    assert score.pairs == 2 + 2 + 1 + 1 + 3
    assert score.first == 0.5  # /c/1 and /c/3; /c/2 has another as near, /c/4 one nearer


def test_the_other_photo_of_a_collage_is_no_wrong_hit_and_pairs_of_originals_count_once(made: CopySet) -> None:
    lookups = {
        "/c/1": Found("/c/1", [["/o/a", "near", None, 0.1], ["/o/c", "unsure", 8, 0.4]]),
        "/c/2": Found("/c/2", [["/o/c", "edited", 9, 0.4], ["/o/b", "edited", 30, 0.2]]),
        "/c/3": Found("/c/3", [["/o/c", "edited", 40, 0.1]]),
        "/c/4": Found("/c/4", [["/o/b", "similar", None, None]]),
        "/o/a": Found("/o/a", [["/o/a", "bytes", None, 0.0]]),
        "/o/b": Found("/o/b", [["/o/b", "bytes", None, 0.0], ["/o/c", "near", None, 0.3]]),
        "/o/c": Found("/o/c", [["/o/c", "bytes", None, 0.0], ["/o/b", "near", None, 0.3]]),
    }
    score = duplicates.score_lookups(made, lookups)
    assert score.at_default == {"crop": 1.0, "collage": 0.0}
    assert score.at_zero is None
    assert duplicates.wrong_hits(made, lookups)[0] == ("/c/2", "/o/c", "edited")
    assert score.wrong == 2
    assert score.pairs == 2 + 2 + 1 + 1 + 3
    assert score.first == 0.75


def test_a_lookup_without_wrong_hits_has_its_recall_at_zero_too(made: CopySet) -> None:
    lookups = {str(copy.path): Found("", [[str(copy.source), "near", None, 0.1]]) for copy in made.copies}
    lookups |= {str(original.path): Found("", []) for original in made.originals}
    assert duplicates.score_lookups(made, lookups).at_zero == {"crop": 1.0, "collage": 1.0}


def test_distances_are_those_of_plain_definitions() -> None:
    draw = np.random.default_rng(5)
    a, b = draw.integers(-2, 3, (4, 648)).astype(np.int8), draw.integers(-2, 3, (3, 648)).astype(np.int8)
    expected = [[distance(one, other) for other in b] for one in a]
    assert np.allclose(fingerprints.goldberg(a, b), expected, atol=1e-5)
    turned = [[nearest_orientation(one, other)[0] for other in b] for one in a]
    assert np.allclose(fingerprints.goldberg_oriented(a, b), turned, atol=1e-5)
    assert fingerprints.goldberg(np.zeros((1, 648), np.int8), b).tolist() == [[1, 1, 1]]
    bits, others = draw.random((4, 64)) < 0.5, draw.random((3, 64)) < 0.5
    counted = [[int(sum(x != y for x, y in zip(one, other, strict=True))) for other in others] for one in bits]
    assert fingerprints.hamming(bits, others).tolist() == counted
    turns, upright = draw.random((4, 8, 16)) < 0.5, draw.random((3, 8, 16)) < 0.5
    least = [[min(int((turn != other[0]).sum()) for turn in one) for other in upright] for one in turns]
    assert fingerprints.hamming_oriented(turns, upright).tolist() == least


def test_results_go_on_where_a_run_was_cut_off(tmp_path: Path) -> None:
    first = Results(tmp_path / "r.jsonl")
    first.add({"query": "one", "tier": "near"})
    first.add({"query": "two", "tier": None})
    with (tmp_path / "r.jsonl").open("a") as file:
        file.write(json.dumps({"query": "three", "tier": "bytes"})[:15])
    again = Results(tmp_path / "r.jsonl")
    assert set(again.known) == {"one", "two"}
    again.add({"query": "three", "tier": "near"})
    assert set(Results(tmp_path / "r.jsonl").known) == {"one", "two", "three"}


def test_fingerprints_are_taken_again_only_of_changed_files(photos: list[Path], tmp_path: Path) -> None:
    taken: list[Path] = []

    def take(path: Path) -> np.ndarray:
        taken.append(path)
        return np.array([len(path.read_bytes())])

    method = fingerprints.Method("length", take, fingerprints.hamming, 1, "length")
    values = fingerprints.take_all(tmp_path / "f", method, photos[:3])
    assert fingerprints.take_all(tmp_path / "f", method, photos[:3]).tolist() == values.tolist()
    assert len(taken) == 3
    photo(99, (50, 50)).save(photos[1])
    assert fingerprints.take_all(tmp_path / "f", method, photos[:3])[1] != values[1]


def test_lookups_find_copies_and_with_an_only_picture_no_other(photos: list[Path], tmp_path: Path) -> None:
    made = make_set(tmp_path / "set", photos, originals=4, sources=2, transforms=("jpeg_30",))
    stored = [original.path for original in made.originals]
    source, other = made.copies[0].source, stored[3]
    asked = [Ask(made.copies[0].path), Ask(made.copies[0].path, source), Ask(made.copies[0].path, other)]
    found = look_up(tmp_path / "cache", stored, asked, embedder="histogram+hog")
    any_hits, right, wrong = (found[ask.name].hits for ask in asked)
    assert any_hits[0][:2] == [str(source), "near"]
    assert [path for path, *_ in right] == [str(source)]
    assert {path for path, *_ in wrong} <= {str(other)}
    assert look_up(tmp_path / "cache", stored, asked, embedder="histogram+hog") == found
