"""Damage is found by `check`, named, and mended without a loss that is not said."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hybrid_search.backends.embedded import EmbeddedBackend
from hybrid_search.backends.embedded.documents.segments import PARTS, segment_files
from hybrid_search.backends.embedded.error_translation import reading
from hybrid_search.backends.embedded.vectors.vector_rows import BLOCK, sums_of
from hybrid_search.cli import exits, run
from hybrid_search.errors import IndexCorrupt
from hybrid_search.index import HybridIndex
from scripts import rot_campaign
from tests.support.fakes import save_photo


@pytest.fixture
def place(tmp_path: Path) -> Path:
    rot_campaign.make(tmp_path / "index" / "images")
    return tmp_path / "index" / "images"


def flip(path: Path, at: float = 0.5) -> None:
    # in place: a file that an open index maps must not become shorter, not even for a moment
    with path.open("r+b") as file:
        file.seek(int(path.stat().st_size * at))
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 4]))


def first(place: Path, part: str) -> Path:
    return next((place / "tantivy").glob(f"*.{part}"))


@pytest.fixture
def backend(place: Path) -> Iterator[EmbeddedBackend]:
    backend = EmbeddedBackend(place)
    yield backend
    backend.close()


def test_a_sound_index_is_sound_and_not_touched(place: Path, backend: EmbeddedBackend) -> None:
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    found = backend.check()
    assert found.damages == () and found.unsummed == () and found.files == len(before)
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_a_sample_of_flips_and_cuts_of_every_kind_of_file(tmp_path: Path) -> None:
    """The whole campaign is scripts/rot_campaign.py."""
    outcomes = rot_campaign.campaign(tmp_path, tries=15, seed=3)
    assert len({kind for kind, _, _ in outcomes}) == 15
    assert [f"{outcome.kind}: {how}: {outcome.said}" for _, how, outcome in outcomes if not outcome.well] == []


@pytest.mark.parametrize("part", [*PARTS, "del"])
@pytest.mark.parametrize("how", ["flipped", "lost"])
def test_a_file_of_a_segment_is_looked_at_before_tantivy_reads_it(
    place: Path, backend: EmbeddedBackend, part: str, how: str
) -> None:
    path = first(place, part)
    flip(path) if how == "flipped" else path.unlink()
    with pytest.raises(IndexCorrupt, match=f"{path.name} (is missing|does not have the checksum|is cut off)"):
        backend.count()
    assert [each.file for each in backend.check().damages] == [f"tantivy/{path.name}"]


def test_deletions_are_read_as_tantivy_wrote_them(place: Path, backend: EmbeddedBackend) -> None:
    """What was removed does not come back where documents are read without tantivy's search."""
    before = {id for id, _ in backend.scan()}
    flip(first(place, "term"))
    mended = backend.check(repair=True)
    assert mended.lost == 0 and mended.incomplete == () and mended.damages == ()
    assert {id for id, _ in backend.scan()} == before
    assert mended.kept is not None and (Path(mended.kept) / "tantivy").is_dir()


def test_a_second_repair_keeps_the_files_of_the_first(place: Path, backend: EmbeddedBackend) -> None:
    flip(first(place, "term"))
    kept = [backend.check(repair=True).kept]
    flip(first(place, "idx"))
    kept.append(backend.check(repair=True).kept)
    assert kept == [f"{place}.damaged", f"{place}.damaged-2"] and backend.count() == 58


def test_a_damaged_block_of_vectors_costs_these_vectors_alone(tmp_path: Path) -> None:
    rows = np.arange(2 * BLOCK * 4 + 8, dtype=np.float16).reshape(-1, 4)
    sums = sums_of(rows)
    assert len(sums) == 3 and sums_of(rows, known=sums[:1]) == sums
    assert sums_of(rows[: BLOCK + 1])[0] == sums[0] != sums[1]


def test_vectors_that_are_damaged_are_left_out_and_said(place: Path, backend: EmbeddedBackend) -> None:
    flip(place / "vectors" / "embedding.tiny" / "rows.bin", 0.9)
    (found,) = backend.check().damages
    assert found.file.endswith("rows.bin") and "rows 0 to 60" in found.affects
    mended = backend.check(repair=True)
    assert len(mended.incomplete) == 58 == backend.count()
    assert backend.search({"query": {"match": {"caption": "word7"}}})["hits"]["total"]["value"] == 1


def test_codes_and_graph_are_made_again(place: Path, backend: EmbeddedBackend) -> None:
    folder = place / "vectors" / "embedding.tiny"
    flip(folder / "codes.bin", 0.9)
    (folder / "graph.usearch").write_bytes(b"x" * 100)
    assert [each.harmless for each in backend.check().damages] == [False, True]
    mended = backend.check(repair=True)
    assert mended.damages == () and mended.kept is None and len(mended.repaired) == 2
    leg = {"field": "embedding.tiny", "query_vector": [1.0, *[0.0] * 15], "k": 3, "num_candidates": 9}
    assert len(backend.search({"knn": leg})["hits"]["hits"]) == 3


