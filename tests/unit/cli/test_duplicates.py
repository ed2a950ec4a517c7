"""Duplicates on the command line: what is listed, decided, moved and put back, on real files and a real index."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import ImageOps

from hybrid_search import cli
from hybrid_search.cli import exits
from hybrid_search.cli.commands.duplicates_find import Lookups
from hybrid_search.hits.evidence import Evidence, Tier
from hybrid_search.hits.hits import Hit
from scripts import find_duplicates
from tests.support.fakes import photo, save_photo
from tests.support.picture_files import tree

EMBEDDER = ("--embedder", "histogram+hog")
SCRIPT = Path(__file__).parents[3] / "scripts" / "find_duplicates.py"
Run = Callable[..., SimpleNamespace]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of pictures and copies, indexed: one exact, one small, one mirrored, and one without any."""
    folder = tmp_path_factory.mktemp("made")
    for seed, name in enumerate(("boat", "cat", "dune")):
        save_photo(folder / "photos" / f"{name}.png", seed, (320, 240))
    (folder / "photos" / "album").mkdir()
    shutil.copy(folder / "photos" / "boat.png", folder / "photos" / "album" / "boat (copy).png")
    (folder / "photos" / "web").mkdir()
    photo(0, (320, 240)).resize((160, 120)).save(folder / "photos" / "web" / "boat.jpg", quality=85)
    ImageOps.mirror(photo(1, (320, 240))).save(folder / "photos" / "web" / "cat.png")
    assert cli.run(["index", f"{folder}/photos", "-i", f"{folder}/index", *EMBEDDER]) == exits.OK
    return folder


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], Run]]:
    """Return a function that goes to a folder and returns one that runs commands there."""

    def call(folder: Path) -> Run:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("HYBRID_SEARCH_INDEX", str(folder / "index"))
        monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))

        def run(*arguments: str, code: int = exits.OK) -> SimpleNamespace:
            capfd.readouterr()
            ended = cli.run(arguments)
            out, err = capfd.readouterr()
            assert ended == code, out + err
            return SimpleNamespace(out=out, err=err)

        return run

    yield call


@pytest.fixture
def look(made: Path, call: Callable[[Path], Run]) -> Run:
    """Return a function that runs commands that change nothing, where `photos` is indexed."""
    return call(made)


@pytest.fixture
def run(made: Path, tmp_path: Path, call: Callable[[Path], Run]) -> Run:
    """Return a function that runs commands in a folder of its own, where `photos` is indexed."""
    shutil.copytree(made / "photos", tmp_path / "photos")
    run = call(tmp_path)
    run("index", "photos", *EMBEDDER)
    return run


def groups(run: Run, *arguments: str, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("duplicates", *arguments, "--json", **more).out)["groups"]
    return found


def names(group: dict[str, Any], **wanted: str) -> set[str]:
    """Return the paths of a group's files below `photos`, of those that have certain values."""
    files = [file for file in group["files"] if wanted.items() <= file.items()]
    return {file["path"].partition("/photos/")[2] for file in files}


BOATS = {"boat.png", "album/boat (copy).png", "web/boat.jpg"}
CATS = {"cat.png", "web/cat.png"}


