"""Colours, gradients and local features, against scikit-image, OpenCV and arithmetic by hand."""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2hsv, rgb2lab
from skimage.feature import hog

from hybrid_search.embedders import ColourQuery, Embedder, Preparer
from hybrid_search.embedders.classical.colour_histogram import Colours
from hybrid_search.embedders.classical.local_features import KINDS, local_descriptors
from hybrid_search.embedders.classical.palette import Shade, read_palette
from hybrid_search.embedders.classical.shapes import Hog
from hybrid_search.embedders.registry import get_embedder
from hybrid_search.errors import BadEmbedderOption, EmbedderUnavailable, QueryError
from tests.conformance.embedder_suite import EmbedderSuite
from tests.support.fakes import photo

COLOURS = ("colour:lab", "colour:hsv")
LOCAL = ("local:sift", "local:orb", "local:akaze")
NAMES = (*COLOURS, "hog", *LOCAL)


class TestClassical(EmbedderSuite):
    @pytest.fixture(params=NAMES)
    def embedder(self, request: pytest.FixtureRequest) -> Embedder:
        return get_embedder(request.param)

    def test_the_name_gives_it_again(self, embedder: Embedder) -> None:
        assert get_embedder(embedder.name).version == embedder.version

    def test_threads_may_do_all_of_the_work(self, embedder: Embedder) -> None:
        assert isinstance(embedder, Preparer)
        np.testing.assert_array_equal(embedder.prepare(photo(3)), embedder.embed_images([photo(3)])[0])


def test_what_there_is_not_is_told() -> None:
    with pytest.raises(BadEmbedderOption, match="known: lab, hsv"):
        get_embedder("colour:rgb")
    with pytest.raises(BadEmbedderOption, match="known: sift, orb, akaze"):
        get_embedder("local:surf")
    assert get_embedder("colour").name == "colour:lab" and get_embedder("local").name == "local:sift"


@pytest.mark.parametrize(("name", "package"), [("colour:lab", "skimage"), ("hog", "skimage"), ("local:orb", "cv2")])
def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, name: str, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(EmbedderUnavailable, match=r"hybrid-search\[classical\]"):
        get_embedder(name)


def test_an_opencv_without_akaze_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2, "AKAZE_create")
    with pytest.raises(EmbedderUnavailable, match=r"local:akaze.*opencv-python-headless<5.*has no AKAZE"):
        get_embedder("local:akaze").embed_images([photo(1)])


# -- palettes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#c00", [(204, 0, 0, 1)]),
        ("navy", [(0, 0, 128, 1)]),
        (" #FF8000 ", [(255, 128, 0, 1)]),
        ("#c00:3,white:1", [(204, 0, 0, 0.75), (255, 255, 255, 0.25)]),
        ("rgb(1, 2, 3), black", [(1, 2, 3, 0.5), (0, 0, 0, 0.5)]),
        ("hsl(120, 100%, 50%):0.5,#0000ff80:1.5", [(0, 255, 0, 0.25), (0, 0, 255, 0.75)]),
    ],
)
def test_palettes(text: str, expected: list[tuple[int, int, int, float]]) -> None:
    assert read_palette(text) == tuple(Shade((red, green, blue), share) for red, green, blue, share in expected)


@pytest.mark.parametrize(
    "text", ["", "rde", "#c0", "#c00,", "#c00:", "#c00:0", "#c00:-1", "#c00:inf", "#c00:nan", "#c00:x"]
)
def test_what_is_no_palette(text: str) -> None:
    with pytest.raises(QueryError, match="write them as in CSS"):
        read_palette(text)


# -- colours ---------------------------------------------------------------------------------------------------------


def coordinates(name: str, rgb: np.ndarray) -> np.ndarray:
    """Return the place of colours in units of bins, (n, 3)."""
    if name == "colour:lab":
        return rgb2lab(rgb) / 20
    hue, saturation, value = rgb2hsv(rgb).T
    angle = 2 * np.pi * hue
    return np.stack([saturation * value * np.cos(angle), saturation * value * np.sin(angle), value], 1) / 0.21


def told_apart() -> np.ndarray:
    """Return the middles of the 16 levels of each channel, (4096, 3), in 0–1."""
    return (np.indices((16, 16, 16)).reshape(3, -1).T + 0.5) / 16


@pytest.mark.parametrize("name", COLOURS)
def test_no_colour_lies_between_two_bins(name: str) -> None:
    # a rounding that went the other way on another machine would give other bins
    places = coordinates(name, told_apart())
    assert np.abs(places - np.floor(places) - 0.5).min() > 1e-6
    assert len({tuple(place) for place in np.round(places).tolist()}) == get_embedder(name).dims


