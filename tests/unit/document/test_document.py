"""A document's fields are those of the mapping, say what the picture is, and come back as they went in."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hybrid_search.backends import Action
from hybrid_search.backends.embedded import EmbeddedBackend
from hybrid_search.document.definition import EmbeddingSpec, load_definition
from hybrid_search.document.document import (
    Document,
    FileFacts,
    build_source,
    file_fields,
    label_fields,
    metadata_fields,
)
from hybrid_search.document.picture import Picture, read_picture
from hybrid_search.document.search_fields import composed, with_search_fields
from hybrid_search.embedders import Label
from hybrid_search.images import read_source
from hybrid_search.metadata import Metadata
from hybrid_search.metadata.fields import FIELDS
from hybrid_search.signature.goldberg import signature
from tests.support.fakes import photo

DEFINITION = load_definition(embeddings={"toy": EmbeddingSpec("toy", "1", dims=3)})
VECTOR = np.array([0.6, 0.0, 0.8], np.float32)
LABELS = (Label("chihuahua", 0.61234, ("toy dog", "dog", "animal")), Label("tabby", 0.2, ("cat", "animal")))
DAY = 24 * 3600 * 10**9


def picture(image: Any = None, **fields: Any) -> Picture:
    source = read_source(photo(1, (400, 300)) if image is None else image)
    return read_picture(source, min_side=32, described=Metadata(fields, {"Make": "Canon"}, ("GPS 0/0 is no number",)))


def leaves(source: Any, properties: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every field of a document with its mapping; a field without one fails."""
    for name, value in source.items():
        assert name in properties, f"{prefix}{name} is not in the mapping"
        field = properties[name]
        if "properties" in field and isinstance(value, dict):
            yield from leaves(value, field["properties"], f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


def every_field() -> dict[str, Any]:
    values: dict[str, Any] = {"taken_at": "2020-02-29T12:00:00+01:00", "taken_offset": "+01:00", "flash": True}
    values |= {"tags": ["sea", "sand"], "location": {"lat": 48.85, "lon": 2.35}, "place.country_code": "fr"}
    numbers = {name: 3 for name, read in FIELDS.items() if name not in values and _takes_numbers(read)}
    texts = {name: f"some {name}" for name in FIELDS if name not in values and name not in numbers}
    return {**values, **numbers, **texts}


def _takes_numbers(read: Any) -> bool:
    try:
        return isinstance(read(3), (int, float)) and not isinstance(read(3), bool)
    except ValueError:
        return False


def test_every_field_that_is_written_exists() -> None:
    source = build_source(
        picture(**every_field()),
        files=[FileFacts("/photos/trip/a.jpg", 10, DAY)],
        embeddings={"toy": VECTOR},
        labels=LABELS,
    )
    properties = DEFINITION["mappings"]["properties"]
    written = dict(leaves(with_search_fields(source, properties), properties))
    assert set(FIELDS) <= set(written)
    assert {name for name in written if name.startswith("embedding.")} == {"embedding.toy"}
    # What a later stage or a person adds, or a file leaves; everything else in the mapping is filled here.
    later = {"regions", "visual_words", "duplicate", "written_labels", "written_labels_text", "missing_path", "extra"}
    later |= {"text_in_picture", "text_in_picture_text", "text_lines", "text_read_by"}
    later |= {"monochrome"}  # of photographs in black and white alone
    assert set(properties) - {name.split(".")[0] for name in written} == later


def test_the_backend_takes_it_whole_and_gives_it_back() -> None:
    source = build_source(picture(**every_field()), embeddings={"toy": VECTOR}, labels=LABELS)
    backend = EmbeddedBackend(None)
    backend.create(DEFINITION)
    assert [outcome.error for outcome in backend.bulk([Action("index", "a", source)])] == [None]
    again = backend.get("a", vectors=True)
    assert np.array_equal(again.pop("signature"), source["signature"])
    assert again.pop("embedding")["toy"] == pytest.approx(VECTOR, abs=1e-3)
    plain = {name: value for name, value in source.items() if name not in ("signature", "embedding")}
    assert again == plain
    assert json.loads(json.dumps(plain)) == plain, "all of it is JSON but the vectors"


def test_what_a_picture_says_of_itself() -> None:
    source = build_source(picture(), embeddings={"toy": VECTOR})
    assert (source["width"], source["height"], source["megapixels"], source["shape"]) == (400, 300, 0.12, "landscape")
    assert source["bytes"] == 400 * 300 * 3, "pixels that never were a file count as themselves"
    values = signature(photo(1, (400, 300)))
    assert np.array_equal(source["signature"], values)
    assert source["signature_norm"] == pytest.approx(float(np.sqrt((values.astype(float) ** 2).sum())))
    assert len(source["words"]) == 63 and all(re.fullmatch("[0-9a-f]{2}:[0-9a-f]+", word) for word in source["words"])
    assert datetime.fromisoformat(source["indexed_at"]).date() >= date(2024, 1, 1)
    assert "path" not in source and "labels" not in source and "caption" not in source
    assert source["exif"] == {"Make": "Canon"} and source["warnings"] == ["GPS 0/0 is no number"]


def test_a_flat_picture_has_no_words() -> None:
    source = build_source(picture(Image.new("RGB", (60, 60), "red")), embeddings={"toy": VECTOR})
    assert source["words"] == [] and source["signature_norm"] == 0.0
    assert "signature" not in source


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ((400, 300), "landscape"),
        ((300, 400), "portrait"),
        ((300, 300), "square"),
        ((300, 285), "square"),  # 285 / 300 = 0.95
        ((300, 284), "landscape"),
        ((284, 300), "portrait"),
        ((600, 300), "panorama"),  # 2 to 1
        ((598, 300), "landscape"),
        ((300, 600), "panorama"),
        ((1, 1), "square"),
    ],
)
def test_shapes(size: tuple[int, int], shape: str) -> None:
    source = build_source(picture(Image.new("RGB", size, "red")), embeddings={"toy": VECTOR})
    assert source["shape"] == shape


