"""Reports of duplicates: what they say, what they mark, and that no name or caption can do harm in them."""

from __future__ import annotations

import base64
import csv
import hashlib
import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from hybrid_search.duplicates.act.plan import Decision, PlannedFile
from hybrid_search.duplicates.model import DuplicateGroup, Member
from hybrid_search.duplicates.report import choices as read
from hybrid_search.duplicates.report.choices import read_choices
from hybrid_search.duplicates.report.group_report import GroupReport, describe, readable_bytes, report_group
from hybrid_search.duplicates.report.page import page
from hybrid_search.duplicates.report.spreadsheet import COLUMNS, csv_lines
from hybrid_search.errors import DuplicatesError
from hybrid_search.hits.evidence import Evidence, Tier
from tests.support.fakes import photo

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


def member(path: str, evidence: Evidence | None = None, *, id: str = "", **source: Any) -> Member:
    size = source.pop("bytes", 1000)
    files = [{"path": path, "bytes": size, "mtime_ns": 1_700_000_000_123_456_789}]
    fields = {"sha256": f"sha-{path}", "width": 640, "height": 480, "format": "jpeg", "files": files, "bytes": size}
    return Member(id or f"id-{path}", path, evidence, {**fields, **source})


def group(*members: Member) -> DuplicateGroup:
    return DuplicateGroup(members[0].id, members)


def decided(found: DuplicateGroup, *, remove: set[str], why: str = "fewer pixels") -> Decision:
    planned = [PlannedFile(each.id, each.path, "sha", None, None, why) for each in found.members]
    keep = tuple(each for each in planned if each.path not in remove)
    return Decision(found.id, keep, tuple(each for each in planned if each.path in remove))


def shown(*reports: GroupReport, **more: str) -> str:
    given = {"title": "photos", "made": "2026-01-02 03:04", "apply": "apply choices.json", **more}
    return "".join(page(reports, **given))


# -- facts -----------------------------------------------------------------------------------------------------------


def test_facts_in_which_files_differ_are_named_and_the_better_value_is_marked() -> None:
    exif = {"Image": {"Make": "Canon"}, "EXIF": {"ISO": 100, "FNumber": 2.8}}
    large = member("/a.jpg", bytes=9000, taken_at="2015-01-01T00:00:00", exif=exif, tags=["sea"])
    small = member("/b.jpg", Evidence("near", 0.1), width=64, height=48, bytes=900, taken_at="2014-01-01T00:00:00")
    report = report_group(group(large, small))
    assert report.differing == ("pixels", "bytes", "taken_at", "tags", "exif")
    assert report.files[0].best == {"pixels", "bytes", "exif"}
    assert report.files[1].best == {"taken_at"}, "the earlier moment is the original's"
    assert report.files[0].facts["exif"] == 3
    assert "tags" not in report.files[1].facts


def test_a_wide_picture_is_not_better_than_a_larger_one() -> None:
    wide, large = member("/w.jpg", width=1000, height=10), member("/l.jpg", Evidence("near"), width=500, height=500)
    report = report_group(group(wide, large))
    assert [file.best for file in report.files] == [frozenset(), {"pixels"}]


def test_more_bytes_of_another_format_are_not_better() -> None:
    other = member("/b.png", Evidence("near"), bytes=9000, format="png")
    assert all(not file.best for file in report_group(group(member("/a.jpg"), other)).files)


def test_equal_files_differ_in_nothing_and_none_is_better() -> None:
    report = report_group(group(member("/a.jpg", id="one"), member("/b.jpg", Evidence("bytes"), id="one")))
    assert report.differing == ()
    assert all(not file.best for file in report.files)


def test_size_and_time_are_those_of_the_members_own_file() -> None:
    files = [{"path": "/a.jpg", "bytes": 5, "mtime_ns": 0}, {"path": "/b.jpg", "bytes": 7, "mtime_ns": 86_400 * 10**9}]
    source = {"bytes": 5, "files": files, "modified_at": "2020-01-01T00:00:00Z"}
    report = report_group(group(Member("a", "/a.jpg", None, source), Member("a", "/b.jpg", Evidence("bytes"), source)))
    assert [file.facts["bytes"] for file in report.files] == [5, 7]
    assert [file.facts["modified_at"] for file in report.files] == ["1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z"]


def test_what_goes_is_counted() -> None:
    found = group(member("/a.jpg"), member("/b.jpg", Evidence("near"), bytes=20), member("/c.jpg", Evidence("near")))
    report = report_group(found, decision=decided(found, remove={"/b.jpg", "/c.jpg"}))
    assert (report.removed_files, report.freed_bytes) == (2, 1020)
    assert [file.choice for file in report.files] == ["keep", "remove", "remove"]
    assert report_group(found).files[0].choice is None


