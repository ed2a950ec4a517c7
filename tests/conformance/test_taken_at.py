"""When pictures were taken, asked of the embedded backend and of servers: the camera's clock decides."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from elasticsearch import Elasticsearch

from hybrid_search import HybridIndex
from hybrid_search.backends import Action
from hybrid_search.backends.elasticsearch import Server
from hybrid_search.backends.registry import open_backend
from hybrid_search.backends.transfer import migrate
from hybrid_search.document.definition import load_definition, spec_of
from hybrid_search.errors import MappingMismatch
from tests.support.fakes import ColourEmbedder, photo
from tests.support.servers import VERSIONS

PHOTOS = {
    "scan": "1935",
    "album": "1935-08",
    "slide": "1961-05-01",
    "cake": "2019-12-31T12:00:00",
    "newyork": "2019-12-31T23:30:00-05:00",  # 2020-01-01 04:30 UTC
    "auckland": "2020-01-01T01:30:00+13:00",  # 2019-12-31 12:30 UTC
    "noon": "2020-01-01T12:00:00.250",
    "unknown": None,
}


@pytest.fixture(scope="module", params=["memory", *VERSIONS])
def place(request: pytest.FixtureRequest) -> Iterator[tuple[str | None, str]]:
    name = f"taken-{secrets.token_hex(4)}"
    if request.param == "memory":
        yield None, name
        return
    url = request.getfixturevalue("servers")[request.param]
    yield url, name
    with Elasticsearch(url) as raw:
        for index in list(raw.indices.get_alias(index=f"{name}*")):
            raw.indices.delete(index=index)


@pytest.fixture(scope="module")
def index(place: tuple[str | None, str]) -> Iterator[HybridIndex]:
    with HybridIndex(place[0], name=place[1], embedder=ColourEmbedder()) as index:
        for number, (id, moment) in enumerate(PHOTOS.items()):
            index.add(photo(number), id=id, metadata={"taken_at": moment})
        index.refresh()
        yield index


ZONED = {"newyork", "auckland"}


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("taken_at:2019", {"cake", "newyork"}),
        ("taken_at:2020", {"auckland", "noon"}),
        ("taken_at:2019-12-31T23:30", {"newyork"}),
        ("taken_at:[2020-01-01 TO *]", {"auckland", "noon"}),
        ("taken_at:1935", {"scan", "album"}),
        ("taken_at:1935-08", {"album"}),
        ("taken_at:[1935 TO 1961]", {"scan", "album", "slide"}),
        ("taken_at:<1935-08", {"scan"}),
        ("taken_at:1961-05-01", {"slide"}),
        ("NOT taken_at:*", {"unknown"}),
        ("taken_at:<now", set(PHOTOS) - {"unknown"}),
        ("taken_at_utc:2020-01-01", {"newyork"}),
        ("taken_at_utc:*", ZONED),
        ("taken_at:2019-12-31T23:30-05:00", {"newyork"}),
        ("taken_at:2019-12-31T12:30Z", {"auckland"}),
        ("taken_at:[2019-12-31T12:00Z TO 2020-01-01T04:30Z]", {"cake", *ZONED}),
        ("taken_offset:\\-05\\:00", {"newyork"}),
    ],
)
def test_filters(index: HybridIndex, filter: str, found: set[str]) -> None:
    assert {hit.id for hit in index.search(filter=filter, k=20)} == found


def test_years_months_and_days_are_counted_by_the_clock(index: HybridIndex) -> None:
    facets = index.search(
        filter={"match_all": {}}, facets=["taken_at:year", "taken_at:month", "taken_at:day"], k=1
    ).facets
    assert facets["taken_at:year"] == {"1935": 2, "1961": 1, "2019": 2, "2020": 2}
    assert facets["taken_at:month"] == {"1935-01": 1, "1935-08": 1, "1961-05": 1, "2019-12": 2, "2020-01": 2}
    assert facets["taken_at:day"]["2019-12-31"] == facets["taken_at:day"]["2020-01-01"] == 2


def test_the_clock_orders(index: HybridIndex) -> None:
    hits = index.search(filter="taken_at:*", sort="taken_at", k=20)
    assert [hit.id for hit in hits] == [id for id in PHOTOS if id != "unknown"]
    back = index.search(filter="taken_at:*", sort="taken_at:desc", k=20)
    assert [hit.id for hit in back] == [hit.id for hit in hits][::-1]


def test_what_is_known_is_shown(index: HybridIndex) -> None:
    shown = {id: index.get(id).source.get("taken_at") for id in PHOTOS}
    assert shown == {
        id: moment and moment[:19] + moment[19:].removesuffix("-05:00").removesuffix("+13:00")
        for id, moment in PHOTOS.items()
    }
    assert index.get("newyork").source["taken_at_utc"] == "2020-01-01T04:30:00Z"


def test_an_index_of_schema_2_is_refused_and_brought_up_to_date(
    place: tuple[str | None, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Moments had their offset in them, so that years were those of UTC."""
    where = place[0] or str(tmp_path_factory.mktemp("old") / "index")
    name = f"{place[1]}-old"
    old = load_definition(analysis="portable", embeddings={"colour": spec_of(ColourEmbedder())})
    old["mappings"]["_meta"]["schema_version"] = 2
    del old["mappings"]["properties"]["taken_at_utc"]
    backend = open_backend(where, name=name, server=Server())
    backend.create(old)
    sources = {
        "newyork": {"taken_at": "2019-12-31T23:30:00-05:00", "taken_offset": "-05:00", "title": "fireworks"},
        "captioned": {"taken_at": "2020-01-01T01:30:00.500+13:00"},
        "plain": {"taken_at": "2019-12-31T12:00:00"},
        "day": {"taken_at": "1961-05-01"},
        "none": {"title": "undated"},
    }
    backend.bulk([Action("index", id, source) for id, source in sources.items()])
    backend.refresh()
    backend.close()
    with pytest.raises(MappingMismatch, match=r"schema version 2.*transfer\.migrate`"):
        HybridIndex(where, name=name, embedder=ColourEmbedder())
    backend = open_backend(where, name=name, server=Server())
    assert migrate(backend) == 5
    backend.close()
    with HybridIndex(where, name=name, embedder=ColourEmbedder()) as index:
        assert {id: dict(index.get(id).source) for id in sources} == {
            **{id: sources[id] for id in ("plain", "day", "none")},
            "newyork": {
                **sources["newyork"],
                "taken_at": "2019-12-31T23:30:00",
                "taken_at_utc": "2020-01-01T04:30:00Z",
            },
            "captioned": {
                "taken_at": "2020-01-01T01:30:00.500",
                "taken_offset": "+13:00",
                "taken_at_utc": "2019-12-31T12:30:00.500Z",
            },
        }
        assert {hit.id for hit in index.search(filter="taken_at:2019", k=9)} == {"newyork", "plain"}