@pytest.mark.parametrize("size", [(400, 300), (60, 40), (2000, 8), (1, 1), (192, 192)])
def test_thumbnails_are_small_pictures(size: tuple[int, int]) -> None:
    thumbnail = build_source(picture(photo(2, (max(size[0], 8), max(size[1], 8))).resize(size)), embeddings={})[
        "thumbnail"
    ]
    kind, _, data = thumbnail.partition(",")
    assert kind == "data:image/jpeg;base64"
    image = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
    image.load()
    scale = min(1.0, 192 / max(size))
    assert image.size == tuple(max(1, round(side * scale)) for side in size)
    assert len(thumbnail) < 32_000, "the mapping's limit of a thumbnail"


def test_thumbnails_look_like_the_picture() -> None:
    original = photo(3, (400, 300))
    data = build_source(picture(original), embeddings={})["thumbnail"].partition(",")[2]
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    apart = np.asarray(image, float) - np.asarray(original.resize(image.size, Image.Resampling.BOX), float)
    assert np.abs(apart).mean() < 6


def test_files_of_one_picture() -> None:
    assert file_fields([]) == {}
    fields = file_fields(
        [
            FileFacts("/photos/trip/eiffelTower.jpg", 10, DAY),
            FileFacts("/backup/eiffelTower.jpg", 10, 3 * DAY, missing=True),
        ]
    )
    assert fields["path"] == ["/photos/trip/eiffelTower.jpg", "/backup/eiffelTower.jpg"]
    assert fields["folder"] == ["/photos/trip", "/photos", "/", "/backup"]
    assert fields["filename"] == ["eiffelTower.jpg"]
    assert fields["modified_at"] == "1970-01-04T00:00:00.000+00:00", "the newest"
    assert fields["missing"] is False, "one of them is there"
    assert file_fields([FileFacts("/a.jpg", 1, 0, missing=True)])["missing"] is True
    assert [FileFacts.from_json(entry) for entry in fields["files"]][1].missing


