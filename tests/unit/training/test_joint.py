"""Joint spaces learned from captions: closed forms by hand, gradients by differences, known maps found again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from hybrid_search import HybridIndex
from hybrid_search.cli.app import app
from hybrid_search.embedders import Labeler, Preparer
from hybrid_search.embedders.registry import get_embedder, get_text_embedder
from hybrid_search.embedders.trained.joint_embedder import map_images, map_texts
from hybrid_search.embedders.trained.trained_file import load, save
from hybrid_search.errors import TrainingImpossible, WeightsMissing
from hybrid_search.training.early_stopping import Epoch
from hybrid_search.training.joint import JointOptions, fit_joint, judge_joint, train_joint
from hybrid_search.training.joint_closed_form import cca, moments, ridge
from hybrid_search.training.joint_network import Adam, Descent, Layers, cosine_loss, hinge_loss
from hybrid_search.training.joint_sources import embed_pairs, texts_of
from hybrid_search.training.pairs import Pairs


def _unit(rows: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _linear(n: int = 300, *, noise: float = 0.3, seed: int = 0, texts: int = 2) -> Pairs:
    """Return pictures that are a linear image of what is written about them, two texts each, and much else besides."""
    random = np.random.default_rng(seed)
    meant = random.normal(size=(n, 6))
    images = _unit(meant @ random.normal(size=(6, 40)) + 1.5 * random.normal(size=(n, 40)) + 2)
    owners = np.repeat(np.arange(n), texts)
    said = meant[owners] + noise * random.normal(size=(n * texts, 6))
    written = _unit(said @ random.normal(size=(6, 20)) + 0.1 * random.normal(size=(n * texts, 20)))
    return Pairs(images.astype(np.float32), written.astype(np.float32), owners)


# -- pairs


def test_every_picture_counts_the_same() -> None:
    pairs = Pairs(np.eye(2, dtype=np.float32), np.eye(3, dtype=np.float32), np.array([0, 0, 1]))
    np.testing.assert_allclose(pairs.weights, [0.25, 0.25, 0.5])
    np.testing.assert_allclose(pairs.means(), [[0.5, 0.5, 0], [0, 0, 1]])


def test_pictures_without_a_known_word_are_left_out() -> None:
    pairs = _linear(30)
    texts = pairs.texts.copy()
    texts[[0, 1, 4]] = 0
    usable = Pairs(pairs.images, texts, pairs.owners).checked()
    assert len(usable) == 29
    np.testing.assert_array_equal(usable.images, pairs.images[1:])
    np.testing.assert_array_equal(usable.owners[:5], [0, 0, 1, 2, 2])


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        (_linear(19), "19 pictures have a text of known words, and 20 are the least"),
        (Pairs(np.ones((30, 2), np.float32), _linear(30, texts=1).texts, np.arange(30)), "all pictures have the same"),
        (Pairs(_linear(30).images, np.ones((30, 2), np.float32), np.arange(30)), "all texts have the same"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(pairs: Pairs, said: str) -> None:
    with pytest.raises(TrainingImpossible, match=said):
        train_joint(pairs)


# -- closed forms


def test_ridge_is_the_normal_equations() -> None:
    pairs = _linear(50)
    x = pairs.images.astype(float) - pairs.images.astype(float).mean(axis=0)
    y = (pairs.texts[0::2].astype(float) + pairs.texts[1::2]) / 2
    covariance = x.T @ x / 50
    damping = 3 * np.trace(covariance) / np.linalg.matrix_rank(covariance)
    expected = np.linalg.solve(covariance + damping * np.eye(40), x.T @ (y - y.mean(axis=0)) / 50)
    maps = ridge(moments(pairs), 3)
    np.testing.assert_allclose(maps["image_weight"], expected, atol=1e-5)
    np.testing.assert_allclose(maps["image_bias"], -pairs.images.mean(axis=0) @ expected, atol=1e-5)
    np.testing.assert_allclose(maps["text_bias"], -y.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("count", [25, 300])
def test_cca_is_the_eigenproblem_of_its_definition(count: int) -> None:
    from scipy.linalg import eigh

    pairs = _linear(count, texts=1)
    x = pairs.images.astype(float) - pairs.images.astype(float).mean(axis=0)
    y = pairs.texts.astype(float) - pairs.texts.astype(float).mean(axis=0)
    xx, yy, xy = x.T @ x / count, y.T @ y / count, x.T @ y / count
    xx += 2 * np.trace(xx) / np.linalg.matrix_rank(xx) * np.eye(40)
    yy += 0.5 * np.trace(yy) / np.linalg.matrix_rank(yy) * np.eye(20)
    # H. Hotelling: directions w with xy yy⁻¹ yx w = ρ² xx w
    squares, directions = eigh(xy @ np.linalg.solve(yy, xy.T), xx)
    correlations = np.sqrt(np.maximum(squares[::-1][:19], 0))
    maps = cca(moments(pairs), (2.0, 0.5))
    weight = maps["image_weight"].astype(float)
    np.testing.assert_allclose(np.sqrt(np.diag(weight.T @ xx @ weight))[:6], correlations[:6], rtol=1e-4)
    for column in range(4):
        cosine = weight[:, column] @ xx @ directions[:, ::-1][:, column] / correlations[column]
        assert abs(cosine) == pytest.approx(1, abs=1e-4)
    other = maps["text_weight"].astype(float)
    np.testing.assert_allclose(np.diag(weight.T @ xy @ other)[:6], correlations[:6] ** 3, rtol=1e-3)


def test_a_second_text_of_a_picture_is_no_second_picture() -> None:
    once, twice = _linear(60, texts=1), _linear(60, texts=1)
    doubled = Pairs(twice.images, np.repeat(twice.texts, 2, axis=0), np.repeat(np.arange(60), 2))
    for name, array in cca(moments(once), (1, 1)).items():
        np.testing.assert_allclose(np.abs(array), np.abs(cca(moments(doubled), (1, 1))[name]), atol=1e-3)


# -- gradients


def _differences(loss: Callable[[NDArray[np.float64]], float], at: NDArray[np.float64]) -> NDArray[np.float64]:
    gradient = np.zeros_like(at)
    for place in np.ndindex(at.shape):
        step = np.zeros_like(at)
        step[place] = 1e-6
        gradient[place] = (loss(at + step) - loss(at - step)) / 2e-6
    return gradient


def test_the_hinge_loss_is_that_of_the_paper() -> None:
    mapped, texts = np.array([[1.0, 0.0], [0.0, 0.5]]), np.array([[1.0, 0.0], [0.6, 0.8]])
    # picture 1: 0.1 - 1 + 0.6 < 0; picture 2: its own text 0.4, the other 0: 0.1 - 0.4 < 0
    assert hinge_loss(mapped, texts, np.eye(2, dtype=bool))[0] == 0
    # picture 1: 0.1 - 0.2 + 0.12 = 0.02; picture 2: 0.1 - 0.04 + 0 = 0.06
    loss, gradient = hinge_loss(np.array([[0.2, 0.0], [0.0, 0.05]]), texts, np.eye(2, dtype=bool))
    assert loss == pytest.approx((0.02 + 0.06) / 2)
    np.testing.assert_allclose(gradient, [[-0.2, 0.4], [0.2, -0.4]])
    assert hinge_loss(np.zeros((2, 2)), texts, np.ones((2, 2), bool))[0] == 0


def test_gradients_are_those_of_finite_differences() -> None:
    random = np.random.default_rng(0)
    mapped, texts = random.normal(size=(5, 4)), _unit(random.normal(size=(5, 4)))
    same = np.eye(5, dtype=bool)
    same[1, 2] = True
    np.testing.assert_allclose(
        hinge_loss(mapped, texts, same)[1], _differences(lambda x: hinge_loss(x, texts, same)[0], mapped), atol=1e-6
    )
    np.testing.assert_allclose(
        cosine_loss(mapped, texts)[1], _differences(lambda x: cosine_loss(x, texts)[0], mapped), atol=1e-6
    )
    cosines = (_unit(mapped) * texts).sum(axis=1)
    assert cosine_loss(mapped, texts)[0] == pytest.approx(-cosines.mean())
    mapped[2] = 0
    np.testing.assert_array_equal(cosine_loss(mapped, texts)[1][2], np.zeros(4))


@pytest.mark.parametrize("hidden", [0, 30])
def test_layers_pass_gradients_back(hidden: int) -> None:
    layers = Layers.drawn(6, 4, hidden=hidden, dropout=0.5, random=np.random.default_rng(1))
    random = np.random.default_rng(0)
    x, texts = random.normal(size=(5, 6)), _unit(random.normal(size=(5, 4)))

    def loss() -> float:
        return cosine_loss(layers.forward(x, random=np.random.default_rng(2)), texts)[0]

    gradients = layers.backward(cosine_loss(layers.forward(x, random=np.random.default_rng(2)), texts)[1])
    assert set(gradients) == set(layers.arrays)
    for name, array in layers.arrays.items():
        kept = array.copy()

        def at(value: NDArray[np.float64], name: str = name) -> float:
            layers.arrays[name] = value
            return loss()

        np.testing.assert_allclose(gradients[name], _differences(at, kept), atol=1e-5, err_msg=name)
        layers.arrays[name] = kept


def test_adam_takes_the_steps_of_its_paper() -> None:
    arrays = {"x": np.array([1.0, -2.0])}
    adam = Adam(arrays, rate=0.1)
    adam.step({"x": np.array([3.0, -0.5])})
    # the first step is of the size of the rate, whatever the gradient
    np.testing.assert_allclose(arrays["x"], [0.9, -1.9], atol=1e-6)
    adam.step({"x": np.array([0.0, 0.0])})
    first, second = np.array([3.0, -0.5]) * 0.09 / 0.19, np.array([9, 0.25]) * 0.000999 / 0.001999
    np.testing.assert_allclose(arrays["x"], np.array([0.9, -1.9]) - 0.1 * first / np.sqrt(second), atol=1e-6)


def test_what_descent_gives_is_what_it_learned() -> None:
    pairs = _linear(60)
    descent = Descent(pairs, loss="cosine", hidden=8, seed=3)
    descent.epoch()
    learned = descent._layers.forward(descent._images)
    np.testing.assert_allclose(map_images(pairs.images, descent.maps()), _unit(learned), atol=1e-5)


# -- learning


@pytest.mark.parametrize(
    ("options", "least"),
    [
        (JointOptions("cca"), 0.8),
        (JointOptions("ridge"), 0.7),
        (JointOptions("cosine", epochs=40), 0.6),
        (JointOptions("hinge", epochs=40), 0.5),
        (JointOptions("cosine", hidden=64, epochs=40), 0.5),
    ],
)
def test_a_known_map_is_found_again(options: JointOptions, least: float) -> None:
    told: list[Epoch] = []
    trained = train_joint(_linear(400), options=options, progress=told.append)
    # by chance a text finds its picture among the first five of 80 in one case of 16
    assert trained.figures.success[5] > least
    assert (trained.pictures, trained.texts, trained.held_out, trained.figures.questions) == (400, 800, 80, 160)
    assert told[-1].best == max(epoch.score for epoch in told) and len(told) <= told[-1].of
    json.dumps(trained.to_dict())


def test_nothing_is_claimed_where_there_is_nothing() -> None:
    pairs = _linear(400)
    shuffled = Pairs(pairs.images, pairs.texts, np.random.default_rng(1).permutation(pairs.owners))
    figures = train_joint(shuffled).figures
    assert figures.success[5] < 0.15 and figures.median_rank > 25


def test_the_same_seed_gives_the_same() -> None:
    pairs = _linear(100)
    for loss in ("cca", "hinge"):
        options = JointOptions(loss, epochs=3, seed=5)  # type: ignore[arg-type]
        first, again = train_joint(pairs, options=options), train_joint(pairs, options=options)
        assert first.to_dict() == again.to_dict()
        for name, array in first.arrays.items():
            np.testing.assert_array_equal(array, again.arrays[name])
    other = train_joint(pairs, options=JointOptions("hinge", epochs=3, seed=6))
    assert not np.array_equal(other.arrays["image_weight"], first.arrays["image_weight"])


def _speaking(pairs: Pairs, *, noise: float) -> Pairs:
    """Return pairs whose pictures have the mean of their texts as their last 20 numbers, with noise, or noise alone."""
    random = np.random.default_rng(4)
    told = (
        pairs.means() + noise * random.normal(size=(len(pairs), 20)) if noise else random.normal(size=(len(pairs), 20))
    )
    images = np.hstack([np.sqrt(0.7) * pairs.images, np.sqrt(0.3) * _unit(told)]).astype(np.float32)
    return Pairs(images, pairs.texts, pairs.owners, speaks=True)


@pytest.mark.parametrize("loss", ["cca", "hinge"])
def test_own_meanings_are_kept_where_they_help(loss: Any) -> None:
    pairs = _speaking(_linear(300), noise=0.1)
    options = JointOptions(loss, epochs=4)
    kept, alone = train_joint(pairs, options=options), train_joint(replace(pairs, speaks=False), options=options)
    assert kept.setting["share"] >= 0.3 and kept.setting["beside"] > kept.setting["alone"]
    assert float(kept.arrays["share"]) == pytest.approx(kept.setting["share"])
    assert kept.figures.success[1] >= alone.figures.success[1]
    assert "share" not in alone.setting and "share" not in alone.arrays
    for name, array in alone.arrays.items():
        np.testing.assert_array_equal(kept.arrays[name], array, err_msg="what is learned stays as it is")


def test_useless_meanings_are_left_out() -> None:
    pairs = _speaking(_linear(300), noise=0)
    trained = train_joint(pairs)
    assert trained.setting["share"] == 0 and trained.setting["beside"] == trained.setting["alone"]
    assert trained.arrays.keys() == train_joint(replace(pairs, speaks=False)).arrays.keys()


def test_judging_takes_no_part_in_learning() -> None:
    pairs = _linear(100)
    rows = np.random.default_rng(0).permutation(100)
    maps, setting = fit_joint(pairs.part(rows[:80]))
    trained = train_joint(pairs)
    assert trained.setting == setting
    assert judge_joint(maps, pairs.part(rows[80:])).success == trained.figures.success


def test_further_pictures_make_it_harder() -> None:
    pairs = _linear(200)
    maps, _ = fit_joint(pairs.part(np.arange(150)))
    test = pairs.part(np.arange(150, 200))
    alone, among = judge_joint(maps, test), judge_joint(maps, test, gallery=pairs.images[:150])
    assert among.success[1] < alone.success[1]


@pytest.mark.parametrize(
    "wrong", [{"loss": "mse"}, {"epochs": 0}, {"patience": 0}, {"hidden": -1}, {"seed": -1}, {"hidden": 5}]
)
def test_options_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        JointOptions(**wrong)


def test_captions_of_real_photos_find_them(data: Path, minilm: Path, tmp_path: Path) -> None:
    from hybrid_search.embedders.lite import Lite
    from hybrid_search.embedders.minilm import MiniLM

    some = tmp_path / "some"
    some.mkdir()
    for path in sorted((data / "flickr8k" / "images").iterdir())[::4]:
        (some / path.name).symlink_to(path)
    pairs = embed_pairs(some, data / "flickr8k" / "captions.csv", Lite(labels=0), MiniLM()).pairs
    assert (len(pairs), len(pairs.texts)) == (150, 750)
    trained = train_joint(pairs)
    # by chance one caption in six finds its photo among the first five of 30
    assert trained.held_out == 30 and trained.figures.success[5] > 0.6


# -- the embedder


class Colours:
    """Embeds a picture as its mean colour; near enough to an embedder for a joint space to be learned on it."""

    name = "test-colours"
    dims = 4
    version = "1"
    embeds_text = False
    min_side = 8

    def embed_images(self, images: Any) -> NDArray[np.float32]:
        means = [[*np.asarray(image.resize((1, 1)), float)[0, 0] / 255, 0.2] for image in images]
        return _unit(np.array(means)).astype(np.float32)

    def embed_texts(self, texts: Any) -> NDArray[np.float32]:
        raise NotImplementedError


class Letters:
    """Embeds a text as the hues of its words, or zeros."""

    name = "test-letters"
    dims = 3
    version = "1"

    def embed_texts(self, texts: Any) -> NDArray[np.float32]:
        rows = np.array(
            [[sum(word == hue for word in text.split()) for hue in ("red", "green", "blue")] for text in texts]
        )
        return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1), np.float32)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    from hybrid_search.embedders import registry

    monkeypatch.setitem(registry._ENTRIES, "test-colours", registry.EmbedderEntry(f"{__name__}:Colours"))
    monkeypatch.setitem(registry._TEXT_ENTRIES, "test-letters", registry.EmbedderEntry(f"{__name__}:Letters"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of 60 pictures of one colour each, with a captions file in it that names the colours."""
    folder = tmp_path / "photos"
    folder.mkdir()
    random = np.random.default_rng(0)
    lines = ["image,caption"]
    for number in range(60):
        hue = random.integers(0, 3, 2)
        colour = np.full(3, 20)
        colour[hue] = 200
        pixels = np.clip(colour + random.normal(0, 15, (8, 8, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        words = [("red", "green", "blue")[each] for each in sorted(set(hue.tolist()))]
        lines += [f"{number}.png,{' '.join(words)}", f"{number}.png,all {' and '.join(words)}"]
    (folder / "captions.csv").write_text("\n".join([*lines, "60.png,red"]))
    (folder / "60.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    Image.new("RGB", (8, 8), "red").save(folder / "uncaptioned.png")
    return folder


ARGUMENTS = ["--image-embedder", "test-colours", "--text-embedder", "test-letters", "--seed", "1"]


@pytest.fixture
def file(known: None, photos: Path, tmp_path: Path) -> Path:
    out = tmp_path / "joint.npz"
    captions = str(photos / "captions.csv")
    result = CliRunner().invoke(
        app, ["train", "joint", "--out", str(out), "--photos", str(photos), "--captions", captions, *ARGUMENTS]
    )
    assert result.exit_code == 0, result.output
    assert "learned from 120 texts of 60 pictures (cca)" in result.stdout
    assert "left out, it cannot be read" in result.stderr and "60.png" in result.stderr
    assert f"`hybrid-search embed joint:{out}`" in result.stderr
    return out


def test_a_trained_file_is_an_embedder_by_name(file: Path) -> None:
    joint = get_embedder(f"joint:{file}")
    assert (joint.name, joint.embeds_text, joint.min_side) == (f"joint:{file}", True, 8)
    assert joint.version == f"joint-{load(file).sha256[:16]}"
    assert get_text_embedder(f"joint:{file}").dims == joint.dims
    images = joint.embed_images([Image.new("RGB", (9, 9), hue) for hue in ("#c81414", "#14c814", "#1414c8")])
    texts = joint.embed_texts(["red", "something green", "all blue", "nothing that it knows"])
    np.testing.assert_allclose(np.linalg.norm(images, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(texts, axis=1), [1, 1, 1, 0], atol=1e-6)
    assert ((texts @ images.T)[:3].argmax(axis=1) == [0, 1, 2]).all()


def test_the_figures_are_kept_in_the_file(file: Path) -> None:
    metadata = load(file, kind="joint").metadata
    assert metadata["image_embedder"] == {"name": "test-colours", "version": "1", "dims": 4}
    assert metadata["text_embedder"] == {"name": "test-letters", "version": "1", "dims": 3}
    assert metadata["seed"] == 1 and metadata["pictures"] == 60
    assert metadata["held_out"]["pictures"] == 12


def test_an_index_is_learned_from_without_opening_pictures(file: Path, photos: Path, tmp_path: Path) -> None:
    with HybridIndex(tmp_path / "index", embedder="test-colours") as index:
        index.add_folder(photos, captions=photos / "captions.csv")
    for path in photos.glob("*.png"):
        path.unlink()
    again = tmp_path / "again.npz"
    start = ["--index", str(tmp_path / "index"), "train", "joint", "--out", str(again), "--json", "--force", *ARGUMENTS]
    for more in ([], ["--captions", str(photos / "captions.csv")]):
        result = CliRunner().invoke(app, [*start, *more])
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["pictures"] == 60
        assert load(again).metadata["texts"] == 120


def test_words_find_pictures_that_nobody_captioned(file: Path, photos: Path) -> None:
    with HybridIndex(embedder=f"joint:{file}") as index:
        for hue in ("#c81414", "#14c814", "#1414c8"):
            index.add(Image.new("RGB", (16, 16), hue), id=hue)
        assert index.search(vector_query=[("green", 1)], k=1).ids() == ["#14c814"]


def test_another_embedder_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Letters, "version", "2")
    with pytest.raises(WeightsMissing, match=r"'test-letters' \(1, 3 dims\), this is 'test-letters' \(2, 3 dims\)"):
        get_embedder(f"joint:{file}")


def test_a_joint_space_keeps_the_labels_of_its_base(tmp_path: Path, known: None) -> None:
    lite: Any = get_embedder("lite")
    base = {"name": "lite", "version": lite.version, "dims": 1280}
    tower = {"name": "test-letters", "version": "1", "dims": 3}
    arrays = {"image_weight": np.eye(1280, 3), "image_bias": np.zeros(3), "text_bias": np.zeros(3)}
    path = tmp_path / "joint.npz"
    save(path, arrays, {"kind": "joint", "image_embedder": base, "text_embedder": tower})
    joint: Any = get_embedder(f"joint:{path}")
    assert isinstance(joint, Labeler) and isinstance(joint, Preparer)
    image = Image.effect_mandelbrot((300, 300), (-3, -2.5, 2, 2.5), 60).convert("RGB")
    vectors, labels = joint.describe_prepared([joint.prepare(image)])
    np.testing.assert_allclose(vectors, _unit(lite.embed_images([image])[:, :3]), atol=1e-5)
    np.testing.assert_allclose(joint.describe_images([image])[0], vectors, atol=1e-6)
    assert labels == lite.describe_images([image])[1]


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"image_weight": np.eye(4, 3), "image_bias": np.zeros(3)},
        {"image_weight": np.eye(5, 3), "image_bias": np.zeros(3), "text_bias": np.zeros(3)},
        {"image_weight": np.eye(4, 2), "image_bias": np.zeros(2), "text_bias": np.zeros(2)},
        {"image_weight": np.eye(4, 3), "image_bias": np.zeros(3), "text_bias": np.full(3, np.nan)},
        {"image_weight": np.eye(4, 3), "image_bias": np.zeros(3), "text_bias": np.zeros(3), "image_inner": np.eye(4)},
        {"image_weight": np.eye(4, 3), "image_bias": np.float32(0), "text_bias": np.zeros(3)},
        {"image_weight": np.eye(4, 3), "image_bias": np.zeros(3), "text_bias": np.zeros(3), "more": np.zeros(1)},
        {"image_weight": np.eye(4, 3), "image_bias": np.zeros(3), "text_bias": np.zeros(3), "share": np.ones(())},
        {"image_weight": np.eye(4, 3), "image_bias": np.zeros(3), "text_bias": np.zeros(3), "share": np.full(1, 0.5)},
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, known: None, arrays: dict[str, Any]) -> None:
    base = {"name": "test-colours", "version": "1", "dims": 4}
    tower = {"name": "test-letters", "version": "1", "dims": 3}
    save(tmp_path / "joint.npz", arrays, {"kind": "joint", "image_embedder": base, "text_embedder": tower})
    with pytest.raises(WeightsMissing, match="train it again"):
        get_embedder(f"joint:{tmp_path / 'joint.npz'}")


def test_a_file_that_names_no_embedder_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "joint.npz", {}, {"kind": "joint"})
    with pytest.raises(WeightsMissing, match="does not say which embedders"):
        get_embedder(f"joint:{tmp_path / 'joint.npz'}")


def test_blank_texts_stay_without_direction() -> None:
    maps = {"text_bias": np.array([1.0, 1.0])}
    np.testing.assert_allclose(map_texts(np.array([[0.0, 0.0], [2.0, 3.0]]), maps), [[0, 0], [0.6, 0.8]])


def test_cosines_are_added_by_shares() -> None:
    random = np.random.default_rng(0)
    maps: dict[str, Any] = {
        "image_weight": random.normal(size=(9, 6)),
        "image_bias": random.normal(size=6),
        "text_weight": random.normal(size=(4, 6)),
        "text_bias": random.normal(size=6),
    }
    images, texts = random.normal(size=(5, 9)), random.normal(size=(3, 4))
    learned = (
        _unit(texts @ maps["text_weight"] + maps["text_bias"])
        @ _unit(images @ maps["image_weight"] + maps["image_bias"]).T
    )
    own = _unit(texts) @ _unit(images[:, 5:]).T
    with_share = maps | {"share": np.array(0.3, np.float32)}
    pictures, asked = map_images(images, with_share), map_texts(texts, with_share)
    assert pictures.shape == (5, 10) and asked.shape == (3, 10)
    np.testing.assert_allclose(asked @ pictures.T, 0.7 * learned + 0.3 * own, atol=1e-6)
    np.testing.assert_array_equal(map_texts(np.zeros((1, 4)), with_share), np.zeros((1, 10)))


class SpeakingColours(Colours):
    """Colours with the hues that `Letters` knows behind them: words find pictures before anything is learned."""

    name = "test-speaking"
    dims = 7
    embeds_text = True

    def embed_images(self, images: Any) -> NDArray[np.float32]:
        seen = super().embed_images(images)
        hues = (seen[:, :3] > 0.4).astype(np.float32)
        return _unit(np.hstack([seen, hues])).astype(np.float32)

    def embed_texts(self, texts: Any) -> NDArray[np.float32]:
        return np.pad(Letters().embed_texts(texts), ((0, 0), (4, 0)))


def test_an_embedder_that_speaks_by_the_same_tower_is_known(
    known: None, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hybrid_search.embedders import registry

    monkeypatch.setitem(registry._ENTRIES, "test-speaking", registry.EmbedderEntry(f"{__name__}:SpeakingColours"))
    captions = ["--captions", str(photos / "captions.csv")]
    with HybridIndex(tmp_path / "index", embedder="test-speaking") as index:
        index.add_folder(photos, captions=photos / "captions.csv")
    out = tmp_path / "speaking.npz"
    names = ["--image-embedder", "test-speaking", "--text-embedder", "test-letters", "--out", str(out), "--force"]
    told = []
    for source in (["--photos", str(photos), *captions], ["--index", str(tmp_path / "index")]):
        where, photos_too = (source, []) if source[0] == "--index" else ([], source)
        result = CliRunner().invoke(app, [*where, "train", "joint", *names, *photos_too])
        assert result.exit_code == 0, result.output
        told.append(load(out).metadata["setting"])
        share = told[-1]["share"]
        said = f"{100 * share:.0f} % of a cosine is that of the meanings of test-speaking" if share else "were left out"
        assert said in result.stdout
        learned = load(out).arrays["image_bias"].shape[0]
        assert get_embedder(f"joint:{out}").dims == (learned + 3 if share else learned)
    assert told[0]["share"] == told[1]["share"]
    # another tower under the same base: what that says is no part of this space
    monkeypatch.setattr(SpeakingColours, "embed_texts", lambda self, texts: np.ones((len(texts), 7), np.float32))
    assert not embed_pairs(photos, photos / "captions.csv", SpeakingColours(), Letters()).pairs.speaks
    # what cannot be loaded is not needed to learn
    monkeypatch.setattr(SpeakingColours, "version", "2")
    result = CliRunner().invoke(app, ["--index", str(tmp_path / "index"), "train", "joint", *names])
    assert result.exit_code == 0 and "share" not in load(out).metadata["setting"]


# -- sources and the command


def test_captions_come_before_titles_and_tags() -> None:
    assert texts_of({"caption": " a \n\na\nb", "title": "t", "tags": ["x"]}) == ("a", "b")
    assert texts_of({"caption": " ", "title": "t", "tags": ["x"]}) == ("t",)
    assert texts_of({"tags": ["x", "y", "x"]}) == ("x", "y")
    assert texts_of({}) == ()


def test_pictures_without_a_caption_are_not_opened(known: None, photos: Path) -> None:
    (photos / "uncaptioned.png").write_bytes(b"")
    told: list[tuple[int, int]] = []
    read = embed_pairs(photos, photos / "captions.csv", Colours(), Letters(), progress=lambda *done: told.append(done))
    assert (len(read.pairs), len(read.pairs.texts)) == (60, 120)
    assert [Path(path).name for path in read.failed] == ["60.png"]
    assert told == [(32, 61), (61, 61)]


def test_no_captions_at_all_is_said(known: None, tmp_path: Path, photos: Path) -> None:
    (tmp_path / "empty.csv").write_text("image,caption\nelsewhere.png,red\n")
    with pytest.raises(TrainingImpossible, match="no picture has a caption, a title or tags"):
        embed_pairs(photos, tmp_path / "empty.csv", Colours(), Letters())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--hidden", "5"], "only --loss cosine and hinge"), (["--photos", "."], "it needs --captions")],
)
def test_options_that_do_not_go_together(arguments: list[str], said: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["train", "joint", "--out", str(tmp_path / "x.npz"), *arguments])
    assert result.exit_code == 2
    assert not (tmp_path / "x.npz").exists()
