"""Each published layout, with tiny networks: vectors are those of an independent computation of the same graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.embedders import Embedder, Preparer, TextEmbedder
from hybrid_search.embedders.hub.hub_embedders import HubEmbedder
from hybrid_search.embedders.registry import get_embedder, get_text_embedder
from hybrid_search.errors import QueryError, TextNotSupported
from tests.support import tiny_models
from tests.support.fakes import photo
from tests.support.tiny_models import CLIP_MEAN, CLIP_STD, SIDE, Tiny

HALF = (0.5, 0.5, 0.5)
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PHOTOS = [photo(1, (160, 120)), photo(2, (90, 133)), photo(3, (64, 64))]


def cut(image: Image.Image, new: tuple[int, int], start: tuple[int, int], *, resample: int = 3) -> NDArray[np.uint8]:
    """Return 16 × 16 pixels of a resized picture; sizes and starts are worked out by hand in each test."""
    small = image.resize(new, Image.Resampling(resample))
    return np.asarray(small)[start[1] : start[1] + SIDE, start[0] : start[0] + SIDE]


def tensor(pixels: Sequence[NDArray[np.uint8]], mean: Any = CLIP_MEAN, std: Any = CLIP_STD) -> NDArray[np.float64]:
    return ((np.stack(pixels) / 255.0 - np.array(mean)) / np.array(std)).transpose(0, 3, 1, 2)


# shorter side 16: 160 × 120 becomes 21 × 16 (21.33), 90 × 133 becomes 16 × 23 (23.64), 64 × 64 16 × 16.
# transformers starts at (21 - 16) // 2 = 2 and (23 - 16) // 2 = 3, torchvision at round(2.5) = 2 and round(3.5) = 4,
# immich at int(2.5) = 2 and int(11.5 - 8) = 3
SIZES = [(21, 16), (16, 23), (16, 16)]
HF_STARTS = [(2, 0), (0, 3), (0, 0)]
TORCHVISION_STARTS = [(2, 0), (0, 4), (0, 0)]


def middles(starts: Sequence[tuple[int, int]], *, resample: int = 3) -> list[NDArray[np.uint8]]:
    return [cut(image, new, start, resample=resample) for image, new, start in zip(PHOTOS, SIZES, starts, strict=True)]


def close(found: NDArray[np.float32], expected: NDArray[np.float64], *, atol: float = 2e-6) -> None:
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(found, expected, atol=atol)


def filled(numbers: dict[str, int], words: str, length: int, *, fill: int = 1) -> list[int]:
    """Return start, words and end, filled with the end, as CLIP's tokens are in transformers."""
    row = [0, *(numbers[word] for word in words.split()), 1]
    return row + [fill] * (length - len(row))


def test_transformers_clip(tmp_path: Path) -> None:
    model = Tiny()
    numbers = tiny_models.transformers_clip(tmp_path, model)
    embedder = get_embedder(f"clip:{tmp_path}")
    assert isinstance(embedder, HubEmbedder) and isinstance(embedder, Preparer) and isinstance(embedder, TextEmbedder)
    assert (embedder.dims, embedder.min_side, embedder.embeds_text, embedder.assumed) == (6, SIDE, True, ())
    close(embedder.embed_images(PHOTOS), model.image(tensor(middles(HF_STARTS))))
    rows = [filled(numbers, "a red dog", 77), filled(numbers, "beach", 77)]
    close(embedder.embed_texts(["A red  DOG", "beach"]), model.text(rows))
    assert get_text_embedder(f"clip:{tmp_path}").embed_texts(["beach"]).shape == (1, 6)


def test_a_mask_is_fed_where_the_graph_takes_one(tmp_path: Path) -> None:
    model = Tiny()
    numbers = tiny_models.transformers_clip(tmp_path, model, mask=True)
    mask = [[1] * 4 + [0] * 73]
    expected = model.text([filled(numbers, "red dog", 77)], mask)
    close(get_embedder(f"clip:{tmp_path}").embed_texts(["red dog"]), expected)
    assert np.abs(expected - model.text([filled(numbers, "red dog", 77)])).max() > 0.01, "the mask matters"


