"""Text inside pictures: read from files, kept in documents, found by words, and read again when it should be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hybrid_search import cli
from hybrid_search.backends import Action
from hybrid_search.backends.registry import open_backend
from hybrid_search.backends.transfer import migrate
from hybrid_search.cli import exits
from hybrid_search.document.definition import load_definition, spec_of
from hybrid_search.errors import MappingMismatch, PackageMissing
from hybrid_search.index import HybridIndex
from hybrid_search.ingest.text_reading import read_text
from tests.support.fakes import HueEmbedder, LineReader
from tests.support.places import place_on
from tests.support.servers import VERSIONS, unavailable

RECEIPT, SIGN, SKY = "#ff0000", "#00ff00", "#0000ff"
TEXTS = {RECEIPT: ("Corner Bakery", "Total 12.50"), SIGN: ("Straße gesperrt",), SKY: ()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write three pictures, of which `LineReader` reads two."""
    for name, colour in (("receipt", RECEIPT), ("sign", SIGN), ("sky", SKY)):
        path = tmp_path / "photos" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (64, 48), colour).save(path)
    return tmp_path / "photos"


@pytest.fixture(params=["embedded", VERSIONS[0]])
def index(request: pytest.FixtureRequest, folder: Path) -> Iterator[HybridIndex]:
    if request.param == "embedded":
        with HybridIndex(embedder=HueEmbedder()) as made:
            made.add_folder(folder)
            yield made
        return
    servers = request.getfixturevalue("servers")
    if VERSIONS[0] not in servers:
        unavailable(f"HYBRID_SEARCH_TEST_SERVERS names none of version {VERSIONS[0]}")
    with place_on(servers[VERSIONS[0]]) as at, HybridIndex(at.url, name=at.name, embedder=HueEmbedder()) as made:
        made.add_folder(folder)
        yield made


def names(index: HybridIndex, text: str | None = None, **options: Any) -> list[str]:
    hits = index.search(text, **options)
    return sorted(Path(str(hit.path)).stem for hit in hits if text is None or "text" in hit.legs)


def test_words_inside_pictures_are_found_filtered_and_explained(index: HybridIndex) -> None:
    report = read_text(index.backend, LineReader(TEXTS))
    assert (report.read, report.with_text, report.failed) == (3, 2, ())
    assert names(index, "bakery") == ["receipt"] and names(index, "strasse") == ["sign"]
    assert names(index, '"total 12.50"') == ["receipt"]
    assert names(index, filter="has:text") == ["receipt", "sign"]
    assert names(index, filter="NOT has:text") == ["sky"] == names(index, filter="-_exists_:text_in_picture")
    assert names(index, filter='text_in_picture:"corner bakery"') == ["receipt"]
    assert names(index, filter="has:caption") == []
    (hit,) = [hit for hit in index.search("bakery -gesperrt", explain=True) if "text" in hit.legs]
    assert hit.matched == ("term:bakery@text_in_picture",)
    assert hit.source["text_in_picture"] == ["Corner Bakery", "Total 12.50"]
    assert hit.source["text_lines"][1] == {
        "text": "Total 12.50", "confidence": 0.95, "left": 0.1, "top": 0.5, "width": 0.8, "height": 0.25,
    }  # fmt: skip
    assert "sign" not in names(index, "-gesperrt", filter="has:text")


def test_what_was_read_is_not_read_again_except_by_another_version(index: HybridIndex) -> None:
    read_text(index.backend, LineReader(TEXTS))
    reader = LineReader(TEXTS)
    assert read_text(index.backend, reader).read == 0 == reader.seen, "the sky has no text, and is not looked at again"
    assert read_text(index.backend, LineReader(TEXTS), again=True).read == 0, "nor by the same version"
    other = LineReader({SKY: ("Rain at noon",)}, version="other/2")
    assert read_text(index.backend, other).read == 0
    assert read_text(index.backend, other, again=True).read == 3
    assert names(index, filter="has:text") == ["sky"] == names(index, "rain") and names(index, "bakery") == []
    sky = next(document for document in index if str(document.path).endswith("sky.png"))
    assert sky.source["text_read_by"] == "other/2"


