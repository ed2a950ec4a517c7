"""The HTTP interface answers as the index does, by a real server over a small index."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from PIL import Image

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from hybrid_search.web.questions import MOST
from tests.support.web import Served, served

API = "/api/v1"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("pictures")) as running:
        yield running


def test_search_gives_the_hits_of_the_index(site: Served) -> None:
    asked = "text=dog&filter=camera.make:canon&k=3&explain=true&facets=tags"
    found = site.ask(f"{API}/search?{asked}").json
    own = site.index.search("dog", filter="camera.make:canon", k=3, explain=True, facets=["tags"])
    assert [hit["id"] for hit in found["hits"]] == own.ids() != []
    assert found["total"] == own.total
    assert all("dog in caption" in hit["why"] for hit in found["hits"])
    counts = {each["value"]: each["count"] for each in found["facets"][0]["values"]}
    assert counts == own.facets["tags"]


def test_filter_of_a_count_leaves_as_many(site: Served) -> None:
    facets = site.ask(f"{API}/facets?facets=tags&facets=taken_at:year&facets=camera.model").json["facets"]
    values = [value for facet in facets for value in facet["values"]]
    assert {"sea", "hill", "2013", "eos"} <= {value["value"] for value in values}
    for value in values:
        assert site.ask(f"{API}/search?filter={quote(value['filter'])}").json["total"] == value["count"], value


def test_facets_of_a_search_count_what_it_finds(site: Served) -> None:
    counted = site.ask(f"{API}/facets?filter=tags:sea&facets=camera.make&offset=3").json
    assert counted["total"] == 6
    assert {each["value"]: each["count"] for each in counted["facets"][0]["values"]} == {"canon": 4, "nikon": 2}


def test_pages_follow_one_another(site: Served) -> None:
    asked = f"{API}/search?sort=taken_at:desc&k=5"
    pages = [site.ask(f"{asked}&offset={offset}").json["hits"] for offset in (0, 5, 10)]
    ids = [hit["id"] for page in pages for hit in page]
    assert [len(page) for page in pages] == [5, 5, 2]
    assert ids == site.index.search(sort="taken_at:desc", k=12).ids()


def test_json_body_asks_the_same(site: Served) -> None:
    body = json.dumps({"text": "boat", "k": 2, "facets": ["tags"], "literal": True}).encode()
    sent = site.ask(f"{API}/search", method="POST", body=body, headers={"Content-Type": "application/json"}).json
    assert [hit["id"] for hit in sent["hits"]] == site.index.search("boat", k=2, literal=True).ids()


def test_picture_that_is_sent_finds_itself(site: Served) -> None:
    data = (site.folder / "picture-4.png").read_bytes()
    found = site.ask(f"{API}/search?k=3", method="POST", body=data, headers={"Content-Type": "image/png"}).json
    assert found["hits"][0]["id"] == site.index.get(site.folder / "picture-4.png").id
    assert found["hits"][0]["distance"] == pytest.approx(0, abs=1e-6)


def test_understood_parts_are_told(site: Served) -> None:
    (part,) = site.ask(f"{API}/search?text={quote('boat Nikon')}").json["understood"]
    assert part == {"part": "Nikon", "meaning": "the camera Nikon", "applied": True}
    assert site.ask(f"{API}/search?text={quote('boat Nikon')}&literal=true").json["understood"] == []


def test_misspelt_word_is_told(site: Served) -> None:
    found = site.ask(f"{API}/search?text=numbr").json
    (correction,) = site.index.search("numbr").did_you_mean
    assert [each["meant"] for each in found["did_you_mean"]] == [correction.meant] == ["number"]


def test_document_similar_and_request(site: Served) -> None:
    id = site.index.get(site.folder / "picture-3.png").id
    document = site.ask(f"{API}/documents/{id}").json
    assert document["id"] == id and document["source"]["caption"] == "a dog number 3"
    assert "embedding" not in document["source"] and "signature" not in document["source"]
    similar = [hit["id"] for hit in site.ask(f"{API}/documents/{id}/similar?k=4").json["hits"]]
    assert similar == site.index.search(like=id, k=4).ids() and id not in similar
    assert "query" in site.ask(f"{API}/request?text=dog").json
    assert site.ask(f"{API}/info").json["documents"] == 12


def test_pictures_are_encoded_anew(site: Served) -> None:
    id = site.index.get(site.folder / "picture-3.png").id
    reply = site.ask(f"{API}/documents/{id}/image?size=160")
    image = Image.open(io.BytesIO(reply.body))
    assert reply.headers["content-type"] == "image/jpeg" and image.format == "JPEG"
    assert image.size == (160, 127)
    small = site.ask(f"{API}/documents/{id}/thumbnail")
    assert max(Image.open(io.BytesIO(small.body)).size) <= 192
    again = site.ask(f"{API}/documents/{id}/thumbnail", headers={"If-None-Match": small.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    ("asked", "status", "kind"),
    [
        ("search", 400, "EmptyQuery"),
        ("search?tex=dog", 400, "QueryError"),
        ("search?text=dog&image=/etc/passwd", 400, "QueryError"),
        (f"search?text=dog&k={MOST + 1}", 400, "QueryError"),
        ("search?text=dog&k=1&k=2", 400, "QueryError"),
        ("search?text=dog&offset=10000", 400, "QueryError"),
        ("search?text=dog&weights=text:much", 400, "QueryError"),
        ("search?text=dog&literal=perhaps", 400, "QueryError"),
        ("search?filter=camera.maker:canon", 400, "UnknownField"),
        ("search?filter=iso:[1", 400, "BadFilter"),
        ("search?text=dog&fusion=magic", 400, "QueryError"),
        ("search?like=none", 404, "DocumentNotFound"),
        ("documents/none", 404, "DocumentNotFound"),
        ("nothing", 404, "NotFound"),
    ],
)
def test_errors_have_one_shape(site: Served, asked: str, status: int, kind: str) -> None:
    reply = site.ask(f"{API}/{asked}")
    assert (reply.status, reply.json["error"]["type"]) == (status, kind)
    assert reply.json["error"]["message"]