@pytest.mark.parametrize("beside", [False, True])
def test_transformers_siglip(beside: bool, tmp_path: Path) -> None:
    model = Tiny(length=64)
    numbers = tiny_models.transformers_siglip(tmp_path, model, weights=beside)
    embedder = get_embedder(f"siglip:{tmp_path}")
    squashed = [np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for image in PHOTOS]
    close(embedder.embed_images(PHOTOS), model.image(tensor(squashed, HALF, HALF)))
    row = [numbers[word] for word in ("the", "dog", "on", "the", "beach")]
    close(embedder.embed_texts(["The dog, on_the  BEACH!"]), model.text([row + [1] * 59]))
    # `clip:` is told by config.json that it is a SigLIP, with 64 tokens, filled with 1, without punctuation
    (tmp_path / "tokenizer_config.json").unlink()
    same = get_embedder(f"clip:{tmp_path}")
    np.testing.assert_array_equal(same.embed_texts(["Dog?"]), embedder.embed_texts(["dog"]))


def test_transformers_siglip2(tmp_path: Path) -> None:
    model = Tiny(length=64)
    numbers = tiny_models.transformers_siglip(tmp_path, model, second=True)
    embedder = get_embedder(f"siglip:{tmp_path}")
    squashed = [np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)) for image in PHOTOS]
    close(embedder.embed_images(PHOTOS), model.image(tensor(squashed, HALF, HALF)))
    # punctuation stays, and filling is with 0
    row = [numbers["red"], numbers["<unk>"], 1]
    close(embedder.embed_texts(["RED dog!"]), model.text([row + [0] * 61]))


def test_siglip_looks_at_its_filling_also_where_the_graph_takes_a_mask(tmp_path: Path) -> None:
    model = Tiny(length=64)
    numbers = tiny_models.transformers_siglip(tmp_path, model)
    masked = tiny_models.text_model(model, gives="pooler_output", mask=True)
    tiny_models.save(masked, tmp_path / "onnx" / "text_model.onnx")
    close(get_embedder(f"siglip:{tmp_path}").embed_texts(["dog"]), model.text([[numbers["dog"]] + [1] * 63]))


@pytest.mark.parametrize("count", [1, 3])
def test_immich(count: int, tmp_path: Path) -> None:
    model = Tiny()
    numbers = tiny_models.immich(tmp_path, model)
    embedder = get_embedder(f"clip:{tmp_path}")
    close(embedder.embed_images(PHOTOS[:count]), model.image(tensor(middles(HF_STARTS)))[:count])
    texts = ["red dog", "new york", "the beach"][:count]
    close(embedder.embed_texts(texts), model.text([filled(numbers, text, 77) for text in texts]))


def test_immich_multilingual_with_a_mask(tmp_path: Path) -> None:
    model = Tiny()
    numbers = tiny_models.immich(tmp_path, model)
    text = tiny_models.text_model(model, gives="embedding", dtype="int32", batch=1, length=77, mask=True)
    tiny_models.save(text, tmp_path / "textual" / "model.onnx")
    embedder = get_embedder(f"clip:{tmp_path}")
    expected = model.text([filled(numbers, "red dog", 77)] * 2, [[1] * 4 + [0] * 73] * 2)
    close(embedder.embed_texts(["red dog", "red  dog"]), expected)


def test_immich_squashed_and_canonical(tmp_path: Path) -> None:
    model = Tiny(length=64)
    numbers = tiny_models.immich(tmp_path, model, resize_mode="squash", clean="canonicalize")
    embedder = get_embedder(f"siglip:{tmp_path}")
    squashed = [np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for image in PHOTOS]
    close(embedder.embed_images(PHOTOS), model.image(tensor(squashed)))
    close(embedder.embed_texts(["Red, dog!"]), model.text([filled(numbers, "red dog", 64)]))


# by hand: "re" 514 and "red</w>" 515 follow "do" 512 and "dog</w>" 513; "a</w>" is 256 + 64
RCLIP_ROW = [516, 320, 515, 513, 517]


@pytest.mark.parametrize(("dtype", "atol"), [("float32", 2e-6), ("float16", 5e-3)])
@pytest.mark.parametrize("of_model", [False, True], ids=["root", "folder"])
def test_rclip(dtype: str, atol: float, of_model: bool, tmp_path: Path) -> None:
    model = Tiny()
    folder = tiny_models.rclip(tmp_path, model, dtype=dtype)
    embedder = get_embedder(f"clip:{folder if of_model else tmp_path}")
    close(embedder.embed_images(PHOTOS), model.image(tensor(middles(TORCHVISION_STARTS))), atol=atol)
    close(embedder.embed_texts(["A red dog"]), model.text([RCLIP_ROW + [0] * 72]))
    assert isinstance(embedder, HubEmbedder) and embedder.assumed == ("pictures: assumed for clip",)


