"""The pairs that removal is measured on differ in what their kind says, and the figures are counted as by hand."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from hybrid_search.duplicates.act.plan import Decision, Plan, PlannedFile
from hybrid_search.duplicates.model import DuplicateGroup, Member
from hybrid_search.hits.evidence import Evidence
from scripts.benchmarks import additions, contents, harmless, papers, recolours, removable
from scripts.benchmarks.holes import HolePair
from scripts.benchmarks.pairs import File, Given, Kind, Pair, make_pairs, some_of
from scripts.benchmarks.removable import KINDS, Outcome, removable_sides, summary, wrong_list
from scripts.benchmarks.removable_plan import Planned, read_plan, strangers_text
from tests.unit.scripts.test_copies import photo

CLASSES = {"something added", "written on a page", "filled in or changed", "other colours", "other frames"}
CLASSES |= {
    "laid over",
    "something hidden",
    "other pages",
    "other alpha",
    "second picture",
    "depth",
    "crops",
    "harmless",
}


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "photos" / "mine"
    folder.mkdir(parents=True)
    paths = [folder / f"{number}.png" for number in range(12)]
    for number, path in enumerate(paths):
        photo(number, (80, 60)).save(path)
    return paths


@pytest.fixture
def given(photos: list[Path], monkeypatch: pytest.MonkeyPatch) -> Given:
    for name in ("ANIMATION_SIDE", "SIDE"):
        monkeypatch.setattr(contents, name, 80)
    return Given(photos[:2], photos[2:], 0, np.random.default_rng(7))


def opened(file: File) -> Image.Image:
    return Image.open(io.BytesIO(file.data))


def levels(file: File) -> np.ndarray:
    return np.asarray(opened(file).convert("RGB")).astype(int)


def light(file: File) -> np.ndarray:
    return np.asarray(opened(file).convert("L")).astype(int)


def test_there_are_pairs_enough_of_every_class() -> None:
    names = [kind.name for kind in KINDS]
    assert len(names) == len(set(names))
    assert {kind.family for kind in KINDS} == CLASSES
    assert sum(removable.COUNT for kind in KINDS if not kind.is_harmless) >= 300
    assert sum(removable.COUNT // 2 for kind in KINDS if kind.is_harmless) >= 150
    for kind in KINDS:
        assert kind.is_harmless == (kind.family == "harmless")
        assert kind.is_harmless <= bool(kind.removable)


@pytest.mark.parametrize("share", [0.01, 0.08])
def test_a_thing_covers_its_share_of_the_scene_and_the_rest_stays(given: Given, share: float) -> None:
    scene = photo(3, (400, 300))
    thing = additions.cut_out(list(given.things))
    shown = additions.placed(scene, thing, share, given.random, seen=30)
    apart = np.abs(np.asarray(shown).astype(int) - np.asarray(scene)).max(axis=2)
    assert 0.5 * share < (apart > 4).mean() < 1.5 * share
    assert apart[apart > 4].mean() > 20


@pytest.mark.parametrize("kind", additions.OVERLAYS, ids=lambda kind: kind.name)
def test_what_is_laid_over_a_photo_leaves_most_of_it(given: Given, kind: Kind) -> None:
    a, b = (light(file) for file in kind.make(given))
    assert a.shape == b.shape
    assert 0.004 < (np.abs(a - b) > 20).mean() < 0.25


def test_a_thing_on_a_plain_ground_is_cut_out_along_its_edge(tmp_path: Path) -> None:
    image = Image.new("RGB", (100, 80), "white")
    image.paste((200, 30, 30), (30, 20, 70, 60))
    image.save(tmp_path / "thing.png")
    assert additions.cut_out([tmp_path / "thing.png"]).size == (40, 40)


@pytest.mark.parametrize(
    "write", [papers.sign, papers.stamp, papers.note, papers.highlight, papers.cross_out, papers.blacken]
)
def test_something_small_is_written_on_a_page(write: papers.Write) -> None:
    before = papers.page(5)
    after = before.copy()
    write(after, np.random.default_rng(3), 100)
    apart = np.abs(np.asarray(after).astype(int) - np.asarray(before)).max(axis=2) > 60
    assert 0.0002 < apart.mean() < 0.03


def test_of_an_invoice_one_digit_changes() -> None:
    plain, changed = (np.asarray(papers.invoice(8, changed=flag).convert("L")).astype(int) for flag in (False, True))
    rows, columns = np.nonzero(plain != changed)
    assert 0 < np.ptp(rows) < 20
    assert 0 < np.ptp(columns) < 20


def test_colours_turn_and_every_pixel_stays_as_light() -> None:
    image = photo(4)
    turned = recolours.turned_hues(image, 120)
    before, after = (np.asarray(each.convert("YCbCr")).astype(int) for each in (image, turned))
    assert np.abs(before[..., 0] - after[..., 0]).max() <= 2
    assert np.abs(before[..., 1:] - after[..., 1:]).mean() > 20


def test_only_the_thing_of_the_strongest_colour_is_recoloured() -> None:
    image = Image.new("RGB", (100, 80), (120, 120, 125))
    image.paste((200, 30, 30), (30, 20, 70, 60))
    mask = recolours.coloured_thing(image)
    assert mask is not None
    assert mask[25:55, 35:65].min() > 0.95
    assert mask[:10].max() < 0.05


@pytest.mark.parametrize("number", range(4))
def test_animations_share_their_first_frame_and_no_more(given: Given, number: int) -> None:
    again = Given(given.photos, given.things, number, given.random)
    a, b = contents.other_frames(again)
    assert a.suffix == b.suffix
    assert np.abs(levels(a) - levels(b)).mean() < 1
    later = [[frame.convert("L").copy() for frame in ImageSequence.Iterator(opened(file))] for file in (a, b)]
    assert len(later[0]) == len(later[1]) > 2
    assert np.abs(np.asarray(later[0][1], int) - np.asarray(later[1][1])).mean() > 2
    whole, alone = (getattr(opened(file), "n_frames", 1) for file in contents.still(again))
    assert (whole > 2, alone) == (True, 1)


def test_of_other_timing_only_the_timing_differs(given: Given) -> None:
    a, b = (opened(file) for file in contents.other_timing(given))
    assert a.info["duration"] != b.info["duration"]
    for one, other in zip(ImageSequence.Iterator(a), ImageSequence.Iterator(b), strict=True):
        assert np.array_equal(np.asarray(one.convert("RGB")), np.asarray(other.convert("RGB")))


def test_tiffs_share_their_first_page(given: Given) -> None:
    a, b = (opened(file) for file in contents.other_pages(given))
    assert a.n_frames == b.n_frames == 3  # type: ignore[attr-defined]
    assert np.array_equal(np.asarray(a), np.asarray(b))
    a.seek(1)
    b.seek(1)
    assert not np.array_equal(np.asarray(a), np.asarray(b))


def test_of_transparent_pictures_what_is_seen_on_white_is_the_same(given: Given) -> None:
    for make, number in ((contents.other_alpha, 0), (contents.flattened, 1)):
        on_white = []
        for file in make(Given(given.photos, given.things, number, given.random)):
            picture = opened(file).convert("RGBA")
            white = Image.new("RGBA", picture.size, "white")
            white.alpha_composite(picture)
            on_white.append(np.asarray(white))
        assert np.array_equal(on_white[0], on_white[1])


def test_an_export_is_the_upper_half_of_its_masters_bits(given: Given) -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    master, eight = contents.export(given)
    deep = cv2.imdecode(np.frombuffer(master.data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert deep.dtype == np.uint16
    assert len(np.unique(deep & 255)) > 100
    assert np.array_equal(deep[..., ::-1] >> 8, levels(eight))


def test_second_pictures_stand_behind_the_same_first_one(given: Given) -> None:
    for make in (contents.second_in_jpeg, contents.second_in_heic):
        both, alone = (opened(file) for file in make(given))
        assert (both.n_frames, getattr(alone, "n_frames", 1)) == (2, 1)  # type: ignore[attr-defined]
        assert np.abs(np.asarray(both.convert("RGB")).astype(int) - np.asarray(alone.convert("RGB"))).mean() < 1


@pytest.mark.parametrize("kind", [*harmless.KINDS, *contents.SAME], ids=lambda kind: kind.name)
def test_harmless_pairs_show_the_same_light_and_shade(given: Given, kind: Kind) -> None:
    if kind.name.startswith("16 bits"):
        pytest.importorskip("cv2", reason="OpenCV is not installed")
    a, b = kind.make(given)
    assert a.data != b.data
    upright = []
    for file in (a, b):
        image = opened(file)
        turned = image.transpose(Image.Transpose.ROTATE_270) if image.getexif().get(0x0112) == 6 else image
        upright.append(np.asarray(turned.convert("RGBA").convert("L").resize((40, 30))).astype(float).ravel())
    assert np.corrcoef(np.stack(upright))[0, 1] > 0.97


def test_pairs_are_the_same_everywhere_written_once_and_of_photos_of_their_own(
    photos: list[Path], tmp_path: Path
) -> None:
    kinds = [kind for kind in KINDS if kind.name in {"thing added, 8 %", "as PNG", "metadata stripped"}]
    first = make_pairs(tmp_path / "a", photos, kinds, count=2)
    again = make_pairs(tmp_path / "b", photos[::-1], kinds, count=2)
    assert [len([pair for pair in first if pair.kind is kind]) for kind in kinds] == [2, 1, 1]
    assert [pair.a.read_bytes() for pair in first] == [pair.a.read_bytes() for pair in again]
    assert [pair.b.read_bytes() for pair in first] == [pair.b.read_bytes() for pair in again]
    written = [pair.a.stat().st_mtime_ns for pair in first]
    assert [pair.a.stat().st_mtime_ns for pair in make_pairs(tmp_path / "a", photos, kinds, count=2)] == written
    alone = make_pairs(tmp_path / "c", photos, kinds, count=2, only="stripped")
    assert [pair.a.read_bytes() for pair in alone] == [pair.a.read_bytes() for pair in first[-1:]]
    other = make_pairs(tmp_path / "a", photos, kinds, count=2, seed=1)
    assert {pair.a.read_bytes() for pair in other}.isdisjoint(pair.a.read_bytes() for pair in first)
    lights = np.stack([np.asarray(Image.open(pair.a).convert("L").resize((12, 9)), float).ravel() for pair in first])
    assert np.corrcoef(lights)[np.triu_indices(len(lights), 1)].max() < 0.9


def test_each_half_has_every_variant_of_a_pair() -> None:
    pairs = [Pair(Path("a"), Path("b"), kind, n) for kind in KINDS[:2] for n in range(16)]
    for half in ("a", "b"):
        chosen = [pair.number for pair in some_of(pairs, half=half, first=None) if pair.kind is KINDS[0]]
        assert len(chosen) == 8
        for step in (2, 3, 4, 5):
            assert {number % step for number in chosen} == set(range(step))
        few = some_of(pairs, half=half, first=2)
        assert [pair.number for pair in few] == chosen[:2] * 2
    assert some_of(pairs, half=None, first=None) == pairs


def test_of_the_treacherous_pairs_of_before_those_that_are_no_copies_are_judged_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removable, "choose", lambda photos, **options: list(photos))
    holes = [HolePair(tmp_path / f"{n}", tmp_path / f"{n}-b", f"kind {n % 2}", n > 3) for n in range(6)]
    monkeypatch.setattr(removable, "make_holes", lambda folder, photos: holes)
    pairs = removable.hole_pairs(tmp_path, [])
    assert [(pair.kind.name, pair.number, pair.a.name) for pair in pairs] == [
        ("kind 0", 0, "0"),
        ("kind 0", 1, "2"),
        ("kind 1", 0, "1"),
        ("kind 1", 1, "3"),
    ]
    assert not any(pair.kind.removable or pair.kind.is_harmless for pair in pairs)


def outcome(tier: str | None, sides: str, *, allowed: str = "", is_harmless: bool = False) -> Outcome:
    kind = Kind("k", "harmless" if is_harmless else "depth", contents.still, allowed, is_harmless)
    return Outcome(Pair(Path("/p/a"), Path("/p/b"), kind, 0), tier, sides)


def test_wrong_is_what_may_be_removed_and_should_not() -> None:
    assert outcome("near", "ab").wrong == "ab"
    assert outcome("near", "ab", allowed="b").wrong == "a"
    assert outcome("near", "b", allowed="b").wrong == ""
    assert outcome("unsure", "").wrong == ""
    outcomes = [
        outcome("near", "ab"),
        outcome("unsure", ""),
        outcome("near", "b", allowed="b", is_harmless=True),
        outcome("edited", "", allowed="ab", is_harmless=True),
        outcome(None, "", allowed="ab", is_harmless=True),
    ]
    lines = summary(outcomes).splitlines()
    assert "| all that are none |  | 2 | near 1, unsure 1 | 1 | 1 | 1 | neither |" in lines
    assert "| all harmless |  | 3 | near 1, edited 1, nothing 1 | 2 | 1 | 0 |  |" in lines
    listed = [line.split(":")[0] for line in wrong_list(outcomes).splitlines()]
    assert listed == ["- WRONG, ab removable", "- KEPT", "- LOST"]


def test_only_tiers_that_the_plan_removes_by_default_count() -> None:
    assert removable_sides(Evidence("near"), "ab") == "ab"
    assert removable_sides(Evidence("pixels"), "ba") == "ba"
    assert removable_sides(Evidence("edited"), "ab") == ""
    assert removable_sides(None, "ab") == ""


def test_what_has_more_than_the_other_is_not_removable() -> None:
    richer = Evidence("pixels", first_has=("11 more frames",))
    assert removable_sides(richer, "ab") == "b"
    assert removable_sides(richer, "ba") == "a"


def test_a_plan_is_read_off_by_file_and_removal_for_a_stranger_is_told(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("k-0-a.jpg", "k-0-b.jpg", "k-1-a.jpg")]
    tiers = (None, Evidence("near"), Evidence("pixels"))
    group = DuplicateGroup("0", tuple(Member(str(n), str(paths[n]), tiers[n]) for n in range(3)))
    files = [PlannedFile(str(n), str(path), str(n), None, None, "") for n, path in enumerate(paths)]
    planned = read_plan([group], Plan((Decision("0", (files[0],), (files[1], files[2])),)))
    assert planned.tiers[frozenset(map(str, paths[:2]))] == "near"
    assert planned.tiers[frozenset(map(str, paths[1:]))] == "near"
    assert planned.removed == {str(paths[1]): str(paths[0]), str(paths[2]): str(paths[0])}
    pairs = [Pair(paths[0], paths[1], KINDS[0], 0), Pair(paths[2], tmp_path / "k-1-b.jpg", KINDS[1], 1)]
    assert [planned.removable(pair) for pair in pairs] == ["b", "a"]
    assert "pair: 1." in strangers_text(planned, pairs)
    assert Planned({}, {}).strangers(pairs) == []


def test_pairs_are_judged_and_planned_with_the_embedder_of_the_command(photos: list[Path], tmp_path: Path) -> None:
    options = {"folder": tmp_path / "pairs", "count": 1, "first": 1, "only": "metadata stripped"}
    for direct in (True, False):
        text = removable.measure(photos[0].parent, direct=direct, **options)  # type: ignore[arg-type]
        assert "| harmless | metadata stripped | 1 | pixels 1 | 1 | 1 | 0 | either |" in text
    (tmp_path / "empty").mkdir()
    assert "Skipped: no photos" in removable.measure(tmp_path / "empty", folder=tmp_path / "none")
