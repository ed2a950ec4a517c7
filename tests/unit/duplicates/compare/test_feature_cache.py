"""Features that are kept from run to run: equal to those made anew, and nothing that happens to them is an error."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

cv2 = pytest.importorskip("cv2")

from hybrid_search.duplicates.compare import feature_cache, pixels  # noqa: E402
from hybrid_search.duplicates.compare.feature_cache import FeatureCache, Sides  # noqa: E402
from hybrid_search.duplicates.compare.features import Features, extract, mirror  # noqa: E402
from hybrid_search.duplicates.compare.judge import Judge  # noqa: E402
from hybrid_search.duplicates.compare.pixels import PixelStore, working_levels  # noqa: E402
from hybrid_search.duplicates.model import Subject  # noqa: E402
from hybrid_search.images import read_source  # noqa: E402
from hybrid_search.signature.goldberg import signature  # noqa: E402


def picture(seed: int, size: tuple[int, int] = (420, 330)) -> Image.Image:
    """Return a picture with corners of all sizes."""
    random = np.random.default_rng(seed)
    layers = [Image.fromarray(random.integers(0, 255, (n, n, 3), np.uint8)).resize(size) for n in (6, 24, 90)]
    return Image.blend(Image.blend(layers[0], layers[1], 0.5), layers[2], 0.3)


def sides(seed: int) -> tuple[Sides, int]:
    levels = working_levels(picture(seed))
    plain = extract(levels)
    return (plain, mirror(plain, np.ascontiguousarray(levels[:, ::-1]))), levels.shape[1]


def same(a: Features, b: Features) -> bool:
    return all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in ("points", "scales", "angles", "descriptors")
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "features.sqlite"


def put(path: Path, *names: str, **options: Any) -> FeatureCache:
    cache = FeatureCache(path, **options)
    for seed, name in enumerate(names):
        found, wide = sides(seed)
        cache.put(name, found, wide=wide)
    return cache


def test_features_come_back_bit_for_bit(path: Path) -> None:
    put(path, "a", "b")
    cache = FeatureCache(path)
    for seed, name in enumerate("ab"):
        kept, (made, _) = cache.get(name), sides(seed)
        assert kept is not None and same(kept[0], made[0]) and same(kept[1], made[1])
    assert cache.get("c") is None


def test_a_picture_without_corners_is_known_to_have_none(path: Path) -> None:
    flat = extract(np.full((320, 320), 9, np.uint8))
    cache = FeatureCache(path)
    cache.put("flat", (flat, flat), wide=320)
    found = cache.get("flat")
    assert found is not None and len(found[0]) == len(found[1]) == 0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", [(420, 330), (331, 477), (200, 37)])
def test_mirrored_features_are_those_of_the_mirrored_picture(seed: int, size: tuple[int, int]) -> None:
    levels = working_levels(picture(seed, size))
    flipped = np.ascontiguousarray(levels[:, ::-1])
    anew, found = extract(flipped), mirror(extract(levels), flipped)
    rows = {(place, bytes(row)) for place, row in zip(np.round(anew.points, 2).tolist(), anew.descriptors, strict=True)}
    mine = [
        (place, bytes(row)) in rows
        for place, row in zip(np.round(found.points, 2).tolist(), found.descriptors, strict=True)
    ]
    assert len(found) == len(anew) > 50 and np.mean(mine) > 0.6
    places = {place for place, _ in rows}
    assert np.mean([place in places for place in np.round(found.points, 2).tolist()]) > 0.98


@pytest.mark.parametrize("content", [b"", b"no database", bytes(4096), b"SQLite format 3\0" + bytes(range(256)) * 40])
def test_a_damaged_file_is_made_anew(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    cache = put(path, "a")
    assert cache.get("a") is not None
    assert FeatureCache(path).get("a") is not None, "and lasts"


def test_a_file_that_is_damaged_while_it_is_used_is_no_error(path: Path) -> None:
    cache = put(path, *"abcdef")
    cache.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        for place in range(4096, size, 1024):
            file.seek(place)
            file.write(os.urandom(900))
    for wal in path.parent.glob("*-wal"):
        wal.unlink()
    cache = FeatureCache(path)
    assert [cache.get(name) for name in "abcdef"] == [None] * 6
    found, wide = sides(0)
    cache.put("a", found, wide=wide)
    cache.put("a", found, wide=wide)
    assert cache.get("a") is not None


def test_one_flipped_bit_loses_one_picture(path: Path) -> None:
    put(path, "a", "b").close()
    with sqlite3.connect(path) as file:
        (row,) = file.execute("SELECT sides FROM features WHERE sha256 = 'a'").fetchone()
        file.execute(
            "UPDATE features SET sides = ? WHERE sha256 = 'a'", (row[:999] + bytes([row[999] ^ 4]) + row[1000:],)
        )
    file.close()
    cache = FeatureCache(path)
    assert cache.get("a") is None and cache.get("b") is not None


@pytest.mark.parametrize("packed", [b"", b"short", None, "text", 7])
def test_what_is_no_record_is_unknown(path: Path, packed: Any) -> None:
    put(path, "a").close()
    with sqlite3.connect(path) as file:
        file.execute("UPDATE features SET sides = ?", (packed,))
    file.close()
    assert FeatureCache(path).get("a") is None


def test_features_of_another_version_are_not_used(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(path, "a").close()
    monkeypatch.setattr(feature_cache, "_VERSION", 99)
    assert FeatureCache(path).get("a") is None
    monkeypatch.undo()
    monkeypatch.setattr(cv2, "__version__", "99")
    assert FeatureCache(path).get("a") is None


def test_a_file_of_another_format_is_made_anew(path: Path) -> None:
    put(path, "a").close()
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA user_version=99")
    file.close()
    assert FeatureCache(path).get("a") is None
    assert put(path, "a").get("a") is not None


def test_several_threads_and_processes_share_a_file(path: Path) -> None:
    code = """
