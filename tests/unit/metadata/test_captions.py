"""Captions files: every format, every way to name a picture, every refusal."""

from __future__ import annotations

import json
import os
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybrid_search.errors import CaptionsUnreadable
from hybrid_search.metadata import FieldValue, captions_columns, load_captions
from hybrid_search.metadata.captions_columns import PATH_NAMES


def write(folder: Path, content: str | bytes, name: str = "captions.csv") -> Path:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def fields(captions: Path, picture: str | Path) -> dict[str, FieldValue]:
    metadata = load_captions(captions).find(Path(picture))
    assert metadata is not None
    assert not metadata.warnings
    return dict(metadata.fields)


def test_csv_with_every_kind_of_column(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "Path,caption,title,tags,iso,flash,taken_at,location,camera.make,rating\n"
        'a.jpg,"A dog, ""Rex"",\nin the snow",Winter,"dog; Snow;dog",400,yes,2019-01-02 03:04:05,"48.85,2.35",Canon,4\n'
        "b.jpg,,,,,,,,,\n",
    )
    assert fields(file, tmp_path / "a.jpg") == {
        "caption": 'A dog, "Rex",\nin the snow',
        "title": "Winter",
        "tags": ["dog", "Snow"],
        "iso": 400,
        "flash": True,
        "taken_at": "2019-01-02T03:04:05",
        "location": {"lat": 48.85, "lon": 2.35},
        "camera.make": "Canon",
        "rating": 4,
    }
    assert fields(file, tmp_path / "b.jpg") == {}


def test_rows_of_one_picture_add_up(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "image,caption,tags,title\na.jpg,A dog.,dog,old\na.jpg,A brown dog.,Dog;snow,new\na.jpg,A dog.,,\n",
    )
    assert fields(file, tmp_path / "a.jpg") == {
        "caption": "A dog.\nA brown dog.",
        "tags": ["dog", "snow"],
        "title": "new",
    }


@pytest.mark.parametrize(
    ("column", "value", "field", "expected"),
    [
        *((name, "words", "caption", "words") for name in ("description", "alt", "Alt text", "ALT-TEXT", "text")),
        ("comment", "words", "caption", "words"),
        ("Headline", "words", "title", "words"),
        *((name, "dog;snow", "tags", ["dog", "snow"]) for name in ("keywords", "Keyword", "tag", "subject")),
        *((name, "2019-06-01", "taken_at", "2019-06-01") for name in ("date", "Date taken", "date_created")),
        ("DateTimeOriginal", "2019:06:01 12:30:00", "taken_at", "2019-06-01T12:30:00"),
        *((name, "Zoë", "artist", "Zoë") for name in ("author", "photographer", "Creator")),
        ("Person", "Ada; Lena", "people", ["Ada", "Lena"]),
        ("stars", "4", "rating", 4),
        ("city", "Paris", "place.city", "Paris"),
    ],
)
def test_columns_may_have_their_usual_names(
    tmp_path: Path, column: str, value: str, field: str, expected: object
) -> None:
    assert fields(write(tmp_path, f"path\t{column}\nx.jpg\t{value}\n"), tmp_path / "x.jpg") == {field: expected}
    record = [{"path": "x.jpg", column: value}]
    assert fields(write(tmp_path, json.dumps(record), "a.json"), tmp_path / "x.jpg") == {field: expected}


def test_two_columns_of_one_field_are_united_and_its_own_name_comes_first(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "filename,path,description,caption,keywords,tags,date,taken_at\n"
        "other.jpg,a.jpg,It runs,A dog,snow;dog,dog,2018-01-01,2019-06-01\n"
        "other.jpg,b.jpg,A dog,A dog,,,2018-01-01,\n",
    )
    assert fields(file, tmp_path / "a.jpg") == {
        "caption": "A dog\nIt runs",
        "tags": ["dog", "snow"],
        "taken_at": "2019-06-01",
    }
    assert fields(file, tmp_path / "b.jpg") == {"caption": "A dog", "taken_at": "2018-01-01"}


@pytest.mark.parametrize(
    ("north", "east"), [("lat", "lon"), ("Latitude", "Longitude"), ("location.lat", "location.lon")]
)
def test_a_place_may_be_in_two_columns(tmp_path: Path, north: str, east: str) -> None:
    file = write(tmp_path, f"path,{north},{east}\na.jpg,48.85,2.35\nb.jpg,,\n")
    assert fields(file, tmp_path / "a.jpg") == {"location": {"lat": 48.85, "lon": 2.35}}
    assert fields(file, tmp_path / "b.jpg") == {}
    with pytest.raises(CaptionsUnreadable, match="line 2 has a latitude and no longitude"):
        load_captions(write(tmp_path, f"path,{north},{east}\na.jpg,48.85,\n"))
    with pytest.raises(CaptionsUnreadable, match=r"line 2: location .* is out of range"):
        load_captions(write(tmp_path, f"path,{north},{east}\na.jpg,98.85,2\n"))


def test_the_page_names_every_column() -> None:
    page = (Path(__file__).parents[3] / "docs" / "captions.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([^`\n]+)`", page))
    assert {*PATH_NAMES, *captions_columns._FIELD_OF} <= named


