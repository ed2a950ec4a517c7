"""Recipes from the files that come with models, and the table of what each family does where no file says it.

Sources: `preprocessor_config.json` of transformers, `preprocess_cfg.json` of immich and open_clip, and for the table
the READMEs and configurations of the families.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hybrid_search.embedders.hub.recipe import CLIP_MEAN, CLIP_STD, IMAGENET_MEAN, IMAGENET_STD, Recipe, Triple
from hybrid_search.errors import WeightsMissing

_HALF: Triple = (0.5, 0.5, 0.5)
_FILTERS = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
_SQUARES = ("vit", "siglip", "deit", "beit", "dinov3")
"""Kinds of processors of transformers to which a plain number as `size` is a square, not the shorter side."""


def read_recipe(settings: Sequence[Path], *, layout: str, sides: tuple[int | None, int | None]) -> Recipe | None:
    """Return the recipe that a model's files give, None where they give none.

    Parameters
    ----------
    settings : sequence of Path
        The files, nearest first.
    layout : str
        See `Side`; whose rounding it is follows from it.
    sides : (height, width)
        What the graph takes, None where it takes any size; it has the last word on the size of the picture.

    Raises
    ------
    WeightsMissing
        When a file is no JSON, or says what cannot be.
    """
    for path in settings:
        said = read_json(path)
        try:
            recipe = _recipe(path.name, said, layout, sides)
        except (KeyError, TypeError, ValueError) as error:
            raise WeightsMissing(str(path), f"says what this reader cannot use: {error}") from error
        if recipe is not None:
            return replace(recipe, source=path.name)
    return None


def family_recipe(family: str, name: str, *, layout: str, sides: tuple[int | None, int | None]) -> Recipe:
    """Return what a family of models does with pictures, for files that do not say it.

    Examples
    --------
    >>> family_recipe("siglip", "siglip-base", layout="transformers.js", sides=(None, None)).resize
    'squash'
    """
    name = name.lower()
    rounding = "hf" if layout in ("transformers.js", "one tower") else "torchvision"
    side = sides[0] or (256 if layout == "rclip" and "256" in name else 224)
    base = Recipe(side, side, edge=side, rounding=rounding)
    if family == "dino":
        edge = round(side * 256 / 224)
        recipe = replace(base, edge=edge, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    elif family == "siglip":
        bilinear = "siglip2" in name and rounding == "hf"
        recipe = replace(base, resize="squash", filter=2 if bilinear else 3, mean=_HALF, std=_HALF)
    elif "mobileclip" in name and not any(f"mobileclip2{sep}{size}" in name for sep in "-_" for size in _LATER):
        side = sides[0] or (224 if name.endswith(("_b", "-b", "_blt", "-blt")) else 256)
        recipe = Recipe(side, side, edge=side, filter=2, rounding=rounding, mean=(0.0,) * 3, std=(1.0,) * 3)
    elif "mobileclip" in name:
        recipe = replace(base, filter=3 if "l" in name.rsplit("mobileclip2", 1)[1] else 2)
    elif "laion2b_s32b" in name:
        recipe = replace(base, mean=_HALF, std=_HALF)
    else:
        recipe = base
    return replace(recipe, source=f"assumed for {family}")


_LATER = ("s3", "s4", "l")
"""MobileCLIP2's sizes that take CLIP's mean and deviation; the others are only rescaled."""


def read_json(path: Path) -> Mapping[str, Any]:
    """Return the object in a JSON file.

    Raises
    ------
    WeightsMissing
        When it cannot be read, or holds something else.
    """
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsMissing(str(path), f"cannot be read as JSON ({error}); bring it again") from error
    if not isinstance(said, dict):
        raise WeightsMissing(str(path), "is no JSON object; bring it again")
    return said


def _recipe(file: str, said: Mapping[str, Any], layout: str, sides: tuple[int | None, int | None]) -> Recipe | None:
    recipe = None
    if file in ("open_clip_config.json", "open_clip_model_config.json", "config.json"):
        if isinstance(inner := said.get("preprocess_cfg"), dict):
            network = said.get("model_cfg") or said
            size = (network.get("vision_cfg") or {}).get("image_size") or sides[0]
            recipe = _open_clip({"size": size, **inner}, layout)
    elif file == "preprocess_cfg.json" or (file == "preprocessor_config.json" and "resize_mode" in said):
        recipe = _open_clip(said, layout)
    elif file == "preprocessor_config.json":
        recipe = _transformers(said)
    elif file == "processor_config.json" and isinstance(inner := said.get("image_processor"), dict):
        recipe = _transformers(inner)
    if recipe is not None:
        height, width = sides[0] or recipe.height, sides[1] or recipe.width
        if (width, height) != (recipe.width, recipe.height):
            made = f"{recipe.width} × {recipe.height}"
            raise ValueError(f"it makes pictures of {made} pixels, the network takes {width} × {height}")
    return recipe


def _open_clip(said: Mapping[str, Any], layout: str) -> Recipe:
    """Read open_clip's keys, in which immich and jina-clip write as well."""
    width, height = _square(said["size"])
    mode = str(said.get("resize_mode") or "shortest")
    if mode not in ("shortest", "squash", "longest"):
        raise ValueError(f"resize_mode {mode!r}")
    return Recipe(
        width,
        height,
        resize=mode,
        edge=min(width, height),
        filter=_filter(said.get("interpolation") or "bicubic"),
        rounding="immich" if layout == "immich" else "torchvision",
        fill=int(said.get("fill_color") or 0),
        mean=_triple(said.get("mean") or said.get("image_mean") or CLIP_MEAN),
        std=_triple(said.get("std") or said.get("image_std") or CLIP_STD),
    )


