"""Plans keep what matters of every group, say why, and never trust a match that was not judged."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_search.document.document import FileFacts
from hybrid_search.duplicates.act.keep import parse_keep
from hybrid_search.duplicates.act.plan import (
    SAME_ELSEWHERE,
    Decision,
    Plan,
    PlannedFile,
    choose,
    decide,
    make_plan,
)
from hybrid_search.duplicates.model import DuplicateGroup, Member
from hybrid_search.errors import ActionRefused
from hybrid_search.hits.evidence import DUPLICATE_TIERS, TIERS, Evidence, Tier
from tests.support.picture_files import described, grouped

LARGE = {"width": 4000, "height": 3000}


def paths(files: tuple[PlannedFile, ...]) -> list[str | None]:
    return [file.path for file in files]


def test_the_rules_choose_and_every_file_has_its_reason() -> None:
    group = grouped([described("/p/a.jpg", **LARGE), described("/p/b.jpg", tier="near")])
    decision = decide(group, parse_keep("most-pixels"))
    assert decision.kept is not None
    assert (decision.kept.path, decision.kept.why) == ("/p/a.jpg", "most-pixels: 4000 × 3000 pixels")
    (gone,) = decision.remove
    assert (gone.path, gone.tier, gone.bytes, gone.mtime_ns) == ("/p/b.jpg", "near", 1000, 10**18)
    assert gone.why == "most-pixels: 400 × 300 pixels; the kept file: 4000 × 3000 pixels"
    plan = make_plan([group], keep=parse_keep("most-pixels"))
    assert (plan.removed, plan.freed, plan.decisions) == (1, 1000, (decision,))


@pytest.mark.parametrize("tier", TIERS)
def test_only_tiers_that_are_allowed_are_removed(tier: Tier) -> None:
    group = grouped([described("/p/a", **LARGE), described("/p/b", tier=tier)])
    decision = decide(group, parse_keep())
    assert paths(decision.remove) == (["/p/b"] if tier in ("bytes", "pixels", "near") else [])
    if not decision.remove:
        assert {file.path for file in (*decision.keep, *decision.left)} == {"/p/a", "/p/b"}
    everything = decide(group, parse_keep(), tiers=TIERS)
    assert paths(everything.remove) == (["/p/b"] if tier in DUPLICATE_TIERS else []), "unsure and similar never"


def test_a_crop_is_never_kept_in_the_place_of_the_whole_picture() -> None:
    whole = described("/p/whole", taken_at="2005-01-01T00:00:00", **LARGE)
    crop = described("/p/crop", tier="edited", taken_at="2001-01-01T00:00:00")
    copy = described("/p/copy", tier="near", taken_at="2004-01-01T00:00:00")
    decision = decide(grouped([whole, copy, crop]), parse_keep("oldest"))
    assert (paths(decision.keep), paths(decision.remove), paths(decision.left)) == (
        ["/p/copy"],
        ["/p/whole"],
        ["/p/crop"],
    )


def test_members_are_only_known_to_match_the_representative() -> None:
    whole = described("/p/whole", taken_at="2005-01-01T00:00:00", **LARGE)
    old = described("/p/old", tier="near", taken_at="2001-01-01T00:00:00")
    other = described("/p/other", tier="near", taken_at="2002-01-01T00:00:00")
    group = grouped([whole, old, other])
    decision = decide(group, parse_keep("oldest"))
    assert (paths(decision.keep), paths(decision.remove)) == (["/p/old"], ["/p/whole"])
    assert decision.left[0].why == "it matches the group's largest picture, but was not found to match the kept file"

    asked: list[tuple[str | None, str | None]] = []

    def compare(verdict: Evidence | None, one: Member, two: Member) -> Evidence | None:
        asked.append((one.path, two.path))
        return verdict

    for verdict, gone in (
        (Evidence("near"), ["/p/whole", "/p/other"]),
        (Evidence("edited"), ["/p/whole"]),
        (Evidence("unsure"), ["/p/whole"]),
        (None, ["/p/whole"]),
    ):
        decision = decide(group, parse_keep("oldest"), compare=lambda one, two, v=verdict: compare(v, one, two))
        assert paths(decision.remove) == gone
    assert set(asked) == {("/p/old", "/p/other")}, "the representative is not judged again"


@pytest.mark.parametrize("equal", ["bytes", "pixels"])
def test_equal_pixels_stand_for_the_representative(equal: Tier) -> None:
    whole = described("/p/z", **LARGE)
    twin = described("/p/a", tier=equal, **LARGE)
    copy = described("/p/c", tier="near")
    decision = decide(grouped([whole, twin, copy]), parse_keep("most-pixels,path:/p/a"))
    assert paths(decision.keep) == ["/p/a"]
    assert {file.path: file.tier for file in decision.remove} == {"/p/z": equal, "/p/c": "near"}


def more(path: str, *, first: tuple[str, ...] = (), second: tuple[str, ...] = (), tier: Tier = "more") -> Member:
    """Return a member that lacks `first` of the representative's, and has `second` besides."""
    return replace(described(path), evidence=Evidence(tier, distance=0.02, first_has=first, second_has=second))