def test_fastembed_in_two_folders(tmp_path: Path) -> None:
    model = Tiny()
    numbers = tiny_models.fastembed(tmp_path / "vision", tmp_path / "text", model)
    embedder = get_embedder(f"clip:{tmp_path / 'vision'}?text={tmp_path / 'text'}")
    close(embedder.embed_images(PHOTOS), model.image(tensor(middles(HF_STARTS))))
    row = filled(numbers, "the beach", 77)
    close(embedder.embed_texts(["the beach"]), model.text([row], [[1] * 4 + [0] * 73]))
    assert embedder.name == f"clip:{tmp_path / 'vision'}?text={tmp_path / 'text'}"
    alone = get_embedder(f"clip:{tmp_path / 'vision'}")
    assert not alone.embeds_text and alone.version != embedder.version
    with pytest.raises(TextNotSupported):
        alone.embed_texts(["dog"])


def test_rocca_one_row_and_short_integers(tmp_path: Path) -> None:
    model = Tiny()
    tiny_models.rocca(tmp_path, model)
    embedder = get_embedder(f"clip:{tmp_path}?threads=1")
    close(embedder.embed_images(PHOTOS), model.image(tensor(middles(TORCHVISION_STARTS))))
    close(embedder.embed_texts(["a red dog"] * 2), model.text([RCLIP_ROW + [0] * 72] * 2))


@pytest.mark.parametrize("processor", [True, False])
def test_dino(processor: bool, tmp_path: Path) -> None:
    model = Tiny()
    tiny_models.dino(tmp_path, model, processor=processor)
    embedder = get_embedder(f"dino:{tmp_path}")
    # the shorter side to 18 (without the file 16 · 256 / 224 = 18.3): 24 × 18, 18 × 26 (26.6), 18 × 18
    sizes, starts = [(24, 18), (18, 26), (18, 18)], [(4, 1), (1, 5), (1, 1)]
    pixels = [cut(image, size, start) for image, size, start in zip(PHOTOS, sizes, starts, strict=True)]
    close(embedder.embed_images(PHOTOS), model.first_token(tensor(pixels, *IMAGENET)))
    assert (embedder.dims, embedder.embeds_text, embedder.min_side) == (6, False, 18)
    with pytest.raises(TextNotSupported, match="dino"):
        embedder.embed_texts(["dog"])
    assert isinstance(embedder, HubEmbedder) and bool(embedder.assumed) is not processor


def test_variants_by_dtype(tmp_path: Path) -> None:
    full, half = Tiny(), Tiny(seed=1)
    tiny_models.transformers_clip(tmp_path, full)
    tiny_models.transformers_clip(tmp_path, half, suffix="_fp16", dtype="float16")
    embedder = get_embedder(f"clip:{tmp_path}?dtype=fp16")
    assert embedder.name == f"clip:{tmp_path}?dtype=fp16" and "-fp16-" in embedder.version
    close(embedder.embed_images(PHOTOS), half.image(tensor(middles(HF_STARTS))), atol=5e-3)
    same = get_embedder(f"clip:{tmp_path}?dtype=fp32")
    assert same.name == f"clip:{tmp_path}", "what is so anyway is not part of the name"
    close(same.embed_images(PHOTOS), full.image(tensor(middles(HF_STARTS))))


def test_folders_that_are_linked(tmp_path: Path) -> None:
    model = Tiny()
    tiny_models.transformers_clip(tmp_path / "there", model)
    (tmp_path / "here").mkdir()
    for name in (tmp_path / "there").iterdir():
        (tmp_path / "here" / name.name).symlink_to(name)
    # a circle ends
    (tmp_path / "there" / "onnx" / "again").symlink_to(tmp_path / "here")
    embedder = get_embedder(f"clip:{tmp_path / 'here'}")
    close(embedder.embed_images(PHOTOS), model.image(tensor(middles(HF_STARTS))))
    assert embedder.embeds_text and embedder.embed_texts(["dog"]).shape == (1, 6)


def test_dims_that_no_graph_states(tmp_path: Path) -> None:
    model = Tiny()
    tiny_models.transformers_clip(tmp_path, model, states_dims=False)
    tiny_models.save(tiny_models.text_model(model, states_dims=False), tmp_path / "onnx" / "text_model.onnx")
    assert get_embedder(f"clip:{tmp_path}").dims == 6, "the configuration says it"
    (tmp_path / "config.json").unlink()
    assert get_embedder(f"clip:{tmp_path}").dims == 6, "what comes out says it"
    assert get_embedder(f"clip:{tmp_path}").embed_texts([]).shape == (0, 6)
    with pytest.raises(QueryError, match="embed_texts takes a list of texts"):
        get_embedder(f"clip:{tmp_path}").embed_texts("dog")


