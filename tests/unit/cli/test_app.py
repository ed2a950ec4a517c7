"""The command line: what is asked of the index, what is printed where, and how every command ends."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import hybrid_search
from hybrid_search import cli, errors
from hybrid_search.cli import exits
from hybrid_search.cli.parsing import session
from hybrid_search.cli.parsing.search_arguments import least_score, leg_numbers
from hybrid_search.document.document import Document
from hybrid_search.hits.hits import Hit, Hits
from hybrid_search.images import DEFAULT_LIMITS, Limits
from hybrid_search.images.raw import raw_preview
from hybrid_search.ingest import Failure, IngestReport, Progress
from hybrid_search.ingest.prune import Vanished
from hybrid_search.query.options import DEFAULTS

HARBOUR, BEACH = "a1" * 32, "b2" * 32


def _chosen(query: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a search that are not left as they are by default."""
    return {name: value for name, value in query.items() if value != DEFAULTS.get(name)}


@dataclass
class FakeIndex:
    """Notes what it is asked, and answers with what the test put there."""

    hits: Hits = field(default_factory=lambda: Hits(()))
    documents: dict[str, Document] = field(default_factory=dict)
    report: IngestReport = field(default_factory=lambda: IngestReport(added=2, unchanged=1, seconds=0.5))
    raises: BaseException | None = None
    opened: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, Any] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    closed: bool = False
    embedders: tuple[str, ...] = ("lite",)

    def open(self, location: str, **options: Any) -> FakeIndex:
        self.opened = {"location": location, **options}
        return self

    def __enter__(self) -> FakeIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def __len__(self) -> int:
        return len(self.documents)

    def search(self, text: str | None = None, **query: Any) -> Hits:
        if self.raises is not None:
            raise self.raises
        self.asked = {"text": text, **_chosen(query)}
        return self.hits

    @property
    def backend(self) -> Any:
        def search(body: dict[str, Any]) -> dict[str, Any]:
            (clause,) = body["query"]["bool"]["filter"]
            start = clause.get("prefix", {}).get("sha256", "no id")
            found = [{"_id": id, "_source": self.documents[id].source} for id in self.documents if id.startswith(start)]
            return {"hits": {"hits": found, "total": {"value": len(found)}}}

        return SimpleNamespace(search=search, count=lambda query: 0)

    def request(self, text: str | None = None, **query: Any) -> dict[str, Any]:
        self.asked = {"text": text, **_chosen(query)}
        return {"size": 10, "knn": [{"field": "embedding.lite", "query_vector": np.arange(20, dtype=np.float32)}]}

    def get(self, id: str, *, vectors: bool = False) -> Document:
        for document in self.documents.values():
            if id in (document.id, document.path):
                return document
        raise errors.DocumentNotFound(id)

    def add_folder(self, path: Path, *, progress: Any = None, **options: Any) -> IngestReport:
        self.asked = {"path": path, **options}
        if progress is not None:
            progress(Progress(1, 2, 0, str(path)))
        if self.raises is not None:
            raise self.raises
        return self.report

    def delete(self, ids: Sequence[str]) -> int:
        self.deleted += ids
        return len(ids)

    def prune(self, *, dry_run: bool = False, accept_missing: bool = False) -> Vanished:
        self.deleted += [] if dry_run else list(self.documents)
        return Vanished(self.documents.values(), paths={})

    def info(self) -> dict[str, Any]:
        return {"location": "/idx", "documents": 2000, "embedder": {"name": "lite"}}


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeIndex:
    for name in [name for name in os.environ if name.startswith("HYBRID_SEARCH_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    harbour = {"path": ["/photos/harbour.jpg"], "caption": "boats in a harbour", "iso": 100, "tags": ["sea", "boat"]}
    beach = {"path": ["/photos/be ach.jpg"], "labels": ["sandbar", "seashore"], "thumbnail": "data:…", "iso": 400}
    fake = FakeIndex(documents={HARBOUR: Document(HARBOUR, harbour), BEACH: Document(BEACH, beach)})
    fake.hits = Hits(
        (
            Hit(1, HARBOUR, 0.0327869, {"text": 12.3456, "vector": 0.5}, None, harbour),
            Hit(2, BEACH, 0.0161, {"vector": 0.75, "signature": 0.75}, 0.25, beach, copies=("c3",)),
        ),
        total=40,
        took_ms=1.25,
    )
    # whether there is an index already, and what it is to be made with: tests/models/test_recommended.py
    monkeypatch.setattr("hybrid_search.cli.commands.index.settle_embedder", lambda *given, **options: None)
    monkeypatch.setitem(sys.modules, "hybrid_search.index", SimpleNamespace(HybridIndex=fake.open))  # type: ignore[arg-type]
    return fake


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """Run a command line in this process; the result has `code`, `out` and `err`."""

    def run(*arguments: str) -> SimpleNamespace:
        code = cli.run(arguments)
        out, err = capfd.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    yield run


def test_a_warning_of_the_library_is_one_line_without_code(
    index: FakeIndex, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def search(*_: Any, **__: Any) -> Hits:
        warnings.warn("no vector for: qwertz\nand more", UserWarning, stacklevel=1)
        return Hits(())

    monkeypatch.setattr(index, "search", search)
    assert run("search", "qwertz").err.splitlines()[0] == "warning: no vector for: qwertz and more"


# -- what is asked of the index --------------------------------------------------------------------------------------


def test_search_passes_every_option_on(index: FakeIndex, run: Any) -> None:
    Path("query.jpg").write_bytes(b"x")
    run(
        *("search", "two", "boats", "--image", "query.jpg", "--like", HARBOUR, "--filter", "iso:100", "-k", "7"),
        *(
            "--offset",
            "3",
            "--sort",
            "taken_at:desc",
            "--sort",
            "iso",
            "--facet",
            "camera.make",
            "--explain",
            "--missing",
            "--collapse",
        ),
        *("--weights", "text=2,vector=1", "--fusion", "sum", "--min-score", "0.02", "--num-candidates", "500"),
        "--collapse",
    )
    assert index.asked == {
        "text": "two boats",
        "image": "query.jpg",
        "like": HARBOUR,
        "filter": "iso:100",
        "k": 7,
        "offset": 3,
        "sort": ["taken_at:desc", "iso"],
        "facets": ["camera.make"],
        "explain": True,
        "missing": True,
        "collapse_duplicates": True,
        "weights": {"text": 2.0, "vector": 1.0},
        "fusion": "sum",
        "min_score": 0.02,
        "num_candidates": 500,
    }
    assert index.closed


def test_a_search_without_options_leaves_every_choice_to_the_library(index: FakeIndex, run: Any) -> None:
    run("search", "boats")
    assert index.asked == {"text": "boats"}


def test_index_may_stand_before_or_after_the_command_and_in_the_environment(
    index: FakeIndex, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("search", "boats", "--index", "after")
    assert index.opened == {
        "location": "after",
        "name": "images",
        "embedder": None,
        "create": False,
        "limits": DEFAULT_LIMITS,
        "server": None,
    }
    run("--index", "before", "--name", "other", "search", "boats")
    assert (index.opened["location"], index.opened["name"]) == ("before", "other")
    monkeypatch.setenv("HYBRID_SEARCH_INDEX", "http://localhost:9200")
    run("search", "boats")
    assert index.opened["location"] == "http://localhost:9200"
    run("--index", "before", "search", "boats")
    assert index.opened["location"] == "before", "what is typed wins over the environment"
    run("--index", "before", "search", "boats", "--index", "after")
    assert index.opened["location"] == "after"


def test_without_a_location_the_index_is_the_users_own(index: FakeIndex, run: Any) -> None:
    run("search", "boats")
    assert index.opened["location"] == session.default_location()
    assert "hybrid-search" in session.default_location()


def test_environment_gives_defaults(index: FakeIndex, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_SEARCH_K", "3")
    monkeypatch.setenv("HYBRID_SEARCH_WEIGHTS", "text=2")
    monkeypatch.setenv("HYBRID_SEARCH_FUSION", "sum")
    run("search", "boats")
    assert (index.asked["k"], index.asked["weights"], index.asked["fusion"]) == (3, {"text": 2.0}, "sum")


def test_image_from_stdin(index: FakeIndex, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"\xff\xd8picture")))
    run("search", "--image", "-")
    assert index.asked["image"] == b"\xff\xd8picture"


@pytest.mark.parametrize("named", [HARBOUR, HARBOUR[:6], "/photos/harbour.jpg"])
def test_similar_finds_indexed_pictures_by_id_by_its_start_and_by_path(index: FakeIndex, run: Any, named: str) -> None:
    assert run("similar", named, "-k", "4").code == exits.OK
    assert (index.asked["like"], index.asked["k"]) == (HARBOUR, 4)
    assert "image" not in index.asked


def test_similar_takes_files_that_are_not_indexed(index: FakeIndex, run: Any) -> None:
    Path("new.jpg").write_bytes(b"x")
    assert run("similar", "./new.jpg").code == exits.OK
    assert index.asked["image"] == "./new.jpg"
    assert "like" not in index.asked


def test_similar_to_an_ambiguous_start_or_to_nothing_is_told(index: FakeIndex, run: Any) -> None:
    index.documents["a1a1a1" + "0" * 58] = Document("a1a1a1" + "0" * 58, {})
    done = run("similar", "absent")
    assert done.code == exits.NOTHING and done.err.startswith("error: no document 'absent'")
    done = run("similar", "a1a1a1")
    told = f"more than one id begins with 'a1a1a1': /photos/harbour.jpg, a1a1a1{'0' * 58}; name one"
    assert done.code == exits.USAGE and told in done.err


# -- what is printed -------------------------------------------------------------------------------------------------


def test_piped_table_is_plain_aligned_and_whole(index: FakeIndex, run: Any) -> None:
    done = run("search", "boats", "--field", "iso")
    assert done.out == (
        "rank  score   text   vector  signature  iso  path                          caption\n"
        "1     0.0328  12.35  0.5000             100  /photos/harbour.jpg           boats in a harbour\n"
        "2     0.0161         0.7500  0.7500     400  /photos/be ach.jpg (+1 copy)  sandbar, seashore\n"
    )
    assert done.err == "hits 1 to 2 of 40 in 1.2 ms; --offset 2 shows the next\n"


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("-k", "2"), "2 hits in 1.2 ms; --offset 2 shows the next"),
        (("-k", "2", "--offset", "2"), "hits 3 to 4 in 1.2 ms; --offset 4 shows the next"),
        (("-k", "3"), "2 hits in 1.2 ms"),
        (("-k", "2", "--offset", "398"), "hits 399 to 400 in 1.2 ms"),
    ],
)
def test_what_is_near_is_not_counted(index: FakeIndex, run: Any, asked: tuple[str, ...], says: str) -> None:
    # 40 were fetched to be ranked; how many of the 400 pictures match is no question where vectors are searched
    index.hits = replace(index.hits, body={"knn": []})
    index.documents.update({str(number): index.documents[HARBOUR] for number in range(400 - len(index.documents))})
    assert run("search", "boats", *asked).err == f"{says}\n"


