"""The command line on a real index: what is indexed is found, shown, removed, and survives Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from hybrid_search import cli
from hybrid_search.cli import exits
from tests.support.fakes import photo, save_photo

EMBEDDER = ("--embedder", "histogram+hog")


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `photos/` of six pictures, a damaged one and captions, and their `index/`."""
    folder = tmp_path_factory.mktemp("cli")
    for seed in range(6):
        save_photo(folder / "photos" / f"{seed}.png", seed)
    (folder / "photos" / "torn.jpg").write_bytes(b"\xff\xd8\xff torn")
    photo(0).save(folder / "copy.jpg", quality=80)
    (folder / "captions.csv").write_text(
        'path,caption,tags\n0.png,boats in a harbour,"sea,boat"\n1.png,a harbour at night,night\n2.png,=1+1,\n'
    )
    code = cli.run(
        ["index", f"{folder}/photos", "-i", f"{folder}/index", "--captions", f"{folder}/captions.csv", *EMBEDDER]
    )
    assert code == exits.PARTIAL
    return folder


@pytest.fixture
def run(indexed: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.chdir(indexed)
    monkeypatch.setenv("HYBRID_SEARCH_INDEX", "index")
    capfd.readouterr()

    def run(*arguments: str) -> SimpleNamespace:
        code = cli.run(arguments)
        out, err = capfd.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    yield run


def names(result: SimpleNamespace) -> list[str]:
    return [Path(line).name for line in result.out.splitlines()]


def test_a_second_run_changes_nothing_and_names_the_failure_again(run: Any) -> None:
    done = run("index", "photos", "--captions", "captions.csv")
    assert done.code == exits.PARTIAL
    assert done.out.startswith("0 added, 0 updated, 6 unchanged, 1 failed")
    assert "torn.jpg" in done.err


def test_words_example_filter_and_all_at_once(run: Any) -> None:
    assert set(names(run("search", "harbour", "--paths"))) == {"0.png", "1.png"}
    assert names(run("search", "harbour -night", "--paths")) == ["0.png"]
    assert names(run("search", "--filter", "tags:night", "--paths")) == ["1.png"]
    assert names(run("search", "--image", "copy.jpg", "-k", "1", "--paths")) == ["0.png"]
    best = json.loads(run("search", "harbour", "--image", "copy.jpg", "--filter", "tags:sea", "--json").out)["hits"][0]
    assert Path(best["path"]).name == "0.png"
    assert set(best["legs"]) == {"text", "vector", "signature"}
    assert best["distance"] < 0.4, "near enough to be a copy"


def test_similar_leaves_the_indexed_picture_out_and_takes_others(run: Any) -> None:
    assert "0.png" not in names(run("similar", "photos/0.png", "--paths"))
    assert names(run("similar", "copy.jpg", "--paths"))[0] == "0.png"
    id = json.loads(run("show", "photos/0.png", "--json").out)["id"]
    assert run("similar", id[:8], "--paths").out == run("similar", "photos/0.png", "--paths").out


def test_show_says_what_captions_and_pixels_say(run: Any) -> None:
    shown = dict(line.split(None, 1) for line in run("show", "photos/0.png").out.splitlines())
    assert (shown["caption"], shown["tags"], shown["width"]) == ("boats in a harbour", "sea, boat", "160")
    assert len(json.loads(run("show", "photos/0.png", "--full", "--json").out)["source"]["signature"]) == 648


def test_info_counts(run: Any) -> None:
    facts = json.loads(run("info", "--json").out)
    assert (facts["documents"], facts["location"]) == (6, "index")


def test_request_is_the_body_that_is_sent(run: Any) -> None:
    body = json.loads(run("request", "harbour", "--image", "copy.jpg", "-k", "3", "--filter", "tags:sea").out)
    vector, signature = (leg["field"] for leg in body["knn"])
    assert vector.startswith("embedding.histogram_hog")
    assert signature == "signature"
    assert body["query"]["bool"]["filter"]


def test_facets_pages_and_csv(run: Any) -> None:
    answer = json.loads(run("search", "--filter", "format:png", "--facet", "tags", "-k", "2", "--json").out)
    assert answer["facets"]["tags"] == {"boat": 1, "night": 1, "sea": 1}
    assert (answer["total"], len(answer["hits"])) == (6, 2)
    pages = [run("search", "--filter", "format:png", "-k", "2", "--offset", at, "--paths") for at in ("0", "2", "4")]
    assert sorted(name for page in pages for name in names(page)) == [f"{seed}.png" for seed in range(6)]
    assert ",'=1+1," in run("search", "--filter", "filename:2.png", "--csv").out


def test_sheet_of_real_hits(run: Any) -> None:
    assert run("search", "harbour", "--sheet", "sheet.png").code == exits.OK
    with Image.open("sheet.png") as sheet:
        assert len(set(sheet.convert("RGB").resize((64, 64)).tobytes())) > 40, "the pictures are on it"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("search",), exits.USAGE, "nothing to search for"),
        (("search", "--filter", "tag:night"), exits.USAGE, "Did you mean 'tags"),
        (("search", "--filter", "iso:[1 TO"), exits.USAGE, "cannot use filter"),
        (("search", "--image", "photos/torn.jpg"), exits.USAGE, "torn.jpg"),
        (("search", "zeppelin"), exits.NOTHING, "nothing found among 6 pictures"),
        (("show", "absent"), exits.NOTHING, "no document 'absent'"),
        (("search", "harbour", "-i", "elsewhere"), exits.FAILED, "hybrid-search index FOLDER --index elsewhere"),
        (("index", "photos", "--embedder", "lite"), exits.FAILED, "histogram+hog"),
        (("index", "photos", "-i", "new", "--embedder", "lit"), exits.USAGE, "no embedder 'lit'"),
        (("search", "harbour", "--sort", "caption"), exits.USAGE, "caption"),
        (("search", "harbour", "--weights", "picture=2"), exits.USAGE, "picture"),
        (("search", "harbour", "--night"), exits.USAGE, "No such option"),
        (("search", "harbour", "-sort"), exits.USAGE, "or a word to leave out"),
        (("search", "harbour", "-n", "5"), exits.USAGE, "No such option: -n; -k N says how many hits to show"),
        (("similar", "0.png", "-n", "5"), exits.USAGE, "No such option: -n; -k N says how many hits to show; `"),
        (
            ("search", "harbour", "--limit", "4"),
            exits.USAGE,
            "No such option: --limit; -k N says how many",
        ),
        (("search", "harbour", "--max=4"), exits.USAGE, "No such option: --max; -k N says how many hits to show; `"),
        (("search", "harbour", "--limits"), exits.USAGE, "No such option: --limits"),
        (("show", "0.png", "-n"), exits.USAGE, "No such option: -n; `hybrid-search show"),
        (("search", "harbour", "-k", "50", "--num-candidates", "5"), exits.USAGE, "pass --num-candidates 50 or more"),
        (("search", "--filter", "harbour"), exits.USAGE, "put words beside --filter"),
    ],
)
def test_mistakes_are_one_line(run: Any, arguments: tuple[str, ...], code: int, words: str) -> None:
    done = run(*arguments)
    assert done.code == code
    assert words in done.err
    assert (done.err.count("\n"), done.out) == (1, "")
    assert "defect" not in done.err