@pytest.mark.parametrize("name", COLOURS)
def test_histogram_bin_by_bin(name: str) -> None:
    places = coordinates(name, told_apart())
    bins = sorted({tuple(place) for place in np.round(places).tolist()})
    image = Image.new("RGB", (64, 64), "#c00")
    image.paste("#2468ac", (0, 0, 16, 64))
    expected = np.zeros(len(bins))
    for share, (red, green, blue) in ((0.75, (204, 0, 0)), (0.25, (0x24, 0x68, 0xAC))):
        place = places[((red // 16) * 16 + green // 16) * 16 + blue // 16]
        nearness = np.array([np.exp(-2 * sum((a - b) ** 2 for a, b in zip(place, each, strict=True))) for each in bins])
        expected += share * nearness / nearness.sum()
    vector = get_embedder(name).embed_images([image])[0]
    np.testing.assert_allclose(vector, np.sqrt(expected), atol=1e-6)


@pytest.mark.parametrize("name", COLOURS)
def test_a_palette_is_a_picture_of_its_colours(name: str) -> None:
    colours = get_embedder(name)
    assert isinstance(colours, ColourQuery)
    image = Image.new("RGB", (640, 480), "#c00")
    image.paste("white", (0, 0, 160, 480))
    np.testing.assert_allclose(colours.embed_colours(["#c00:3,white:1"]), colours.embed_images([image]), atol=1e-6)
    assert colours.embed_colours([]).shape == (0, colours.dims)
    with pytest.raises(QueryError, match="'rde' is no colour"):
        colours.embed_colours(["#c00", "rde"])


@pytest.mark.parametrize("name", COLOURS)
def test_a_colour_finds_the_pictures_that_have_most_of_it(name: str) -> None:
    colours = get_embedder(name)
    images = []
    for width in (0, 10, 25, 50, 100):
        image = Image.new("RGB", (100, 60), "#0a0")
        image.paste("#c00", (0, 0, width, 60))
        images.append(image)
    cosines = (colours.embed_images(images) @ colours.embed_colours(["#c00"]).T).ravel()
    np.testing.assert_allclose(cosines, np.sqrt([0, 0.1, 0.25, 0.5, 1]), atol=0.01)


@pytest.mark.parametrize("name", COLOURS)
def test_a_colour_that_changes_a_little_stays_near(name: str) -> None:
    colours = get_embedder(name)
    steps = colours.embed_colours([f"rgb({level}, 60, 90)" for level in range(0, 256, 8)])
    assert (steps[:-1] * steps[1:]).sum(axis=1).min() > 0.85
    assert steps[0] @ steps[-1] < 0.01


def test_black_is_black_whatever_its_hue() -> None:
    shades = Colours("hsv").embed_colours(["black", "#100000", "#001000", "#000010"])
    assert (shades @ shades.T).min() > 0.9


# -- gradients -------------------------------------------------------------------------------------------------------


def test_gradients_are_scikit_images() -> None:
    image = photo(4, (96, 96))
    found = hog(np.asarray(image.convert("L")) / 255.0, 9, (16, 16), (2, 2), block_norm="L2-Hys")
    found -= found.mean()
    np.testing.assert_allclose(Hog().embed_images([image])[0], found / np.linalg.norm(found), atol=1e-6)


def test_a_flat_image_is_like_no_shape() -> None:
    flat, shape = Hog().embed_images([Image.new("RGB", (50, 40), "teal"), photo(2)])
    assert flat @ shape == pytest.approx(0, abs=1e-6)


# -- local features --------------------------------------------------------------------------------------------------


def square(seed: int) -> Image.Image:
    """A picture that is as large as local features want it, so that nothing is resized."""
    return photo(seed, (320, 320))


@pytest.mark.parametrize("kind", KINDS)
def test_descriptors_are_opencvs(kind: str) -> None:
    image = square(1)
    points, found = KINDS[kind](cv2).detectAndCompute(np.asarray(image.convert("L")), None)
    ours = local_descriptors(kind, image)
    order = sorted(range(len(points)), key=lambda at: -points[at].response)[:500]
    assert len(ours) == len(order) > 10
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-5)
    for mine, at in zip(ours[:10], order[:10], strict=True):
        if kind == "sift":
            np.testing.assert_allclose(mine**2 * found[at].sum(), found[at], rtol=1e-4, atol=1e-3)
        else:
            bits = "".join(f"{value:08b}" for value in found[at])
            assert "".join("1" if value > 0 else "0" for value in mine) == bits


@pytest.mark.parametrize("kind", KINDS)
def test_features_around_words_one_by_one(kind: str) -> None:
    image = square(2)
    with np.load(files("hybrid_search.embedders.classical") / "codebooks.npz") as stored:
        mean, parts, words = (stored[f"{kind}_{name}"].astype(float) for name in ("mean", "parts", "words"))
    sums = np.zeros((16, 64))
    for descriptor in local_descriptors(kind, image):
        feature = parts.T @ (descriptor - mean)
        nearest = min(range(16), key=lambda word: np.linalg.norm(feature - words[word]))
        sums[nearest] += feature - words[nearest]
    rooted = np.array([np.copysign(abs(value) ** 0.5, value) for value in sums.ravel()])
    vector = get_embedder(f"local:{kind}").embed_images([image])[0]
    np.testing.assert_allclose(vector, rooted / np.linalg.norm(rooted), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", LOCAL)
def test_a_turned_part_of_a_picture_finds_it(name: str, data: Path) -> None:
    photos = [Image.open(path) for path in sorted((data / "flickr8k" / "images").iterdir())[:40]]
    local = get_embedder(name)
    parts = []
    for at in (0, 7, 14, 21, 28, 35):
        width, height = photos[at].size
        box = (width // 8, height // 8, width * 7 // 8, height * 7 // 8)
        parts.append(photos[at].crop(box).transpose(Image.Transpose.ROTATE_90))
    found = (local.embed_images(parts) @ local.embed_images(photos).T).argmax(axis=1)
    assert (found == [0, 7, 14, 21, 28, 35]).sum() >= 5, found