def test_json_has_all_that_a_program_needs(index: FakeIndex, run: Any) -> None:
    index.hits = replace(index.hits, facets={"iso": {"100": 1, "400": 1}})
    done = run("search", "boats", "--facet", "iso", "--json")
    answer = json.loads(done.out)
    assert (answer["total"], answer["facets"]) == (40, {"iso": {"100": 1, "400": 1}})
    first, second = answer["hits"]
    assert (first["rank"], first["id"], first["legs"]) == (1, HARBOUR, {"text": 12.3456, "vector": 0.5})
    assert first["source"]["tags"] == ["sea", "boat"]
    assert (second["distance"], second["copies"]) == (0.25, ["c3"])
    assert "thumbnail" not in second["source"]
    assert done.err == ""


def test_jsonl_has_one_line_per_hit(index: FakeIndex, run: Any) -> None:
    lines = run("search", "boats", "--jsonl").out.splitlines()
    assert [json.loads(line)["path"] for line in lines] == ["/photos/harbour.jpg", "/photos/be ach.jpg"]


def test_csv_reads_back_and_starts_no_formula(index: FakeIndex, run: Any) -> None:
    source = {"caption": '=HYPERLINK("http://x","y")', "title": "@sum", "place": {"city": "-1+1"}}
    index.hits = Hits((Hit(1, "+id", 0.5, {"text": -1.5}, None, {**source, "path": ["/p/a, b\n.jpg"]}),))
    done = run("search", "boats", "--csv", "--field", "place.city", "--field", "title")
    [row] = csv.DictReader(io.StringIO(done.out))
    assert row["caption"] == '\'=HYPERLINK("http://x","y")'
    assert (row["id"], row["place.city"], row["title"]) == ("'+id", "'-1+1", "'@sum")
    assert (row["text"], row["path"]) == ("-1.5", "/p/a, b\n.jpg"), "numbers stay numbers, paths stay whole"


