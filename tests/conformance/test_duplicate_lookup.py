"""Is this picture already here: one call, the same answers embedded and on real servers."""

from __future__ import annotations

import io
import itertools
import json
import pickle
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage
from elasticsearch import Elasticsearch
from PIL import Image, ImageOps

from hybrid_search import HybridIndex
from hybrid_search.duplicates import lookup as lookup_module
from hybrid_search.errors import BadFilter, ImageUnreadable, QueryError, UnknownField
from hybrid_search.hits.evidence import TIERS, Evidence
from hybrid_search.hits.hits import Hits
from hybrid_search.signature.goldberg import _DIFFERENCES, distance, grid_signature, quality, signature
from scripts.pictures.alterations import ALTERATIONS, Company, captioned, collage, screenshot
from scripts.pictures.lookalikes import form, moment, page, sky
from scripts.reference.goldberg import naive_grey, naive_signature
from tests.support.duplicates import BACKENDS
from tests.support.fakes import ColourEmbedder
from tests.support.servers import unavailable

PHOTOS = Path(skimage.__file__).parent / "data"
FILES = {
    "astronaut": "astronaut.png",
    "chelsea": "chelsea.png",
    "coffee": "coffee.png",
    "motorcycle": "motorcycle_left.png",
    "coins": "coins.png",
    "camera": "camera.png",
    "rocket": "rocket.jpg",
    "hubble": "hubble_deep_field.jpg",
    "retina": "retina.jpg",
    "ihc": "ihc.png",
}
TAKEN = {
    "coffee": ("2012-05-01", "Canon"),
    "coffee small": ("2014-05-01", "Nikon"),
    "coffee grey": ("2018-05-01", "Nikon"),
}


def photo(name: str, side: int = 400) -> Image.Image:
    image = Image.open(PHOTOS / FILES[name]).convert("RGB")
    image.thumbnail((side, side))
    return Image.fromarray(np.asarray(image))


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def altered(name: str, kind: str, *others: str) -> bytes:
    return ALTERATIONS[kind].encode(photo(name), Company(tuple(photo(each) for each in others)))


@dataclass(frozen=True)
class Library:
    """Ten photos, copies of one of them by other cameras, a collage, a sky and a white sheet."""

    index: HybridIndex
    folder: Path

    def tiers(self, image: Any, **options: Any) -> dict[str, str | None]:
        return {hit.id: hit.tier for hit in self.index.find_duplicates(image, **options)}


@pytest.fixture(scope="module", params=BACKENDS)
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    folder = tmp_path_factory.mktemp("library")
    location, name = None, f"lookup-{secrets.token_hex(4)}"
    if request.param != "embedded":
        servers: dict[str, str] = request.getfixturevalue("servers")
        if request.param not in servers:
            unavailable(f"HYBRID_SEARCH_TEST_SERVERS names none of version {request.param}")
        location = servers[request.param]
    pictures = {each: encoded(photo(each), quality=92) for each in FILES}
    pictures |= {
        "coffee small": altered("coffee", "resize_50"),
        "coffee grey": altered("coffee", "grey"),
        "both": encoded(collage(photo("rocket"), Company((photo("hubble"),)))),
        "sky": encoded(sky(1)),
        "white": encoded(Image.new("RGB", (320, 240), "white"), "PNG"),
    }
    try:
        with HybridIndex(location, name=name, embedder=ColourEmbedder()) as index:
            for each, data in pictures.items():
                path = folder / f"{each}.jpg"
                path.write_bytes(data)
                taken, camera = TAKEN.get(each, ("2016-05-01", "Sony"))
                index.add(path, id=each, metadata={"taken_at": taken, "camera.make": camera, "caption": f"<{each}>"})
            index.refresh()
            yield Library(index, folder)
    finally:
        if location is not None:
            with Elasticsearch(location) as raw:
                if made := list(raw.indices.get_alias(index=f"{name}*")):
                    raw.indices.delete(index=made)


# -- every way in which it can be here ---------------------------------------------------------------------------------