def test_without_the_definition_and_its_copy_nothing_is_guessed(place: Path, backend: EmbeddedBackend) -> None:
    for name in ("definition.json", "definition.copy.json"):
        (place / name).unlink()
    with pytest.raises(IndexCorrupt, match=r"restore that file"):
        backend.check(repair=True)
    assert segment_files(place / "tantivy")


def test_an_index_of_an_earlier_version_has_no_checksums_until_it_is_written(
    place: Path, backend: EmbeddedBackend
) -> None:
    committed = place / "vectors" / "embedding.tiny" / "committed.json"
    old = {name: json.loads(committed.read_bytes())[name] for name in ("identity", "rows", "format")}
    committed.write_text(json.dumps(old))
    (place / "definition.copy.json").unlink()
    found = backend.check()
    assert found.damages == () and found.unsummed == ("definition.json", "vectors/embedding.tiny/rows.bin")
    backend.bulk([rot_campaign.Action("update", "d7", {"caption": "other"})])
    backend.refresh()
    assert backend.check().unsummed == () and backend.count() == 58


def test_a_panic_is_damage() -> None:
    class PanicException(BaseException):
        pass

    with pytest.raises(IndexCorrupt, match="range end index"), reading("here"):
        raise PanicException("range end index 9 out of range" + "x" * 5000)
    with pytest.raises(KeyboardInterrupt), reading("here"):
        raise KeyboardInterrupt


def test_pictures_whose_vectors_are_lost_are_read_again_and_keep_what_people_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos, at = tmp_path / "photos", ["--index", str(tmp_path / "index")]
    for seed in range(3):
        save_photo(photos / f"{seed}.png", seed, (64, 48))
    (tmp_path / "words.csv").write_text("path,caption\n0.png,my red boat\n")
    told = [*at, "index", str(photos), "--captions", str(tmp_path / "words.csv"), "--embedder", "histogram+hog"]
    assert run([*told, "--no-progress"]) == exits.OK
    with HybridIndex(tmp_path / "index") as index:
        ids = {document.path: document.id for document in index}
        index.backend.bulk(
            [rot_campaign.Action("update", ids[str(photos / "0.png")], {"duplicate": {"not_duplicates": ["x"]}})]
        )
    (photos / "2.png").unlink()
    for path in (tmp_path / "index" / "images" / "tantivy").glob("*.fast"):
        flip(path)
    capsys.readouterr()
    assert run([*at, "search", "boat"]) == exits.FAILED
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and "check` says" in said.err
    assert run([*at, "check"]) == exits.FAILED
    assert "affects sorting" in capsys.readouterr().out
    assert run([*at, "check", "--repair", "--yes"]) == exits.OK
    said = capsys.readouterr()
    assert "3 documents were read" in said.out and "2 pictures read again" in said.out
    assert "1 picture may lack vectors" in said.err and "images.damaged" in said.err
    with HybridIndex(tmp_path / "index") as index:
        assert len(index) == 3
        hit = index.search(image=photos / "0.png", k=1)[0]
        document = index.get(hit.id, vectors=True)
        assert document.path == str(photos / "0.png") and document.source["caption"] == "my red boat"
        assert document.source["duplicate"]["not_duplicates"] == ["x"] and "signature" in document.source


def test_check_says_of_a_sound_index_what_it_read(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = ["--index", str(place.parent)]
    assert run([*at, "check"]) == exits.OK
    assert "is sound: " in capsys.readouterr().out
    assert run([*at, "check", "--json"]) == exits.OK
    assert json.loads(capsys.readouterr().out)["damages"] == []
    assert run(["--index", str(place.parent / "none"), "check"]) == exits.FAILED
    assert "no index" in capsys.readouterr().err


def test_a_damaged_id_that_became_anothers_is_a_loss_that_is_said(
    place: Path, backend: EmbeddedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hybrid_search.backends.embedded import repair

    flip(first(place, "term"))
    whole = [repair.SalvagedDocument(id, {"caption": id}, {}, sound=False) for id in ("a", "b", "b", "c")]
    whole.append(repair.SalvagedDocument("c", {"caption": "sound"}, {}, sound=True))
    monkeypatch.setattr(repair, "salvage", lambda *given, **more: iter([*whole, None]))
    mended = backend.check(repair=True)
    assert mended.lost == 3 and backend.count() == 3 and mended.incomplete == ("a", "b")
    assert backend.get("c")["caption"] == "sound"


def test_a_footer_that_tantivy_refuses_is_damage_of_that_file(place: Path, backend: EmbeddedBackend) -> None:
    path = first(place, "store")
    path.write_bytes(path.read_bytes().replace(b'"minor"', b'"mhnor"'))
    assert [each.file for each in backend.check().damages] == [f"tantivy/{path.name}"]
    assert backend.check(repair=True).lost == 29 and backend.count() == 29