def test_paths_are_bytes_that_xargs_reads(index: FakeIndex, run: Any) -> None:
    assert run("search", "boats", "--paths").out == "/photos/harbour.jpg\n/photos/be ach.jpg\n"
    assert run("search", "boats", "-0").out == "/photos/harbour.jpg\0/photos/be ach.jpg\0"


@pytest.mark.parametrize("form", [(), ("--json",), ("--jsonl",)])
def test_escapes_in_names_and_captions_never_reach_the_terminal(index: FakeIndex, run: Any, form: tuple[str]) -> None:
    evil = "\x1b]0;owned\x07\x9b31m\u202egpj.exe"
    source = {"caption": evil, "path": [f"/p/{evil}.jpg"]}
    index.hits = Hits((Hit(1, evil, 0.5, {}, None, source, matched=(evil,)),))
    done = run("search", "boats", *form)
    assert not set("\x1b\x07\x9b\u202e") & set(done.out)
    assert "gpj.exe" in done.out
    if form == ("--json",):
        assert json.loads(done.out)["hits"][0]["path"] == f"/p/{evil}.jpg"


def test_facets_follow_the_table(index: FakeIndex, run: Any) -> None:
    index.hits = replace(index.hits, facets={"camera.make": {"canon": 30, "nikon": 10}})
    assert run("search", "boats", "--facet", "camera.make").out.endswith(
        "\ncamera.make\n      30  canon\n      10  nikon\n"
    )


