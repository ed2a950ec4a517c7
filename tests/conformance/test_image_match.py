"""image-match's calls give image-match's answers: on real servers and embedded, against a naive restatement of it."""

from __future__ import annotations

import io
import json
import math
import secrets
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image, ImageChops

from hybrid_search import HybridIndex
from hybrid_search.errors import BadFilter, BadVector, ImageUnreadable, MappingMismatch, QueryError, UnknownField
from hybrid_search.image_match import ImageSignature, SignatureES
from hybrid_search.image_match.nested_metadata import keep, kept_metadata
from scripts.reference.goldberg import naive_distance, naive_grey, naive_signature, naive_words
from tests.support.places import place_on
from tests.support.servers import VERSIONS

spec = find_spec("skimage")
assert spec is not None and spec.origin is not None
PHOTOS = Path(spec.origin).parent / "data"
KEYS = {"id", "score", "dist", "path", "metadata"}


@pytest.fixture(params=["embedded", *VERSIONS])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., SignatureES]]:
    """Return what opens one and the same store, in a folder and on real servers."""
    made: list[SignatureES] = []

    def opened(location: Any, index: str, **options: Any) -> SignatureES:
        made.append(SignatureES(location, index=index, **options))
        return made[-1]

    if request.param == "embedded":
        yield partial(opened, tmp_path / "index", "pictures")
    else:
        with place_on(request.getfixturevalue("servers")[request.param]) as place:
            yield partial(opened, place.url, place.name)
    for ses in made:
        ses.close()


@pytest.fixture
def ses(make: Callable[..., SignatureES]) -> SignatureES:
    return make()


@pytest.fixture
def memory() -> Iterator[SignatureES]:
    with SignatureES(None) as ses:
        yield ses


