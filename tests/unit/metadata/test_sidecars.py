"""Sidecars: XMP and JSON files beside an image."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybrid_search.metadata import Metadata, read_sidecars

XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmp:Rating="{}"
tiff:Make="Canon" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject><rdf:Bag><rdf:li>{}</rdf:li></rdf:Bag></dc:subject>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


def read(folder: Path, files: dict[str, Any], image: str = "photo.jpg") -> Metadata:
    for name, content in files.items():
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return read_sidecars(folder / image)


def test_nothing_beside_the_image(tmp_path: Path) -> None:
    assert read(tmp_path, {"other.xmp": XMP, "photo.jpg.txt": "x"}) == Metadata({})


@pytest.mark.parametrize("name", ["photo.jpg.xmp", "photo.xmp", "photo.XMP", "photo.jpg.XMP"])
def test_xmp(tmp_path: Path, name: str) -> None:
    metadata = read(tmp_path, {name: XMP.format(4, "sea")})
    assert metadata.fields == {"rating": 4, "tags": ["sea"], "camera.make": "Canon"}
    assert metadata.warnings == ()


def test_the_full_name_wins_and_json_wins_over_xmp(tmp_path: Path) -> None:
    metadata = read(
        tmp_path,
        {
            "photo.xmp": XMP.format(1, "of the stem"),
            "photo.jpg.xmp": XMP.format(2, "of the name"),
            "photo.jpg.json": {"rating": 3, "title": "JSON"},
            "photo.json": {"title": "of the stem", "camera": {"model": "M"}},
        },
    )
    assert metadata.fields == {
        "rating": 3,
        "title": "JSON",
        "tags": ["of the stem", "of the name"],
        "camera.make": "Canon",
        "camera.model": "M",
    }


def test_fields_by_dotted_and_by_nested_name(tmp_path: Path) -> None:
    metadata = read(
        tmp_path,
        {
            "photo.jpg.json": {
                "camera.make": "Leica",
                "camera": {"model": "M3"},
                "location": {"lat": 48.85, "lon": 2.35},
                "taken_at": "1961-05-01",
                "tags": ["street", "Paris"],
                "flash": False,
            }
        },
    )
    assert metadata.fields == {
        "camera.make": "Leica",
        "camera.model": "M3",
        "location": {"lat": 48.85, "lon": 2.35},
        "taken_at": "1961-05-01",
        "tags": ["street", "Paris"],
        "flash": False,
    }


@pytest.mark.parametrize(
    ("content", "warning"),
    [
        ({"rating": 4, "captoin": "x"}, "photo.json: captoin is not a field; did you mean 'caption'?"),
        ({"rating": 4, "iso": "fast"}, "photo.json: iso fast is not a number"),
        (
            {"rating": 4, "location": {"lat": 480, "lon": 2}},
            "photo.json: location {'lat': 480, 'lon': 2} is out of range",
        ),
        ({"rating": 4, "title": {"en": "x"}}, "photo.json: title {'en': 'x'} is not text"),
    ],
)
def test_what_cannot_be_used_is_a_warning(tmp_path: Path, content: Any, warning: str) -> None:
    metadata = read(tmp_path, {"photo.json": content})
    assert metadata.fields == {"rating": 4}
    assert metadata.warnings == (warning,)


@pytest.mark.parametrize("content", ["{", "[1, 2]", "null", '"x"', '{"name": "my-app", "version": 1}', "[" * 100_000])
def test_json_of_other_kinds_is_one_warning(tmp_path: Path, content: str) -> None:
    metadata = read(tmp_path, {"photo.json": content})
    assert metadata.fields == {}
    assert len(metadata.warnings) == 1
    assert metadata.warnings[0].startswith("photo.json: it ")


def takeout(**more: Any) -> dict[str, Any]:
    place = {"latitude": 0.0, "longitude": 0.0, "altitude": 0.0, "latitudeSpan": 0.0, "longitudeSpan": 0.0}
    return {
        "title": "photo.jpg",
        "description": "",
        "imageViews": "12",
        "creationTime": {"timestamp": "1600000000", "formatted": "13.09.2020, 12:26:40 UTC"},
        "photoTakenTime": {"timestamp": "1421154000", "formatted": "13.01.2015, 13:00:00 UTC"},
        "geoData": place,
        "geoDataExif": place,
        "url": "…",
        **more,
    }


@pytest.mark.parametrize("name", ["photo.jpg.json", "photo.json", "photo.jpg.supplemental-metadata.json"])
def test_google_takeout(tmp_path: Path, name: str) -> None:
    place = {"latitude": -33.86, "longitude": 151.2, "altitude": 12.5}
    people = [{"name": "Ada"}, {"name": "Bob"}]
    metadata = read(tmp_path, {name: takeout(description="At the harbour", geoData=place, people=people)})
    assert metadata.warnings == ()
    assert metadata.fields == {
        "caption": "At the harbour",
        # 1421154000 s = 16448 days + 46800 s: 2015-01-13 13:00:00 UTC
        "taken_at": "2015-01-13T13:00:00",
        "taken_offset": "+00:00",
        "taken_at_utc": "2015-01-13T13:00:00Z",
        "location": {"lat": -33.86, "lon": 151.2},
        "altitude": 12.5,
        "people": ["Ada", "Bob"],
    }


def test_google_takeout_without_a_position(tmp_path: Path) -> None:
    metadata = read(tmp_path, {"photo.jpg.json": takeout(title="Holiday in Rome")})
    assert metadata.fields == {
        "title": "Holiday in Rome",
        "taken_at": "2015-01-13T13:00:00",
        "taken_offset": "+00:00",
        "taken_at_utc": "2015-01-13T13:00:00Z",
    }
    # the name of the file before it was edited is no title
    assert "title" not in read(tmp_path, {"photo.jpg.json": takeout(title="IMG_0001.HEIC")}).fields
    exif = takeout(geoDataExif={"latitude": 1.5, "longitude": 2.5, "altitude": 0.0})
    assert read(tmp_path, {"photo.jpg.json": exif}).fields["location"] == {"lat": 1.5, "lon": 2.5}


def test_odd_takeout(tmp_path: Path) -> None:
    odd = takeout(
        photoTakenTime={"timestamp": "99999999999999"},
        geoData={"latitude": 480.0, "longitude": 2.0},
        geoDataExif="none",
        people=["x", {"name": None}],
        description=None,
    )
    metadata = read(tmp_path, {"photo.jpg.json": odd})
    assert metadata.fields == {}
    assert metadata.warnings == (
        "photo.jpg.json: photoTakenTime 1e+14 is out of range",
        "photo.jpg.json: geoData {'lat': 480.0, 'lon': 2.0} is out of range",
    )


LONG = "PXL_20230504_101112131.PORTRAIT-01.COVER.jpg"
LONGER = "a-very-long-name-of-a-picture-that-somebody-uploaded-once.jpg"


@pytest.mark.parametrize(
    ("image", "sidecar", "title"),
    [
        ("IMG.jpg", "IMG.jpg.supplemental-metadata.json", "IMG.jpg"),
        ("IMG.jpg", "IMG.jpg.supplemental-meta.json", "IMG.jpg"),
        ("IMG.jpg", "IMG.jpg.s.json", "IMG.jpg"),
        ("IMG.jpg", "IMG.jpg.JSON", "IMG.jpg"),
        ("IMG(1).jpg", "IMG.jpg(1).json", "IMG.jpg"),
        ("IMG(12).jpg", "IMG.jpg.supplemental-metadata(12).json", "IMG.jpg"),
        ("IMG(1).jpg", "IMG.jpg.suppl(1).json", "IMG.jpg"),
        ("IMG(1).jpg", "IMG(1).jpg.json", "IMG(1).jpg"),
        ("IMG-edited.jpg", "IMG.jpg.json", "IMG.jpg"),
        ("IMG-bearbeitet.jpg", "IMG.jpg.supplemental-metadata.json", "IMG.jpg"),
        ("IMG-modifie\u0301.jpg", "IMG.HEIC.supplemental-metadata.json", "IMG.HEIC"),
        ("IMG-edited(1).jpg", "IMG.jpg.supplemental-metadata(1).json", "IMG.jpg"),
        ("IMG(1)-edited.jpg", "IMG.jpg(1).json", "IMG.jpg"),
        ("2234.jpg", "2234.supplemental-metadata.json", "2234"),
        ("2234.jpg", "2234.json", "2234"),
        ("2234(1).jpg", "2234.supplemental-metadata(1).json", "2234"),
        (LONG, f"{(LONG + '.supplemental-metadata')[:46]}.json", LONG),
        (LONGER, f"{LONGER[:46]}.json", LONGER),
        (f"{LONGER[:43]}.jpg", f"{LONGER[:46]}.json", LONGER),
        ("a_b.jpg", "a_b.jpg.json", "a?b.jpg"),
        ("a_b-edited.jpg", "a_b.jpg.json", "a?b.jpg"),
        (f"{LONGER[:43]}(1).jpg", f"{LONGER[:46]}(1).json", LONGER),
    ],
)
def test_names_of_takeout(tmp_path: Path, image: str, sidecar: str, title: str) -> None:
    metadata = read(tmp_path, {sidecar: takeout(title=title, description="found")}, image)
    assert (metadata.fields.get("caption"), metadata.fields.get("title")) == ("found", None)


@pytest.mark.parametrize(
    ("image", "sidecar", "title"),
    [
        ("IMG(1).jpg", "IMG.jpg.json", "IMG.jpg"),
        ("IMG(1).jpg", "IMG.jpg(2).json", "IMG.jpg"),
        ("IMG.jpg", "IMG.jpg(1).json", "IMG.jpg"),
        ("IMG.jpg", "IMG.png.supplemental-metadata.json", "IMG.png"),
        ("IMG.jpg", "img.jpg.json", "img.jpg"),
        ("IMG-2.jpg", "IMG.jpg.json", "IMG.jpg"),
        ("IMG-edited.jpg", "IMG.jpg(1).json", "IMG.jpg"),
        ("IMG-edited.jpg", "IMG.jpg.json", "another.jpg"),
        ("2234.jpg", "2234.supplemental-metadata.json", "2235"),
        (f"{LONGER[:43]}.jpg", f"{LONGER[:46]}.json", LONGER.replace("picture", "portrait")),
        (f"{LONGER[:43]}(1).jpg", f"{LONGER[:46]}.json", LONGER),
        (f"{LONGER[:42]}x.jpg", f"{LONGER[:46]}.json", LONGER),
    ],
)
def test_what_is_a_neighbours_is_not_taken(tmp_path: Path, image: str, sidecar: str, title: str) -> None:
    assert read(tmp_path, {sidecar: takeout(title=title, description="found")}, image) == Metadata({})


def test_an_edited_picture_has_its_own_before_its_originals(tmp_path: Path) -> None:
    both = {"IMG.jpg.json": takeout(description="of the original"), "IMG-edited.jpg.json": takeout(description="own")}
    assert read(tmp_path, both, "IMG-edited.jpg").fields["caption"] == "own"
    assert read(tmp_path, {}, "IMG.jpg").fields["caption"] == "of the original"
    # XMP of its own says nothing against the original's JSON
    (tmp_path / "IMG-edited.jpg.json").unlink()
    sidecars = {"IMG-edited.xmp": XMP.format(4, "sea"), "IMG.jpg.json": takeout(title="IMG.jpg", description="first")}
    assert read(tmp_path, sidecars, "IMG-edited.jpg").fields.items() >= {"rating": 4, "caption": "first"}.items()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_sidecar_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "photo.xmp").write_text("x")
    (tmp_path / "photo.xmp").chmod(0)
    assert read_sidecars(tmp_path / "photo.jpg").warnings == ("photo.xmp cannot be read: Permission denied",)


def test_a_folder_of_that_name_is_no_sidecar(tmp_path: Path) -> None:
    (tmp_path / "photo.xmp").mkdir()
    assert read_sidecars(tmp_path / "photo.jpg") == Metadata({})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from(["iso", "tags", "location", "title", "photoTakenTime", "geoData", "people", "camera"]), JSON)
def test_any_json_is_read(tmp_path: Path, name: str, value: Any) -> None:
    metadata = read(tmp_path, {"photo.json": {name: value, "creationTime": None} if name[0] in "pg" else {name: value}})
    text = json.dumps([dict(metadata.fields), metadata.warnings], allow_nan=False, ensure_ascii=False)
    assert json.loads(text.encode("utf-8")) == json.loads(text)
