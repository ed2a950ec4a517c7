"""Networks of Keras: each against Keras run by hand, its pixels against numbers worked out, its files exported."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from hybrid_search.cli.app import app
from hybrid_search.cli.commands.embedder_list import keras_weights
from hybrid_search.embedders import Classifier, Embedder, Preparer
from hybrid_search.embedders.imagenet_labels import vocabulary
from hybrid_search.embedders.keras.architectures import architectures
from hybrid_search.embedders.keras.keras_embedder import Keras, KerasClassifier
from hybrid_search.embedders.keras.layers import features, layer_names
from hybrid_search.embedders.keras.quiet_keras import _without_native_notes, load_keras
from hybrid_search.embedders.keras.scaling import scaling
from hybrid_search.embedders.onnx_export import export_onnx
from hybrid_search.embedders.registry import get_embedder
from hybrid_search.errors import BadEmbedderOption, EmbedderMismatch, UnknownEmbedder, WeightsMissing
from hybrid_search.index import HybridIndex
from tests.conformance.embedder_suite import EmbedderSuite
from tests.support.fakes import photo

pytest.importorskip("tensorflow", reason="TensorFlow is not installed: pip install 'hybrid-search[tensorflow]'")

# Keras reads TensorFlow's variables by numpy.array, and TensorFlow does not know numpy 2's argument for that yet
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

KERAS = load_keras("keras")
SMALL = "keras:mobilenet?weights=none&seed=1&size=64"
MEANS, DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def keras(name: str, **options: Any) -> Keras:
    found = get_embedder(name, **options)
    assert isinstance(found, Keras)
    return found


def unit(values: NDArray[Any]) -> NDArray[Any]:
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def small() -> Keras:
    return keras(SMALL)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """Return a file of weights, and the network they are of: what a download would be, with sharper classes."""
    network = KERAS.applications.MobileNet(weights=None)
    draws = np.random.default_rng(5)
    for variable in network.weights:
        if variable.name == "kernel":
            variable.assign(draws.standard_normal(variable.shape) * np.sqrt(2 / np.prod(variable.shape[:-1])))
    path = tmp_path_factory.mktemp("weights") / "mobilenet.weights.h5"
    network.save_weights(path)
    return path, network


class TestKeras(EmbedderSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def embedder(cls, small: Keras) -> Embedder:
        return small


def test_every_application_of_keras_has_a_name() -> None:
    known = architectures(KERAS)
    titles = {title for title in dir(KERAS.applications) if title[0].isupper()}
    assert len(known) == len(titles) > 30
    wanted = {"vgg16", "resnet50", "inception_v3", "efficientnet_b0", "mobilenet_v3_large", "efficientnet_v2_b3"}
    assert wanted <= set(known)


@pytest.mark.parametrize(
    ("architecture", "expected"),
    [
        ("vgg16", (30 - 103.939, 20 - 116.779, 10 - 123.68)),
        ("resnet50", (30 - 103.939, 20 - 116.779, 10 - 123.68)),
        ("inception_v3", (10 / 127.5 - 1, 20 / 127.5 - 1, 30 / 127.5 - 1)),
        ("mobilenet_v2", (10 / 127.5 - 1, 20 / 127.5 - 1, 30 / 127.5 - 1)),
        ("densenet121", tuple((c / 255 - m) / d for c, m, d in zip((10, 20, 30), MEANS, DEVIATIONS, strict=True))),
        ("efficientnet_b0", (10, 20, 30)),
        ("mobilenet_v3_large", (10, 20, 30)),
        ("convnext_tiny", (10, 20, 30)),
    ],
)
def test_a_pixel_in_each_familys_range(architecture: str, expected: tuple[float, ...]) -> None:
    scale = scaling(architectures(KERAS)[architecture].preprocess)
    pixel = np.array([10, 20, 30], np.float32).reshape(1, 1, 1, 3)
    np.testing.assert_allclose(np.asarray(scale(KERAS, pixel)).ravel(), expected, rtol=1e-5)


def test_all_preprocessing_is_of_the_form_that_graphs_hold() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (1, 4, 4, 3)).astype(np.float32)
    for known in architectures(KERAS).values():
        ours = np.asarray(scaling(known.preprocess)(KERAS, pixels))
        np.testing.assert_allclose(ours, known.preprocess(pixels.copy()), atol=1e-4)


def test_other_preprocessing_is_refused() -> None:
    with pytest.raises(ValueError, match="one factor and one offset"):
        scaling(lambda pixels: pixels**2)


@pytest.mark.parametrize("pooling", ["avg", "max", "gem"])
def test_embedding_is_what_keras_gives_pooled_by_numpy(trained: tuple[Path, Any], pooling: str) -> None:
    path, network = trained
    image = photo(3, (200, 150))
    embedder = keras(f"keras:mobilenet@conv_pw_6_bn?weights={path}&pooling={pooling}")
    pixels = np.asarray(image.resize((224, 224), Image.Resampling.BILINEAR, reducing_gap=2.0), np.float32)
    layer = KERAS.Model(network.input, network.get_layer("conv_pw_6_bn").output)
    values = np.asarray(layer(pixels[None] / 127.5 - 1), np.float64)
    assert values.min() < 0
    expected = {
        "avg": values.mean(axis=(1, 2)),
        "max": values.max(axis=(1, 2)),
        "gem": (np.maximum(values, 1e-6) ** 3).mean(axis=(1, 2)) ** (1 / 3),
    }
    np.testing.assert_allclose(embedder.embed_images([image]), unit(expected[pooling]), atol=1e-5)


def test_pooling_without_a_layer_is_of_the_last_feature_map() -> None:
    found = keras(f"{SMALL}&pooling=gem").network.features
    assert (found.layer, found.pooling, found.dims) == ("conv_pw_13_relu", "gem", 1024)
    found = keras("keras:vgg16?weights=none&seed=1&size=32&pooling=max").network.features
    assert (found.layer, found.pooling, found.dims) == ("block5_pool", "max", 512)


@pytest.mark.parametrize(
    ("model", "layer", "dims"),
    [
        ("vgg16@fc1", "fc1", 4096),
        ("vgg16", "fc2", 4096),
        ("resnet50", "avg_pool", 2048),
        ("mobilenet_v3_small", "dropout", 1024),
    ],
)
def test_what_a_name_stands_for(model: str, layer: str, dims: int) -> None:
    found = keras(f"keras:{model}?weights=none&seed=1&size=32")
    assert (found.network.features.layer, found.dims, found.min_side) == (layer, dims, 32)


def test_layers_are_counted_within_the_network() -> None:
    first = KERAS.applications.MobileNetV3Small(weights=None)
    again = KERAS.applications.MobileNetV3Small(weights=None)
    assert [layer.name for layer in first.layers] != [layer.name for layer in again.layers]
    assert list(layer_names(first)) == list(layer_names(again))
    assert {"activation", "activation_1", "dropout", "logits"} <= set(layer_names(again))


def test_the_same_seed_is_the_same_network(small: Keras) -> None:
    images = [photo(seed, (80, 80)) for seed in range(2)]
    again, other = keras(SMALL), keras(SMALL.replace("seed=1", "seed=2"))
    np.testing.assert_array_equal(small.embed_images(images), again.embed_images(images))
    assert (again.name, again.version) == (small.name, small.version)
    assert other.version != small.version
    assert np.abs(other.embed_images(images) - small.embed_images(images)).max() > 0.01


def test_name_and_version_say_what_changes_vectors(small: Keras) -> None:
    names = [f"{SMALL}&pooling=max", SMALL.replace("64", "96"), SMALL.replace("net?", "net@conv1?")]
    found = [small, *(keras(name, batch_size=2, threshold=0.5) for name in names)]
    assert len({each.version for each in found}) == len(found)
    assert [each.name for each in found] == [
        "keras:mobilenet?seed=1&size=64&weights=none",
        "keras:mobilenet?pooling=max&seed=1&size=64&weights=none",
        "keras:mobilenet?seed=1&size=96&weights=none",
        "keras:mobilenet@conv1?seed=1&size=64&weights=none",
    ]


def test_a_picture_that_no_channel_answers_to_has_a_vector(small: Keras) -> None:
    network = keras(SMALL.replace("seed=1", "seed=4")).network
    for variable in network.model.weights:
        variable.assign(np.zeros(variable.shape))
    silent = Keras(network, name="silent", threshold=0.2, labels=5, batch_size=4)
    vectors = silent.embed_images([photo(1, (50, 50))])
    np.testing.assert_allclose(vectors, np.full((1, 1024), 1024**-0.5), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "option", "says"),
    [
        ("keras:mobilenet@convs1?weights=none&seed=1", "layer", "near it: .*conv1"),
        ("keras:mobilenet@x9?weights=none&seed=1", "layer", "the last ones: .*predictions"),
        (f"{SMALL}&pooling=sum", "pooling", "known: avg, max, gem"),
        ("keras:mobilenet@predictions?weights=none&seed=1&pooling=max", "pooling", "nothing to pool"),
        ("keras:mobilenet?weights=none", "seed", "seed=1"),
        ("keras:mobilenet?seed=1", "seed", "belongs to weights=none"),
        ("keras:mobilenet?weights=none&seed=x", "seed", "'x' is not a whole number"),
        ("keras:mobilenet?weights=none&seed=1&size=8", "size", "at least"),
        ("keras:mobilenet?weights=none&seed=1&colour=red", "colour", "known: .*pooling"),
        ("keras", "model", "name an architecture"),
    ],
)
def test_options_that_cannot_be(name: str, option: str, says: str) -> None:
    with pytest.raises(BadEmbedderOption, match=f"option '{option}': .*{says}"):
        get_embedder(name)


def test_unknown_architectures_are_told_the_known() -> None:
    with pytest.raises(UnknownEmbedder, match=r"Did you mean .*'keras:resnet50'") as caught:
        get_embedder("keras:resnet51")
    assert "keras:vgg16" in caught.value.known


def test_a_file_gives_labels_and_class_rows(trained: tuple[Path, Any]) -> None:
    path, network = trained
    network.get_layer("conv_preds").bias.assign(np.eye(1000)[291] * 50)
    file = path.with_name("lions.weights.h5")
    network.save_weights(file)
    embedder = keras(f"keras:mobilenet?weights={file}")
    vectors, labels = embedder.describe_images([photo(1, (80, 80))])
    assert labels[0][0].name == vocabulary().classes[291].name == "lion"
    assert keras(f"keras:mobilenet?weights={file}&labels=0").describe_images([photo(1, (80, 80))])[1] == [()]
    assert isinstance(embedder, KerasClassifier) and isinstance(embedder, Classifier | Preparer)
    kernel = np.asarray(network.get_layer("conv_preds").kernel)[0, 0]
    np.testing.assert_array_equal(embedder.class_rows(["Lion", "tabby"]), kernel[:, [291, 281]].T)
    # rows and vectors belong together: scaled back, they give Keras' own probabilities
    pixels = embedder.prepare(photo(1, (80, 80)))[None] / np.float32(127.5) - 1
    feature = np.asarray(KERAS.Model(network.input, network.get_layer("conv_preds").input)(pixels))[:, 0, 0]
    logits = vectors * np.linalg.norm(feature) @ embedder.class_rows([c.name for c in vocabulary().classes[:3]]).T
    np.testing.assert_allclose(logits, feature @ kernel[:, :3], atol=1e-4)
    network.get_layer("conv_preds").bias.assign(np.zeros(1000))


def test_only_what_feeds_the_classifier_has_class_rows(trained: tuple[Path, Any], small: Keras) -> None:
    path, _ = trained
    kinds = {
        "mobilenet@conv_pw_13_relu": True,
        "mobilenet@global_average_pooling2d": True,
        "mobilenet@conv_pw_11_relu": False,
    }
    for model, expected in kinds.items():
        assert isinstance(keras(f"keras:{model}?weights={path}"), Classifier) is expected, model
    assert not isinstance(keras(f"keras:mobilenet?weights={path}&pooling=gem"), Classifier)
    assert not isinstance(small, Classifier) and isinstance(small, Preparer)


def test_version_follows_the_weights(trained: tuple[Path, Any], tmp_path: Path) -> None:
    path, network = trained
    before = keras(f"keras:mobilenet?weights={path}").version
    bias = network.get_layer("conv1").kernel
    kept = np.asarray(bias).copy()
    bias.assign(kept * np.float32(1.001))
    network.save_weights(tmp_path / "other.weights.h5")
    bias.assign(kept)
    network.save_weights(tmp_path / "same.weights.h5")
    assert keras(f"keras:mobilenet?weights={tmp_path}/other.weights.h5").version != before
    assert keras(f"keras:mobilenet?weights={tmp_path}/same.weights.h5").version == before


def test_weights_of_something_else_are_refused(trained: tuple[Path, Any], tmp_path: Path) -> None:
    path, _ = trained
    with pytest.raises(WeightsMissing, match="does not have the weights of resnet50: "):
        get_embedder(f"keras:resnet50?weights={path}")
    (tmp_path / "text.weights.h5").write_text("a text")
    with pytest.raises(WeightsMissing, match="does not have the weights of mobilenet: "):
        get_embedder(f"keras:mobilenet?weights={tmp_path}/text.weights.h5")
    with pytest.raises(WeightsMissing, match="there is no such file; weights are imagenet, none, or a file"):
        get_embedder(f"keras:mobilenet?weights={tmp_path}/absent.weights.h5")


def test_a_download_that_fails_says_which_file_goes_where(tmp_path: Path) -> None:
    code = (
        "from hybrid_search.embedders.registry import get_embedder\n"
        "from hybrid_search.errors import ModelMissing\n"
        "for name in ('keras:mobilenet', 'keras:mobilenet?size=96', 'keras:resnet50'):\n"
        "    try:\n        get_embedder(name)\n    except ModelMissing as error:\n        print('caught', error)\n"
    )
    nowhere = {"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
    environment = {**os.environ, **nowhere, "KERAS_HOME": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    # a line for each, from here: neither Keras nor TensorFlow writes anything
    whole, convolutions, listed = ran.stdout.splitlines()
    for line, file in ((whole, "mobilenet_1_0_224_tf.h5"), (convolutions, "mobilenet_1_0_224_tf_no_top.h5")):
        target = re.escape(str(tmp_path / "models" / file))
        assert re.fullmatch(
            rf"caught embedder 'keras:mobilenet': Keras cannot download {re.escape(file)} \(.*\); where there is a "
            rf"network run `curl -LO https://\S+/{re.escape(file)}`, and bring the file here as {target}",
            line,
        )
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("KERAS_HOME", str(tmp_path))
        assert listed.endswith(f"bring the file here as {keras_weights()}"), "where `embedder list` looks for it"
    assert ran.stderr == ""


NOTES = (
    b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
    b"I0000 00:00:1795678690.627312    4686 cudart_stub.cc:31] Could not find cuda drivers on your machine.\n"
    b"E0000 00:00:1795678694.803667    4686 cuda_platform.cc:52] failed call to cuInit: UNKNOWN ERROR (303)\n"
)


def test_only_native_notes_are_kept_from_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ImportError), _without_native_notes():
        os.write(2, b"another thread\n" + NOTES + b"Intel is not a note: I1\n")
        raise ImportError("no such library")
    os.write(2, b"E0000 00:00:1795678694.803667    4686 cuda_platform.cc:52] later\n")
    assert capfd.readouterr().err.splitlines() == [
        "another thread",
        "Intel is not a note: I1",
        "E0000 00:00:1795678694.803667    4686 cuda_platform.cc:52] later",
    ]


def test_keras_loads_without_a_standard_error() -> None:
    code = (
        "import os; os.close(2)\nfrom hybrid_search.embedders.keras.quiet_keras import load_keras\nload_keras('keras')"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_sums_without_a_layer_have_names_too() -> None:
    pixels = KERAS.Input((8, 8, 3))
    total = pixels + KERAS.layers.Conv2D(3, 1)(pixels)
    scores = KERAS.layers.Dense(4)(KERAS.layers.GlobalAveragePooling2D()(total))
    found = features(KERAS.Model(pixels, scores), owner="keras:own", layer="", pooling="max", top=True)
    assert (found.layer, found.pooling, found.dims) == ("add", "max", 3)


def test_efficientnets_own_files_have_deviations_for_variances(tmp_path: Path) -> None:
    network = KERAS.applications.EfficientNetB0(weights=None)
    layer = next(layer for layer in network.layers if type(layer).__name__ == "Normalization")
    layer.adapt_mean.assign(MEANS)
    layer.adapt_variance.assign(DEVIATIONS)
    network.save_weights(tmp_path / "b0.weights.h5")
    embedder = keras(f"keras:efficientnet_b0@normalization?weights={tmp_path}/b0.weights.h5&size=32")
    colour = (10, 120, 250)
    expected = [(c / 255 - m) / d for c, m, d in zip(colour, MEANS, DEVIATIONS, strict=True)]
    got = embedder.embed_images([Image.new("RGB", (40, 40), colour)])[0]
    np.testing.assert_allclose(got, unit(np.array(expected)), atol=1e-4)


def test_another_networks_index_is_refused(small: Keras, tmp_path: Path) -> None:
    with HybridIndex(tmp_path / "index", embedder=small) as index:
        index.add(photo(1, (80, 80)))
    other = "keras:mobilenet@conv1?seed=1&size=64&weights=none"
    with pytest.raises(EmbedderMismatch) as caught:
        HybridIndex(tmp_path / "index", embedder=keras("keras:vgg16?weights=none&seed=1&size=32"))
    assert "keras:mobilenet?seed=1&size=64&weights=none" in str(caught.value)
    assert "keras:vgg16?seed=1&size=32&weights=none" in str(caught.value)
    with pytest.raises(EmbedderMismatch):
        HybridIndex(tmp_path / "index", embedder=other)


@pytest.fixture
def converted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the bytes of the graphs that tf2onnx is given: it copies what is constant a dozen times."""
    sizes = []
    convert = importlib.import_module("tf2onnx.convert")
    convert_graph = convert.from_graph_def

    def counted(graph: Any, **options: Any) -> Any:
        sizes.append(graph.ByteSize())
        return convert_graph(graph, **options)

    monkeypatch.setattr(convert, "from_graph_def", counted)
    return sizes