def test_explain_says_what_matched(index: FakeIndex, run: Any) -> None:
    matched = ("filter:iso:100", "term:boat@caption", "term:boat@tags", "term:sea@tags")
    index.hits = Hits((Hit(1, "a", 0.5, matched=matched),))
    assert "\n    matched boat in caption, tags; sea in tags; iso:100\n" in run("search", "boats", "--explain").out


def test_sheet_is_written_beside_the_table(index: FakeIndex, run: Any) -> None:
    done = run("search", "boats", "--sheet", "out.png")
    assert Path("out.png").read_bytes().startswith(b"\x89PNG")
    assert "wrote out.png\n" in done.err


def test_request_prints_the_body(index: FakeIndex, run: Any) -> None:
    whole = json.loads(run("request", "boats").out)
    assert whole["knn"][0]["query_vector"] == list(range(20))
    short = json.loads(run("request", "boats", "--short").out)
    assert short["knn"][0]["query_vector"] == [0, 1, 2, "… 20 numbers"]


def test_show_and_info(index: FakeIndex, run: Any) -> None:
    done = run("show", BEACH)
    assert f"id      {BEACH}\n" in done.out
    assert "labels  sandbar, seashore\n" in done.out
    assert "thumbnail" not in done.out
    assert "thumbnail" in run("show", BEACH, "--full").out
    assert json.loads(run("show", BEACH, "--json").out)["source"]["iso"] == 400
    assert run("info", "-i", "/idx").out == "location       /idx\ndocuments      2,000\nembedder.name  lite\n"
    assert json.loads(run("info", "--json").out)["documents"] == 2000


def test_info_lists_the_fields_that_queries_can_name(index: FakeIndex, run: Any) -> None:
    fields = json.loads(run("info", "--fields", "--json").out)
    assert (fields["camera.make"], fields["iso"], fields["location"]) == ("keyword", "integer", "geo_point")
    assert not {"thumbnail", "signature", "files"} & set(fields), "nothing that no query can use"
    assert not {"regions.label", "regions.score", "visual_words"} & set(fields), "nothing that no picture has"
    assert ["iso", "integer"] in [line.split() for line in run("info", "--fields").out.splitlines()]
    assert index.opened == {}, "the mapping alone knows"


# -- indexing --------------------------------------------------------------------------------------------------------


def test_index_passes_every_option_on(index: FakeIndex, run: Any) -> None:
    index.embedders = ("histogram+hog",)
    Path("photos").mkdir()
    Path("captions.csv").write_text("path,caption\n")
    done = run(
        *("index", "photos", "--captions", "captions.csv", "--include", "*.jpg", "--exclude", "old", "--hidden"),
        *("--batch-size", "8", "--workers", "2", "--embedder", "histogram+hog", "--index", "here"),
        *("--max-megapixels", "50", "--memory", "300", "--follow-symlinks"),
    )
    assert index.opened == {
        "location": "here",
        "name": "images",
        "embedder": ["histogram+hog"],
        "create": True,
        "limits": Limits(max_pixels=50_000_000, memory=300_000_000),
        "server": None,
    }
    assert index.asked == {
        "path": Path("photos"),
        "captions": Path("captions.csv"),
        "include": ["*.jpg"],
        "exclude": ["old"],
        "hidden": True,
        "follow_symlinks": True,
        "batch_size": 8,
        "workers": 2,
        "accept_missing": False,
        "all_files": False,
    }
    assert (done.code, done.out) == (exits.OK, "2 added, 0 updated, 1 unchanged in 0.5 s, 4 pictures/s\n")
    assert done.err == "2 pictures in here\n"