def by_name(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {min(names(group)): group for group in found}


# -- listing ---------------------------------------------------------------------------------------------------------


def test_groups_are_listed_and_nothing_is_touched(look: Run) -> None:
    before = tree(Path("photos"))
    done = look("duplicates")
    assert [line.split()[0] for line in done.out.splitlines() if line.startswith("  ")].count("bytes") == 1
    assert all(name in done.out for name in BOATS | CATS)
    assert "dune" not in done.out
    assert "2 groups of 5 files" in done.err
    assert tree(Path("photos")) == before


def test_each_group_has_its_tiers_and_what_differs(look: Run) -> None:
    found = groups(look)
    assert sorted(map(frozenset, map(names, found)), key=len) == [frozenset(CATS), frozenset(BOATS)]
    boats = next(group for group in found if names(group) == BOATS)
    evidence = {
        file["path"].rpartition("/")[2]: (file["evidence"] or {}).get("tier", "first") for file in boats["files"]
    }
    assert evidence["boat.jpg"] == "near"
    assert sorted(evidence.values()) == ["bytes", "first", "near"]
    assert {"pixels", "bytes", "format"} <= set(boats["differing"])
    cats = next(group for group in found if names(group) == CATS)
    assert (cats["tier"], cats["weakest"]["orientation"]) == ("transformed", "mirrored")


def test_all_forms_say_the_same(look: Run) -> None:
    whole = groups(look)
    lines = [json.loads(line) for line in look("duplicates", "--jsonl").out.splitlines()]
    assert lines == whole
    rows = list(csv.DictReader(look("duplicates", "--csv").out.splitlines()))
    assert [row["path"] for row in rows] == [file["path"] for group in whole for file in group["files"]]


def test_fewer_tiers_find_fewer_groups(look: Run) -> None:
    assert [names(group) for group in groups(look, "--tier", "bytes")] == [BOATS - {"web/boat.jpg"}]
    assert {frozenset(names(group)) for group in groups(look, "--tier", "bytes,near")} == {frozenset(BOATS)}
    assert "no tier 'same'" in look("duplicates", "--tier", "same", code=exits.USAGE).err


def test_nothing_found_is_an_exit_code_of_its_own(look: Run) -> None:
    done = look("duplicates", "--tier", "bytes", "--filter", "format:jpeg", code=exits.NOTHING)
    assert (done.out, "no duplicates among 5 pictures" in done.err) == ("", True)
    assert json.loads(look("duplicates", "--filter", "format:gif", "--json", code=exits.NOTHING).out)["groups"] == []


def test_two_folders_against_each_other(look: Run) -> None:
    found = groups(look, "--between", "photos/web", "photos/album")
    assert [names(group) >= {"album/boat (copy).png", "web/boat.jpg"} for group in found] == [True]


def test_files_of_a_reference_folder_stay(look: Run) -> None:
    found = groups(look, "--reference", "photos/web", "--tier", "bytes,near,transformed", "--keep", "most-pixels")
    for group in found:
        assert all(name.startswith("web/") for name in names(group, choice="keep"))
        assert not any(name.startswith("web/") for name in names(group, choice="remove"))


# -- decisions and actions -------------------------------------------------------------------------------------------


def test_rules_decide_and_are_explained(look: Run) -> None:
    boats = by_name(groups(look, "--keep", "most pixels, then shortest-name"))["album/boat (copy).png"]
    assert boats == by_name(groups(look, "--keep", "most-pixels", "--keep", "shortest-name"))["album/boat (copy).png"]
    assert names(boats, choice="keep") == {"boat.png"}
    assert names(boats, choice="remove") == BOATS - {"boat.png"}
    why = {file["path"].rpartition("/")[2]: file["why"] for file in boats["files"]}
    assert "160 × 120" in why["boat.jpg"]
    assert "shortest-name" in why["boat (copy).png"]
    assert by_name(groups(look, "--keep", "smallest"))["album/boat (copy).png"]["files"]
    assert "no keep rule 'bigest'" in look("duplicates", "--keep", "bigest", code=exits.USAGE).err
    assert look("duplicates", "rules").out.startswith("colour")


def test_a_transformed_copy_goes_only_when_its_tier_is_named(look: Run) -> None:
    cats = by_name(groups(look, "--keep", "shortest-path"))["cat.png"]
    assert names(cats, choice="remove") == set()
    cats = by_name(groups(look, "--keep", "shortest-path", "--tier", "transformed"))["cat.png"]
    assert names(cats, choice="remove") == {"web/cat.png"}


def test_without_yes_an_action_is_only_said(look: Run) -> None:
    before = tree(Path("photos"))
    for action in (["move", "--to", "gone"], ["trash"], ["delete"], ["hardlink"], ["symlink"]):
        done = look("duplicates", "--action", *action)
        assert "nothing was done, --yes does it" in done.err
    assert tree(Path("photos")) == before
    assert not Path("gone").exists() and not Path("data").exists(), "not even a journal"


def test_moved_files_come_back(run: Run) -> None:
    before = tree(Path("photos"))
    done = json.loads(run("duplicates", "--action", "move", "--to", "gone", "--yes", "--json").out)
    assert done["summary"] == {"groups": 2, "files": 5, "removed": 2, "freed_bytes": done["action"]["freed"]}
    assert sum(path.is_file() for path in Path("gone").rglob("*")) == 2
    assert sum(path.is_file() for path in Path("photos").rglob("*")) == 4
    assert [names(group) for group in groups(run)] == [CATS], "the index knows that they are gone"
    assert "would be put back" in run("duplicates", "undo").err
    assert tree(Path("photos")) != before
    assert "2 files put back" in re.sub(r" \([^)]*\)", "", run("duplicates", "undo", "--yes").err)
    assert tree(Path("photos")) == before
    assert {frozenset(names(group)) for group in groups(run)} == {frozenset(BOATS), frozenset(CATS)}


def test_a_file_that_changed_since_it_was_indexed_is_left_alone(run: Run) -> None:
    changed = Path("photos/album/boat (copy).png")
    photo(77).save(changed)
    bytes_before = changed.read_bytes()
    done = run("duplicates", "--keep", "shortest-path", "--action", "delete", "--yes")
    assert "left alone: " in done.err and changed.name in done.err
    assert changed.read_bytes() == bytes_before
    assert not Path("photos/web/boat.jpg").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--action", "move"], "--to FOLDER go together"),
        (["--action", "trash", "--to", "x"], "--to FOLDER go together"),
        (["--yes"], "--action says what"),
        (["--to", "x"], "--action says what"),
        (["--json", "--csv"], "cannot be had at once"),
        (["--html", "nowhere/page.html"], "no folder"),
        (["--tier", "near", "find", "x.png"], "--tier"),
    ],
)
def test_contradictions_are_refused_before_anything_is_searched(look: Run, arguments: list[str], says: str) -> None:
    assert says in look("duplicates", *arguments, code=exits.USAGE).err