def _transformers(said: Mapping[str, Any]) -> Recipe | None:
    """Read the keys of transformers, those of its first versions too; null is as good as absent."""
    crops = bool(said.get("do_center_crop", "crop_size" in said))
    said = {key: value for key, value in said.items() if value is not None}
    size = said.get("size", said.get("crop_size"))
    if size is None:
        return None
    kind = str(said.get("image_processor_type", said.get("feature_extractor_type", ""))).lower()
    width, height = _square(said.get("crop_size", size) if crops else size)
    resize, edge = _resize(size, square=kind.startswith(_SQUARES) or not crops)
    if resize == "squash" and _square(size) != (width, height):
        raise ValueError(f"a square of {size} of which {width} × {height} are cut out")
    usual = _HALF if kind.startswith(_SQUARES) else CLIP_MEAN, _HALF if kind.startswith(_SQUARES) else CLIP_STD
    normalises = said.get("do_normalize", True)
    return Recipe(
        width,
        height,
        resize=resize if said.get("do_resize", True) else "none",
        edge=edge or min(width, height),
        filter=_filter(said.get("resample", 3 if crops or kind.startswith("siglip") else 2)),
        rounding="hf",
        # without rescaling mean and deviation are those of 0 to 255
        scale=float(said.get("rescale_factor", 1 / 255)) if said.get("do_rescale", True) else 1.0,
        mean=_triple(said.get("image_mean", said.get("mean")) or usual[0]) if normalises else (0.0, 0.0, 0.0),
        std=_triple(said.get("image_std", said.get("std")) or usual[1]) if normalises else (1.0, 1.0, 1.0),
    )


def _resize(size: Any, *, square: bool) -> tuple[str, int]:
    """Return how the picture is resized, and its shorter side where that is what is given."""
    if isinstance(size, dict):
        if "shortest_edge" in size:
            return "shortest", int(size["shortest_edge"])
        return ("longest" if "longest_edge" in size else "squash"), 0
    return ("squash", 0) if square or isinstance(size, list) else ("shortest", int(size))


def _square(size: Any) -> tuple[int, int]:
    """Read a size in any of its forms, as width and height."""
    if isinstance(size, dict):
        if "height" in size:
            return int(size["width"]), int(size["height"])
        side = int(size["shortest_edge"] if "shortest_edge" in size else size["longest_edge"])
        return side, side
    if isinstance(size, list):
        return int(size[-1]), int(size[0])
    return int(size), int(size)


def _filter(named: Any) -> int:
    if isinstance(named, str):
        return _FILTERS.index(named.lower())
    if int(named) not in range(len(_FILTERS)):
        raise ValueError(f"resampling filter {named}")
    return int(named)


def _triple(values: Any) -> Triple:
    if isinstance(values, int | float):
        return (float(values),) * 3
    red, green, blue = (float(value) for value in values)
    return red, green, blue