def test_a_total_that_is_a_lower_bound_says_so(index: FakeIndex, run: Any) -> None:
    index.hits = replace(index.hits, at_least=True)
    assert " of 40 or more in " in run("search", "boats").err
    assert json.loads(run("search", "boats", "--json").out)["at_least"] is True


def test_one_picture_a_second_is_not_pictures(index: FakeIndex, run: Any) -> None:
    index.report = IngestReport(added=1, seconds=0.9)
    assert run("index", ".").out == "1 added, 0 updated, 0 unchanged in 0.9 s, 1 picture/s\n"


def test_failed_files_are_lines_on_stderr_and_an_exit_code(index: FakeIndex, run: Any) -> None:
    failures = (Failure("/p/bad.jpg", "cannot read image /p/bad.jpg: truncated"), Failure("/p/odd.jpg", "refused"))
    index.report = IngestReport(added=1, failed=failures, missing=2, seconds=1.0)
    done = run("index", ".")
    assert done.code == exits.PARTIAL
    assert done.err.splitlines()[:2] == [
        "failed: cannot read image /p/bad.jpg: truncated",
        "failed: /p/odd.jpg: refused",
    ]
    assert "2 failed, 2 missing" in done.out
    report = json.loads(run("index", ".", "--json").out)
    assert report["failed"][1] == {"path": "/p/odd.jpg", "error": "refused"}


def test_files_that_one_package_opens_are_one_line(index: FakeIndex, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(errors.ImageUnreadable) as raised:
        raw_preview("0.cr2", b"", DEFAULT_LIMITS)
    raw = tuple(Failure(f"/p/{number}.cr2", raised.value.reason) for number in range(3))
    index.report = IngestReport(failed=(raw[0], Failure("/p/odd.jpg", "refused"), *raw[1:]), seconds=1.0)
    remedy = "RAW images need another package: pip install 'hybrid-search[raw]'"
    lines = [line for line in run("index", ".").err.splitlines() if line.startswith("failed: ")]
    assert lines == [f"failed: 3 files, such as /p/0.cr2: {remedy}", "failed: /p/odd.jpg: refused"]
    assert len(json.loads(run("index", ".", "--json").out)["failed"]) == 4


def test_captions_that_matched_no_picture_are_named(index: FakeIndex, run: Any) -> None:
    index.report = IngestReport(added=1, unused_captions=tuple(f"{n}.jpg (line {n})" for n in range(2, 9)))
    err = run("index", ".").err
    assert "7 of the captions matched no picture: 2.jpg (line 2), 3.jpg (line 3), " in err
    assert "6.jpg (line 6), …\n" in err
    assert json.loads(run("index", ".", "--json").out)["unused_captions"][-1] == "8.jpg (line 8)"


def test_several_paths_add_up(index: FakeIndex, run: Any) -> None:
    Path("a").mkdir()
    Path("b").mkdir()
    assert run("index", "a", "b").out.startswith("4 added, 0 updated, 2 unchanged in 1.0 s")


def test_interrupting_closes_the_index_and_says_how_to_go_on(index: FakeIndex, run: Any) -> None:
    index.raises = KeyboardInterrupt()
    done = run("index", ".")
    assert done.code == exits.INTERRUPTED
    assert index.closed
    assert "run the same command again" in done.err


# -- removing --------------------------------------------------------------------------------------------------------


def test_delete_asks_unless_told_not_to(index: FakeIndex, run: Any) -> None:
    assert run("delete", HARBOUR).code == exits.USAGE, "nobody can answer here"
    assert index.deleted == []
    done = run("delete", HARBOUR, "/photos/be ach.jpg", HARBOUR[:8], "--yes")
    assert index.deleted == [HARBOUR, BEACH], "named twice, removed once"
    assert done.out == "2 pictures removed from the index; no picture file was touched\n"


@pytest.mark.parametrize(("answer", "code", "deleted"), [("y\n", exits.OK, [HARBOUR]), ("n\n", exits.NOTHING, [])])
def test_delete_does_what_is_answered(
    index: FakeIndex, run: Any, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, deleted: list[str]
) -> None:
    stdin = io.StringIO(answer)
    stdin.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdin", stdin)
    done = run("delete", HARBOUR)
    assert (done.code, index.deleted) == (code, deleted)
    assert "/photos/harbour.jpg" in done.err


def test_delete_of_an_unknown_document_deletes_nothing(index: FakeIndex, run: Any) -> None:
    assert run("delete", HARBOUR, "absent", "--yes").code == exits.NOTHING
    assert index.deleted == []


def test_prune_lists_before_it_removes(index: FakeIndex, run: Any) -> None:
    done = run("prune", "--dry-run")
    assert (done.out, index.deleted) == ("/photos/harbour.jpg\n/photos/be ach.jpg\n", [])
    assert run("prune", "--yes").out == "2 pictures removed from the index\n"
    assert index.deleted == [HARBOUR, BEACH]


# -- how commands end ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.EmptyQuery(), 2),
        (errors.UnknownField("camera.maker", ["camera.make"]), 2),
        (errors.BadFilter("iso:[", "it ends too early"), 2),
        (errors.ImageUnreadable("/x.jpg", "truncated"), 2),
        (errors.UnknownEmbedder("clp", ["lite"]), 2),
        (errors.EmbedderUnavailable("clip", "pip install 'hybrid-search[clip]'"), 3),
        (errors.IndexNotFound("/idx"), 3),
        (errors.BackendUnavailable("http://localhost:9200", "refused"), 3),
        (errors.DocumentNotFound("x"), 1),
        (PermissionError(13, "Permission denied", "/idx"), 3),
        (KeyError("odd\nthing"), 3),
        (KeyboardInterrupt(), 130),
    ],
)
def test_an_error_is_one_line_and_a_code(index: FakeIndex, run: Any, error: BaseException, code: int) -> None:
    index.raises = error
    done = run("search", "boats")
    assert (done.code, done.out) == (code, "")
    assert "Traceback" not in done.err
    assert done.err.count("\n") == (code != exits.INTERRUPTED)
    assert done.err.startswith("" if code == exits.INTERRUPTED else "error: ")