def test_an_order_alone_lists_all(run: Any) -> None:
    assert names(run("search", "--sort", "filename:desc", "--paths")) == [f"{seed}.png" for seed in range(5, -1, -1)]
    assert "hits 3 to 4 of 6" in run("search", "--sort", "filename", "--offset", "2", "-k", "2").err
    assert json.loads(run("request", "--sort", "iso").out)["query"] == {"match_all": {}}


@pytest.mark.slow
def test_a_file_is_meant_by_its_name_alone(tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    apart = unicodedata.normalize("NFD", "Größe.png")
    for place, name, seed in (("a", "IMG_1.png", 1), ("b", "IMG_1.png", 2), ("b", "ä IMG*.png", 3), ("b", apart, 4)):
        save_photo(tmp_path / "photos" / place / name, seed)
    for seed in range(3, 8):
        save_photo(tmp_path / "photos" / str(seed) / "same.png", seed + 10)
    monkeypatch.setenv("HYBRID_SEARCH_INDEX", str(tmp_path / "index"))
    assert run("index", str(tmp_path / "photos"), *EMBEDDER).code == exits.OK
    alone = str(tmp_path / "photos" / "b" / "ä IMG*.png")

    assert json.loads(run("show", "ä IMG*.png", "--json").out)["source"]["path"] == [alone]
    assert json.loads(run("show", "Ä img*.PNG", "--json").out)["source"]["path"] == [alone], "as filters know it"
    assert alone not in run("similar", "ä IMG*.png", "-k", "9", "--paths").out, "it is no hit of itself"
    assert len(names(run("search", "--like", "ä IMG*.png", "-k", "9", "--paths"))) == 8
    assert run("show", "Größe.png").out == run("show", apart).out != ""
    for command in (("show",), ("similar",), ("delete", "--yes"), ("search", "x", "--unlike")):
        told = run(*command, "IMG_1.png")
        both = [str(tmp_path / "photos" / place / "IMG_1.png") for place in "ab"]
        assert told.code == exits.USAGE and "more than one picture is named 'IMG_1.png'" in told.err
        assert all(each in told.err for each in both)
    assert re.search(
        r"(/same\.png, .*){3}/same\.png, and 1 more; name one by its whole path", run("show", "same.png").err
    )
    for absent in ("IMG", "*.png", "b/IMG_1.png", "IMG_?.png", ""):
        assert run("show", absent).code == exits.NOTHING, absent

    monkeypatch.chdir(tmp_path)
    save_photo(tmp_path / "ä IMG*.png", 50)
    assert run("delete", "--yes", "ä IMG*.png").code == exits.NOTHING, "the file that is here is meant, not another"
    (tmp_path / "ä IMG*.png").unlink()
    assert run("delete", "--yes", "ä IMG*.png").out.startswith("1 picture removed")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("train", "joint", "--loss", "bogus"), "'--loss': 'bogus' is not one of 'cca', "),
        (("train", "head", "--from", "bogus"), "'--from': 'bogus' is not one of 'labels', "),
        (("search", "x", "--fusion", "bogus"), ": 'bogus' is not one of 'evidence', "),
        (("search", "x", "-k", "few"), r": (it must be a whole number|'few' is not a valid int)"),
        (("label", "--threshold", "few"), r": (it must be a number|'few' is not a valid float)"),
        (("embed", "lite", "--batch-size", "0"), r": (it must be greater than|0 is not in the range)"),
    ],
)
def test_values_are_refused_in_plain_words(run: Any, arguments: tuple[str, ...], says: str) -> None:
    done = run(*arguments)
    assert done.code == exits.USAGE and done.err.count("\n") == 1
    assert re.match(rf"error: Invalid value for [^:]*(\(env var: '\w+'\))?{says}", done.err), done.err
    assert "Value error" not in done.err and "Input should" not in done.err