def test_metadata_is_nested_with_texts_beside_it() -> None:
    metadata = Metadata({"camera.make": "Canon", "camera.model": "Canon EOS R5", "lens": "50mm", "place.city": "Paris"})
    assert metadata_fields(metadata) == {
        "camera": {"make": "Canon", "model": "Canon EOS R5"},
        "lens": "50mm",
        "place": {"city": "Paris"},
        "camera_text": "Canon Canon EOS R5 50mm",
        "place_text": "Paris",
    }
    assert metadata_fields(Metadata({})) == {}


def test_labels_with_what_stands_above_them() -> None:
    assert label_fields(()) == {}
    assert label_fields(LABELS) == {
        "labels": ["chihuahua", "tabby"],
        "label_scores": [{"label": "chihuahua", "score": 0.6123}, {"label": "tabby", "score": 0.2}],
        "hypernyms": "toy dog, dog, animal, cat",
    }
    assert "hypernyms" not in label_fields((Label("thing", 1.0),))


def test_the_path_of_a_document() -> None:
    assert Document("a", {"path": ["/a.jpg", "/b.jpg"]}).path == "/a.jpg"
    assert Document("a", {"path": "/a.jpg"}).path == "/a.jpg"
    assert Document("a", {}).path is None and Document("a", {"path": []}).path is None


# -- anything that metadata may hold comes back -----------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).filter(str.strip)
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXTS,
    "keyword": TEXTS,
    "integer": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(0, 2**62),
    "float": st.floats(-(2.0**99), 2.0**99, width=32),
    "boolean": st.booleans(),
    "date": st.datetimes(datetime(1800, 1, 1), datetime(2199, 12, 31)).map(
        lambda at: at.isoformat(timespec="milliseconds")
    ),
    "geo_point": st.fixed_dictionaries({"lat": st.floats(-90, 90), "lon": st.floats(-180, 180)}),
    # faces
    "object": st.fixed_dictionaries({"name": TEXTS, "left": st.floats(0, 1), "width": st.floats(0, 1)}),
    "flattened": st.dictionaries(st.text("abcXYZ_", min_size=1, max_size=8), TEXTS, max_size=4),
}


def field_strategy(name: str, properties: dict[str, Any]) -> st.SearchStrategy[Any]:
    *parents, leaf = name.split(".")
    for parent in parents:
        properties = properties[parent]["properties"]
    value = KINDS[properties[leaf]["type"]]
    return st.lists(value, min_size=1, max_size=3) if name in ("tags", "people", "faces") else value


FILLED = sorted([*FIELDS, "exif", "missing", "bytes"])
METADATA = st.fixed_dictionaries(
    {}, optional={name: field_strategy(name, DEFINITION["mappings"]["properties"]) for name in FILLED}
)


@pytest.fixture(scope="module")
def backend() -> EmbeddedBackend:
    backend = EmbeddedBackend(None)
    backend.create(DEFINITION)
    return backend


@settings(max_examples=120, deadline=None)
@given(fields=METADATA, refreshed=st.booleans())
def test_any_document_comes_back(backend: EmbeddedBackend, fields: dict[str, Any], refreshed: bool) -> None:
    exif = fields.pop("exif", {})
    source = composed(metadata_fields(Metadata(fields, exif)))
    (outcome,) = backend.bulk([Action("index", "it", source)])
    assert outcome.error is None
    if refreshed:
        backend.refresh()
    assert backend.get("it") == source
    assert json.loads(json.dumps(backend.get("it"))) == source
    if refreshed:
        assert dict(backend.scan({"ids": {"values": ["it"]}})) == {"it": source}


@settings(max_examples=80, deadline=None)
@given(first=METADATA, second=METADATA)
def test_an_update_leaves_the_other_fields(
    backend: EmbeddedBackend, first: dict[str, Any], second: dict[str, Any]
) -> None:
    first.pop("exif", None)
    second.pop("exif", None)
    backend.bulk([Action("index", "it", metadata_fields(Metadata(first)))])
    (outcome,) = backend.bulk([Action("update", "it", metadata_fields(Metadata(second)))])
    assert outcome.error is None
    expected = {**first, **second}
    written = composed(metadata_fields(Metadata(expected)))
    found = backend.get("it")
    for name in ("camera_text", "place_text", "taken_at_utc"):
        written.pop(name, None)
        found.pop(name, None)
    assert found == written