def test_debug_shows_the_traceback(index: FakeIndex, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    index.raises = KeyError("odd")
    assert "Traceback" in run("--debug", "search", "boats").err
    monkeypatch.setenv("HYBRID_SEARCH_DEBUG", "1")
    assert "Traceback" in run("search", "boats").err


def test_nothing_found_is_code_one_and_says_what_was_searched(index: FakeIndex, run: Any) -> None:
    index.hits = Hits((), took_ms=1.25)
    done = run("search", "boats")
    assert (done.code, done.out) == (exits.NOTHING, "")
    assert done.err == "nothing found among 2 pictures in 1.2 ms\n"
    index.documents.clear()
    assert "the index is empty" in run("search", "boats").err
    assert json.loads(run("search", "boats", "--json").out)["hits"] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", "boats", "--json", "--csv"),
        ("search", "boats", "--csv", "--facet", "iso"),
        ("search", "boats", "--weights", "text"),
        ("search", "boats", "--weights", "text=two"),
        ("search", "boats", "--min-score", "much"),
        ("search", "boats", "--fusion", "magic"),
        ("search", "boats", "-k", "0"),
        ("search", "boats", "--image", "absent.jpg"),
        ("search", "boats", "--sheet", "out.txt"),
        ("search", "boats", "--colour"),
        ("index", "absent"),
        ("index",),
        ("fly",),
    ],
)
def test_wrong_usage_is_one_line_with_the_way_to_help(index: FakeIndex, run: Any, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert (done.code, done.out) == (exits.USAGE, "")
    assert done.err.count("\n") == 1
    assert "--help` shows how" in done.err
    assert index.asked == {}


def test_no_arguments_ask_for_help(run: Any) -> None:
    done = run()
    assert done.code == exits.OK
    assert "Exit codes" in done.out


def test_version(run: Any) -> None:
    assert run("--version").out == f"hybrid-search {hybrid_search.__version__}\n"


def test_help_of_a_search_loads_nothing_heavy() -> None:
    heavy = ("onnxruntime", "tantivy", "usearch", "elasticsearch", "PIL", "numpy", "requests")
    code = f"import sys; from hybrid_search.cli import app\nprint([name for name in {heavy!r} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_leg_numbers() -> None:
    assert leg_numbers(" text = 2 ,vector=.5", "--weights") == {"text": 2.0, "vector": 0.5}
    assert least_score("vector=0.3") == {"vector": 0.3}