def test_json_has_evidence_choice_and_facts() -> None:
    found = group(member("/a.jpg", caption=HOSTILE), member("/b.jpg", Evidence("near", 0.125), width=64))
    stored = json.loads(json.dumps(report_group(found, decision=decided(found, remove={"/b.jpg"})).to_json()))
    assert (stored["tier"], stored["weakest"]) == ("near", {"tier": "near", "distance": 0.125})
    first, second = stored["files"]
    assert (first["choice"], first["evidence"], first["caption"]) == ("keep", None, HOSTILE)
    assert (second["choice"], second["why"], second["width"], second["height"]) == ("remove", "fewer pixels", 64, 480)


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        (None, "the others are compared with this one"),
        (Evidence("bytes"), "same bytes"),
        (Evidence("pixels"), "same pixels"),
        (Evidence("near", 0.1234), "near: distance 0.123"),
        (
            Evidence("transformed", 0.05, "turned 90°", negative=True),
            "transformed: turned 90°, negative, distance 0.050",
        ),
        (
            Evidence("edited", 0.6, inliers=42, overlap=0.8, aligned_distance=0.2),
            "edited: 80% of the smaller picture lies in the other, 42 points agree, distance of the overlap 0.200",
        ),
        (
            Evidence("more", 0.02, first_has=("a tick",), second_has=("a signature", "a stamp")),
            "more: the first one shows more: a tick; the other one shows more: a signature, a stamp, distance 0.020",
        ),
        (Evidence("pixels", first_has=("transparency",)), "same pixels; the first one shows more: transparency"),
        (Evidence("unsure", note="same object or template"), "unsure: same object or template"),
        (Evidence("similar", cosine=0.9), "similar: cosine 0.900"),
    ],
)
def test_evidence_in_words(evidence: Evidence | None, said: str) -> None:
    assert describe(evidence) == said


@pytest.mark.parametrize(("number", "text"), [(0, "0 bytes"), (1, "1 byte"), (1500, "1.5 kB"), (2 * 10**12, "2.0 TB")])
def test_sizes_as_people_write_them(number: int, text: str) -> None:
    assert readable_bytes(number) == text


# -- CSV -------------------------------------------------------------------------------------------------------------


def test_csv_and_json_say_what_one_shows_more() -> None:
    link = Evidence("more", first_has=("a", "b"), second_has=("c",), added=((0.0, 0.0, 0.5, 0.5),), added_to="first")
    report = report_group(group(member("/a.jpg"), member("/b.jpg", link)))
    row = list(csv.DictReader("".join(csv_lines([report])).splitlines()))[1]
    assert (row["match"], row["first_has"], row["second_has"]) == ("more", "a; b", "c")
    stored = json.loads(json.dumps(report.to_json()))["files"][1]["evidence"]
    assert stored["first_has"] == ["a", "b"] and stored["added"] == [[0.0, 0.0, 0.5, 0.5]]
    assert Evidence.from_json(stored) == link


def test_csv_has_a_row_for_each_file_and_no_formula() -> None:
    captions = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", 'a "quoted", line\nbreak']
    links: list[Tier | None] = [None, "bytes", "near", "near", "near", "edited"]
    members = [
        member(f"/{number}.jpg", None if tier is None else Evidence(tier, 0.25), caption=caption)
        for number, (caption, tier) in enumerate(zip(captions, links, strict=True))
    ]
    rows = list(csv.DictReader("".join(csv_lines([report_group(group(*members), number=7)])).splitlines(keepends=True)))
    assert [row["caption"] for row in rows] == [*(f"'{caption}" for caption in captions[:5]), captions[5]]
    assert [row["match"] for row in rows] == ["", "bytes", "near", "near", "near", "edited"]
    assert {row["number"] for row in rows} == {"7"}
    assert [row["distance"] for row in rows][1:] == ["0.25"] * 5
    assert all(row["bytes"] == "1000" for row in rows), "numbers stay numbers"


def test_csv_without_groups_has_its_header() -> None:
    assert "".join(csv_lines([])) == ",".join(COLUMNS) + "\n"


# -- the page --------------------------------------------------------------------------------------------------------


