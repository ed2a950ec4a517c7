"""How pictures are prepared: arithmetic by hand, and an implementation of our own in the plainest terms."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hybrid_search.embedders.hub.recipe import CLIP_MEAN, CLIP_STD, IMAGENET_MEAN, IMAGENET_STD, Recipe
from hybrid_search.embedders.hub.recipe_files import family_recipe, read_recipe
from hybrid_search.errors import WeightsMissing
from tests.support.fakes import photo

ANY = (None, None)
HALF = (0.5, 0.5, 0.5)


def ramp(width: int, height: int) -> Image.Image:
    """Return a picture whose pixels tell where they were: red the column, green the row."""
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    return Image.fromarray(np.stack([columns, rows, columns * 0], -1).astype(np.uint8))


def corner(recipe: Recipe, size: tuple[int, int]) -> tuple[int, int]:
    """Return the column and the row at which the middle of an unresized picture starts."""
    red, green, _ = recipe.pixels(ramp(*size))[0, 0]
    return int(red), int(green)


@pytest.mark.parametrize(
    ("rounding", "width", "start"),
    [
        # 4 of 9: 5 are over. transformers 5 // 2 = 2; torchvision round(2.5) = 2, to the even; immich int(4.5 - 2) = 2
        ("hf", 9, 2),
        ("torchvision", 9, 2),
        ("immich", 9, 2),
        # 4 of 11: 7 are over. 7 // 2 = 3; round(3.5) = 4; int(5.5 - 2) = 3
        ("hf", 11, 3),
        ("torchvision", 11, 4),
        ("immich", 11, 3),
        ("hf", 10, 3),
        ("torchvision", 10, 3),
        ("immich", 10, 3),
    ],
)
def test_the_middle_starts_where_each_library_starts_it(rounding: str, width: int, start: int) -> None:
    assert corner(Recipe(4, 4, resize="none", rounding=rounding), (width, 4)) == (start, 0)
    assert corner(Recipe(4, 4, resize="none", rounding=rounding), (4, width)) == (0, start)


@pytest.mark.parametrize(
    ("size", "edge", "hf", "immich"),
    [
        ((640, 480), 224, (298, 224), (298, 224)),  # 224 · 640 / 480 = 298.67
        ((480, 640), 224, (224, 298), (224, 298)),
        ((500, 333), 224, (336, 224), (336, 224)),  # 336.34
        ((1200, 800), 256, (384, 256), (384, 256)),
        # 224 · 305 / 35 = 1952, and 305 / 35 · 224 = 1951.9999999999998 in floating point
        ((305, 35), 224, (1952, 224), (1951, 224)),
    ],
)
def test_the_longer_side_is_cut_off_not_rounded(
    size: tuple[int, int], edge: int, hf: tuple[int, int], immich: tuple[int, int]
) -> None:
    for rounding, expected in (("hf", hf), ("torchvision", hf), ("immich", immich)):
        assert Recipe(edge, edge, edge=edge, rounding=rounding)._shortest(*size) == expected


@pytest.mark.parametrize(("rounding", "left"), [("hf", 2), ("torchvision", 1), ("immich", 1)])
def test_a_picture_too_small_stands_on_the_ground(rounding: str, left: int) -> None:
    pixels = Recipe(8, 8, resize="none", rounding=rounding, fill=7).pixels(Image.new("RGB", (5, 8), "white"))
    assert pixels[0, :, 0].tolist() == [7] * left + [255] * 5 + [7] * (3 - left)


def test_the_longest_side_decides_and_the_ground_fills() -> None:
    recipe = Recipe(8, 8, resize="longest", rounding="torchvision", fill=0)
    pixels = recipe.pixels(Image.new("RGB", (40, 20), "white"))
    assert pixels[:, 0, 0].tolist() == [0, 0, 255, 255, 255, 255, 0, 0]
    assert recipe.pixels(Image.new("RGB", (20, 40), "white"))[0, :, 0].tolist() == [0, 0, 255, 255, 255, 255, 0, 0]


def test_numbers_by_hand() -> None:
    recipe = Recipe(1, 1, edge=1, mean=(0.5, 0.0, 0.25), std=(0.5, 1.0, 0.5))
    tensor = recipe.tensor([np.array([[[255, 51, 0]]], np.uint8)])
    assert tensor.shape == (1, 3, 1, 1) and tensor.dtype == np.float32
    # (1 - 0.5) / 0.5, 51 / 255, (0 - 0.25) / 0.5
    assert tensor.ravel().tolist() == pytest.approx([1.0, 0.2, -0.5], abs=1e-7)
    half = recipe.tensor([np.array([[[255, 51, 0]]], np.uint8)], dtype="float16")
    assert half.dtype == np.float16 and half.ravel().tolist() == pytest.approx([1.0, 0.2, -0.5], abs=1e-3)


def naive(image: Image.Image, *, edge: int, side: int, resample: int, rounding: str, mean: Any, std: Any) -> np.ndarray:
    """Prepare a picture in the words of the libraries, pixel by pixel where they have words for pixels."""
    width, height = image.size
    if rounding == "immich":
        new = (edge, int((height / width) * edge)) if width < height else (int((width / height) * edge), edge)
    else:
        new = (edge, int(edge * height / width)) if width <= height else (int(edge * width / height), edge)
    small = np.asarray(image.resize(new, Image.Resampling(resample)), np.float64)
    if rounding == "hf":
        left, top = (new[0] - side) // 2, (new[1] - side) // 2
    elif rounding == "immich":
        left, top = int((new[0] / 2) - (side / 2)), int((new[1] / 2) - (side / 2))
    else:
        left, top = round((new[0] - side) / 2.0), round((new[1] - side) / 2.0)
    cut = small[top : top + side, left : left + side] / 255
    out = np.zeros((3, side, side))
    for channel in range(3):
        for row in range(side):
            for column in range(side):
                out[channel, row, column] = (cut[row, column, channel] - mean[channel]) / std[channel]
    return out


@settings(max_examples=40, deadline=None)
@given(
    width=st.integers(16, 90),
    height=st.integers(16, 90),
    extra=st.integers(0, 5),
    resample=st.sampled_from([0, 2, 3]),
    rounding=st.sampled_from(["hf", "torchvision", "immich"]),
)
def test_all_steps_are_those_of_the_plain_implementation(
    width: int, height: int, extra: int, resample: int, rounding: str
) -> None:
    image = photo(width * 91 + height, (width, height))
    recipe = Recipe(12, 12, edge=12 + extra, filter=resample, rounding=rounding)
    expected = naive(
        image, edge=12 + extra, side=12, resample=resample, rounding=rounding, mean=CLIP_MEAN, std=CLIP_STD
    )
    np.testing.assert_allclose(recipe.tensor([recipe.pixels(image)])[0], expected, atol=2e-6)


def from_file(tmp_path: Path, name: str, said: Any, **options: Any) -> Recipe:
    path = tmp_path / name
    path.write_text(json.dumps(said), encoding="utf-8")
    recipe = read_recipe([path], **{"layout": "transformers.js", "sides": ANY, **options})
    assert recipe is not None
    return recipe


NEW = {
    "crop_size": {"height": 224, "width": 224},
    "do_center_crop": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": CLIP_MEAN,
    "image_std": CLIP_STD,
    "resample": 3,
    "rescale_factor": 0.00392156862745098,
    "size": {"shortest_edge": 224},
    "image_processor_type": "CLIPImageProcessor",
}
OLD = {
    "crop_size": 224,
    "do_center_crop": True,
    "do_normalize": True,
    "do_resize": True,
    "feature_extractor_type": "CLIPFeatureExtractor",
    "image_mean": CLIP_MEAN,
    "image_std": CLIP_STD,
    "resample": 3,
    "size": 224,
}


def test_old_and_new_forms_of_transformers_say_the_same(tmp_path: Path) -> None:
    new, old = (from_file(tmp_path, "preprocessor_config.json", said) for said in (NEW, OLD))
    assert new.digest == old.digest
    assert (new.resize, new.edge, new.width, new.filter, new.rounding) == ("shortest", 224, 224, 3, "hf")
    assert new.source == "preprocessor_config.json"
    oldest = {**OLD, "mean": OLD["image_mean"], "std": OLD["image_std"]}
    del oldest["image_mean"], oldest["image_std"]
    assert from_file(tmp_path, "preprocessor_config.json", oldest).digest == old.digest


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        # SigLIP: both sides at once
        (
            {
                "size": {"height": 224, "width": 224},
                "resample": 3,
                "image_mean": HALF,
                "image_std": HALF,
                "image_processor_type": "SiglipImageProcessor",
            },
            {"resize": "squash", "filter": 3, "mean": HALF, "width": 224},
        ),
        # SigLIP 2: bilinear in transformers
        ({"size": {"height": 256, "width": 256}, "resample": 2}, {"resize": "squash", "filter": 2, "width": 256}),
        # DINOv2: the middle 224 of 256
        (
            {
                "size": {"shortest_edge": 256},
                "crop_size": {"height": 224, "width": 224},
                "do_center_crop": True,
                "resample": 3,
                "image_mean": IMAGENET_MEAN,
                "image_std": IMAGENET_STD,
                "image_processor_type": "BitImageProcessor",
            },
            {"resize": "shortest", "edge": 256, "width": 224, "mean": IMAGENET_MEAN},
        ),
        # DINO, an old form: a number is a square where nothing is cut out
        (
            {"size": 224, "resample": 3, "do_resize": True, "feature_extractor_type": "ViTFeatureExtractor"},
            {"resize": "squash", "width": 224, "mean": HALF},
        ),
        # MobileCLIP: only divided by 255
        (
            {**NEW, "do_normalize": False, "size": {"shortest_edge": 256}, "crop_size": 256, "resample": 2},
            {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0), "filter": 2, "edge": 256, "width": 256},
        ),
        ({**NEW, "do_rescale": False}, {"scale": 1.0}),
        ({**NEW, "do_resize": False}, {"resize": "none", "width": 224}),
        ({**NEW, "size": {"height": 224, "width": 224}}, {"resize": "squash"}),
        # fast processors write null for what they leave to their defaults
        (
            {
                "size": {"height": 224, "width": 224},
                "crop_size": None,
                "do_center_crop": None,
                "do_resize": True,
                "do_normalize": None,
                "image_mean": IMAGENET_MEAN,
                "image_std": IMAGENET_STD,
                "resample": 2,
                "image_processor_type": "DINOv3ViTImageProcessorFast",
            },
            {"resize": "squash", "filter": 2, "mean": IMAGENET_MEAN, "std": IMAGENET_STD},
        ),
    ],
    ids=["siglip", "siglip2", "dinov2", "dino", "mobileclip", "unscaled", "unresized", "square", "dinov3"],
)
def test_forms_of_transformers(said: Any, expected: dict[str, Any], tmp_path: Path) -> None:
    recipe = from_file(tmp_path, "preprocessor_config.json", said)
    assert {name: getattr(recipe, name) for name in expected} == expected


def test_open_clips_keys_in_their_three_places(tmp_path: Path) -> None:
    said = {
        "size": [224, 224],
        "mode": "RGB",
        "mean": HALF,
        "std": HALF,
        "interpolation": "bicubic",
        "resize_mode": "squash",
        "fill_color": 0,
    }
    immich = from_file(tmp_path, "preprocess_cfg.json", said, layout="immich")
    assert (immich.resize, immich.rounding, immich.filter, immich.mean) == ("squash", "immich", 3, HALF)
    inner = {name: said[name] for name in ("mean", "std", "interpolation", "resize_mode")}
    config = {"model_cfg": {"vision_cfg": {"image_size": 224}}, "preprocess_cfg": inner}
    open_clip = from_file(tmp_path, "open_clip_config.json", config)
    assert (open_clip.rounding, open_clip.width, open_clip.resize) == ("torchvision", 224, "squash")
    jina = {
        "size": 384,
        "resize_mode": "shortest",
        "interpolation": "bicubic",
        "fill_color": 0,
        "mean": 0.5,
        "std": 0.5,
    }
    found = from_file(tmp_path, "preprocessor_config.json", jina)
    assert (found.resize, found.edge, found.mean, found.rounding) == ("shortest", 384, HALF, "torchvision")


def test_the_processor_of_later_versions_of_transformers(tmp_path: Path) -> None:
    said = {"image_processor": NEW, "processor_class": "CLIPProcessor"}
    found = from_file(tmp_path, "processor_config.json", said)
    assert found.digest == from_file(tmp_path, "preprocessor_config.json", NEW).digest


@pytest.mark.parametrize(
    ("name", "said", "reason"),
    [
        ("preprocess_cfg.json", {"size": 224, "resize_mode": "fancy"}, "resize_mode 'fancy'"),
        ("preprocess_cfg.json", {"mean": [0.5]}, "size"),
        ("preprocess_cfg.json", {"size": 8, "mean": [0.5]}, "not enough values"),
        ("preprocessor_config.json", {**NEW, "resample": 9}, "resampling filter 9"),
        ("preprocessor_config.json", {**NEW, "size": {"height": 256, "width": 256}}, "cut out"),
        ("preprocessor_config.json", [1], "no JSON object"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_file(name: str, said: Any, reason: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=rf"{name}.*{reason}"):
        from_file(tmp_path, name, said)


def test_a_network_of_another_size_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"makes pictures of 224 × 224 pixels, the network takes 256 × 256"):
        from_file(tmp_path, "preprocessor_config.json", NEW, sides=(256, 256))


@pytest.mark.parametrize(
    ("family", "name", "layout", "expected"),
    [
        ("clip", "laion/ViT-B-32", "rclip", (224, 224, "shortest", 3, CLIP_MEAN, "torchvision")),
        (
            "clip",
            "ViT-B-32-256-datacomp_s34b_b86k/visual.onnx",
            "rclip",
            (256, 256, "shortest", 3, CLIP_MEAN, "torchvision"),
        ),
        ("clip", "ViT-L-14__laion2b_s32b_b82k", "immich", (224, 224, "shortest", 3, HALF, "torchvision")),
        ("clip", "Xenova/mobileclip_s2", "transformers.js", (256, 256, "shortest", 2, (0.0, 0.0, 0.0), "hf")),
        ("clip", "Xenova/mobileclip_b", "transformers.js", (224, 224, "shortest", 2, (0.0, 0.0, 0.0), "hf")),
        ("clip", "x/MobileCLIP2-S4", "transformers.js", (224, 224, "shortest", 2, CLIP_MEAN, "hf")),
        ("siglip", "siglip-base", "transformers.js", (224, 224, "squash", 3, HALF, "hf")),
        ("siglip", "siglip2-base", "transformers.js", (224, 224, "squash", 2, HALF, "hf")),
        ("siglip", "ViT-B-16-SigLIP2", "immich", (224, 224, "squash", 3, HALF, "torchvision")),
        ("dino", "dinov2-small", "transformers.js", (224, 256, "shortest", 3, IMAGENET_MEAN, "hf")),
    ],
)
def test_the_table_of_families(family: str, name: str, layout: str, expected: tuple[Any, ...]) -> None:
    recipe = family_recipe(family, name, layout=layout, sides=ANY)
    found = (recipe.width, recipe.edge, recipe.resize, recipe.filter, recipe.mean, recipe.rounding)
    assert found == expected
    assert recipe.source == f"assumed for {family}"


def test_what_changes_the_result_changes_the_digest() -> None:
    base = Recipe(224, 224)
    others = [Recipe(224, 224, filter=2), Recipe(224, 224, rounding="immich"), Recipe(224, 224, mean=HALF)]
    assert len({recipe.digest for recipe in (base, *others)}) == 4
    assert Recipe(224, 224, source="a.json").digest == base.digest
    assert math.isclose(base.scale * 255, 1)


def test_min_side_is_what_a_picture_may_be_shrunk_to() -> None:
    assert Recipe(224, 224, edge=256).min_side == 256
    assert Recipe(224, 224, resize="squash").min_side == 224