def varied(embedder: Keras, images: list[Image.Image]) -> Keras:
    """Give random weights what learning gives: channels that differ between pictures, blocks that add something."""

    def layers(model: Any) -> Iterator[Any]:
        for layer in model.layers:
            yield from layers(layer) if hasattr(layer, "layers") else [layer]

    for layer in layers(embedder.network.model):
        if isinstance(layer, KERAS.layers.BatchNormalization):
            layer.momentum = 0.0
        if type(layer).__name__ == "LayerScale":
            layer.gamma.assign(np.ones(layer.gamma.shape, np.float32))
    embedder.network.model(np.stack([embedder.prepare(image) for image in images]), training=True)
    return embedder


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("mobilenet_v3_small@expanded_conv_4_add", 32),
        ("efficientnet_b0@block2a_project_bn", 32),
        ("convnext_tiny@convnext_tiny_stage_1_block_0_identity", 32),
        ("vgg16@fc1", 32),
        ("resnet50@conv2_block3_out", 32),
    ],
)
def test_exported_gives_the_same(name: str, size: int, tmp_path: Path, converted: list[int]) -> None:
    options = f"weights=none&seed=1&size={size}" + ("&pooling=gem" if "resnet" in name else "")
    images = [photo(seed, (90, 70)) for seed in range(8)]
    embedder = varied(keras(f"keras:{name}?{options}"), images)
    export_onnx(embedder, tmp_path / "network.onnx")
    # tf2onnx copies what is constant a dozen times: none of the kernels, up to 70 MB here, may be
    assert len(converted) == 1 and converted[0] < 1_000_000
    exported = get_embedder(f"onnx:{tmp_path / 'network.onnx'}")
    vectors, expected = exported.embed_images(images), embedder.embed_images(images)
    assert exported.dims == embedder.dims and exported.min_side == size
    np.testing.assert_allclose(vectors, expected, atol=2e-5)
    # vectors that hardly differ would agree whatever became of the network
    assert (expected @ expected.T).min() < 0.98


def test_labels_are_exported_too(trained: tuple[Path, Any], tmp_path: Path) -> None:
    embedder = keras(f"keras:mobilenet?weights={trained[0]}&size=64&threshold=0.001")
    path, name = tmp_path / "network.onnx", f"keras:mobilenet?weights={trained[0]}&size=64"
    result = CliRunner().invoke(app, ["embedder", "export", name, str(path)], catch_exceptions=False)
    assert result.exit_code == 0 and f"onnx:{path}" in result.output.replace("\n", "")
    exported = get_embedder(f"onnx:{path}?threshold=0.001")
    assert isinstance(exported, Preparer)
    ours, theirs = (each.describe_images([photo(1, (80, 80))])[1][0] for each in (embedder, exported))
    assert ours and [label.name for label in ours] == [label.name for label in theirs]


def test_export_says_what_cannot_be_written(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["embedder", "export", "lite", str(tmp_path / "absent" / "lite.onnx")])
    assert result.exit_code == 2 and "there is no folder" in result.output