@pytest.mark.parametrize("column", ["path", "image", "file", "filename", "file_name", " File_Name ", "Image path"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_names_of_the_path_column_and_delimiters(tmp_path: Path, column: str, delimiter: str) -> None:
    file = write(tmp_path, f"{column}{delimiter}caption\nx.jpg{delimiter}words\n")
    assert fields(file, tmp_path / "x.jpg") == {"caption": "words"}


def test_tsv_may_hold_commas_and_quotes(tmp_path: Path) -> None:
    file = write(tmp_path, "path\tcaption\nx.jpg\tone, two, three\n", "captions.tsv")
    assert fields(file, tmp_path / "x.jpg") == {"caption": "one, two, three"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_encodings(tmp_path: Path, encoding: str, newline: str) -> None:
    text = newline.join(["path,caption", "x.jpg,Zürich – für 5 €", ""])
    assert fields(write(tmp_path, text.encode(encoding)), tmp_path / "x.jpg") == {"caption": "Zürich – für 5 €"}


def test_json_lines_with_nested_fields(tmp_path: Path) -> None:
    lines = [
        {"file_name": "a.jpg", "caption": "one\u2028two", "tags": ["x", "y"], "camera": {"model": "Z 6"}, "iso": None},
        {"file_name": "b.jpg", "location": {"lat": -1, "lon": 2}, "flash": False},
    ]
    file = write(tmp_path, "\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n\n", "captions.jsonl")
    assert fields(file, tmp_path / "a.jpg") == {"caption": "one\u2028two", "tags": ["x", "y"], "camera.model": "Z 6"}
    assert fields(file, tmp_path / "b.jpg") == {"location": {"lat": -1.0, "lon": 2.0}, "flash": False}
    single = write(tmp_path, json.dumps(lines[0]), "single.jsonl")
    assert fields(single, tmp_path / "a.jpg")["camera.model"] == "Z 6"


@pytest.mark.parametrize(
    "content",
    [
        [{"path": "a.jpg", "caption": "one"}, {"path": "a.jpg", "caption": "two"}],
        {"a.jpg": ["one", "two"]},
        {"a.jpg": "one\ntwo"},
        {"a.jpg": {"caption": "one\ntwo"}},
        {
            "info": {"year": 2017},
            "images": [{"id": 7, "file_name": "a.jpg", "width": 640}, {"id": 8, "file_name": "b.jpg"}],
            "annotations": [
                {"id": 1, "image_id": 7, "caption": "one"},
                {"id": 2, "image_id": 8, "caption": "other"},
                {"id": 3, "image_id": 7, "caption": "two"},
            ],
        },
    ],
    ids=["list", "captions", "caption", "fields", "coco"],
)
def test_json(tmp_path: Path, content: Any) -> None:
    assert fields(write(tmp_path, json.dumps(content), "captions.json"), tmp_path / "a.jpg") == {"caption": "one\ntwo"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "the file is empty"),
        ("  \n ", "the file is empty"),
        ("name,caption\n", "line 1 must be a header with one of path, image, file, filename, file_name; it has"),
        ("path,date\nx.jpg,soon\n", r"line 2: date \(taken_at\) soon is not a date"),
        ("path,Alt text,alt_text\n", "line 1 has the column 'Alt text' twice"),
        ("path,captoin\nx.jpg,words\n", "line 1: 'captoin' is neither a field nor one of .*; did you mean 'caption'?"),
        ("path,make\n", "'make' is neither a field .*; did you mean 'camera.make'?"),
        ("path,sha256\n", "'sha256' is neither a field"),
        ("path,signature\n", "'signature' is neither a field"),
        ("path,,caption\n", "'' is neither a field"),
        ("path,title,title\n", "line 1 has the column 'title' twice"),
        ("path,iso\nx.jpg,400\n\ny.jpg,fast\n", "line 4: iso fast is not a number"),
        ("path,iso\nx.jpg,0.5\n", "line 2: iso 0.5 is out of range"),
        ("path,iso\nx.jpg,400.5\n", "line 2: iso 400.5 is not a whole number"),
        ("path,location\nx.jpg,480 2\n", "line 2: location 480 2 is not a location"),
        ('path,location\nx.jpg,"480,2"\n', "line 2: location 480,2 is out of range"),
        ("path,taken_at\nx.jpg,2019-02-30\n", "line 2: taken_at 2019-02-30 is not a date"),
        ("path,flash\nx.jpg,maybe\n", "line 2: flash maybe is neither true nor false"),
        ("path,rating\nx.jpg,6\n", "line 2: rating 6 is out of range"),
        ("path,caption\nx.jpg,one, two\n", "line 2 has 3 values for 2 columns; put a text that contains ',' in double"),
        ('path,caption\nx.jpg,"a\nb"\ny.jpg,"open\n', "line 4: unexpected end of data"),
        ("path,caption\n,words\n", "line 2 names no picture"),
        ('{"path": "a.jpg"}\n{"path": 5}\n', "line 2 names no picture"),
        ('{"path": "a.jpg"}\n{"path"\n', "line 2 is not JSON"),
        ('{"path": "a.jpg"}\n[1]\n', "line 2 is not a JSON object"),
        ('{"path": "a.jpg"', "it is not JSON"),
        ("[1, 2]", "record 1 is not a JSON object"),
        (
            '[{"path": "a.jpg", "camera": {"maker": "x"}}]',
            "record 1: 'camera.maker' is neither a field .*'camera.make'",
        ),
        ('{"annotations": []}', "it has annotations but no images"),
        (
            '{"images": [], "annotations": [{"image_id": 1, "caption": "x"}]}',
            "annotation 1 is about image 1, which is not",
        ),
        ('{"images": [], "annotations": [{"image_id": 1, "bbox": []}]}', "annotation 1 has no caption"),
        ("[" * 100_000, "it is not JSON"),
    ],
)
def test_refusals_name_the_line_and_the_remedy(tmp_path: Path, content: str, reason: str) -> None:
    file = write(tmp_path, content)
    with pytest.raises(CaptionsUnreadable, match=reason) as caught:
        load_captions(file)
    assert caught.value.path == str(file)
    assert len(str(caught.value)) < 400 + len(str(file))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CaptionsUnreadable, match="No such file"):
        load_captions(tmp_path / "captions.csv")
    with pytest.raises(CaptionsUnreadable, match="Is a directory"):
        load_captions(tmp_path)


