"""Image networks in ONNX files: read from the graph, completed by options, checked against the same sums by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from hybrid_search.embedders import Embedder, Preparer, lite
from hybrid_search.embedders.lite import Lite
from hybrid_search.embedders.onnx_card import PREFIX, read_card
from hybrid_search.embedders.onnx_export import export_onnx
from hybrid_search.embedders.onnx_file import OnnxFile
from hybrid_search.embedders.registry import get_embedder
from hybrid_search.errors import BadEmbedderOption, EmbedderError, ModelMissing
from tests.conformance.embedder_suite import EmbedderSuite
from tests.support import tiny_models
from tests.support.fakes import ColourEmbedder, photo

SIDE = 8
WEIGHTS = np.random.default_rng(3).standard_normal((SIDE * SIDE * 3, 6)).astype(np.float32)
FLOAT, UINT8, FLOAT16 = TensorProto.FLOAT, TensorProto.UINT8, TensorProto.FLOAT16

Shape = Sequence[int | str]


def linear(path: Path, shape: Shape, kind: int = FLOAT, *, outputs: Sequence[str] = ("vectors",)) -> str:
    """Write a network of one matrix: its input, flat, times WEIGHTS; further outputs are its input as it came."""
    nodes = [helper.make_node("Cast", ["pixels"], ["values"], to=FLOAT)]
    nodes += [helper.make_node("Reshape", ["values", "flat"], ["rows"])]
    nodes += [helper.make_node("MatMul", ["rows", "weights"], [outputs[0]])]
    nodes += [helper.make_node("Identity", ["values"], [name]) for name in outputs[1:]]
    given = [helper.make_tensor_value_info("pixels", kind, shape)]
    gives = [helper.make_tensor_value_info(outputs[0], FLOAT, [shape[0], 6])]
    gives += [helper.make_tensor_value_info(name, FLOAT, shape) for name in outputs[1:]]
    constants = [
        numpy_helper.from_array(WEIGHTS, "weights"),
        numpy_helper.from_array(np.array([-1, len(WEIGHTS)], np.int64), "flat"),
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "linear", given, gives, constants),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return str(path)


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., str]:
    return lambda *arguments, **options: linear(tmp_path / "linear.onnx", *arguments, **options)


def square(image: Image.Image) -> NDArray[np.float32]:
    """Return what Pillow makes of an image squashed, float32."""
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0), np.float32)


def unit(values: NDArray[Any]) -> NDArray[Any]:
    return values / np.linalg.norm(values)


def embed(name: str, image: Image.Image) -> NDArray[np.float32]:
    return get_embedder(name).embed_images([image])[0]


class TestForeign(EmbedderSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def embedder(cls, tmp_path_factory: pytest.TempPathFactory) -> Embedder:
        path = linear(tmp_path_factory.mktemp("onnx") / "linear.onnx", ["n", 3, SIDE, SIDE])
        return OnnxFile(model=path, mean="half")


def test_bytes_go_in_as_they_are(file: Callable[..., str]) -> None:
    image = photo(1, (40, 30))
    expected = unit(square(image).ravel() @ WEIGHTS)
    np.testing.assert_allclose(embed(f"onnx:{file(['n', SIDE, SIDE, 3], UINT8)}", image), expected, atol=1e-5)


def test_imagenet_mean_channels_first_worked_out_by_hand(file: Callable[..., str]) -> None:
    image = Image.new("RGB", (5, 5), (255, 0, 51))
    pixel = [(1 - 0.485) / 0.229, (0 - 0.456) / 0.224, (0.2 - 0.406) / 0.225]
    expected = unit(np.repeat(pixel, SIDE * SIDE) @ WEIGHTS)
    got = embed(f"onnx:{file(['n', 3, SIDE, SIDE])}?mean=imagenet", image)
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_numbers_bgr_scale_and_size_by_options(file: Callable[..., str]) -> None:
    path = file(["n", "h", "w", 3])
    image = Image.new("RGB", (5, 5), (200, 100, 50))
    pixel = [(50 - 103.939), (100 - 116.779), (200 - 123.68)]
    options = f"mean=103.939,116.779,123.68&std=1&scale=1&channels=bgr&size={SIDE}"
    np.testing.assert_allclose(
        embed(f"onnx:{path}?{options}", image), unit(np.tile(pixel, SIDE * SIDE) @ WEIGHTS), atol=1e-5
    )


def test_half_floats_and_one_row_at_a_time(file: Callable[..., str]) -> None:
    images = [photo(seed, (30, 30)) for seed in range(5)]
    embedder = get_embedder(f"onnx:{file([2, 3, SIDE, SIDE], FLOAT16)}?mean=0&std=1")
    rows = [np.float16(square(image) / 255).transpose(2, 0, 1).ravel() @ WEIGHTS for image in images]
    np.testing.assert_allclose(embedder.embed_images(images), [unit(row) for row in rows], atol=1e-3)


@pytest.mark.parametrize(("layout", "axes"), [("nchw", (1, 2)), ("nhwc", (0, 1))])
def test_feature_maps_are_pooled(file: Callable[..., str], layout: str, axes: tuple[int, int]) -> None:
    shape = ["n", 3, SIDE, SIDE] if layout == "nchw" else ["n", SIDE, SIDE, 3]
    path = file(shape, outputs=("vectors", "map"))
    image = photo(2, (30, 30))
    values = square(image).astype(np.float64) / 255
    pooled = {
        "": values.mean(axis=(0, 1)),
        "&pooling=max": values.max(axis=(0, 1)),
        "&pooling=gem": (values**3).mean(axis=(0, 1)) ** (1 / 3),
    }
    for option, expected in pooled.items():
        embedder = get_embedder(f"onnx:{path}?mean=none&output=map{option}")
        assert embedder.dims == 3
        np.testing.assert_allclose(embedder.embed_images([image])[0], unit(expected), atol=1e-5)


def feature_map(path: Path, *, takes: str, gives: str, declared: Shape, channels: int = 5) -> str:
    """Write a network of one pointwise convolution, in halves of the height, with layouts of input and output."""
    nodes = [helper.make_node("Transpose", ["pixels"], ["values"], perm=[0, 3, 1, 2] if takes == "nhwc" else range(4))]
    nodes += [helper.make_node("Conv", ["values", "kernel"], ["maps"], strides=[2, 2])]
    nodes += [helper.make_node("Transpose", ["maps"], ["map"], perm=[0, 2, 3, 1] if gives == "nhwc" else range(4))]
    shape = ["n", SIDE, SIDE, 3] if takes == "nhwc" else ["n", 3, SIDE, SIDE]
    kernel = np.resize(WEIGHTS, (channels, 3, 1, 1))
    graph = helper.make_graph(
        nodes,
        "features",
        [helper.make_tensor_value_info("pixels", FLOAT, shape)],
        [helper.make_tensor_value_info("map", FLOAT, declared)],
        [numpy_helper.from_array(kernel, "kernel")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return str(path)


_LAYOUTS = [(takes, gives) for takes in ("nchw", "nhwc") for gives in ("nchw", "nhwc")]


@pytest.mark.parametrize(("takes", "gives"), _LAYOUTS)
@pytest.mark.parametrize("sides", ["known", "named", "unknown"])
def test_a_feature_map_is_pooled_over_its_own_height_and_width(
    tmp_path: Path, takes: str, gives: str, sides: str
) -> None:
    square_of, count = {"known": (SIDE // 2, 5), "named": ("h", 5), "unknown": ("h", "c")}[sides]
    declared = ["n", count, square_of, square_of] if gives == "nchw" else ["n", square_of, square_of, count]
    path = feature_map(tmp_path / "map.onnx", takes=takes, gives=gives, declared=declared)
    image = photo(2, (30, 30))
    pixels = square(image)[::2, ::2].reshape(-1, 3) / 255
    expected = (pixels @ np.resize(WEIGHTS, (5, 3)).T).mean(axis=0)
    embedder = get_embedder(f"onnx:{path}?mean=none")
    assert embedder.dims == 5
    np.testing.assert_allclose(embedder.embed_images([image])[0], unit(expected), atol=1e-5)
    said = get_embedder(f"onnx:{path}?mean=none&output_layout={gives}")
    assert said.version == embedder.version, "the same vectors"


def test_a_feature_map_that_may_be_either_is_asked_for(tmp_path: Path) -> None:
    side = SIDE // 2
    path = feature_map(
        tmp_path / "map.onnx", takes="nhwc", gives="nchw", declared=["n", side, side, side], channels=side
    )
    with pytest.raises(BadEmbedderOption, match=r"'output_layout': map .* 4 × 4 × 4 .*first or last; say nchw or nhwc"):
        get_embedder(f"onnx:{path}?mean=none")
    image = photo(2, (30, 30))
    values = (square(image)[::2, ::2] / 255) @ np.resize(WEIGHTS, (side, 3)).T
    by_layout = {"nchw": values.mean(axis=(0, 1)), "nhwc": values.transpose(2, 0, 1).mean(axis=(0, 1))}
    versions = set()
    for layout, expected in by_layout.items():
        embedder = get_embedder(f"onnx:{path}?mean=none&output_layout={layout}")
        np.testing.assert_allclose(embedder.embed_images([image])[0], unit(expected), atol=1e-5)
        versions.add(embedder.version)
    assert len(versions) == 2
    with pytest.raises(BadEmbedderOption, match="'output_layout': there is no 'chw'; known: nchw, nhwc"):
        get_embedder(f"onnx:{path}?mean=none&output_layout=chw")


@pytest.mark.parametrize(
    ("shape", "kind", "outputs", "options", "says"),
    [
        (["n", 3, SIDE, SIDE], FLOAT, ["a"], "", "'mean'.*float32.*imagenet"),
        (["n", 3, SIDE, SIDE], FLOAT, ["a"], "?mean=0.5", "'std'.*1 for none"),
        (["n", 3, SIDE, SIDE], FLOAT, ["a"], "?mean=0.5,0.5&std=1", "'mean'.*one number or three"),
        (["n", 3, SIDE, SIDE], FLOAT, ["a"], "?mean=x&std=1", "'mean'.*'x' is not made of numbers"),
        (["n", 3, SIDE, SIDE], FLOAT, ["a"], "?mean=0&std=0", "'std'.*must not be 0"),
        (["n", 3, SIDE, SIDE], FLOAT, ["a", "b"], "?mean=none", "'output'.*name one: the graph has a .*; b "),
        (["n", 3, SIDE, SIDE], FLOAT, ["a"], "?mean=none&output=z", "'output'.*no 'z'"),
        (["n", 3, SIDE, SIDE], FLOAT, ["a"], "?mean=none&layout=nhwc", "'layout'.*no 3 channels"),
        (["n", 3, SIDE, SIDE], FLOAT, ["a"], "?mean=none&size=9", "'size'.*another"),
        (["n", 3, SIDE, SIDE], FLOAT, ["a"], "?mean=none&pooling=max", "'pooling'.*a vector"),
        (["n", 3, SIDE, SIDE], FLOAT, ["a"], "?mean=none&output_layout=nchw", "'output_layout'.*a vector"),
        (["n", "c", "h", "w"], FLOAT, ["a"], "?mean=none", "'layout'.*say nchw or nhwc"),
        (["n", 3, "h", "w"], FLOAT, ["a"], "?mean=none", "'size'.*leaves it open"),
        (["n", 3, 4, 16], FLOAT, ["a"], "?mean=none", "'size'.*not square"),
        (["n", SIDE, SIDE, 3], UINT8, ["a"], "?mean=none", "'mean'.*pixels as they are"),
        (["n", 192], FLOAT, ["a"], "?mean=none", "'input'.*takes images.*pixels"),
    ],
)
def test_what_is_open_or_contradicted_is_asked_for(
    file: Callable[..., str], shape: Shape, kind: int, outputs: Sequence[str], options: str, says: str
) -> None:
    with pytest.raises(BadEmbedderOption, match=f"(?s){says}"):
        get_embedder(f"onnx:{file(shape, kind, outputs=outputs)}{options}")


def test_files_that_are_not_there_or_something_else(tmp_path: Path, file: Callable[..., str]) -> None:
    with pytest.raises(ModelMissing, match=r"no file .*absent\.onnx.*onnx_export"):
        get_embedder(f"onnx:{tmp_path}/absent.onnx")
    (tmp_path / "text.onnx").write_text("a text")
    with pytest.raises(ModelMissing, match=r"text\.onnx is not an ONNX model"):
        get_embedder(f"onnx:{tmp_path}/text.onnx")
    (tmp_path / "empty.onnx").write_bytes(b"")
    with pytest.raises(ModelMissing, match=r"empty\.onnx is not an ONNX model"):
        get_embedder(f"onnx:{tmp_path}/empty.onnx")
    with pytest.raises(BadEmbedderOption, match=r"which file. onnx:FILE names it"):
        get_embedder("onnx")


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "it is empty"), (b"\x0a\x7fonly this", r"it ends early by 118 bytes, or is something else")],
)
def test_what_is_no_model_is_told_why(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "odd.onnx").write_bytes(content)
    with pytest.raises(ModelMissing, match=rf"odd\.onnx is not an ONNX model: {says}"):
        get_embedder(f"onnx:{tmp_path / 'odd.onnx'}")


def test_weights_beside_the_file_are_part_of_it(tmp_path: Path, file: Callable[..., str]) -> None:
    path = file(["n", SIDE, SIDE, 3], UINT8)
    beside = tmp_path / "split.onnx"
    onnx.save(onnx.load(path), str(beside), save_as_external_data=True, location="split.data", size_threshold=1024)
    one, two = get_embedder(f"onnx:{path}"), get_embedder(f"onnx:{beside}")
    image = photo(4, (30, 30))
    np.testing.assert_allclose(one.embed_images([image]), two.embed_images([image]), atol=1e-6)
    data = tmp_path / "split.data"
    data.write_bytes(data.read_bytes()[:-4] + b"\0\0\0\0")
    assert get_embedder(f"onnx:{beside}").version != two.version
    data.unlink()
    with pytest.raises(ModelMissing, match=r"weights in split\.data, which is not there"):
        get_embedder(f"onnx:{beside}")


def test_version_changes_with_the_file_and_with_the_way_it_is_run(tmp_path: Path) -> None:
    path = linear(tmp_path / "a.onnx", ["n", 3, SIDE, SIDE])
    names = [f"onnx:{path}?mean={mean}" for mean in ("none", "half", "imagenet")]
    names += [f"onnx:{path}?mean=half&resize=crop", f"onnx:{path}?mean=half&channels=bgr"]
    names += [f"onnx:{linear(tmp_path / 'b.onnx', [1, 3, SIDE, SIDE])}?mean=half"]
    assert len({get_embedder(name).version for name in names}) == len(names)
    assert [get_embedder(name).name for name in names[:3]] == names[:3]


def test_what_was_converted_in_part_is_refused_and_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = onnx.load_from_string(lite._graph())
    model.graph.node.append(helper.make_node("PartitionedCall", ["images"], ["left"]))
    monkeypatch.setattr(lite, "_graph", model.SerializeToString)
    with pytest.raises(EmbedderError, match=r"no ONNX for PartitionedCall; it can be used"):
        export_onnx(Lite(), tmp_path / "part.onnx")
    assert not list(tmp_path.iterdir())


def test_lite_exported_is_lite(tmp_path: Path) -> None:
    path = tmp_path / "lite.onnx"
    card = export_onnx(Lite(), path)
    assert (card.size, card.resize, card.probabilities) == (224, "trim", "probabilities")
    lite, exported = Lite(), get_embedder(f"onnx:{path}")
    assert isinstance(exported, Preparer)
    images = [photo(seed, (300, 200)) for seed in range(3)]
    expected, expected_labels = lite.describe_images(images)
    vectors, labels = exported.describe_images(images)
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    assert [[each.name for each in found] for found in labels] == [[each.name for each in f] for f in expected_labels]
    with pytest.raises(BadEmbedderOption, match=r"'mean'.*says itself"):
        get_embedder(f"onnx:{path}?mean=imagenet")


def test_a_damaged_card_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lite.onnx"
    export_onnx(Lite(), path)
    model = onnx.load(str(path))
    assert read_card({entry.key: entry.value for entry in model.metadata_props}) is not None
    for entry in model.metadata_props:
        if entry.key == PREFIX + "size":
            assert json.loads(entry.value) == 224
            entry.value = "{"
    onnx.save(model, str(path))
    with pytest.raises(ModelMissing, match=r"metadata hybrid_search\.\* cannot be read"):
        get_embedder(f"onnx:{path}")


def test_others_cannot_be_exported(tmp_path: Path) -> None:
    with pytest.raises(EmbedderError, match=r"'.*' cannot be exported as ONNX; only keras:… and lite"):
        export_onnx(ColourEmbedder(), tmp_path / "colour.onnx")
    assert not list(tmp_path.iterdir())


def test_eight_bits_do_not_depend_on_the_batch(tmp_path: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    whole = tiny_models.save(tiny_models.image_model(tiny_models.Tiny()), tmp_path / "whole.onnx")
    quantize_dynamic(whole, tmp_path / "int8.onnx", weight_type=QuantType.QUInt8)
    embedder = get_embedder(f"onnx:{tmp_path / 'int8.onnx'}?mean=clip")
    pictures = [Image.new("RGB", (50, 50), colour) for colour in ("black", "red", "white", "#123456")] * 4
    alone = np.concatenate([embedder.embed_images([picture]) for picture in pictures])
    np.testing.assert_array_equal(embedder.embed_images(pictures), alone)