@pytest.mark.parametrize("tier", ["pixels", "near", "more"])
def test_a_file_that_shows_more_never_goes(tier: Tier) -> None:
    whole, signed = described("/p/whole", **LARGE), more("/p/signed", second=("a signature",), tier=tier)
    for tiers in (("bytes", "pixels", "near"), TIERS):
        decision = decide(grouped([whole, signed]), parse_keep("most-pixels"), tiers=tiers)
        assert "/p/signed" not in paths(decision.remove)
    assert paths(decision.keep) == ["/p/signed"], "the richer file stays, whatever the rules say"
    assert paths(decision.remove) == ["/p/whole"]
    protected = decide(grouped([whole, signed]), parse_keep("protected:/p/whole"), tiers=TIERS)
    assert protected.remove == ()
    assert protected.left[0].why == "it shows something that the kept file does not: a signature"


def test_the_poorer_file_goes_when_its_tier_may() -> None:
    first, still = described("/p/moving", **LARGE), more("/p/still", first=("11 more frames",))
    decision = decide(grouped([first, still]), parse_keep("path:/p/still"))
    assert decision.remove == ()
    assert decision.left[0].why == (
        "it lacks what the first file of the group shows: 11 more frames; "
        "its match is of the tier 'more', which is not to be removed"
    )
    named = decide(grouped([first, still]), parse_keep("path:/p/still"), tiers=("more",))
    assert (paths(named.keep), paths(named.remove)) == (["/p/moving"], ["/p/still"])
    grey = more("/p/grey", first=("colour",), tier="near")
    assert paths(decide(grouped([first, grey]), parse_keep("path:/p/grey")).remove) == ["/p/grey"]


def test_neither_goes_when_each_shows_what_the_other_does_not() -> None:
    first, other = described("/p/a", **LARGE), more("/p/b", first=("a tick",), second=("a signature",))
    for rules in ("path:/p/a", "path:/p/b"):
        assert decide(grouped([first, other]), parse_keep(rules), tiers=TIERS).remove == ()


def test_what_two_members_hold_is_asked_for_and_not_added_up() -> None:
    group = grouped([described("/p/whole", **LARGE), more("/p/a", second=("a",)), more("/p/b", second=("b",))])
    keep = parse_keep("path:/p/a")
    assert paths(decide(group, keep, tiers=TIERS).remove) == ["/p/whole"], "nothing is known of the two"
    for second, gone in ((("b",), ["/p/whole"]), ((), ["/p/whole", "/p/b"])):
        found = Evidence("more", first_has=("a",), second_has=second)
        assert paths(decide(group, keep, tiers=TIERS, compare=lambda one, two, f=found: f).remove) == gone