import sys; from pathlib import Path
from tests.unit.duplicates.compare.test_feature_cache import put
put(Path(sys.argv[1]), *sys.argv[2:])
"""
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    run = [sys.executable, "-c", code, str(path)]
    others = [subprocess.Popen([*run, f"x{n}", f"y{n}"], env=environment) for n in range(2)]
    cache = FeatureCache(path)
    found, wide = sides(0)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: cache.put(str(number), found, wide=wide), range(40)))
        assert all(pool.map(lambda number: cache.get(str(number)), range(40)))
    assert [other.wait() for other in others] == [0, 0]
    assert all(cache.get(name) for name in ("x0", "y0", "x1", "y1"))


def test_who_is_killed_while_writing_leaves_what_was_written(path: Path) -> None:
    code = """
import os, sys, signal; from pathlib import Path
from tests.unit.duplicates.compare.test_feature_cache import put, sides
cache = put(Path(sys.argv[1]), "a")
found, wide = sides(1)
cache._file.execute("BEGIN")
cache.put("b", found, wide=wide)
os.kill(os.getpid(), signal.SIGKILL)
"""
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    assert subprocess.run([sys.executable, "-c", code, str(path)], env=environment).returncode == -9
    cache = FeatureCache(path)
    assert cache.get("a") is not None and cache.get("b") is None
    assert put(path, "b").get("b") is not None


def test_it_does_not_outgrow_its_limit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_cache, "_CHECKED_EVERY", 2)
    cache = FeatureCache(path, limit=600_000)
    found, wide = sides(0)
    for number in range(60):
        cache.put(str(number), found, wide=wide)
    kept = [number for number in range(60) if cache.get(str(number)) is not None]
    assert 5 < len(kept) < 20, "a record is 40 kB"
    cache.close()
    assert path.stat().st_size < 900_000


def test_a_full_disk_only_costs_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = put(path, "a")
    assert cache._file is not None
    cache._file.execute(f"PRAGMA max_page_count={cache._file.execute('PRAGMA page_count').fetchone()[0]}")
    found, wide = sides(1)
    cache.put("b", found, wide=wide)
    assert cache.get("b") is None and cache.get("a") is not None
    nearly = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(feature_cache.shutil, "disk_usage", lambda folder: nearly)
    assert put(path.with_name("other"), "a").get("a") is None, "what is left of a disk is not for a cache"


def test_where_no_file_can_be_a_temporary_one_does(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    cache = put(blocked / "features.sqlite", "a")
    assert cache.get("a") is not None and blocked.read_text() == ""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_read(path: Path) -> None:
    put(path, "a").close()
    path.parent.chmod(0o500)
    try:
        assert put(path, "b").get("b") is not None
    finally:
        path.parent.chmod(0o700)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (7, 3), (300, 41)])
def test_percentiles_are_those_of_numpy(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    for most in (2, 40, 256):
        levels = random.integers(0, most, shape).astype(np.uint8)
        assert pixels._percentiles(levels, (0.01, 0.99)) == np.percentile(levels, (1, 99)).tolist()


def stored(folder: Path, name: str, image: Image.Image) -> Subject:
    image.save(folder / name, quality=92)
    source = read_source(folder / name)
    return Subject(name, source.sha256, (str(folder / name),), *image.size, signature(image))


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Subject, Subject]:
    whole = picture(1)
    return stored(tmp_path, "whole.jpg", whole), stored(tmp_path, "part.jpg", whole.crop((90, 70, 400, 310)))


def test_a_second_judge_says_the_same_and_looks_for_no_corners(
    tmp_path: Path, pair: tuple[Subject, Subject], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [stored(tmp_path, f"{seed}.jpg", picture(seed)) for seed in (2, 3)]
    mirrored = stored(tmp_path, "mirrored.jpg", picture(1).transpose(Image.Transpose.FLIP_LEFT_RIGHT).rotate(3))
    asked = [(pair[0], other) for other in (pair[1], mirrored, *others)]
    first = Judge(store=PixelStore(cache=FeatureCache(path)))
    said = [first.judge(*both) for both in asked]
    assert [each and each.tier for each in said] == ["edited", "transformed", None, None]
    monkeypatch.setattr(pixels, "extract", lambda *_, **__: pytest.fail("features are known"))
    again = Judge(store=PixelStore(cache=FeatureCache(path)))
    assert [again.judge(*both) for both in asked[:1] + asked[2:]] == said[:1] + said[2:]
    monkeypatch.setattr(pixels, "decode", lambda *_, **__: pytest.fail("nothing to be seen that corners do not say"))
    strangers = Judge(store=PixelStore(cache=FeatureCache(path)))
    assert [strangers.judge(*both) for both in asked[2:]] == [None, None]


def test_corners_of_a_picture_that_is_gone_decide_nothing(pair: tuple[Subject, Subject], path: Path) -> None:
    judge = Judge(store=PixelStore(cache=FeatureCache(path)))
    found = judge.judge(*pair)
    assert found is not None and found.tier == "edited"
    Path(pair[1].paths[0]).unlink()
    gone = Judge(store=PixelStore(cache=FeatureCache(path))).judge(*pair)
    without = Judge(store=PixelStore(cache=FeatureCache(path.with_name("empty")))).judge(*pair)
    assert gone == without