@pytest.fixture(scope="module")
def cat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real photo, 451 × 300, as JPEG."""
    path = tmp_path_factory.mktemp("photos") / "cat.jpg"
    Image.open(PHOTOS / "chelsea.png").convert("RGB").save(path, quality=92)
    return path


@pytest.fixture(scope="module")
def coffee(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "coffee.jpg"
    Image.open(PHOTOS / "coffee.png").convert("RGB").save(path, quality=92)
    return path


# -- what image-match's own tests ask for -----------------------------------------------------------------------------


def test_a_picture_is_found_as_it_was_added(ses: SignatureES, cat: Path, coffee: Path) -> None:
    ses.add_image(str(cat), refresh_after=True)
    ses.add_image(str(coffee))
    (found,) = ses.search_image(str(cat))
    assert found.keys() == KEYS
    assert (found["path"], found["dist"], found["score"], found["metadata"]) == (str(cat), 0.0, 1.0, None)
    assert ses.hybrid.get(found["id"]).path == str(cat)


def test_bytes_and_other_names(ses: SignatureES, cat: Path, coffee: Path) -> None:
    ses.add_image("by bytes", img=cat.read_bytes(), bytestream=True)
    ses.add_image("by another name", str(cat), False, {"n": 1}, True)
    ses.add_image("by pixels", img=np.asarray(Image.open(cat)))
    ses.add_image("another", img=coffee)
    found = ses.search_image(cat.read_bytes(), bytestream=True)
    assert {hit["path"]: hit["dist"] for hit in found} == {"by bytes": 0, "by another name": 0, "by pixels": 0}
    assert [hit["metadata"] for hit in found if hit["path"] == "by another name"] == [{"n": 1}]


def test_a_relative_path_comes_back_as_it_was(memory: SignatureES, cat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(cat.parent)
    id = memory.add_image("cat.jpg")
    (found,) = memory.search_image("cat.jpg", pre_filter={"term": {"path": "cat.jpg"}})
    assert found["path"] == "cat.jpg"
    assert memory.hybrid.get(id).path == str(cat)


def test_urls_come_back_without_passwords(memory: SignatureES, cat: Path) -> None:
    handler = partial(_Quiet, directory=str(cat.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/cat.jpg"
        secret = url.replace("http://", "http://me:secret@")
        for _ in range(2):
            memory.add_image(secret)
        assert {hit["path"] for hit in memory.search_image(url)} == {url}
        assert memory.delete_duplicates(secret) == 1
        server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


def test_distances_are_those_of_the_naive_algorithm(ses: SignatureES, cat: Path, coffee: Path) -> None:
    altered = {
        "darker": Image.open(cat).point(lambda value: value * 0.6),
        "squashed": Image.open(cat).resize((451, 150)),
        "cut": Image.open(cat).crop((12, 8, 440, 292)),
        "other": Image.open(coffee),
    }
    for name, image in altered.items():
        ses.add_image(name, img=image)
    ses.distance_cutoff = 1.0
    mine = naive_signature(naive_grey(Image.open(cat)))
    expected = {name: naive_distance(mine, naive_signature(naive_grey(image))) for name, image in altered.items()}
    found = ses.search_image(str(cat))
    assert {hit["path"]: hit["dist"] for hit in found} == pytest.approx(expected, abs=1e-9)
    assert [hit["path"] for hit in found] == sorted(expected, key=lambda name: expected[name])
    assert [hit["score"] for hit in found] == pytest.approx([1 - hit["dist"] for hit in found])
    ses.distance_cutoff = 0.45
    assert {hit["path"] for hit in ses.search_image(cat)} == {name for name in expected if expected[name] < 0.45}
    assert expected["other"] > 0.6 > expected["cut"]


def test_the_cutoff_is_below_and_not_at(memory: SignatureES, cat: Path) -> None:
    image = Image.open(cat).crop((12, 8, 440, 292))
    memory.add_image("cut", img=image)
    (hit,) = memory.search_image(cat)
    for cutoff, found in ((hit["dist"] + 1e-6, 1), (hit["dist"], 0), (0.0, 0), (5.0, 1)):
        memory.distance_cutoff = cutoff
        assert len(memory.search_image(cat)) == found, cutoff


def test_size_bounds_the_results(memory: SignatureES, cat: Path) -> None:
    for quality in (95, 60, 30):
        memory.add_image(f"{quality}", img=_jpeg(Image.open(cat), quality))
    three = memory.search_image(cat)
    assert len(three) == 3
    memory.size = 2
    assert memory.search_image(cat) == three[:2]
    assert memory.search_image(cat, all_orientations=True) == three[:2]


def test_every_add_is_an_entry_until_duplicates_are_deleted(ses: SignatureES, cat: Path, coffee: Path) -> None:
    first = ses.add_image(str(cat), metadata={"n": 0})
    ids = {first, *(ses.add_image(str(cat), metadata={"n": n}) for n in range(1, 13))}
    other = ses.add_image("the same under another path", img=cat)
    ses.add_image(str(coffee))
    assert {hit["id"] for hit in ses.search_image(cat)} == {*ids, other}
    assert ses.delete_duplicates(str(cat)) == 12
    left = {hit["id"]: hit["metadata"] for hit in ses.search_image(cat)}
    assert left == {first: {"n": 0}, other: None}
    assert ses.delete_duplicates(str(cat)) == ses.delete_duplicates("nowhere") == 0
    assert len(ses.hybrid) == 3
    assert cat.exists()


ROTATED = [(mirrored, turns, negative) for mirrored in (0, 1) for turns in range(4) for negative in (0, 1)]


@pytest.mark.parametrize("flip,turns,negative", ROTATED)
def test_all_sixteen_orientations(cat: Path, all_of_it: SignatureES, flip: int, turns: int, negative: int) -> None:
    image: Image.Image = Image.open(cat)
    image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip else image
    image = image.rotate(90 * turns, expand=True)
    image = ImageChops.invert(image) if negative else image
    # image-match promises less than 0.05 after a lossy copy, for the turns that it tries; so it is for all sixteen
    (found,) = all_of_it.search_image(_jpeg(image, 92), all_orientations=True, bytestream=True)
    assert found["path"] == str(cat) and found["dist"] < 0.05
    plain = all_of_it.search_image(_jpeg(image, 92), bytestream=True)
    assert bool(plain) == (not (flip or turns or negative))


@pytest.fixture(scope="module")
def all_of_it(cat: Path, coffee: Path) -> Iterator[SignatureES]:
    with SignatureES(None) as ses:
        ses.add_image(str(cat))
        ses.add_image(str(coffee))
        yield ses


def test_orientations_on_servers_too(ses: SignatureES, cat: Path) -> None:
    ses.add_image(str(cat))
    turned = Image.open(cat).transpose(Image.Transpose.TRANSVERSE)
    (found,) = ses.search_image(ImageChops.invert(turned), all_orientations=True)
    assert found["dist"] == 0.0
    assert ses.search_image(turned, all_orientations=True, pre_filter={"term": {"path": "no such"}}) == []


def _jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def test_a_photo_is_turned_as_its_camera_says(memory: SignatureES, cat: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.open(cat).rotate(90, expand=True).save(buffer, "PNG", exif=exif)
    memory.add_image("held upright", img=buffer.getvalue(), bytestream=True)
    assert [hit["dist"] for hit in memory.search_image(cat)] == [0.0]


def test_a_flat_picture_has_no_copies(memory: SignatureES) -> None:
    flat = Image.new("RGB", (200, 100), "grey")
    memory.add_image("flat", img=flat)
    assert memory.search_image(flat) == memory.search_image(flat, all_orientations=True) == []


# -- metadata ----------------------------------------------------------------------------------------------------------


def _tenant(tenant: str, project: str) -> dict[str, Any]:
    return {"tenant_id": tenant, "project_id": project}


def test_filters_by_metadata_as_image_match_tests_them(ses: SignatureES, cat: Path, coffee: Path) -> None:
    ses.add_image("1", img=cat, metadata=_tenant("foo", "project-x"))
    ses.add_image("2", img=cat, metadata=_tenant("foo", "project-y"))
    ses.add_image("3", img=cat, metadata=_tenant("bar-2", "project-x"))
    ses.add_image("4", img=coffee, metadata=_tenant("foo", "project-x"))

    def found(pre_filter: Any) -> str:
        return "".join(sorted(hit["path"] for hit in ses.search_image(cat, pre_filter=pre_filter)))

    both = [{"term": {"metadata.tenant_id": "foo"}}, {"term": {"metadata.project_id": "project-x"}}]
    assert found({"term": {"metadata.tenant_id": "foo"}}) == "12"
    assert found({"term": {"metadata.tenant_id.keyword": "bar-2"}}) == "3"
    assert found({"term": {"metadata.tenant_id": "Foo"}}) == ""
    assert found(both) == found({"bool": {"must": both}}) == "1"
    assert found({"nested": {"path": "metadata", "query": {"bool": {"must": both}}}}) == "1"
    assert found({"bool": {"must_not": {"terms": {"metadata.project_id": ["project-y", "no"]}}}}) == "13"
    assert found({"match": {"metadata.project_id": {"query": "project-y"}}}) == "2"
    assert found({"prefix": {"metadata.tenant_id": {"value": "bar"}}}) == "3"
    assert found({"exists": {"field": "metadata.nothing"}}) == ""
    (hit,) = ses.search_image(cat, pre_filter=both)
    assert hit["metadata"] == _tenant("foo", "project-x")


DEEP = {"shop": {"price": 9.5, "sold": False, "sizes": [1, 20, 300], "a": {"b": {"c": {"d": {"e": "bottom"}}}}}, "": {}}
ENTRIES: dict[str, Any] = {
    "deep": DEEP,
    "cheap": {"shop": {"price": 9, "sold": True, "on": "2015-06-01"}},
    "owed": {"shop": {"price": -1e9, "on": "2014-01-31", "id": 2**63}},
    "list": [{"shop": {"price": 1_000}}, "loose"],
    "text": "loose",
    "long": {"shop": "x" * 40_000, "title": "y"},
    "keyword": {"shop": {"keyword": "k"}},
    "none": None,
}
ASKED: dict[str, tuple[dict[str, Any], set[str]]] = {
    "deep leaf": ({"term": {"metadata.shop.a.b.c.d.e": "bottom"}}, {"deep"}),
    "whole number as fraction": ({"term": {"metadata.shop.price": 9.0}}, {"cheap"}),
    "large whole number": ({"term": {"metadata.shop.id": 2**63}}, {"owed"}),
    "its neighbour": ({"term": {"metadata.shop.id": 2**63 + 1}}, set()),
    "boolean": ({"term": {"metadata.shop.sold": False}}, {"deep"}),
    "one of a list": ({"terms": {"metadata.shop.sizes": [20, 21]}}, {"deep"}),
    "range": ({"range": {"metadata.shop.price": {"gte": 9, "lt": 1000}}}, {"deep", "cheap"}),
    "range below zero": ({"range": {"metadata.shop.price": {"lt": 0}}}, {"owed"}),
    "range of a list": ({"range": {"metadata.shop.sizes": {"gt": 20}}}, {"deep"}),
    "range, none": ({"range": {"metadata.shop.price": {"gt": 9.5, "lt": 999.5}}}, set()),
    "range of dates": ({"range": {"metadata.shop.on": {"gte": "2015", "lt": "2016"}}}, {"cheap"}),
    "range of dates from": ({"range": {"metadata.shop.on": {"gte": "2015"}}}, {"cheap"}),
    "range of dates to": ({"range": {"metadata.shop.on": {"lt": "2015"}}}, {"owed"}),
    "exists": ({"exists": {"field": "metadata.shop.sold"}}, {"deep", "cheap"}),
    "object exists": ({"exists": {"field": "metadata.shop.a.b"}}, {"deep"}),
    "metadata exist": ({"exists": {"field": "metadata"}}, {"deep", "cheap", "owed", "list", "text", "long", "keyword"}),
    "list of objects": ({"term": {"metadata.shop.price": 1000}}, {"list"}),
    "no object": ({"term": {"metadata": "loose"}}, {"list", "text"}),
    "a key named keyword": ({"term": {"metadata.shop.keyword": "k"}}, {"keyword"}),
    "path": ({"terms": {"path.keyword": ["deep", "none"]}}, {"deep", "none"}),
    "time": ({"range": {"timestamp": {"lte": "now"}}}, set(ENTRIES)),
    "a field of hybrid-search": ({"term": {"format": "jpeg"}}, set(ENTRIES)),
    "not scored": ({"constant_score": {"filter": {"term": {"metadata.title": "y"}}}}, {"long"}),
}


def test_metadata_of_any_shape_are_kept_and_found(ses: SignatureES, cat: Path) -> None:
    for name, metadata in ENTRIES.items():
        ses.add_image(name, img=cat, metadata=metadata)
    assert {hit["path"]: hit["metadata"] for hit in ses.search_image(cat)} == ENTRIES
    for name, (pre_filter, expected) in ASKED.items():
        found = {hit["path"] for hit in ses.search_image(cat, pre_filter=pre_filter)}
        assert found == expected, name


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(), inside, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_kept_metadata_are_what_they_were(metadata: Any) -> None:
    kept = keep("a name", metadata, {}).exif
    assert kept_metadata(kept) == (metadata or None)
    json.dumps(kept, ensure_ascii=False).encode("utf-8", "strict" if _is_text(metadata) else "surrogatepass")
    # what a server takes for a term, below what makes it refuse the document
    assert all(len(f"{name}{text}".encode()) < 32_000 for name, texts in kept.items() for text in texts)


def _is_text(metadata: Any) -> bool:
    return "\\ud" not in json.dumps(metadata)


NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70)


@given(NUMBERS, NUMBERS)
def test_numbers_keep_their_order(one: float, other: float) -> None:
    one_text, other_text = (keep("", {"n": n}, {}).exif["metadata_order.n"][0] for n in (one, other))
    assert (one_text < other_text) == (float(one) < float(other))
    assert (one_text == other_text) == (float(one) == float(other))


def test_numbers_beyond_the_floats_are_kept(memory: SignatureES, cat: Path) -> None:
    memory.add_image("huge", img=cat, metadata={"n": 10**400})
    (hit,) = memory.search_image(cat, pre_filter={"term": {"metadata.n": 10**400}})
    assert hit["metadata"] == {"n": 10**400}


def test_chosen_metadata_fill_fields(memory: SignatureES, cat: Path) -> None:
    with SignatureES(memory.hybrid, fields={"description": "caption", "shot.by": "artist", "other": "title"}) as ses:
        ses.add_image("1", img=cat, metadata={"description": "a tabby", "shot": {"by": "Stefan"}})
        (found,) = ses.hybrid.search("tabby", filter="artist:stefan")
        assert found.source["caption"] == "a tabby"
        with pytest.raises(MappingMismatch, match="rating"):
            SignatureES(memory.hybrid, fields={"stars": "rating"}).add_image("2", img=cat, metadata={"stars": "many"})
    assert len(memory.search_image(cat)) == 1


def test_what_cannot_be_kept_or_asked_is_refused(memory: SignatureES, cat: Path) -> None:
    memory.add_image("1", img=cat)
    loop: list[Any] = []
    loop.append(loop)
    for metadata in ({"n": math.nan}, {"when": object()}, loop, {(1, 2): 3}):
        with pytest.raises(MappingMismatch, match="metadata"):
            memory.add_image("2", img=cat, metadata=metadata)
    with pytest.raises(ImageUnreadable, match="goes to img"):
        memory.add_image(np.zeros((9, 9), np.uint8))  # type: ignore[arg-type]
    with pytest.raises(UnknownField, match="tenant"):
        memory.search_image(cat, pre_filter={"term": {"tenant": "foo"}})
    for clause in ({"script": {"script": "1"}}, {"term": {"metadata.a": "b"}, "match_all": {}}, {"term": "x"}, "((", 7):
        with pytest.raises(BadFilter):
            memory.search_image(cat, pre_filter=clause)
    assert len(memory.hybrid) == 1


@pytest.mark.parametrize(
    "options", [{"k": 8}, {"N": 100}, {"n_grid": 11}, {"crop_percentile": [0, 100]}, {"distance_cutoff": math.nan}]
)
def test_other_signatures_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(QueryError, match=next(iter(options))):
        SignatureES(None, **options)


def test_defaults_may_be_spelt_out(cat: Path) -> None:
    with SignatureES(None, "images", "image", "10s", 100, 16, 63, 9, [5, 95], 0.45) as ses:  # type: ignore[arg-type]
        ses.add_image(str(cat))
        assert len(ses.search_image(str(cat), True, False, None)) == 1
    ImageSignature(9, (5, 95), None, True, 2 / 255, 2, False)
    with pytest.raises(QueryError, match="n_levels"):
        ImageSignature(n_levels=3)


# -- opening, and what was there before --------------------------------------------------------------------------------


def test_entries_stay_and_others_see_them(make: Callable[..., SignatureES], cat: Path) -> None:
    with make() as ses:
        ses.add_image(str(cat), metadata={"n": 1})
    again = make()
    assert [hit["metadata"] for hit in again.search_image(cat)] == [{"n": 1}]
    assert again.hybrid.embedder.name == "histogram+hog"
    assert again.hybrid.info()["drift"] == []
    assert again.hybrid.search(image=cat)[0].distance == 0.0


def test_an_open_index_stays_open(cat: Path) -> None:
    with HybridIndex(embedder="histogram+hog") as index:
        index.add(cat)
        with SignatureES(index) as ses:
            ses.add_image("second", img=cat)
            found = ses.search_image(cat)
        assert {hit["path"]: hit["metadata"] for hit in found} == {str(cat): None, "second": None}
        assert len(index) == 2


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_will_do_and_its_old_index_moves_over(servers: dict[str, str], version: str, cat: Path) -> None:
    with place_on(servers[version]) as place:
        client, old = place.raw, f"{place.name}-old"
        record = {"path": str(cat), "metadata": {"tenant_id": "foo"}, "timestamp": "2016-01-01T00:00:00"}
        signature = naive_signature(naive_grey(Image.open(cat)))
        words = {f"simple_word_{place}": word for place, word in enumerate(naive_words(signature))}
        client.index(index=old, document={**record, **words, "signature": signature.tolist()}, refresh=True)
        with pytest.raises(MappingMismatch, match="schema"):
            SignatureES(client, index=old)
        with SignatureES(es=client, index=place.name) as ses:
            for hit in client.search(index=old)["hits"]["hits"]:
                ses.insert_single_record(hit["_source"])
            (found,) = ses.search_image(cat, pre_filter={"term": {"metadata.tenant_id": "foo"}})
            assert (found["path"], found["dist"], found["metadata"]) == (str(cat), 0.0, {"tenant_id": "foo"})
    assert isinstance(client, Elasticsearch)


def test_records_are_found_by_what_image_match_published(memory: SignatureES) -> None:
    golden = json.loads(
        (Path(__file__).parents[1] / "support" / "golden" / "image_match.json").read_text(encoding="utf-8")
    )
    signature = np.array(golden["signature"], np.int8)
    id = memory.insert_single_record({"path": "mona lisa", "signature": golden["signature"]})
    memory.insert_single_record({"path": "flat", "signature": [0] * 648})
    stored = memory.hybrid.get(id, vectors=True).source
    np.testing.assert_array_equal(np.asarray(stored["signature"]).reshape(-1), signature)
    assert {f"{int(place):02x}:{word:x}" for place, word in golden["words"].items()} <= set(stored["words"])
    assert memory.hybrid.search(like=id, filter="path:flat").ids() == []
    with pytest.raises(BadVector):
        memory.insert_single_record({"path": "short", "signature": [1, 2]})


# -- signatures --------------------------------------------------------------------------------------------------------


# grey only: scikit-image sums colours in another order, so that two equal points may differ by a rounding there
@settings(max_examples=60, deadline=None)
@given(arrays.arrays(np.uint8, st.tuples(st.integers(2, 90), st.integers(2, 90)), elements=st.integers(0, 255)))
def test_signatures_are_those_of_the_naive_algorithm(pixels: NDArray[np.uint8]) -> None:
    expected = naive_signature(pixels / 255)
    gis, buffer = ImageSignature(), io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    for same in (pixels, pixels / 255, np.dstack([pixels] * 3), Image.fromarray(pixels), buffer.getvalue()):
        np.testing.assert_array_equal(gis.generate_signature(same, bytestream=isinstance(same, bytes)), expected)


@given(*[arrays.arrays(np.int8, 648, elements=st.integers(-2, 2))] * 2)
def test_distances_are_those_of_the_naive_algorithm_too(a: NDArray[np.int8], b: NDArray[np.int8]) -> None:
    assert ImageSignature.normalized_distance(a, b.tolist()) == pytest.approx(naive_distance(a, b), abs=1e-7)


def test_signatures_of_files_and_of_large_photos(cat: Path, tmp_path: Path) -> None:
    gis = ImageSignature()
    expected = naive_signature(naive_grey(Image.open(cat)))
    np.testing.assert_array_equal(gis.generate_signature(str(cat)), expected)
    grey = np.asarray(Image.open(cat).convert("L"))
    np.testing.assert_array_equal(gis.generate_signature(grey / 255), naive_signature(grey / 255))
    # a store reads large photos at a smaller size, and so comes near to the signature of all pixels, not to it
    large = tmp_path / f"{secrets.token_hex(4)}.jpg"
    Image.open(cat).resize((1804, 1200), Image.Resampling.LANCZOS).save(large)
    with SignatureES(None) as ses:
        stored = ses.hybrid.get(ses.add_image(str(large)), vectors=True).source["signature"]
        assert 0 < gis.normalized_distance(np.asarray(stored).reshape(-1), gis.generate_signature(large)) < 0.1