def test_equal_pixels_with_a_difference_stand_for_nobody() -> None:
    clear = more("/p/clear", second=("transparency",), tier="pixels")
    copy = described("/p/copy", tier="near")
    decision = decide(grouped([described("/p/whole", **LARGE), copy, clear]), parse_keep("path:/p/copy"), tiers=TIERS)
    assert paths(decision.keep) == ["/p/clear"]
    assert "/p/copy" not in paths(decision.remove), "it was only compared with the whole one"


def test_a_member_without_evidence_is_left_alone() -> None:
    decision = decide(grouped([described("/p/a", **LARGE), described("/p/b")]), parse_keep())
    assert not decision.remove


def test_paths_of_one_document_are_copies_of_the_tier_bytes() -> None:
    first = described("/p/IMG_1.jpg", sha256="x")
    second = Member("x", "/p/IMG_1 (1).jpg", Evidence("bytes"), described("/p/IMG_1 (1).jpg", sha256="x").source)
    decision = decide(grouped([first, second]), parse_keep())
    assert (paths(decision.keep), paths(decision.remove)) == (["/p/IMG_1.jpg"], ["/p/IMG_1 (1).jpg"])
    assert decision.remove[0].tier == "bytes"
    assert not decide(grouped([first, second]), parse_keep(), tiers=("near",)).remove


ALBUM = "/photos/2014-06 Rome/IMG_1.jpg"


@pytest.mark.parametrize(
    "copy",
    [
        "/a/Backup/IMG_1.jpg",
        "/a/Backup 2019-01-02/IMG_1.jpg",
        "/photos/2014-06 Rome/IMG_1 (1).jpg",
        "/photos/2014-06 Rome/IMG_1 - Copy.jpg",
        "/photos/2014-06 Rome/Copy of IMG_1.jpg",
        "/photos/2014-06 Rome/Kopie von IMG_1.jpg",
        "/photos/2014-06 Rome (1)/IMG_1.jpg",
        "/p/WhatsApp Images/IMG-20140601-WA0001.jpg",
        "/p/Téléchargements/IMG_1.jpg",
        "/p/Downloads/Rome/IMG_1.jpg",
        "/p/_MEI12345/IMG_1.jpg",
        "/p/.Trash-1000/IMG_1.jpg",
        "/p/照片备份/IMG_1.jpg",
        "/p/резервная копия/IMG_1.jpg",
        "/p/a.jpg",
        "/p/DCIM/100CANON/IMG_1.jpg",
    ],
)
def test_of_equal_files_the_one_in_an_album_stays_whatever_its_path_and_time(copy: str) -> None:
    album, other = described(ALBUM, sha256="x", mtime_ns=2 * 10**18), described(copy, sha256="x", tier="bytes")
    for members in ([album, replace(other, evidence=Evidence("bytes"))], [other, album]):
        decision = decide(grouped(members), parse_keep())
        assert (paths(decision.keep), paths(decision.remove)) == ([ALBUM], [copy])
        assert decision.keep[0].why.startswith("best-place: in the album '2014-06 Rome'")
        assert decision.remove[0].why.startswith("best-place: ")


def test_of_equal_files_the_one_with_a_sidecar_stays() -> None:
    facts = [FileFacts("/p/Backup/a.jpg", 1, 2, sidecars="f").to_json()]
    bare, with_one = described(ALBUM, sha256="x"), described("/p/Backup/a.jpg", sha256="x", tier="bytes", files=facts)
    decision = decide(grouped([bare, with_one]), parse_keep())
    assert paths(decision.keep) == ["/p/Backup/a.jpg"]
    assert decision.remove[0].why == "has-sidecar: no sidecar; the kept file: a sidecar"