def test_pictures_are_found_by_path_or_by_name(tmp_path: Path) -> None:
    absolute = tmp_path / "elsewhere" / "abs.jpg"
    rows = {
        str(absolute): "absolute",
        "sub/rel.jpg": "relative",
        "bare.jpg": "by name",
        "train/0001.jpg": "of train",
        "test/0001.jpg": "of test",
        "../up.jpg": "above",
        "win\\dows.jpg": "backslash",
        "/home/bob/holiday/far.jpg": "another machine",
        "/disk1/dcim/100.jpg": "one of two",
        "/disk2/dcim/100.jpg": "two of two",
    }
    file = tmp_path / "lists" / "captions.csv"
    file.parent.mkdir()
    write(file.parent, "path,caption\n" + "".join(f"{path},{caption}\n" for path, caption in rows.items()))
    captions = load_captions(file)

    def caption(path: str) -> object:
        metadata = captions.find(tmp_path / path)
        return metadata and metadata.fields["caption"]

    assert caption("elsewhere/abs.jpg") == "absolute"
    assert caption("lists/sub/rel.jpg") == "relative"
    assert caption("up.jpg") == "above"
    assert caption("deep/down/bare.jpg") == "by name"
    assert caption("moved/train/0001.jpg") == "of train"
    assert caption("moved/test/0001.jpg") == "of test"
    assert caption("lists/win/dows.jpg") == "backslash"
    assert caption("photos/holiday/far.jpg") == "another machine"
    # another picture that only shares the name does not get the words
    assert caption("val/0001.jpg") is None
    assert caption("photos/work/far.jpg") is None
    assert caption("bare.jpeg") is None
    # nor does anybody guess between two
    assert caption("dcim/100.jpg") is None


def test_a_path_relative_to_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, "path,caption\nx.jpg,words\n")
    monkeypatch.chdir(tmp_path)
    assert fields(Path(file.name), Path("x.jpg")) == {"caption": "words"}


def test_composed_and_decomposed_names_are_one(tmp_path: Path) -> None:
    file = write(tmp_path, "path,caption\nCafe\u0301.jpg,words\n")
    assert fields(file, tmp_path / "Caf\u00e9.jpg") == {"caption": "words"}


def test_captions_are_a_mapping_and_tell_what_was_not_used(tmp_path: Path) -> None:
    captions = load_captions(write(tmp_path, "path,caption\na.jpg,one\nb.jpg,two\na.jpg,three\n"))
    assert list(captions) == ["a.jpg", "b.jpg"]
    assert len(captions) == 2
    assert "b.jpg" in captions
    assert captions["b.jpg"].fields == {"caption": "two"}
    assert [str(entry) for entry in captions.unused()] == ["a.jpg (line 2, line 4)", "b.jpg (line 3)"]
    captions.find(tmp_path / "a.jpg")
    captions.find(tmp_path / "c.jpg")
    assert [(entry.path, entry.where) for entry in captions.unused()] == [("b.jpg", ("line 3",))]


def test_flickr8k(data: Path) -> None:
    captions = load_captions(data / "flickr8k" / "captions.csv")
    pictures = sorted((data / "flickr8k").rglob("*.jpg"))
    assert len(pictures) == len(captions) == 600
    for picture in pictures:
        metadata = captions.find(picture)
        assert metadata is not None
        assert len(str(metadata.fields["caption"]).split("\n")) == 5, picture.name
    assert captions.unused() == ()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.binary(max_size=60) | st.text(max_size=60).map(lambda text: ("path,caption\n" + text).encode("utf-8", "replace"))
)
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    try:
        captions = load_captions(write(tmp_path, content))
    except CaptionsUnreadable:
        return
    for name in captions:
        captions.find(tmp_path / name)
    assert os.fspath(captions.path).endswith("captions.csv")