# -- the page and choices --------------------------------------------------------------------------------------------


def export(page: Path, fates: dict[str, str], *, reviewed: bool = False) -> Path:
    """Write the choices that the page's script would, files that are not named being kept."""
    entries = []
    for section in re.findall(r"<section(.*?)</section>", page.read_text(), re.DOTALL):
        files = [json.loads(unescape(stored)) for stored in re.findall(r'data-file="(.*?)"', section)]
        chosen = [{**file, "choice": fates.get(file["path"].partition("/photos/")[2], "keep")} for file in files]
        group = json.loads(unescape(re.findall(r'data-group="(.*?)"', section)[0]))
        if reviewed or any(file["choice"] != "keep" for file in chosen):
            entries.append({"group": group, "reviewed": reviewed, "files": chosen})
    path = page.with_name("choices.json")
    path.write_text(json.dumps({"kind": "hybrid-search duplicates", "version": 1, "report": "", "groups": entries}))
    return path


def test_the_page_shows_what_was_decided(run: Run) -> None:
    done = run("duplicates", "--html", "page.html")
    assert "wrote page.html" in done.err
    text = Path("page.html").read_text()
    assert text.count("<section") == 2
    assert text.count('<img class="small" src="data:image/jpeg;base64,') == 5
    assert len(re.findall(r'value="remove" autocomplete="off" checked', text)) == 2
    assert not list(Path().glob(".page*")), "no draft is left"