def test_delete_and_prune_touch_no_file(tmp_path: Path, run: Any) -> None:
    for seed in range(3):
        save_photo(tmp_path / "photos" / f"{seed}.png", seed)
    at = ("-i", str(tmp_path / "index"))
    assert run("index", str(tmp_path / "photos"), *at, *EMBEDDER).code == exits.OK
    assert run("delete", str(tmp_path / "photos" / "0.png"), "--yes", *at).code == exits.OK
    assert (tmp_path / "photos" / "0.png").is_file()
    (tmp_path / "photos" / "1.png").unlink()
    assert (
        f"1 missing (`hybrid-search --index {at[1]} prune` removes them)"
        in run("index", str(tmp_path / "photos"), *at).out
    )
    listed = run("prune", "--dry-run", *at)
    assert names(listed) == ["1.png"]
    assert json.loads(run("info", "--json", *at).out)["documents"] == 3, "a dry run removes nothing"
    assert run("prune", "--yes", *at).code == exits.OK
    assert names(run("search", "--filter", "format:png", "--sort", "filename", "--paths", *at)) == ["0.png", "2.png"]


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_done_and_the_next_run_goes_on(tmp_path: Path, run: Any) -> None:
    for seed in range(60):
        save_photo(tmp_path / "photos" / f"{seed:02}.png", seed, (640, 480))
    at = ("-i", str(tmp_path / "index"))
    slow = (
        # a shell that runs the tests in the background has its children ignore Ctrl-C
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import time\nfrom hybrid_search.ingest.picture_embedding import PictureEmbedding\n"
        "embed = PictureEmbedding.embed\n"
        "def wait(*arguments):\n    print('batch', flush=True)\n    time.sleep(0.3)\n    return embed(*arguments)\n"
        "PictureEmbedding.embed = wait\n"
        "from hybrid_search.cli import main\nmain()"
    )
    arguments = ["index", str(tmp_path / "photos"), *at, *EMBEDDER, "--batch-size", "4"]
    process = subprocess.Popen(
        [sys.executable, "-c", slow, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for _ in range(4):
        assert process.stdout.readline() == "batch\n"
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == exits.INTERRUPTED
    assert err == "interrupted: what was indexed so far is kept; run the same command again to go on from there\n"
    kept = json.loads(run("info", "--json", *at).out)["documents"]
    assert 4 <= kept < 60
    report = json.loads(run("index", str(tmp_path / "photos"), *at, "--json").out)
    assert (report["unchanged"], report["added"], report["documents"]) == (kept, 60 - kept, 60)


def test_demo_of_a_folder(run: Any, tmp_path: Path) -> None:
    done = run("demo", "photos", "--captions", "captions.csv", "--out", str(tmp_path / "out"))
    assert done.code == exits.OK, done.err
    assert done.out.count("$ hybrid-search --index") == 5
    assert "no duplicates among 6 pictures" in done.err
    assert (tmp_path / "out" / "contact-sheet.png").is_file() and (tmp_path / "out" / "duplicates.html").is_file()
    again = run("demo", "photos", "--out", str(tmp_path / "out"))
    assert "0 added, 6 unchanged" in again.out
