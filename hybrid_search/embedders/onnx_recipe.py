"""How an ONNX file of others is to be run: what its graph leaves open, options say; nothing is assumed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hybrid_search.embedders.onnx_card import Card
from hybrid_search.embedders.onnx_facts import Facts
from hybrid_search.embedders.onnx_graph import Port
from hybrid_search.embedders.option_values import choice, number, numbers, whole
from hybrid_search.errors import BadEmbedderOption

LAYOUTS = ("nchw", "nhwc")
RESIZES = ("squash", "trim", "crop", "pad")
POOLINGS = ("avg", "max", "gem")
PRESETS = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "clip": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "none": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}
"""Means and deviations by name, of pixels in [0, 1]."""
_KNOWN_OUTPUTS = ("image_embeds", "pooler_output", "embedding", "output")
_MAP_LAYOUT = "output_layout"
_IMAGE_TYPES = ("uint8", "float32", "float16")


@dataclass(frozen=True)
class OnnxRecipe:
    """A card, the ports it speaks of, and how an output that is a feature map is pooled.

    `pooling` is "" where the output is a vector; `map_layout` is "" also where the graph leaves it open.
    """

    card: Card
    input: Port
    output: Port
    pooling: str = ""
    map_layout: str = ""


def recipe(facts: Facts, given: Mapping[str, str], *, owner: str) -> OnnxRecipe:
    """Return how to run a file; `given` are options of its name, all text.

    Raises
    ------
    BadEmbedderOption
        When the graph leaves something open that no option says, or an option contradicts it.
    """
    if facts.card is not None:
        if given:
            raise BadEmbedderOption(owner, next(iter(given)), "the file says itself how it is run; leave it out")
        taken = _port(owner, "input", facts.inputs[0].name, facts.inputs)
        return OnnxRecipe(facts.card, taken, _port(owner, "output", facts.card.output, facts.outputs))
    taken = _input(facts, given, owner)
    output = _output(facts, given, owner)
    layout = _layout(taken, given, owner)
    mean, std, scale = _range(taken, given, owner)
    card = Card(
        embedder="",
        version="",
        size=_size(taken, layout, given, owner),
        resize=choice(owner, "resize", given.get("resize", "squash"), RESIZES),
        output=output.name,
        channels=choice(owner, "channels", given.get("channels", "rgb"), ("rgb", "bgr")),
        layout=layout,
        dtype=taken.dtype,
        scale=scale,
        mean=mean,
        std=std,
    )
    pooling = _pooling(output, given, owner)
    said = choice(owner, _MAP_LAYOUT, given[_MAP_LAYOUT], LAYOUTS) if _MAP_LAYOUT in given else ""
    return OnnxRecipe(card, taken, output, pooling, said or map_layout(output.shape))


def map_layout(shape: Sequence[int | None]) -> str:
    """Return where a feature map has its channels, "nchw" or "nhwc", and "" where its shape does not tell.

    What is made of square pictures is as high as it is wide, and where sides are left open, those are height and width.
    A network that takes channels last may well give them first, as one does that was converted from another format.

    Examples
    --------
    >>> map_layout((None, 512, 7, 7)), map_layout((1, None, None, 512)), map_layout((1, 7, 7, 7)), map_layout((1, 512))
    ('nchw', 'nhwc', '', '')
    """
    if len(shape) != 4:
        return ""
    first, second, third = shape[1:]
    if second == third != first:
        return "" if first is None else "nchw"
    return "nhwc" if first == second != third and third is not None else ""


def _port(owner: str, option: str, name: str, ports: tuple[Port, ...]) -> Port:
    for port in ports:
        if port.name == name:
            return port
    raise BadEmbedderOption(owner, option, f"there is no {name!r}; the graph has {'; '.join(map(str, ports))}")


def _input(facts: Facts, given: Mapping[str, str], owner: str) -> Port:
    images = [port for port in facts.inputs if len(port.shape) == 4]
    if "input" in given:
        port = _port(owner, "input", given["input"], facts.inputs)
    elif len(images) == 1:
        port = images[0]
    else:
        what = f"the graph has {'; '.join(map(str, facts.inputs)) or 'no input'}"
        raise BadEmbedderOption(owner, "input", f"name the one that takes images: {what}")
    if port.dtype not in _IMAGE_TYPES or len(port.shape) != 4:
        raise BadEmbedderOption(owner, "input", f"{port} takes no images")
    if len(facts.inputs) > 1:
        others = "; ".join(str(each) for each in facts.inputs if each is not port)
        raise BadEmbedderOption(owner, "input", f"the graph wants more than images: {others}")
    return port


def _output(facts: Facts, given: Mapping[str, str], owner: str) -> Port:
    if "output" in given:
        port = _port(owner, "output", given["output"], facts.outputs)
    else:
        known = [port for name in _KNOWN_OUTPUTS for port in facts.outputs if port.name == name]
        if len(facts.outputs) > 1 and not known:
            raise BadEmbedderOption(owner, "output", f"name one: the graph has {'; '.join(map(str, facts.outputs))}")
        port = facts.outputs[0] if len(facts.outputs) == 1 else known[0]
    if len(port.shape) not in (2, 4):
        raise BadEmbedderOption(owner, "output", f"{port} is neither a vector nor a feature map for each image")
    return port


def _layout(port: Port, given: Mapping[str, str], owner: str) -> str:
    axes = (("nchw", 1), ("nhwc", 3))
    possible = [layout for layout, axis in axes if port.shape[axis] in (3, None)]
    sure = [layout for layout, axis in axes if port.shape[axis] == 3]
    if "layout" in given:
        layout = choice(owner, "layout", given["layout"], LAYOUTS)
        if layout not in possible:
            raise BadEmbedderOption(owner, "layout", f"{port} has no 3 channels there")
        return layout
    if len(sure or possible) == 1:
        return (sure or possible)[0]
    reason = "say nchw or nhwc" if possible else "it takes no images of 3 channels"
    raise BadEmbedderOption(owner, "layout", f"{port}: {reason}")


def _size(port: Port, layout: str, given: Mapping[str, str], owner: str) -> int:
    height, width = port.shape[2:] if layout == "nchw" else port.shape[1:3]
    fixed = {side for side in (height, width) if side is not None}
    if len(fixed) == 2:
        raise BadEmbedderOption(owner, "size", f"{port} is not square")
    if "size" in given:
        size = whole(owner, "size", given["size"], least=1)
        if fixed - {size}:
            raise BadEmbedderOption(owner, "size", f"{port} has another (got {size})")
        return size
    if not fixed:
        raise BadEmbedderOption(owner, "size", f"{port} leaves it open: size=224")
    return fixed.pop()


Three = tuple[float, float, float]


def _range(port: Port, given: Mapping[str, str], owner: str) -> tuple[Three, Three, float]:
    if port.dtype == "uint8":
        for option in ("mean", "std", "scale"):
            if option in given:
                raise BadEmbedderOption(owner, option, f"{port} takes pixels as they are")
        return *PRESETS["none"], 1.0
    if "mean" not in given:
        raise BadEmbedderOption(owner, "mean", f"{port} needs one: {', '.join(PRESETS)}, or numbers, with std")
    scale = number(owner, "scale", given["scale"], least=0, most=1e6) if "scale" in given else 1 / 255
    mean, std = PRESETS.get(given["mean"], (None, None))
    mean = mean or _three(owner, "mean", given["mean"])
    if "std" in given:
        std = PRESETS[given["std"]][1] if given["std"] in PRESETS else _three(owner, "std", given["std"])
    if std is None:
        raise BadEmbedderOption(owner, "std", "it belongs to the mean; 1 for none")
    if 0 in std:
        raise BadEmbedderOption(owner, "std", "it must not be 0")
    return mean, std, scale


def _three(owner: str, option: str, value: str) -> Three:
    found = numbers(owner, option, value)
    if len(found) not in (1, 3):
        raise BadEmbedderOption(owner, option, f"one number or three, or {', '.join(PRESETS)} (got {value!r})")
    first, second, third = found * 3 if len(found) == 1 else found
    return first, second, third


def _pooling(port: Port, given: Mapping[str, str], owner: str) -> str:
    if len(port.shape) == 4:
        return choice(owner, "pooling", given.get("pooling", "avg"), POOLINGS)
    for option in ("pooling", _MAP_LAYOUT):
        if option in given:
            raise BadEmbedderOption(owner, option, f"{port} is a vector, there is nothing to pool")
    return ""