def test_an_earlier_page_stays_when_a_new_one_fails(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from hybrid_search.duplicates.report import page

    run("duplicates", "--html", "page.html")
    earlier = Path("page.html").read_text()

    def broken(report: Any) -> str:
        raise OSError(28, "No space left on device", "page.html")

    monkeypatch.setattr(page, "page_section", broken)
    run("duplicates", "--html", "page.html", code=exits.FAILED)
    assert [path.name for path in Path().glob("*page*")] == ["page.html"]
    assert Path("page.html").read_text() == earlier


def test_choices_are_applied(run: Run) -> None:
    run("duplicates", "--html", "page.html")
    choices = export(Path("page.html"), {"web/boat.jpg": "remove", "web/cat.png": "remove"})
    before = tree(Path("photos"))
    assert "--action says where" in run("duplicates", "apply", str(choices), code=exits.USAGE).err
    said = run("duplicates", "apply", str(choices), "--action", "move", "--to", "gone")
    assert said.out.count("photos/web/") == 2, "a person may remove what the rules leave"
    assert tree(Path("photos")) == before
    run("duplicates", "apply", str(choices), "--action", "move", "--to", "gone", "--yes")
    assert set(before) - set(tree(Path("photos"))) == {"web/boat.jpg", "web/cat.png"}


def test_a_protected_folder_stays_whatever_was_chosen(run: Run) -> None:
    run("duplicates", "--html", "page.html")
    choices = export(Path("page.html"), {"web/boat.jpg": "remove"})
    given = ("--action", "delete", "--reference", "photos/web", "--yes")
    assert "left alone" in run("duplicates", "apply", str(choices), *given).err
    assert Path("photos/web/boat.jpg").exists()


def _renamed(choices: Path, which: str, path: Path, choice: str) -> None:
    """Have the choices name another file, as it is, in the place of one."""
    stored = json.loads(choices.read_text())
    data, status = path.read_bytes(), path.stat()
    sha256 = hashlib.sha256(data).hexdigest()
    facts = {"path": str(path.absolute()), "bytes": len(data), "mtime_ns": str(status.st_mtime_ns)}
    for file in stored["groups"][0]["files"]:
        if file["path"].endswith(which):
            file |= {"id": sha256, "path": str(path.absolute()), "sha256": sha256, "facts": facts, "choice": choice}
    choices.write_text(json.dumps(stored))


@pytest.mark.parametrize("place", ["inside", "outside", "kept"])
def test_choices_take_nothing_that_is_no_copy_of_the_kept_file(run: Run, place: str) -> None:
    run("duplicates", "--html", "page.html")
    fates = {"web/boat.jpg": "remove", "album/boat (copy).png": "remove"}
    choices = export(Path("page.html"), fates)
    if place == "inside":
        _renamed(choices, "web/boat.jpg", Path("photos/dune.png"), "remove")
    else:
        stranger = Path("thesis.png")
        shutil.copy("photos/boat.png" if place == "outside" else "photos/dune.png", stranger)
        which = "web/boat.jpg" if place == "outside" else "photos/boat.png"
        _renamed(choices, which, stranger, "remove" if place == "outside" else "keep")
    before = {path: path.read_bytes() for path in Path().rglob("*.png")}
    for yes in ((), ("--yes",)):
        done = run("duplicates", "apply", str(choices), "--action", "delete", *yes)
        assert done.err.count("left alone: ") == (2 if place == "kept" else 1)
    gone = {path for path in before if not path.exists()}
    assert gone == (set() if place == "kept" else {Path("photos/album/boat (copy).png")})
    assert Path("photos/web/boat.jpg").exists()


def test_choices_of_files_that_changed_since_are_left_alone(run: Run) -> None:
    run("duplicates", "--html", "page.html")
    choices = export(Path("page.html"), {"web/boat.jpg": "remove"})
    save_photo(Path("photos/web/boat.jpg"), 5)
    assert "left alone" in run("duplicates", "apply", str(choices), "--action", "delete", "--yes").err
    assert Path("photos/web/boat.jpg").exists()


def test_files_that_are_said_to_be_no_copies_do_not_come_again(run: Run) -> None:
    run("duplicates", "--html", "page.html")
    choices = export(Path("page.html"), {"web/cat.png": "apart"})
    assert "1 pair would be kept apart" in run("duplicates", "apply", str(choices)).err
    assert len(groups(run)) == 2
    run("duplicates", "apply", str(choices), "--yes")
    assert [names(group) for group in groups(run)] == [BOATS]
    run("index", "photos")
    assert [names(group) for group in groups(run)] == [BOATS]


def test_reviewed_groups_do_not_come_again(run: Run) -> None:
    run("duplicates", "--html", "page.html")
    run("duplicates", "apply", str(export(Path("page.html"), {}, reviewed=True)), "--yes")
    run("duplicates", code=exits.NOTHING)
    assert len(groups(run, "--all")) == 2


@pytest.mark.slow
def test_decisions_are_made_by_name_and_taken_to_another_index(run: Run) -> None:
    assert run("duplicates", "apart", "photos/cat.png", "photos/web/cat.png").out == "1 pair kept apart\n"
    assert [names(group) for group in groups(run)] == [BOATS]
    assert run("duplicates", "review", "photos/web/boat.jpg").out == "1 group marked as reviewed\n"
    run("duplicates", code=exits.NOTHING)
    Path("decisions.json").write_text(run("duplicates", "decisions").out)
    assert "3 pictures" not in run("duplicates", "forget", "photos/cat.png").out
    assert [names(group) for group in groups(run)] == [CATS]
    run("duplicates", "forget", "--all")
    assert len(groups(run)) == 2
    run("--index", "other", "index", "photos", *EMBEDDER)
    run("duplicates", "decisions", "--index", "other", "--load", "decisions.json")
    run("duplicates", "--index", "other", code=exits.NOTHING)
    assert "at least two" in run("duplicates", "apart", "photos/cat.png", code=exits.USAGE).err
    assert "--all" in run("duplicates", "forget", code=exits.USAGE).err
    Path("decisions.json").write_text("[]")
    run("duplicates", "decisions", "--load", "decisions.json", code=exits.USAGE)


# -- one picture -----------------------------------------------------------------------------------------------------


def test_a_picture_is_found_under_another_name_and_size(run: Run) -> None:
    photo(0, (320, 240)).resize((200, 150)).save("query.jpg", quality=70)
    (found,) = json.loads(run("duplicates", "find", "query.jpg", "--json").out)["groups"]
    assert names(found) == BOATS
    assert found["group"] == "query.jpg"
    assert run("duplicates", "find", "query.jpg").out.startswith("query.jpg: 3 copies\n")
    assert len(run("duplicates", "find", "query.jpg", "--paths").out.splitlines()) == 3


def test_new_pictures_are_told_from_those_that_are_here(run: Run) -> None:
    save_photo(Path("card/new.png"), 50, (320, 240))
    photo(0, (320, 240)).save("card/old.jpg", quality=90)
    Path("card/torn.jpg").write_bytes(b"\xff\xd8\xff torn")
    done = run("duplicates", "find", "--new", "card", code=exits.PARTIAL)
    assert [Path(path).name for path in done.out.splitlines()] == ["new.png"]
    assert "torn.jpg" in done.err
    Path("card/torn.jpg").unlink()
    assert run("duplicates", "find", "--new", "-0", "card").out.endswith("new.png\0")
    assert run("duplicates", "find", "card/new.png", code=exits.NOTHING).out == ""
    run("duplicates", "find", "nowhere.png", code=exits.USAGE)


@pytest.mark.parametrize(("tiers", "new"), [(("more",), True), (("near",), False), (("more", "near"), False)])
def test_a_picture_of_which_another_shows_more_or_less_is_new(
    tmp_path: Path, tiers: tuple[Tier, ...], new: bool
) -> None:
    class Index:
        def find_duplicates(self, image: Any, **options: Any) -> list[Hit]:
            found = [Evidence(tier, distance=0.1, first_has=("a signature",)) for tier in tiers]
            return [Hit(1, "a", 1.0, tier=link.tier, evidence=link, source={"path": ["/p/a.jpg"]}) for link in found]

    lookups = Lookups(Index(), {})  # type: ignore[arg-type]
    page = str(save_photo(tmp_path / "page.png", 1))
    reports = list(lookups.reports([page]))
    assert len(reports) == 1, "it is shown all the same"
    assert (lookups.new, lookups.unequal) == (([page], 1) if new else ([], 0))


def test_a_file_is_no_copy_of_itself(look: Run) -> None:
    assert look("duplicates", "find", "photos/dune.png", code=exits.NOTHING).out == ""
    (found,) = json.loads(look("duplicates", "find", "photos/boat.png", "--json").out)["groups"]
    assert names(found) == BOATS - {"boat.png"}
    assert look("duplicates", "find", "--new", "photos", code=exits.NOTHING).out == "", "nothing there is new"


# -- the script ------------------------------------------------------------------------------------------------------


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str, code: int = exits.OK) -> SimpleNamespace:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), *arguments])
        done = find_duplicates.main()
        said = capfd.readouterr()
        assert done == code, said.out + said.err
        return SimpleNamespace(out=said.out, err=said.err)

    return call


@pytest.mark.slow
def test_the_script_finds_what_the_command_finds(look: Run, script: Run) -> None:
    # once as it is called, with a process of its own
    done = subprocess.run([sys.executable, str(SCRIPT), "photos", "--json"], capture_output=True, text=True, check=True)
    alone = json.loads(done.stdout)["groups"]
    kept = groups(look)
    assert {frozenset(names(group)) for group in alone} == {frozenset(names(group)) for group in kept}
    script("photos/album", code=exits.NOTHING)
    assert "name a folder" in script("--tier", "near", code=exits.USAGE).err
    assert "FOLDER" in script().out, "without anything it explains itself"


@pytest.mark.slow
def test_the_script_moves_applies_and_puts_back(run: Run, script: Run) -> None:
    before = tree(Path("photos"))
    script("photos", "--html", "page.html")
    choices = export(Path("page.html"), {"web/boat.jpg": "remove"})
    script("--apply", str(choices), "--action", "move", "--to", "gone", "--journal", "j.jsonl", "--yes")
    assert set(before) - set(tree(Path("photos"))) == {"web/boat.jpg"}
    script("--undo", "j.jsonl", "--yes")
    assert tree(Path("photos")) == before