def test_equal_files_in_two_folders_are_left_alone_until_somebody_says_which() -> None:
    one, other = described("/a/x/1.jpg", sha256="x"), described("/b/x/1.jpg", sha256="x", tier="bytes", mtime_ns=1)
    group = grouped([one, other])
    decision = decide(group, parse_keep())
    assert (decision.remove, [file.why for file in decision.left]) == ((), [SAME_ELSEWHERE])
    for elsewhere in ("most-pixels", "protected:/c", "path:*/nothing/*", "has-sidecar"):
        assert decide(group, parse_keep(elsewhere).before_default()).remove == ()
    for told in (parse_keep("oldest-file").before_default(), parse_keep("below:/b"), parse_keep("protected:/b")):
        assert paths(decide(group, told).remove) == ["/a/x/1.jpg"]
    within = described("/a/x/1_1.jpg", sha256="x", tier="bytes")
    decision = decide(grouped([one, other, within]), parse_keep("shortest-name").before_default())
    assert "/a/x/1_1.jpg" in paths(decision.remove), "in one folder the name decides"


def test_protected_files_are_kept_whatever_the_rules_say() -> None:
    small = described("/albums/small.jpg", tier="near", width=100, height=100)
    twin = described("/albums/deep/er/twin.jpg", tier="near", width=90, height=90)
    equal = described("/p/equal.jpg", tier="near", width=100, height=100)
    neighbour = described("/albums2/near.jpg", tier="near", width=50, height=50)
    whole = described("/p/whole.jpg", **LARGE)
    decision = decide(
        grouped([whole, small, twin, equal, neighbour]),
        parse_keep("most-pixels,protected:/albums"),
        compare=lambda one, two: Evidence("near"),
    )
    assert paths(decision.keep) == ["/albums/small.jpg", "/albums/deep/er/twin.jpg"]
    assert paths(decision.remove) == ["/p/equal.jpg", "/albums2/near.jpg"]
    assert decision.left[0].path == "/p/whole.jpg"
    assert decision.left[0].why == "it has more pixels than the copy in the protected folder"
    plan = make_plan([], keep=parse_keep("protected:/albums"), protected=["/other", "/albums"])
    assert plan.protected == ("/albums", "/other")


def test_raw_files_are_not_given_up_for_what_was_made_of_them() -> None:
    raw = described("/p/IMG_1.CR2", format="cr2", tier="near", width=100, height=80)
    beside = described("/p/img_1.jpg", format="jpeg", tier="near", **LARGE)
    export = described("/exports/IMG_1.jpg", format="jpeg", tier="near", **LARGE)
    larger = grouped([described("/p/IMG_1.jpg", format="jpeg", **LARGE), raw])
    decision = decide(larger, parse_keep("most-pixels"))
    assert decision.left[0].why == "a camera's raw file is not removed for a picture that was made from it"
    by_format = grouped([described("/p/IMG_1.CR2", format="cr2"), beside, export])
    decision = decide(by_format, parse_keep("best-format"))
    assert paths(decision.remove) == ["/exports/IMG_1.jpg"]
    assert decision.left[0].why == "it is the camera's own picture beside its raw file"


def test_what_is_no_file_or_missing_can_neither_stay_nor_go() -> None:
    here = described("/p/here.jpg", tier="near")
    missing = described("/p/gone.jpg", tier="near", files=[FileFacts("/p/gone.jpg", 1, 2, missing=True).to_json()])
    url = described("https://example.org/a.jpg", tier="near", files=[FileFacts("https://example.org/a.jpg").to_json()])
    bare = Member("bytes", None, Evidence("bytes"), {"sha256": "bytes", **LARGE})
    for others in ([missing], [url], [bare], [missing, url, bare]):
        decision = decide(grouped([*others, here]), parse_keep())
        assert decision.remove == ()
        assert paths(decision.keep) == ["/p/here.jpg"]
        assert len(decision.left) == len(others)
        assert all(file.why for file in decision.left)


