"""Pictures of one to three pixels, of one colour, and thinner than any photo stop nothing."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hybrid_search.cli import run
from hybrid_search.cli.output.contact_sheet import _fitted
from hybrid_search.document.picture import WORKING_PIXELS, prepare, read_picture, working_image
from hybrid_search.embedders.hub.recipe import Recipe
from hybrid_search.embedders.registry import get_embedder
from hybrid_search.images import read_source
from hybrid_search.index import HybridIndex
from hybrid_search.ingest.picture_embedding import embed, ready

SIZES = [(1, 1), (1, 2), (2, 1), (3, 3), (1, 400), (600, 1), (1000, 3), (3, 1000), (1, 60_000), (60_000, 1)]
WRITERS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")


def picture(size: tuple[int, int], kind: str) -> Image.Image:
    if kind != "noise":
        return Image.new("RGB", size, kind)
    return Image.fromarray(np.random.default_rng(size).integers(0, 256, (size[1], size[0], 3), np.uint8))


def encode(image: Image.Image, writer: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, writer)
    return buffer.getvalue()


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_step_takes_them(size: tuple[int, int]) -> None:
    for kind in ("noise", "black", "white"):
        for writer in WRITERS if kind == "noise" else ("PNG",):
            if max(size) > 16_383 and writer not in ("PNG", "JPEG"):
                continue
            read = read_picture(read_source(encode(picture(size, kind), writer)), min_side=224)
            assert (read.prepared.width, read.prepared.height) == size
            assert read.prepared.signature.shape == (648,)
            with Image.open(io.BytesIO(base64.b64decode(read.thumbnail.partition(",")[2]))) as small:
                assert max(small.size) <= 192
        assert max(_fitted(picture(size, kind), 300).size) <= 300


@pytest.mark.parametrize("name", ["colour:lab", "histogram+hog", "hog", "local:sift", "local:orb"])
def test_every_embedder_takes_them(name: str) -> None:
    embedder = get_embedder(name)
    for size in SIZES:
        for kind in ("noise", "black", "white"):
            image = prepare(read_source(picture(size, kind)), min_side=embedder.min_side).image
            ((vector, _),) = embed(embedder, [ready(embedder, image)])
            assert np.isfinite(vector).all(), (size, kind)
            assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5) or not vector.any(), (size, kind)


def test_networks_get_the_middle_of_them_without_enlarging_all() -> None:
    recipe = Recipe(width=32, height=32, edge=32)
    for size in ((1, 200_000), (200_000, 1)):
        image = Image.new("RGB", size, "red")
        image.paste("blue", (size[0] * 3 // 7, size[1] * 3 // 7, size[0] * 4 // 7 + 1, size[1] * 4 // 7 + 1))
        assert (recipe.pixels(image) == (0, 0, 255)).all()
    wide = picture((600, 10), "noise")
    assert recipe.pixels(wide).shape == (32, 32, 3)
    resized = np.asarray(wide.resize((1920, 32), Image.Resampling.BICUBIC))[:, 944:976]
    assert (recipe.pixels(wide) == resized).all(), "what is not that thin is prepared as ever"


def test_a_thin_picture_does_not_wait_at_full_size() -> None:
    for size in ((250, 100_000), (100_000, 250), (600, 60_000)):
        waiting = working_image(Image.new("L", size), min_side=224)
        assert waiting.width * waiting.height <= WORKING_PIXELS
        assert min(waiting.size) == min(size) // (min(size) // 224)
    assert working_image(Image.new("L", (250, 20_000)), min_side=224).size == (250, 20_000)


def test_they_are_indexed_and_found_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for size in SIZES:
        picture(size, "noise").save(folder / f"{size[0]}x{size[1]}.png")
    picture((2, 2), "white").save(folder / "white.png")
    monkeypatch.setenv("HYBRID_SEARCH_INDEX", str(tmp_path / "index"))
    with HybridIndex(tmp_path / "index", embedder="histogram+hog") as index:
        report = index.add_folder(folder)
        assert (report.added, report.failed) == (len(SIZES) + 1, ())
    for name in ("1x60000", "white"):
        capfd.readouterr()
        given = ["search", "--image", str(folder / f"{name}.png"), "--sheet", str(tmp_path / f"{name}.png")]
        assert run([*given, "--json"]) == 0
        assert Path(json.loads(capfd.readouterr().out)["hits"][0]["path"]).stem == name
        with Image.open(tmp_path / f"{name}.png") as sheet:
            assert sheet.width > 300