def test_prepared_in_threads_and_batches_gives_the_same(tmp_path: Path) -> None:
    tiny_models.transformers_clip(tmp_path, Tiny())
    embedder = get_embedder(f"clip:{tmp_path}?batch_size=2")
    assert isinstance(embedder, Preparer) and embedder.name == f"clip:{tmp_path}"
    prepared = [embedder.prepare(image) for image in PHOTOS]
    assert all(each.shape == (SIDE, SIDE, 3) and each.dtype == np.uint8 for each in prepared)
    vectors, labels = embedder.describe_prepared(prepared)
    np.testing.assert_allclose(vectors, embedder.embed_images(PHOTOS), atol=1e-7)
    assert labels == [(), (), ()]
    assert embedder.embed_images([]).shape == (0, 6) == embedder.embed_texts([]).shape
    grey = embedder.embed_images([PHOTOS[0].convert("L")])
    assert grey.shape == (1, 6)


def test_a_text_has_the_same_vector_beside_any_other(tmp_path: Path) -> None:
    tiny_models.transformers_clip(tmp_path, Tiny())
    embedder = get_embedder(f"clip:{tmp_path}")
    alone = embedder.embed_texts(["dog"])
    beside = embedder.embed_texts(["dog", "the red dog on the beach " * 3])
    np.testing.assert_allclose(alone[0], beside[0], atol=1e-7)


def test_each_side_is_loaded_when_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_models.transformers_clip(tmp_path, Tiny())
    import onnxruntime

    loaded: list[list[str]] = []
    real = onnxruntime.InferenceSession

    def session(graph: Any, *args: Any, **options: Any) -> Any:
        found = real(graph, *args, **options)
        loaded.append([each.name for each in found.get_inputs()])
        return found

    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    embedder = get_embedder(f"clip:{tmp_path}")
    assert (embedder.dims, embedder.min_side, bool(embedder.version), loaded) == (6, SIDE, True, [])
    embedder.embed_texts(["dog"])
    assert loaded == [["input_ids"]]
    embedder.embed_images(PHOTOS)
    assert loaded == [["input_ids"], ["pixel_values"]]