ANSWERS: dict[str, tuple[Any, dict[str, str]]] = {
    "the file itself": (lambda folder: folder / "chelsea.jpg", {"chelsea": "bytes"}),
    "its bytes": (lambda folder: (folder / "chelsea.jpg").read_bytes(), {"chelsea": "bytes"}),
    "its pixels": (lambda folder: Image.open(folder / "chelsea.jpg").convert("RGB"), {"chelsea": "pixels"}),
    "as an array": (lambda folder: np.asarray(Image.open(folder / "chelsea.jpg")), {"chelsea": "pixels"}),
    "saved again": (lambda folder: altered("chelsea", "jpeg_30"), {"chelsea": "near"}),
    "smaller": (lambda folder: altered("astronaut", "resize_50"), {"astronaut": "near"}),
    "a quarter turn": (lambda folder: altered("astronaut", "rotate_90"), {"astronaut": "transformed"}),
    "upside down": (lambda folder: altered("camera", "rotate_180"), {"camera": "transformed"}),
    "its mirror image": (lambda folder: altered("motorcycle", "mirror"), {"motorcycle": "transformed"}),
    "mirrored and turned": (lambda folder: altered("astronaut", "mirror_turned"), {"astronaut": "transformed"}),
    "its negative": (lambda folder: altered("chelsea", "negative"), {"chelsea": "transformed"}),
    "a part": (lambda folder: altered("motorcycle", "crop_20"), {"motorcycle": "edited"}),
    "in a frame": (lambda folder: altered("astronaut", "frame_10"), {"astronaut": "edited"}),
    "a photo with several copies": (
        lambda folder: photo("coffee"),
        {"coffee": "near", "coffee small": "near", "coffee grey": "near"},
    ),
    "a collage of two": (
        lambda folder: encoded(collage(photo("astronaut"), Company((photo("motorcycle"),)))),
        {"astronaut": "edited", "motorcycle": "edited"},
    ),
    "another sky": (lambda folder: sky(2), {}),
    "another flat picture": (lambda folder: Image.new("RGB", (320, 240), "black"), {}),
    "the white sheet in another format": (lambda folder: Image.new("RGB", (320, 240), "white"), {"white": "pixels"}),
    "a photo that is not here": (lambda folder: Image.open(PHOTOS / "gravel.png"), {}),
}


@pytest.mark.parametrize("question", ANSWERS)
def test_answers_are_the_same_on_every_backend(library: Library, question: str) -> None:
    ask, expected = ANSWERS[question]
    hits = library.index.find_duplicates(ask(library.folder))
    assert {hit.id: hit.tier for hit in hits} == expected
    assert [hit.rank for hit in hits] == list(range(1, len(expected) + 1)) and hits.total == len(expected)
    for hit in hits:
        assert hit.evidence is not None and hit.evidence.tier == hit.tier
        assert hit.distance == hit.evidence.distance


def test_one_half_of_a_stored_collage_finds_it_and_itself(library: Library) -> None:
    found = library.tiers(photo("rocket"))
    assert found.pop("rocket") == "near"
    assert found in ({}, {"both": "edited"}), "the collage where its embedding is near enough to be proposed"


def test_parts_say_where_in_the_whole_they_lie(library: Library) -> None:
    left, right = photo("astronaut"), photo("motorcycle")
    both = collage(left, Company((right,)))
    hits = library.index.find_duplicates(encoded(both))
    by_id = {hit.id: hit.evidence for hit in hits}
    beside = both.width - left.width
    expected = {
        "astronaut": [((0, 0), (0, 0)), ((left.width, left.height), (1, left.height / left.width))],
        "motorcycle": [((left.width, 0), (0, 0)), ((both.width, both.height), (1, both.height / beside))],
    }
    for id, corners in expected.items():
        a, b, c, d, e, f = by_id[id].transform
        for (x, y), there in corners:
            x, y = x / both.width, y / both.width
            assert (a * x + b * y + c, d * x + e * y + f) == pytest.approx(there, abs=0.012), id


def test_the_surest_come_first(library: Library) -> None:
    hits = library.index.find_duplicates((library.folder / "coffee small.jpg").read_bytes(), tiers=TIERS)
    strengths = [hit.evidence.strength for hit in hits]
    assert hits[0].id == "coffee small" and hits[0].tier == "bytes"
    assert strengths == sorted(strengths)
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == 8.0 and all(
        int(hit.score) in (7 - TIERS.index(hit.tier), 8 - TIERS.index(hit.tier)) for hit in hits
    )