def test_one_path_that_is_named_twice_is_one_file() -> None:
    member = described("/p/a.jpg", sha256="x")
    again = described("/p/a.jpg", sha256="x", tier="bytes")
    assert decide(grouped([member, again]), parse_keep()).remove == ()


def test_a_decision_without_a_file_that_stays_is_refused() -> None:
    file = PlannedFile("a", "/p/a", "a", FileFacts("/p/a", 1, 2), "bytes", "")
    bare = PlannedFile("b", None, "b", None, None, "")
    for keep in ((), (bare,), (file,)):
        with pytest.raises(ActionRefused):
            Decision("g", keep, (file,))
    with pytest.raises(ActionRefused):
        Decision("g", (file,), (bare,))


def test_a_person_chooses() -> None:
    group = grouped([described("/p/a", **LARGE), described("/p/b", tier="unsure"), described("/p/c", tier="near")])
    decision = choose(group, remove=["/p/a", "/p/b"])
    assert (paths(decision.keep), paths(decision.remove)) == (["/p/c"], ["/p/a", "/p/b"])
    decision = choose(group, remove=["/p/a"], keep=["/p/b"])
    assert (paths(decision.keep), paths(decision.remove)) == (["/p/b", "/p/c"], ["/p/a"])
    assert choose(group, remove=["/p/b"], protected=["/p"]).remove == ()
    with pytest.raises(ActionRefused):
        choose(group, remove=["/p/a", "/p/b", "/p/c"])
    with pytest.raises(ActionRefused):
        choose(group, remove=["/p/elsewhere"])


def test_plans_are_json() -> None:
    group = grouped([described("/p/a", **LARGE), described("/p/b", tier="near"), described("/p/c", tier="edited")])
    plan = make_plan([group], protected=["/albums"])
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    edited = plan.to_json()
    edited["decisions"][0]["remove"] += edited["decisions"][0]["keep"]
    edited["decisions"][0]["keep"] = []
    with pytest.raises(ActionRefused):
        Plan.from_json(edited)


@pytest.mark.parametrize(
    "stored", [None, [], {}, {"plan": 2, "decisions": []}, {"plan": 1}, {"plan": 1, "decisions": [1]}]
)
def test_other_json_is_no_plan(stored: Any) -> None:
    with pytest.raises(ActionRefused):
        Plan.from_json(stored)


def _groups() -> st.SearchStrategy[DuplicateGroup]:
    one = st.fixed_dictionaries(
        {
            "tier": st.sampled_from(TIERS),
            "width": st.sampled_from([100, 200]),
            "sha256": st.sampled_from(["x", "y", "z"]),
            "format": st.sampled_from(["jpeg", "cr2"]),
            "folder": st.sampled_from(["/p", "/albums"]),
        }
    )

    def group(found: list[dict[str, Any]]) -> DuplicateGroup:
        members = []
        for number, source in enumerate(found):
            path = f"{source.pop('folder')}/{number}.jpg"
            tier = source.pop("tier")
            members.append(described(path, tier=tier if number else None, **source))
        return grouped(members)

    return st.lists(one, min_size=2, max_size=6).map(group)


@settings(max_examples=200, deadline=None)
@given(group=_groups(), rules=st.sampled_from(["most-pixels", "shortest-path", "path:*/p/*", "best-format"]))
def test_every_group_keeps_a_file_and_every_file_is_accounted_for(group: DuplicateGroup, rules: str) -> None:
    decision = decide(group, parse_keep(f"{rules},protected:/albums"), tiers=TIERS)
    files = (*decision.keep, *decision.remove, *decision.left)
    assert sorted(str(file.path) for file in files) == sorted(str(member.path) for member in group.members)
    assert all(file.why for file in files)
    assert decision.keep or not decision.remove
    assert not [file for file in decision.remove if str(file.path).startswith("/albums")]
    assert {file.tier for file in decision.remove} <= set(DUPLICATE_TIERS)