@pytest.mark.parametrize("layout", ["transformers.js", "immich", "rclip", "beside"])
def test_weights_of_the_text_side_stay_in_their_file(
    layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, folder = Tiny(vocabulary=40_000), tmp_path
    if layout == "rclip":
        folder = tiny_models.rclip(tmp_path, model)
    else:
        (tiny_models.immich if layout == "immich" else tiny_models.transformers_clip)(folder, model)
    if layout == "beside":
        tiny_models.save(
            tiny_models.text_model(model), folder / "onnx" / "text_model.onnx", weights="text_model.onnx_data"
        )
    import onnxruntime

    read: list[int] = []
    real = onnxruntime.InferenceSession

    def session(graph: Any, *args: Any, **options: Any) -> Any:
        read.append(len(graph) if isinstance(graph, bytes) else Path(graph).stat().st_size)
        return real(graph, *args, **options)

    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    embedder = get_embedder(f"clip:{folder}")
    assert embedder.embed_texts(["a red dog"]).shape == (1, 6)
    # 40,000 words of 8 numbers have 1.3 MB
    assert len(read) == 1 and read[0] < 50_000


def test_a_text_side_that_cannot_be_cut_is_read_whole(tmp_path: Path) -> None:
    model = Tiny()
    numbers = tiny_models.transformers_clip(tmp_path / "model", model)
    text = tiny_models.text_model(model)
    # a sparse constant that nothing needs: the file is valid, and is not cut
    values = onnx.helper.make_tensor("unused", onnx.TensorProto.FLOAT, [1], [1.0])
    places = onnx.helper.make_tensor("places of it", onnx.TensorProto.INT64, [1], [0])
    text.graph.sparse_initializer.append(onnx.helper.make_sparse_tensor(values, places, [4]))
    tiny_models.save(text, tmp_path / "model" / "onnx" / "text_model.onnx")
    close(get_embedder(f"clip:{tmp_path / 'model'}").embed_texts(["dog"]), model.text([filled(numbers, "dog", 77)]))


def eight_bits(folder: Path) -> None:
    """Make files of 8 bits beside those of 32, as the hub's are made."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    for side in ("vision", "text"):
        path = folder / "onnx" / f"{side}_model.onnx"
        quantize_dynamic(path, path.with_name(f"{side}_model_int8.onnx"), weight_type=QuantType.QUInt8)


def test_eight_bits_do_not_depend_on_the_batch(tmp_path: Path) -> None:
    model = Tiny()
    tiny_models.transformers_clip(tmp_path, model)
    eight_bits(tmp_path)
    embedder = get_embedder(f"clip:{tmp_path}?dtype=int8")
    pictures = [
        *PHOTOS,
        Image.new("RGB", (50, 50)),
        Image.new("RGB", (50, 50), "white"),
        Image.new("RGB", (50, 50), "red"),
    ] * 4
    alone = np.concatenate([embedder.embed_images([picture]) for picture in pictures])
    np.testing.assert_array_equal(embedder.embed_images(pictures), alone)
    texts = ["dog", "a red dog on the beach", "new york " * 20, "blue"] * 8
    np.testing.assert_array_equal(
        embedder.embed_texts(texts), np.concatenate([embedder.embed_texts([text]) for text in texts])
    )
    close(embedder.embed_images(PHOTOS), model.image(tensor(middles(HF_STARTS))), atol=0.1)


def test_eight_bits_of_a_length_of_its_own_for_each_text(tmp_path: Path) -> None:
    tiny_models.transformers_clip(tmp_path, Tiny(length=600))
    # models of so many tokens fill a text to the longest of its batch only, which this one sees as it has no mask
    text = tiny_models.text_model(Tiny(length=1))
    tiny_models.save(text, tmp_path / "onnx" / "text_model.onnx")
    tiny_models.write_json(tmp_path / "config.json", model_type="clip", text_config={"max_position_embeddings": 600})
    tiny_models.write_json(tmp_path / "tokenizer_config.json", pad_token="<|endoftext|>", model_max_length=600)
    eight_bits(tmp_path)
    embedder = get_embedder(f"clip:{tmp_path}?dtype=int8")
    # so many that threads do not get one each
    texts = ["dog", "a red dog on the beach " * 9, "new york", "the blue dog", "beach"] * 8
    np.testing.assert_array_equal(
        embedder.embed_texts(texts), np.concatenate([embedder.embed_texts([text]) for text in texts])
    )


def version(folder: Path) -> str:
    embedder: Embedder = get_embedder(f"clip:{folder}")
    return embedder.version


def test_versions_change_with_what_changes_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_SEARCH_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "model"
    tiny_models.transformers_clip(folder, Tiny())
    seen = [version(folder)]
    tiny_models.clip_processor(folder, resample=2)
    seen.append(version(folder))
    tiny_models.save(tiny_models.image_model(Tiny(seed=5)), folder / "onnx" / "vision_model.onnx")
    seen.append(version(folder))
    tiny_models.save(tiny_models.text_model(Tiny(seed=5)), folder / "onnx" / "text_model.onnx")
    seen.append(version(folder))
    assert len(set(seen)) == 4
    assert version(folder) == seen[-1]


def test_versions_are_not_computed_from_all_bytes_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_SEARCH_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "model"
    tiny_models.transformers_siglip(folder, Tiny(length=64), weights=True)
    first = get_embedder(f"siglip:{folder}").version
    from hybrid_search.embedders.hub import hashes

    def fail(path: Path) -> str:
        raise AssertionError(f"{path} was read")

    monkeypatch.setattr(hashes, "sha256_of", fail)
    assert get_embedder(f"siglip:{folder}").version == first
    (folder / "onnx" / "vision_model.onnx_data").touch()
    with pytest.raises(AssertionError, match=r"vision_model\.onnx_data was read"):
        get_embedder(f"siglip:{folder}").version  # noqa: B018


def test_pictures_at_unit_length_come_from_any_length(tmp_path: Path) -> None:
    tiny_models.transformers_clip(tmp_path, Tiny())
    raw = tiny_models.save(tiny_models.image_model(Tiny()), tmp_path / "raw.onnx")
    import onnxruntime

    session = onnxruntime.InferenceSession(str(raw), providers=["CPUExecutionProvider"])
    found = session.run(None, {"pixel_values": tensor(middles(HF_STARTS)).astype(np.float32)})[0]
    assert np.abs(np.linalg.norm(found, axis=1) - 1).min() > 0.1, "the graph does not do it"
    close(get_embedder(f"clip:{tmp_path}").embed_images(PHOTOS), found / np.linalg.norm(found, axis=1, keepdims=True))