# -- options -----------------------------------------------------------------------------------------------------------


def test_any_filter_limits_what_is_found(library: Library) -> None:
    ask = photo("coffee")
    assert library.tiers(ask, filter="taken_at:<2015") == {"coffee": "near", "coffee small": "near"}
    before_by_another = library.tiers(ask, filter="taken_at:<2015 AND NOT camera.make:canon")
    assert before_by_another == {"coffee small": "near"}
    assert library.tiers(ask, filter={"term": {"camera.make": "Nikon"}}) == {
        "coffee small": "near",
        "coffee grey": "near",
    }
    assert library.tiers(ask, filter="camera.make:leica") == {}
    # the file itself is subject to it as well
    assert library.tiers(library.folder / "coffee.jpg", filter="taken_at:>2015") == {"coffee grey": "near"}
    for bad, error in (("nonsense:1", UnknownField), ("taken_at:[", BadFilter)):
        with pytest.raises(error):
            library.index.find_duplicates(ask, filter=bad)


def test_filters_hold_for_parts_too(library: Library) -> None:
    both = encoded(collage(photo("coffee"), Company((photo("astronaut"),))))
    assert "coffee" in library.tiers(both)
    assert set(library.tiers(both, filter="camera.make:sony")) == {"astronaut"}


def test_only_the_tiers_asked_for(library: Library) -> None:
    ask = (library.folder / "coffee.jpg").read_bytes()
    assert library.tiers(ask, tiers=["bytes"]) == {"coffee": "bytes"}
    assert library.tiers(ask, tiers=["near"]) == {"coffee small": "near", "coffee grey": "near"}
    assert library.tiers(ask, tiers=["transformed"]) == {}
    assert library.tiers(altered("motorcycle", "crop_20"), tiers=["bytes", "pixels", "near", "transformed"]) == {}
    similar = library.index.find_duplicates(Image.open(PHOTOS / "gravel.png"), tiers=["similar"])
    assert len(similar) > 5 and {hit.tier for hit in similar} == {"similar"}
    assert all(hit.evidence.cosine == pytest.approx(hit.legs["vector"]) and hit.distance is None for hit in similar)


def test_no_vectors_are_made_for_tiers_that_need_none(library: Library) -> None:
    embedder = library.index.embedder
    assert isinstance(embedder, ColourEmbedder)
    before = embedder.seen
    assert library.tiers(photo("coffee"), tiers=["bytes", "pixels", "near", "transformed"])
    assert embedder.seen == before
    library.tiers(photo("coffee"))
    assert embedder.seen == before + 4, "the picture in its quarter turns; no parts, since it was found"
    library.tiers(photo("coffee"), filter="camera.make:leica")
    assert embedder.seen == before + 8, "no parts, since there is nothing to compare them with"