class Tags(HTMLParser):
    """Collects the elements of a page with their attributes, and what scripts and text they hold."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        tag = self.found[-1][0] if self.found else ""
        if tag in self.raw and self.rawdata:
            self.raw[tag].append(data)
        self.texts.append(data)

    def of(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        return [has for name, has in self.found if name == tag and wanted.items() <= has.items()]


def hostile_report() -> GroupReport:
    first = member(f"/{HOSTILE}/a.jpg", caption=HOSTILE, camera={"make": HOSTILE}, tags=[HOSTILE], thumbnail=HOSTILE)
    other = member(f"/{HOSTILE}.jpg", Evidence("near", note=HOSTILE), title=HOSTILE, thumbnail="javascript:alert(1)")
    found = group(first, other)
    return report_group(found, decision=decided(found, remove={str(other.path)}, why=HOSTILE))


def test_nothing_that_comes_from_files_becomes_markup() -> None:
    plain = Tags(shown(report_group(group(member("/a.jpg"), member("/b.jpg", Evidence("near"))))))
    tags = Tags(shown(hostile_report(), title=HOSTILE, apply=HOSTILE))
    assert len(tags.of("script")) == len(plain.of("script")) == 1
    assert not [has for _, has in tags.found for name in has if name.startswith("on")]
    assert [has.get("src", "") for has in tags.of("img")] == [""], "only the empty picture of the large view"
    assert "".join(tags.texts).count("alert(1)") >= 8, "it is shown as text"


def test_only_web_and_file_addresses_become_links(tmp_path: Path) -> None:
    paths = ["javascript:alert(1)", "https://photos.example/a.jpg", str(tmp_path / 'a "b"#?.jpg'), "data:text/html,x"]
    members = [Member("a", path, Evidence("bytes") if number else None) for number, path in enumerate(paths)]
    hrefs = [has["href"] for has in Tags(shown(report_group(group(*members)))).of("a")]
    assert hrefs == ["https://photos.example/a.jpg", (tmp_path / 'a "b"#?.jpg').as_uri()]


def test_control_characters_and_direction_overrides_are_shown_as_escapes() -> None:
    text = shown(report_group(group(member("/a\u202egpj.exe"), member("/b\x1b[31m.jpg", Evidence("near")))))
    assert "a\\u202egpj.exe" in text
    assert "b\\x1b[31m.jpg" in text
    assert "\u202e" not in text and "\x1b" not in text


def test_names_that_are_no_unicode_come_back_from_the_page() -> None:
    path = b"/caf\xe9.jpg".decode("utf-8", "surrogateescape")
    text = shown(report_group(group(member(path), member("/b.jpg", Evidence("near")))))
    text.encode("utf-8")
    stored = json.loads(Tags(text).of("fieldset")[0]["data-file"])
    assert stored["path"] == path


def test_the_page_needs_no_other_file_and_allows_no_other_script() -> None:
    from hybrid_search.document.picture import thumbnail

    small = thumbnail(photo(1))
    text = shown(report_group(group(member("/a.jpg", thumbnail=small), member("/b.jpg", Evidence("near")))))
    tags = Tags(text)
    assert not tags.of("link") and not [has for has in tags.of("script") if has.get("src")]
    assert tags.of("img")[0]["src"] == small
    (policy,) = (has["content"] for has in tags.of("meta") if has.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    for kind in ("script", "style"):
        (inside,) = re.findall(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_differences_and_choices_are_marked() -> None:
    found = group(member("/a.jpg", iso=1), member("/b.jpg", Evidence("near", 0.1), width=64))
    text = shown(report_group(found, decision=decided(found, remove={"/b.jpg"})))
    assert '<tr class="differs"><th>pixels</th><td data-column="0" class="best">640 × 480</td>' in text
    assert '<tr class="same"><th>format</th>' in text
    tags = Tags(text)
    assert [has["value"] for has in tags.of("input", type="radio") if "checked" in has] == ["keep", "remove"]
    assert "fewer pixels" in text


def test_what_was_added_is_drawn_over_the_picture_that_shows_it() -> None:
    from hybrid_search.document.picture import thumbnail

    small = thumbnail(photo(1))
    here = Evidence("more", first_has=("a tick",), added=((0.5, 0.25, 0.75, 1.0),), added_to="first")
    there = Evidence("more", second_has=("a signature",), added=((0.0, 0.0, 0.125, 0.25),), added_to="second")
    members = [
        member(f"/{name}.jpg", link, thumbnail=small) for name, link in zip("abc", (None, here, there), strict=True)
    ]
    text = shown(report_group(group(*members)))
    cells = text.split("<th>choice</th>")[0].split("<td ")[1:]
    assert ['x="0.5000" y="0.2500" width="0.2500" height="0.7500"' in cell for cell in cells] == [True, False, False]
    assert ['x="0.0000" y="0.0000" width="0.1250" height="0.2500"' in cell for cell in cells] == [False, False, True]
    assert text.count("<rect") == 2
    assert not [has for _, has in Tags(text).found if "style" in has], "the policy forbids them"


def test_a_protected_file_cannot_be_removed_and_files_of_the_same_bytes_cannot_stand_apart() -> None:
    found = group(
        member("/safe/a.jpg", sha256="one"),
        member("/b.jpg", Evidence("bytes"), sha256="one"),
        member("/c.jpg", Evidence("near")),
    )
    tags = Tags(shown(report_group(found, protected=["/safe"])))
    offered: dict[str, list[str]] = {}
    for has in tags.of("input", type="radio"):
        offered.setdefault(has["name"], []).append(has["value"])
    assert list(offered.values()) == [["keep"], ["keep", "remove"], ["keep", "remove", "apart"]]


def test_pieces_come_group_by_group() -> None:
    taken = []

    def groups() -> Any:
        for number in range(3):
            taken.append(number)
            yield report_group(group(member("/a.jpg"), member("/b.jpg", Evidence("near"))), number=number + 1)

    pieces = page(groups(), title="t", made="m", apply="a")
    assert "<section" not in next(pieces) and taken == []
    assert "Group 1" in next(pieces) and taken == [0]


# -- choices ---------------------------------------------------------------------------------------------------------


def exported(report: GroupReport, *fates: str, **more: Any) -> dict[str, Any]:
    """Return what the page's script would export, from the page itself."""
    tags = Tags(shown(report))
    files = [json.loads(has["data-file"]) for has in tags.of("fieldset")]
    chosen = [{**file, "choice": fate} for file, fate in zip(files, fates, strict=True)]
    entry = {"group": json.loads(tags.of("section")[0]["data-group"]), "reviewed": False, "files": chosen, **more}
    return {"kind": read.KIND, "version": read.VERSION, "report": "r", "groups": [entry]}