def test_an_interrupted_run_keeps_what_it_has_done(index: HybridIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hybrid_search.ingest.text_reading._BATCH", 1)

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_text(index.backend, LineReader(TEXTS), progress=stop)
    reader = LineReader(TEXTS)
    assert read_text(index.backend, reader).read == 2 == reader.seen


def test_files_that_are_damaged_changed_or_gone_are_named_and_cost_no_other(index: HybridIndex, folder: Path) -> None:
    (folder / "receipt.png").write_bytes((folder / "receipt.png").read_bytes()[:60])
    (folder / "sign.png").unlink()
    index.add(Image.new("RGB", (64, 48), RECEIPT), id="pixels")
    index.refresh()
    report = read_text(index.backend, LineReader(TEXTS))
    assert report.read == 1 and report.with_text == 0
    problems = {Path(failure.path).name: failure.error for failure in report.failed}
    assert set(problems) == {"receipt.png", "sign.png", "pixels"}
    assert "other bytes" in problems["receipt.png"] and "No such file" in problems["sign.png"]
    # once its folder was indexed again, the vanished picture waits in silence
    index.add_folder(folder)
    left = read_text(index.backend, LineReader(TEXTS)).failed
    assert {Path(failure.path).name for failure in left} == {"receipt.png", "pixels"}


def test_a_picture_that_the_reader_fails_on_costs_no_other(index: HybridIndex) -> None:
    class Failing(LineReader):
        def read(self, image: Image.Image) -> Any:
            if image.getpixel((0, 0)) == (255, 0, 0):
                raise RuntimeError("no such operator")
            return super().read(image)

    report = read_text(index.backend, Failing(TEXTS))
    assert report.read == 2
    assert [failure.error for failure in report.failed] == [
        f"cannot read image {report.failed[0].path}: RuntimeError: no such operator"
    ]


def test_it_stays_with_other_captions_and_goes_with_other_bytes(index: HybridIndex, folder: Path) -> None:
    own = folder.parent / "own.png"
    Image.new("RGB", (64, 48), "#ff0100").save(own)
    index.add(own, id="mine")
    read_text(index.backend, LineReader({**TEXTS, "#ff0100": ("Baker street",)}))
    (folder / "receipt.png.json").write_text('{"caption": "lunch"}')
    captions = folder.parent / "captions.csv"
    captions.write_text("file,caption\nreceipt.png,lunch\n")
    index.add_folder(folder, captions=captions)
    assert names(index, "lunch bakery") == ["receipt"]
    (found,) = [document for document in index if str(document.path).endswith("receipt.png")]
    assert found.source["text_in_picture"] == ["Corner Bakery", "Total 12.50"]
    Image.new("RGB", (64, 48), SKY).save(own)
    index.add(own, id="mine")
    assert "text_in_picture" not in index.get("mine").source and names(index, "baker street") == []


def test_an_index_from_before_says_what_it_lacks_and_reads_once_it_is_migrated(tmp_path: Path, folder: Path) -> None:
    older = load_definition(embeddings={"hue": spec_of(HueEmbedder())})
    for name in ("text_in_picture", "text_in_picture_text", "text_lines", "text_read_by"):
        del older["mappings"]["properties"][name]
    with closing(open_backend(tmp_path / "index", name="images")) as backend:
        backend.create(older)
        backend.bulk([Action("index", "said", {"caption": "red"})])
        backend.refresh()
        with HybridIndex(tmp_path / "index", embedder=HueEmbedder()) as index:
            assert index.search("red", literal=True, explain=True)[0].matched == ("term:red@caption",)
        with pytest.raises(MappingMismatch, match=r"text inside pictures was read.*transfer\.migrate`"):
            read_text(backend, LineReader(TEXTS))
        migrate(backend)
        with HybridIndex(tmp_path / "index", embedder=HueEmbedder()) as index:
            index.add_folder(folder)
        assert read_text(backend, LineReader(TEXTS)).with_text == 2


def test_without_the_extra_it_is_said_what_brings_it(
    index: HybridIndex, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("hybrid_search.ocr.text_reader.util.find_spec", lambda name: None)
    with pytest.raises(PackageMissing, match=r"pip install 'hybrid-search\[ocr\]'"):
        index.read_text()
    place = str(folder.parent / "new")
    assert cli.run(["index", str(folder), "--read-text", "--index", place]) == exits.FAILED
    assert "pip install 'hybrid-search[ocr]'" in capfd.readouterr().err
    assert not Path(place).exists(), "it is said before anything is done"