def test_parts_are_asked_for_only_where_they_may_be_found(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    cut = lookup_module.parts
    monkeypatch.setattr(lookup_module, "parts", lambda image: asked.append(image) or cut(image))
    new = Image.open(PHOTOS / "gravel.png").convert("RGB")
    library.tiers(new, tiers=["unsure"])
    library.tiers(new, tiers=["similar", "near"])
    library.tiers(new, check_pixels=False)
    assert not asked
    library.tiers(new)
    assert len(asked) == 1


def test_k_cuts_and_total_tells(library: Library) -> None:
    hits = library.index.find_duplicates(photo("coffee"), k=2)
    assert len(hits) == 2 and hits.total == 3
    assert hits.ids() == library.index.find_duplicates(photo("coffee")).ids()[:2]


def test_max_distance_moves_the_line(library: Library) -> None:
    turned = altered("astronaut", "rotate_5")
    tiers = ["near", "transformed"]
    found = library.index.find_duplicates(turned, tiers=tiers, max_distance=0.6)
    assert found.ids() == ["astronaut"]
    apart = found[0].distance
    assert apart is not None
    assert library.tiers(turned, tiers=tiers, max_distance=apart - 0.01) == {}


def test_without_pixels_signatures_decide(library: Library) -> None:
    hits = library.index.find_duplicates(photo("coffee"), check_pixels=False)
    assert {hit.id for hit in hits} == {"coffee", "coffee small", "coffee grey"}
    assert all(hit.tier == "near" and hit.evidence.inliers is None for hit in hits)
    assert library.tiers(altered("motorcycle", "crop_20"), check_pixels=False) == {}
    assert library.tiers(altered("astronaut", "rotate_90"), check_pixels=False) == {"astronaut": "transformed"}
    # one vertical gradient is like the next, and can only be told apart, or not, by its pixels
    assert library.tiers(sky(2), check_pixels=False) == {}


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"tiers": ["exact"]}, QueryError, "no tier 'exact'; known: bytes"),
        ({"max_distance": 0}, QueryError, "max_distance is between 0 and 1"),
        ({"max_distance": 1.0}, QueryError, "max_distance is between 0 and 1"),
        ({"max_distance": -2}, QueryError, "max_distance is between 0 and 1"),
    ],
)
def test_mistakes_are_told(library: Library, options: dict[str, Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        library.index.find_duplicates(photo("coffee"), **options)


@pytest.mark.parametrize("k", [0, -1])
def test_k_is_a_number_of_hits(library: Library, k: int) -> None:
    with pytest.raises(QueryError):
        library.index.find_duplicates(photo("coffee"), k=k)


def test_what_is_no_picture_is_refused(library: Library) -> None:
    with pytest.raises(ImageUnreadable):
        library.index.find_duplicates(b"no picture")
    with pytest.raises(ImageUnreadable):
        library.index.find_duplicates(library.folder / "none.jpg")


# -- what comes back ---------------------------------------------------------------------------------------------------


def test_hits_are_json_and_can_be_sent(library: Library) -> None:
    hits = library.index.find_duplicates((library.folder / "coffee.jpg").read_bytes())
    told = json.loads(json.dumps(hits.to_dicts()))
    assert [each["tier"] for each in told] == [hit.tier for hit in hits]
    assert [Evidence.from_json(each["evidence"]) for each in told] == [hit.evidence for hit in hits]
    assert told[0]["path"] == str(library.folder / "coffee.jpg") and told[0]["source"]["caption"] == "<coffee>"
    assert not {"embedding", "signature", "words", "files"} & set(told[0]["source"])
    json.dumps(hits.body)
    assert hits.took_ms >= 0
    again = pickle.loads(pickle.dumps(hits))
    assert isinstance(again, Hits) and again.to_dicts() == hits.to_dicts()
    assert "coffee" in repr(hits) and "<coffee>" not in hits._repr_html_()
    plain = library.index.search("coffee", k=1)
    assert "tier" not in plain[0].to_dict() and "evidence" not in plain[0].to_dict()


TRAPS: dict[str, Callable[[int], Image.Image]] = {
    "screens of one application": lambda n: screenshot(photo(("astronaut", "coffee", "chelsea")[n]), Company()),
    "pages of one letterhead": page,
    "forms": form,
    "a subject that moved": lambda n: moment(photo("coffee"), photo("chelsea"), 0.3, 0.12 * n, seed=500 * n),
    "one caption": lambda n: captioned(photo(("astronaut", "coffee", "chelsea")[n]), Company()),
    "skies": sky,
}


@pytest.mark.parametrize("kind", TRAPS)
def test_no_part_confirms_what_the_whole_contradicts(kind: str, tmp_path: Path) -> None:
    """A quarter of a page is its letterhead, and in a quarter of two moments nothing moved."""
    make = TRAPS[kind]
    with HybridIndex(embedder=ColourEmbedder()) as index:
        for n in range(2):
            make(n).save(tmp_path / f"{n}.png")
            index.add(tmp_path / f"{n}.png", id=str(n))
        hits = index.find_duplicates(encoded(make(2)))
        assert [(hit.id, hit.tier, hit.evidence.note) for hit in hits] == []
        if kind != "skies":
            assert index.find_duplicates(encoded(make(1), quality=85)).ids() == ["1"]


def test_own_writes_are_seen_at_once() -> None:
    with HybridIndex(embedder=ColourEmbedder()) as index:
        assert len(index.find_duplicates(photo("coffee"))) == 0
        index.add(photo("coffee"), id="it")
        assert [(hit.id, hit.tier) for hit in index.find_duplicates(photo("coffee"))] == [("it", "bytes")]
        # a picture without a file cannot be looked at again
        (hit,) = index.find_duplicates(ImageOps.mirror(photo("coffee")))
        assert hit.tier == "transformed" and "could not be read" in hit.evidence.note


def test_two_moments_of_one_camera_are_not_here(tmp_path: Path) -> None:
    def shot(name: str, second: int, quality: int) -> Path:
        exif = Image.Exif()
        exif[0x010F], exif[0x0110] = "Canon", "EOS M1"
        exif.get_ifd(0x8769)[0x9003] = f"2020:05:01 10:00:{second:02}"
        (tmp_path / name).write_bytes(encoded(photo("coffee"), exif=exif, quality=quality))
        return tmp_path / name

    with HybridIndex(embedder=ColourEmbedder()) as index:
        index.add(shot("a.jpg", 1, 90), id="a")
        assert [hit.tier for hit in index.find_duplicates(shot("b.jpg", 1, 80))] == ["near"]
        assert len(index.find_duplicates(shot("c.jpg", 3, 80))) == 0
        (hit,) = index.find_duplicates(shot("c.jpg", 3, 80), tiers=["unsure"])
        assert hit.evidence.note == "one camera, two moments"


# -- figures of signatures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["astronaut", "coffee", "retina"])
def test_grid_signatures_lie_over_all_of_the_picture(name: str) -> None:
    """The points are where image-match would lay them if changes were spread evenly: it is a signature without crop."""
    levels = naive_grey(photo(name))
    height, width = levels.shape
    side = max(2, int(0.5 + min(height, width) / 20))
    rows = [int(height * step / 10) for step in range(1, 10)]
    columns = [int(width * step / 10) for step in range(1, 10)]
    means = np.array(
        [
            [
                levels[
                    int(y - side / 2) : int(y - side / 2) + side, int(x - side / 2) : int(x - side / 2) + side
                ].mean()
                for x in columns
            ]
            for y in rows
        ]
    )
    found = grid_signature(levels).reshape(9, 9, 8)
    around = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]
    for y, x, (number, (down, right)) in itertools.product(range(9), range(9), enumerate(around)):
        inside = 0 <= y + down < 9 and 0 <= x + right < 9
        difference = means[y, x] - means[y + down, x + right] if inside else 0.0
        expected = 0 if abs(difference) < 2 / 255 else np.sign(difference)
        assert np.sign(found[y, x, number]) == expected


def test_grid_signatures_are_those_of_evenly_spread_changes() -> None:
    board = np.indices((200, 200)).sum(axis=0) % 2 * 0.5 + np.random.default_rng(1).random((200, 200)) * 0.2
    assert grid_signature(board).shape == (648,) and grid_signature(board).dtype == np.int8
    # a white frame moves the grid of a signature onto the picture, but not this one
    framed = np.pad(photo("camera").convert("L"), 100, constant_values=255)
    inner = np.asarray(photo("camera").convert("L"))
    assert distance(signature(framed), signature(inner)) < distance(grid_signature(framed), grid_signature(inner))
    assert not grid_signature(np.full((50, 70), 0.3)).any()


def test_quality_is_the_share_of_differences_that_can_be_seen() -> None:
    assert quality(np.zeros(648, np.int8)) == 0.0
    assert quality(signature(np.full((64, 64), 0.5))) == 0.0
    # 9 × 8 pairs across, as many down, 8 × 8 along each diagonal; each counts from both of its ends
    assert _DIFFERENCES == 2 * (9 * 8 + 9 * 8 + 8 * 8 + 8 * 8)
    ramp = np.linspace(0, 1, 200)[None, :].repeat(200, axis=0)
    assert quality(signature(ramp)) == pytest.approx(1 - 2 * 72 / _DIFFERENCES), (
        "all but what stands one below the other"
    )
    noise = np.random.default_rng(1).random((30, 30))
    assert quality(signature(noise)) == pytest.approx(np.count_nonzero(naive_signature(noise)) / _DIFFERENCES)
    assert quality(signature(photo("astronaut"))) > 0.8