def three() -> GroupReport:
    near = Evidence("near", 0.1)
    return report_group(group(member("/a.jpg"), member("/b.jpg", near, bytes=77), member("/c.jpg", near)))


def test_choices_come_back_as_they_were_made(tmp_path: Path) -> None:
    path = tmp_path / "choices.json"
    path.write_text(json.dumps(exported(three(), "keep", "remove", "apart", reviewed=True)))
    (chosen,) = read_choices(path)
    decision = chosen.decision
    assert decision.group == "id-/a.jpg"
    assert [[file.path for file in files] for files in (decision.keep, decision.remove, decision.left)] == [
        ["/a.jpg"],
        ["/b.jpg"],
        ["/c.jpg"],
    ]
    removed = decision.remove[0]
    assert (removed.id, removed.sha256, removed.tier) == ("id-/b.jpg", "sha-/b.jpg", "near")
    assert (removed.bytes, removed.mtime_ns) == (77, 1_700_000_000_123_456_789), "to the nanosecond"
    assert chosen.pairs == (("id-/c.jpg", "id-/a.jpg"), ("id-/c.jpg", "id-/b.jpg"))
    assert chosen.reviewed


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON"),
        ("[]", "not exported"),
        ('{"kind": "something else"}', "not exported"),
        ('{"kind": "hybrid-search duplicates", "version": 2}', "version 2"),
        ('{"kind": "hybrid-search duplicates", "version": 1}', "damaged"),
        ('{"kind": "hybrid-search duplicates", "version": 1, "groups": [{"group": "a", "files": [{}]}]}', "damaged"),
        ('{"kind": "hybrid-search duplicates", "version": 1, "groups": [3]}', "damaged"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "choices.json"
    path.write_text(text)
    with pytest.raises(DuplicatesError, match=reason):
        read_choices(path)


@pytest.mark.parametrize("fates", [("remove", "remove", "remove"), ("remove", "apart", "apart")])
def test_choices_that_leave_no_copy_are_refused(tmp_path: Path, fates: tuple[str, ...]) -> None:
    path = tmp_path / "choices.json"
    path.write_text(json.dumps(exported(three(), *fates)))
    with pytest.raises(DuplicatesError, match="no other file of its group would stay"):
        read_choices(path)


def test_the_script_is_javascript() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node to read the page's script with")
    script = Path(read.__file__).with_name("page.js")
    done = subprocess.run([node, "--check", str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_script_agrees_with_python_on_what_it_writes() -> None:
    script = Path(read.__file__).with_name("page.js").read_text(encoding="utf-8")
    assert f'const KIND = "{read.KIND}";' in script
    assert f"version: {read.VERSION}," in script
    assert html.escape("</script") not in script and "</script" not in script
