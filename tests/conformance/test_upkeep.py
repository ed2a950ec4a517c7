"""`mapping`, `migrate`, `copy`, `embed` and `info` as a person types them, over a folder and over a real server."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from hybrid_search.cli import exits, run
from tests.support.fakes import save_photo
from tests.support.servers import VERSIONS

Type = Callable[..., tuple[int, str, str]]


@pytest.fixture
def type_in(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Type:
    for name in ("HYBRID_SEARCH_INDEX", "HYBRID_SEARCH_NAME", "HYBRID_SEARCH_EMBEDDER"):
        monkeypatch.delenv(name, raising=False)

    def typed(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(words)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return typed


@pytest.fixture(params=["folder", VERSIONS[0]])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[str]]:
    """The options that stand before a command and name an index with three pictures to come."""
    for number in range(3):
        save_photo(tmp_path / "photos" / f"{number}.png", number)
    name = f"cli-{secrets.token_hex(4)}"
    if request.param == "folder":
        yield ["--index", str(tmp_path / "index"), "--name", name]
        return
    url = request.getfixturevalue("servers")[request.param]
    yield ["--index", url, "--name", name]
    with Elasticsearch(url) as raw:
        for index in list(raw.indices.get_alias(index=f"{name}*")):
            raw.indices.delete(index=index)


def test_a_life_of_an_index(place: list[str], tmp_path: Path, type_in: Type) -> None:
    photos, name = str(tmp_path / "photos"), place[-1]
    assert type_in(*place, "migrate")[0] == exits.FAILED, "there is none yet"
    assert type_in(*place, "index", photos, "--embedder", "histogram+hog", "--no-progress")[0] == exits.OK

    code, out, _ = type_in(*place, "info")
    assert code == exits.OK and "drift" in out and out.split("drift")[1].split()[0] == "none"
    assert json.loads(type_in(*place, "info", "--json")[1])["drift"] == []

    code, out, _ = type_in(*place, "migrate", "--no-progress")
    assert code == exits.OK and out.startswith("3 pictures in the new version of ") and out.rstrip().endswith(name)

    code, out, _ = type_in(*place, "embed", "lite", "--no-progress")
    assert (code, out) == (exits.OK, "3 pictures were given vectors of lite\n")
    assert type_in(*place, "embed", "lite", "--no-progress")[1] == "no picture lacks a vector of lite\n"
    assert set(json.loads(type_in(*place, "info", "--json")[1])["embeddings"]) == {"histogram_hog", "lite"}

    target = str(tmp_path / "copied")
    code, out, _ = type_in(*place, "copy", place[1], target, "--to-name", "twin", "--no-progress")
    assert (code, out) == (exits.OK, f"3 pictures in {target}/twin\n")
    assert type_in(*place, "copy", place[1], target, "--to-name", "twin")[0] == exits.FAILED, "it is there already"
    first, second = str(tmp_path / "photos" / "1.png"), ["--index", target, "--name", "twin"]
    assert type_in(*second, "similar", first, "--paths")[1] == type_in(*place, "similar", first, "--paths")[1]


def test_going_back_asks_first(place: list[str], tmp_path: Path, type_in: Type) -> None:
    type_in(*place, "index", str(tmp_path / "photos"), "--embedder", "histogram+hog", "--no-progress")
    type_in(*place, "migrate", "--no-progress")
    code, _, err = type_in(*place, "migrate", "--roll-back")
    assert code == exits.USAGE and "pass --yes" in err
    code, out, err = type_in(*place, "migrate", "--roll-back", "--yes")
    if "://" in place[1]:
        assert code == exits.OK and out.startswith(f"{place[-1]}-000001 is in use again, with 3 pictures")
        assert type_in(*place, "migrate", "--remove-old", "-y")[1] == f"removed {place[-1]}-000002\n"
    else:
        assert code == exits.FAILED and "an embedded index has no earlier version" in err
    assert type_in(*place, "migrate", "--remove-old", "--yes")[:2] == (exits.NOTHING, "there was nothing to remove\n")
    assert type_in(*place, "migrate", "--abandon", "--yes")[0] == exits.NOTHING
    assert type_in(*place, "migrate", "--abandon", "--roll-back")[0] == exits.USAGE


def test_the_mapping_is_shown_as_a_server_takes_it(servers: dict[str, str], type_in: Type) -> None:
    url, name = servers[VERSIONS[0]], f"cli-{secrets.token_hex(4)}"
    before = ["--index", url, "--name", name, "--shards", "2", "--vectors", "int8_hnsw"]
    code, out, _ = type_in(*before, "mapping", "--embedder", "histogram+hog")
    body = json.loads(out)
    assert code == exits.OK
    assert body["settings"]["number_of_shards"] == 2
    assert body["aliases"] == {name: {}, f"{name}-write": {"is_write_index": True}}
    with Elasticsearch(url) as raw:
        assert not raw.indices.exists(index=name), "nothing is made"
        raw.indices.create(index=f"{name}-000001", **body)
        try:
            assert json.loads(type_in(*before, "info", "--json")[1])["drift"] == []
        finally:
            raw.indices.delete(index=f"{name}-000001")


def test_the_mapping_of_a_folder(tmp_path: Path, type_in: Type) -> None:
    code, out, _ = type_in("--index", str(tmp_path / "none"), "mapping", "--embedder", "histogram+hog")
    assert code == exits.OK and "histogram_hog" in json.loads(out)["mappings"]["properties"]["embedding"]["properties"]
    assert not (tmp_path / "none").exists()


def test_several_embedders_come_change_and_go(place: list[str], tmp_path: Path, type_in: Type) -> None:
    photos = str(tmp_path / "photos")
    both = ("--embedder", "histogram+hog", "--embedder", "colour")
    assert type_in(*place, "index", photos, *both, "--no-progress")[0] == exits.OK
    held = json.loads(type_in(*place, "info", "--json")[1])
    assert (held["default_embedder"], len(held["embeddings"])) == ("histogram+hog", 2)

    other = next(spec["name"] for key, spec in held["embeddings"].items() if key != "histogram_hog")
    code, out, _ = type_in(*place, "embed", other, "--again", "--default", other, "--no-progress")
    assert (code, out) == (exits.OK, f"3 pictures were given vectors of {other}\n{other} is used where none is named\n")
    assert json.loads(type_in(*place, "info", "--json")[1])["default_embedder"] == other

    code, _, err = type_in(*place, "embed", "histogram+hog", "--default", "lite", "--again")
    assert code == exits.FAILED and f"--index {place[1]} embed lite` adds it" in err
    for asked in (("embed",), ("embed", other, "--again", "--drop"), ("embed", other, "--drop")):
        assert type_in(*place, *asked)[0] == exits.USAGE, "nothing named, both at once, and nobody to be asked"
    code, out, _ = type_in(*place, "embed", other, "--drop", "--yes", "--no-progress")
    assert (code, out) == (
        exits.OK,
        f"vectors of {other} removed from 3 pictures\n"
        "histogram+hog is used from now on where none is named; --default chooses another\n",
    )
    code, _, err = type_in(*place, "embed", "histogram+hog", "--drop", "--yes")
    assert code == exits.FAILED and "only embedder of pictures" in err
    assert list(json.loads(type_in(*place, "info", "--json")[1])["embeddings"]) == ["histogram_hog"]


def test_embedders_in_the_environment_and_in_a_mapping(
    tmp_path: Path, type_in: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = ("--index", str(tmp_path / "index"))
    out = type_in(*at, "mapping", "--embedder", "lite", "--embedder", "histogram+hog")[1]
    meta = json.loads(out)["mappings"]["_meta"]
    assert (meta["default_embedding"], set(meta["embeddings"])) == ("lite", {"lite", "histogram_hog"})
    save_photo(tmp_path / "photos" / "1.png", 1)
    monkeypatch.setenv("HYBRID_SEARCH_EMBEDDER", "histogram+hog lite")
    assert type_in(*at, "index", str(tmp_path / "photos"), "--no-progress")[0] == exits.OK
    held = json.loads(type_in(*at, "info", "--json")[1])
    assert (held["default_embedder"], len(held["embeddings"])) == ("histogram+hog", 2)
