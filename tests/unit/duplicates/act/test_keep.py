"""Keep rules choose the file that a person would, and say why."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_search.duplicates.act.keep import DEFAULT_KEEP, KEEP_RULES, parse_keep
from hybrid_search.duplicates.model import Member
from hybrid_search.errors import BadKeepRule
from tests.support.fakes import photo
from tests.support.picture_files import described

CAMERA = {
    "camera": {"make": "Canon", "model": "EOS 6D"},
    "taken_at": "2015-06-01T10:00:00",
    "exposure_time": 0.01,
    "f_number": 8.0,
    "iso": 100,
    "focal_length": 50.0,
}

CASES = {
    "most-pixels": ({"width": 4000, "height": 3000}, {"width": 2000, "height": 1500}, "4000 × 3000 pixels"),
    "most-pixels ": ({"width": 1000, "height": 1001}, {"width": 1001, "height": 1000 - 1}, "1000 × 1001 pixels"),
    "largest": ({"bytes": 3_000_000}, {"bytes": 2_000_000}, "3,000,000 bytes"),
    "smallest": ({"bytes": 2_000_000}, {"bytes": 3_000_000}, "2,000,000 bytes"),
    "camera-original": (CAMERA, {}, "7 of 8 camera facts"),
    "camera-original ": ({**CAMERA, "exif": {"MakerNote_LensType": "EF 50"}}, CAMERA, "8 of 8 camera facts"),
    "oldest": ({"taken_at": "2014-01-01T00:00:00"}, {"taken_at": "2015-01-01T00:00:00"}, "taken 2014-01-01 00:00:00"),
    "oldest ": ({"taken_at": "2015-01-01"}, {}, "taken 2015-01-01"),
    "oldest  ": ({"taken_at": "2015-06-01T10:00:00"}, {"taken_at": "2015"}, "taken 2015-06-01 10:00:00"),
    "newest  ": ({"taken_at": "2015-06-01T10:00:00"}, {"taken_at": "2015"}, "taken 2015-06-01 10:00:00"),
    "newest": ({"taken_at": "2015-01-01T00:00:00"}, {"taken_at": "2014-12-31T23:59:59"}, "taken 2015-01-01 00:00:00"),
    "newest ": ({"taken_at": "2015-01-01"}, {}, "taken 2015-01-01"),
    "gps": ({"location": {"lat": 0.0, "lon": 0.0}}, {}, "a position"),
    "best-format": ({"format": "cr2"}, {"format": "tiff"}, "cr2"),
    "best-format ": ({"format": "png"}, {"format": "jpeg"}, "png"),
    "best-format  ": ({"format": "heif"}, {"format": "jpeg"}, "heif"),
    "best-format   ": ({"format": "jpeg"}, {"format": "webp"}, "jpeg"),
    "best-format    ": ({"format": "gif"}, {"format": "unheard-of"}, "gif"),
    "best-described": ({"caption": "a boat", "tags": ["sea"]}, {"caption": "a boat"}, "2 of 9 descriptions"),
    "oldest-file": ({"mtime_ns": 10**18}, {"mtime_ns": 10**18 + 1}, "file of 2001-09-09 01:46:40 UTC"),
    "newest-file": ({"mtime_ns": 10**18 + 10**9}, {"mtime_ns": 10**18}, "file of 2001-09-09 01:46:41 UTC"),
}


@pytest.mark.parametrize("rule", CASES)
def test_every_rule_keeps_the_better_file_and_says_so(rule: str) -> None:
    better, worse, says = CASES[rule]
    # the names alone would choose the other one
    members = [described("/p/z.jpg", **better), described("/p/a.jpg", **worse)]
    for order in itertools.permutations(members):
        kept = parse_keep(rule.strip()).choose(order)
        assert kept.member.path == "/p/z.jpg"
        assert kept.why == f"{rule.strip()}: {says}"
        assert kept.others["/p/a.jpg"].startswith(f"{rule.strip()}: ")
        assert kept.others["/p/a.jpg"].endswith(f"; the kept file: {says}")


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        ("shortest-name", "/photos/2019/IMG_1.jpg"),
        ("shortest-path", "/b/IMG_1 (copy).jpg"),
        ("path:*/originals/*", "/photos/originals/IMG_1 (2).jpg"),
        ("path:*(copy)*", "/b/IMG_1 (copy).jpg"),
        ("avoid:*(*,shortest-path", "/photos/2019/IMG_1.jpg"),
        ("avoid:/b/*,shortest-path", "/photos/2019/IMG_1.jpg"),
        ("path:IMG_1.jpg", "/photos/2019/IMG_1.jpg"),
        ("path:img_1.jpg,shortest-path", "/b/IMG_1 (copy).jpg"),
    ],
)
def test_rules_of_paths_tell_files_of_the_same_bytes_apart(rules: str, kept: str) -> None:
    paths = ["/photos/2019/IMG_1.jpg", "/b/IMG_1 (copy).jpg", "/photos/originals/IMG_1 (2).jpg"]
    members = [described(path, sha256="one") for path in paths]
    assert parse_keep(rules).choose(members).member.path == kept


def test_the_next_rule_decides_where_the_first_finds_files_equal() -> None:
    small = described("/p/small.jpg", width=100, taken_at="2001-01-01T00:00:00")
    late = described("/p/late.jpg", taken_at="2003-01-01T00:00:00")
    early = described("/p/early.jpg", taken_at="2002-01-01T00:00:00+02:00")
    kept = parse_keep("most pixels, then oldest").choose([small, late, early])
    assert kept.member is early
    assert kept.why == "most-pixels: 400 × 300 pixels; oldest: taken 2002-01-01 00:00:00"
    assert kept.others == {
        "/p/small.jpg": "most-pixels: 100 × 300 pixels; the kept file: 400 × 300 pixels",
        "/p/late.jpg": "oldest: taken 2003-01-01 00:00:00; the kept file: taken 2002-01-01 00:00:00",
    }


def test_one_moment_with_and_without_an_offset_is_equal() -> None:
    kept = parse_keep("oldest").choose(
        [described("/p/b", taken_at="2002-01-01T10:00:00+09:00"), described("/p/a", taken_at="2002-01-01T10:00:00")]
    )
    assert kept.why == "equal by every rule, the first by path"
    assert kept.others == {"/p/b": "equal by every rule; the first by path is kept"}


def test_the_finer_quantisation_is_kept(tmp_path: Path) -> None:
    members = []
    for quality in (95, 75, 30):
        path = tmp_path / f"{100 - quality}.jpg"
        photo(1).save(path, quality=quality)
        members.append(described(path, format="jpeg"))
    broken = tmp_path / "0.jpg"
    broken.write_bytes(b"\xff\xd8\xff no table")
    members.append(described(broken, format="jpeg"))
    kept = parse_keep("least-compressed").choose(members)
    assert kept.why == "least-compressed: JPEG quality about 95"
    assert "quality about 75" in kept.others[str(tmp_path / "25.jpg")]
    assert "quality about 30" in kept.others[str(tmp_path / "70.jpg")]
    assert "unknown compression" in kept.others[str(broken)]
    lossless = described("/p/z.png", format="png")
    assert parse_keep("least-compressed").choose([*members, lossless]).member is lossless


def test_colour_is_kept_before_anything_else(tmp_path: Path) -> None:
    colour, grey = tmp_path / "z.jpg", tmp_path / "a.jpg"
    photo(1).save(colour, quality=40)
    photo(1).resize((320, 240)).convert("L").save(grey, quality=98)
    members = [
        described(colour, format="jpeg", width=160, height=120, bytes=1),
        described(grey, format="jpeg", width=320, height=240, bytes=10**6, **CAMERA),
    ]
    kept = parse_keep().choose(members)
    assert kept.member is members[0]
    assert kept.others[str(grey)] == "colour: grey; the kept file: in colour"


def test_the_default_rules_are_all_known() -> None:
    assert str(parse_keep()) == DEFAULT_KEEP
    assert {str(rule) for rule in parse_keep().rules} <= set(KEEP_RULES)


@pytest.mark.parametrize("text", ["", " , ", "biggest", "path", "path:", "most-pixels:3", "most-pixels:", "protected"])
def test_unknown_rules_are_named_with_the_known_ones(text: str) -> None:
    with pytest.raises(BadKeepRule) as caught:
        parse_keep(text)
    assert isinstance(caught.value, ValueError)
    assert "path:GLOB" in str(caught.value)
    assert "most-pixels" in caught.value.known


def test_rules_are_read_in_any_spelling() -> None:
    assert str(parse_keep("Most_Pixels, THEN Oldest,color, oldest")) == "most-pixels,oldest,colour"
    assert str(parse_keep(["path:*/a,b/*", "oldest"])) == "path:*/a,b/*,oldest"
    assert parse_keep("path:*/Then Oldest/*").rules[0].value == "*/Then Oldest/*"


def test_a_protected_folder_alone_leaves_the_default_rules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    rules = parse_keep("protected:albums,protected:/else/../where")
    assert rules.protected == (str(tmp_path / "albums"), "/where")
    assert rules.rules == parse_keep().rules


def _members() -> st.SearchStrategy[list[Member]]:
    one = st.fixed_dictionaries(
        {
            "width": st.sampled_from([100, 200]),
            "bytes": st.sampled_from([1, 2]),
            "taken_at": st.sampled_from(["2001-01-01T00:00:00", "2002-01-01T00:00:00"]),
            "sha256": st.sampled_from(["x", "y", "z"]),
            "mtime_ns": st.sampled_from([10**18, 2 * 10**18]),
            "format": st.sampled_from(["png", "tiff"]),
        }
    )
    return st.lists(one, min_size=1, max_size=6).map(
        lambda found: [described(f"/p/{number}", **source) for number, source in enumerate(found)]
    )


@settings(max_examples=150, deadline=None)
@given(
    members=_members(), seed=st.integers(0, 99), rules=st.permutations(["largest", "oldest", "oldest-file", "newest"])
)
def test_the_choice_does_not_depend_on_the_order_of_the_files(
    members: list[Member], seed: int, rules: list[str]
) -> None:
    shuffled = random.Random(seed).sample(members, len(members))
    first, second = parse_keep(rules).choose(members), parse_keep(rules).choose(shuffled)
    assert first.member is second.member
    assert first.others == second.others
    assert first.others.keys() == {member.path for member in members} - {first.member.path}
