"""Photographs in black and white, and what is none."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from hybrid_search.backends.registry import open_backend
from hybrid_search.document.definition import load_definition, spec_of
from hybrid_search.document.monochrome import is_monochrome
from hybrid_search.index import HybridIndex
from tests.support.fakes import ColourEmbedder

RAMP = Image.linear_gradient("L").resize((300, 200))


def _jpeg(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=50)
    return Image.open(buffer).convert("RGB")


def _page() -> Image.Image:
    page = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(page).rectangle((40, 40, 180, 60), fill="black")
    return page


def _tinted() -> Image.Image:
    warmer = np.asarray(RAMP.convert("RGB"), int) + np.array([6, 0, -6])
    return Image.fromarray(np.clip(warmer, 0, 255).astype(np.uint8))


def _with_red_corner() -> Image.Image:
    image = RAMP.convert("RGB")
    image.paste("red", (0, 0, 60, 60))
    return image


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (RAMP.convert("RGB"), True),
        (_jpeg(RAMP.convert("RGB")), True),
        (_tinted(), True),
        (Image.merge("RGB", (RAMP, RAMP, RAMP.rotate(180))), False),
        (_with_red_corner(), False),
        (_page(), False),
        (Image.new("RGB", (5, 4), "navy"), False),
    ],
    ids=["grey", "grey JPEG", "tinted print", "coloured", "red corner", "page", "one colour"],
)
def test_only_photographs_without_colours_are(image: Image.Image, expected: bool) -> None:
    assert is_monochrome(image) is expected


def test_it_is_a_field_and_a_filter() -> None:
    with HybridIndex(embedder=ColourEmbedder()) as index:
        grey = index.add(RAMP.convert("RGB"))
        index.add(_with_red_corner())
        assert index.search(filter="monochrome:true").ids() == [grey]
        assert index.search("black and white photos").ids() == [grey]


def test_an_index_that_was_made_before_is_written_without_it(tmp_path: object) -> None:
    old = load_definition(embeddings={"colour": spec_of(ColourEmbedder())})
    del old["mappings"]["properties"]["monochrome"]
    backend = open_backend(str(tmp_path), name="old")
    backend.create(old)
    backend.close()
    with HybridIndex(str(tmp_path), name="old", embedder=ColourEmbedder()) as index:
        id = index.add(RAMP.convert("RGB"), metadata={"caption": "old"})
        assert "monochrome" not in index.get(id).source
        assert index.search("black and white old").ids() == [id]
