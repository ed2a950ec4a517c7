"""Tiny networks with random weights in the layouts of published models, and the same arithmetic in NumPy.

File names, names of inputs and outputs, types and fixed batches are those of the real ones (research of the project);
only the networks are small: 16 patches or words, one layer.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper, numpy_helper

SIDE, PATCH, CHANNELS = 16, 4, 8
WORDS = ("a", "red", "green", "blue", "dog", "beach", "new", "york", "on", "the")
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
FLOATS = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16}
INTEGERS = {"int64": TensorProto.INT64, "int32": TensorProto.INT32}


@dataclass(frozen=True)
class Tiny:
    """Weights of both sides, and what they give."""

    dims: int = 6
    vocabulary: int = 600
    length: int = 77
    seed: int = 0
    weights: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        random = np.random.default_rng(self.seed)
        for name, shape in {
            "kernel": (CHANNELS, 3, PATCH, PATCH),
            "head": (CHANNELS * (SIDE // PATCH) ** 2, self.dims),
            "tokens": (CHANNELS, self.dims),
            "words": (self.vocabulary, CHANNELS),
            "places": (self.length, CHANNELS),
            "text_head": (CHANNELS, self.dims),
        }.items():
            self.weights[name] = random.normal(size=shape).astype(np.float32)

    def patches(self, images: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return (n, channels, 4, 4): a convolution whose windows do not overlap, and what of it is positive."""
        n, cells = len(images), SIDE // PATCH
        windows = images.astype(np.float64).reshape(n, 3, cells, PATCH, cells, PATCH)
        return np.maximum(np.einsum("ncyaxb,kcab->nkyx", windows, self.weights["kernel"].astype(np.float64)), 0)

    def image(self, images: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return unit vectors of (n, 3, 16, 16) prepared pixels."""
        return unit(self.patches(images).reshape(len(images), -1) @ self.weights["head"])

    def first_token(self, images: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return unit vectors of the first token, as DINO's class token is."""
        return unit(self.patches(images)[:, :, 0, 0] @ self.weights["tokens"])

    def text(self, ids: Sequence[Sequence[int]], mask: Sequence[Sequence[int]] | None = None) -> NDArray[np.float64]:
        """Return unit vectors of filled rows of numbers of tokens; all tokens count where there is no mask."""
        words = np.tanh(self.weights["words"][np.array(ids)] * self.weights["places"]).astype(np.float64)
        counts = np.ones(words.shape[:2]) if mask is None else np.array(mask, float)
        return unit((words * counts[:, :, None]).sum(1) @ self.weights["text_head"])


def unit(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float64)


def image_model(
    tiny: Tiny,
    *,
    takes: str = "pixel_values",
    gives: str = "image_embeds",
    dtype: str = "float32",
    batch: str | int = "batch",
    states_dims: bool = True,
    normalised: bool = False,
) -> onnx.ModelProto:
    """Return the side for pictures; `gives` "last_hidden_state" makes one vector for each patch."""
    kind = FLOATS[dtype]
    hidden = gives == "last_hidden_state"
    cells = (SIDE // PATCH) ** 2
    shape: list[Any] = [batch, cells, tiny.dims] if hidden else [batch, tiny.dims if states_dims else "width"]
    nodes = [
        helper.make_node("Conv", [takes, "kernel"], ["conv"], strides=[PATCH, PATCH], kernel_shape=[PATCH, PATCH]),
        helper.make_node("Relu", ["conv"], ["positive"]),
        helper.make_node("Reshape", ["positive", "hidden_shape" if hidden else "flat_shape"], ["rows"]),
    ]
    if hidden:
        nodes += [helper.make_node("Transpose", ["rows"], ["by_token"], perm=[0, 2, 1])]
    nodes += [helper.make_node("MatMul", ["by_token" if hidden else "rows", "last"], ["result"])]
    nodes += _end(gives, normalised=normalised)
    constants = {
        "kernel": tiny.weights["kernel"].astype(dtype),
        "last": tiny.weights["tokens" if hidden else "head"].astype(dtype),
        "hidden_shape" if hidden else "flat_shape": np.array([0, 0, -1] if hidden else [0, -1], np.int64),
    }
    inputs = [helper.make_tensor_value_info(takes, kind, [batch, 3, SIDE, SIDE])]
    return _model(nodes, inputs, helper.make_tensor_value_info(gives, kind, shape), constants)


def text_model(
    tiny: Tiny,
    *,
    takes: str = "input_ids",
    gives: str = "text_embeds",
    dtype: str = "int64",
    batch: str | int = "batch",
    length: str | int = "sequence",
    mask: bool = False,
    states_dims: bool = True,
    normalised: bool = False,
) -> onnx.ModelProto:
    """Return the side for texts, in which every place counts, so that wrong filling is seen."""
    kind = INTEGERS[dtype]
    nodes = [
        helper.make_node("Gather", ["words", takes], ["found"]),
        helper.make_node("Mul", ["found", "places"], ["placed"]),
        helper.make_node("Tanh", ["placed"], ["bent"]),
    ]
    inputs = [helper.make_tensor_value_info(takes, kind, [batch, length])]
    if mask:
        inputs.append(helper.make_tensor_value_info("attention_mask", kind, [batch, length]))
        nodes += [
            helper.make_node("Cast", ["attention_mask"], ["as_float"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["as_float", "last_axis"], ["column"]),
            helper.make_node("Mul", ["bent", "column"], ["counted"]),
        ]
    nodes += [
        helper.make_node("ReduceSum", ["counted" if mask else "bent", "middle_axis"], ["sum"], keepdims=0),
        helper.make_node("MatMul", ["sum", "last"], ["result"]),
        *_end(gives, normalised=normalised),
    ]
    constants = {
        "words": tiny.weights["words"],
        "places": tiny.weights["places"],
        "last": tiny.weights["text_head"],
        "middle_axis": np.array([1], np.int64),
        **({"last_axis": np.array([2], np.int64)} if mask else {}),
    }
    shape: list[Any] = [batch, tiny.dims if states_dims else "width"]
    return _model(nodes, inputs, helper.make_tensor_value_info(gives, TensorProto.FLOAT, shape), constants)


def both_model(tiny: Tiny, *, names: str = "{}_embeds", mask: bool = False) -> onnx.ModelProto:
    """Return both sides in one graph, as optimum exports a model whole: unit vectors, and their products."""
    sides = (
        image_model(tiny, gives=names.format("image"), normalised=True, batch="image_batch_size"),
        text_model(tiny, gives=names.format("text"), normalised=True, mask=mask, batch="text_batch_size"),
    )
    # weights of one name are there in both sides
    images, texts = (
        compose.add_prefix(side, f"{at}/", rename_inputs=False, rename_outputs=False).graph
        for at, side in enumerate(sides)
    )
    logits = [
        helper.make_node("Transpose", [names.format("text")], ["turned"], perm=[1, 0]),
        helper.make_node("MatMul", [names.format("image"), "turned"], ["logits_per_image"]),
    ]
    products = helper.make_tensor_value_info(
        "logits_per_image", TensorProto.FLOAT, ["image_batch_size", "text_batch_size"]
    )
    graph = helper.make_graph(
        # those of the sides stand in turns
        [node for pair in zip_longest(images.node, texts.node) for node in pair if node is not None] + logits,
        "both",
        [*texts.input, *images.input],
        [products, *texts.output, *images.output],
        initializer=[*texts.initializer, *images.initializer],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def _end(gives: str, *, normalised: bool) -> list[onnx.NodeProto]:
    if normalised:
        return [helper.make_node("LpNormalization", ["result"], [gives], axis=1, p=2)]
    return [helper.make_node("Identity", ["result"], [gives])]


def _model(nodes: Any, inputs: Any, output: Any, constants: Mapping[str, NDArray[Any]]) -> onnx.ModelProto:
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, [output], initializer=weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def save(model: onnx.ModelProto, path: Path, *, weights: str | None = None) -> Path:
    """Write a model; its weights to a file beside it where one is named."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if weights is None:
        onnx.save_model(model, str(path))
    else:
        onnx.save_model(
            model,
            str(path),
            save_as_external_data=True,
            all_tensors_to_one_file=True,
            location=weights,
            size_threshold=64,
        )
    return path


def write_json(path: Path, **said: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(said), encoding="utf-8")
    return path


def word_tokenizer(path: Path, *, specials: Sequence[str], template: str, lower: bool = True) -> dict[str, int]:
    """Write a tokenizer.json that knows `WORDS`, and return its numbers: the specials first, "<unk>" after them."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    numbers = {word: number for number, word in enumerate((*specials, "<unk>", *WORDS))}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token="<unk>"))
    if lower:
        tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    named = [(word, numbers[word]) for word in specials if word in template]
    tokenizer.post_processor = processors.TemplateProcessing(single=template, special_tokens=named)
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))
    return numbers


def clip_processor(folder: Path, **changes: Any) -> None:
    """Write the preprocessor_config.json of OpenAI's CLIP, for the tiny side."""
    said = {
        "crop_size": {"height": SIDE, "width": SIDE},
        "do_center_crop": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": CLIP_MEAN,
        "image_processor_type": "CLIPImageProcessor",
        "image_std": CLIP_STD,
        "resample": 3,
        "rescale_factor": 0.00392156862745098,
        "size": {"shortest_edge": SIDE},
    }
    write_json(folder / "preprocessor_config.json", **{**said, **changes})


def transformers_clip(
    folder: Path, tiny: Tiny, *, suffix: str = "", mask: bool = False, **options: Any
) -> dict[str, int]:
    """Make Xenova/clip-vit-base-patch32 in small; returns the numbers of its tokens."""
    save(image_model(tiny, **options), folder / "onnx" / f"vision_model{suffix}.onnx")
    save(text_model(tiny, mask=mask), folder / "onnx" / f"text_model{suffix}.onnx")
    clip_processor(folder)
    write_json(folder / "config.json", model_type="clip", projection_dim=tiny.dims, text_config={})
    write_json(
        folder / "tokenizer_config.json",
        tokenizer_class="CLIPTokenizer",
        model_max_length=77,
        pad_token="<|endoftext|>",
        do_lower_case=True,
    )
    specials = ("<|startoftext|>", "<|endoftext|>")
    return word_tokenizer(folder / "tokenizer.json", specials=specials, template="<|startoftext|> $A <|endoftext|>")


def optimum_clip(
    folder: Path, tiny: Tiny, *, graph: str = "onnx/model.onnx", weights: str | None = None, **options: Any
) -> dict[str, int]:
    """Make what `optimum-cli export onnx` makes of openai/clip-vit-base-patch32 in small: one file for both sides."""
    numbers = transformers_clip(folder, tiny)
    for side in ("vision", "text"):
        (folder / "onnx" / f"{side}_model.onnx").unlink()
    save(both_model(tiny, **options), folder / graph, weights=weights)
    return numbers


def transformers_siglip(folder: Path, tiny: Tiny, *, second: bool = False, weights: bool = False) -> dict[str, int]:
    """Make Xenova/siglip-base-patch16-224 in small, or onnx-community/siglip2-base-patch16-256-ONNX."""
    beside = {"weights": "vision_model.onnx_data"} if weights else {}
    save(image_model(tiny, gives="pooler_output"), folder / "onnx" / "vision_model.onnx", **beside)
    save(text_model(tiny, gives="pooler_output"), folder / "onnx" / "text_model.onnx")
    write_json(
        folder / "preprocessor_config.json",
        do_normalize=True,
        do_rescale=True,
        do_resize=True,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
        image_processor_type="SiglipImageProcessor",
        resample=2 if second else 3,
        rescale_factor=1 / 255,
        size={"height": SIDE, "width": SIDE},
    )
    write_json(folder / "config.json", model_type="siglip", text_config={"model_type": "siglip_text_model"})
    if second:
        said = {"tokenizer_class": "GemmaTokenizer", "pad_token": "<pad>", "padding_side": "right"}
        specials = ("<pad>", "<eos>")
        template = "$A <eos>"
    else:
        said = {"tokenizer_class": "SiglipTokenizer", "pad_token": "</s>", "model_max_length": 64}
        specials, template = ("<pad>", "</s>"), "$A </s>"
    write_json(folder / "tokenizer_config.json", **{"model_max_length": 1e30, **said})
    return word_tokenizer(folder / "tokenizer.json", specials=specials, template=template, lower=False)


def immich(folder: Path, tiny: Tiny, *, resize_mode: str = "shortest", clean: str | None = None) -> dict[str, int]:
    """Make immich-app/ViT-B-32__openai in small: one row at a time, unit vectors, int32; weights in files beside."""
    vision = image_model(tiny, takes="image", gives="embedding", batch=1, normalised=True)
    save(vision, folder / "visual" / "model.onnx", weights="5f0e3c1a-dead-beef")
    text = text_model(
        tiny, takes="text", gives="embedding", dtype="int32", batch=1, length=tiny.length, normalised=True
    )
    save(text, folder / "textual" / "model.onnx")
    write_json(
        folder / "visual" / "preprocess_cfg.json",
        size=[SIDE, SIDE],
        mode="RGB",
        mean=CLIP_MEAN,
        std=CLIP_STD,
        interpolation="bicubic",
        resize_mode=resize_mode,
        fill_color=0,
    )
    kwargs = {"tokenizer_kwargs": {"clean": clean}} if clean else {}
    write_json(folder / "config.json", embed_dim=tiny.dims, text_cfg={"context_length": tiny.length, **kwargs})
    write_json(folder / "textual" / "tokenizer_config.json", pad_token="<|endoftext|>")
    specials = ("<|startoftext|>", "<|endoftext|>")
    return word_tokenizer(
        folder / "textual" / "tokenizer.json", specials=specials, template="<|startoftext|> $A <|endoftext|>"
    )


MERGES = ("d o", "do g</w>", "r e", "re d</w>")


def merges_file(path: Path) -> Path:
    """Write a list of merges as CLIP's is: a line that is no merge, then one merge a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("\n".join(('"bpe_simple_vocab_16e6.txt#version: 0.2', *MERGES, "")).encode()))
    return path


def rclip(root: Path, tiny: Tiny, *, dtype: str = "float32") -> Path:
    """Make yurijmikhalevich/rclip-models in small; returns the folder of the model, beside that of the tokenizer."""
    folder = root / "ViT-B-32-256-datacomp_s34b_b86k"
    save(image_model(tiny, takes="input", gives="output", dtype=dtype), folder / "visual.onnx")
    save(text_model(tiny, takes="input", gives="output", length=tiny.length), folder / "textual.onnx")
    merges_file(root / "tokenizer" / "bpe_simple_vocab_16e6.txt.gz")
    return folder


def fastembed(vision: Path, text: Path, tiny: Tiny) -> dict[str, int]:
    """Make Qdrant/clip-ViT-B-32-vision and -text in small: one side in each folder."""
    save(image_model(tiny), vision / "model.onnx")
    clip_processor(vision)
    write_json(vision / "config.json", model_type="clip_vision_model", projection_dim=tiny.dims)
    save(text_model(tiny, mask=True), text / "model.onnx")
    write_json(text / "config.json", model_type="clip_text_model", max_position_embeddings=77)
    write_json(text / "tokenizer_config.json", pad_token="<|endoftext|>", model_max_length=77)
    specials = ("<|startoftext|>", "<|endoftext|>")
    return word_tokenizer(text / "tokenizer.json", specials=specials, template="<|startoftext|> $A <|endoftext|>")


def rocca(folder: Path, tiny: Tiny) -> None:
    """Make the files of rocca/openai-clip-js in small, beside CLIP's list of merges."""
    save(image_model(tiny, takes="input", gives="output", batch=1), folder / "clip-image-vit-32-float32.onnx")
    text = text_model(tiny, takes="input", gives="output", dtype="int32", batch=1, length=tiny.length)
    save(text, folder / "clip-text-vit-32-float32-int32.onnx")
    merges_file(folder / "bpe_simple_vocab_16e6.txt.gz")


def dino(folder: Path, tiny: Tiny, *, processor: bool = True) -> None:
    """Make onnx-community/dinov2-small in small: a vector for each patch, the first of which is taken."""
    save(image_model(tiny, gives="last_hidden_state"), folder / "onnx" / "model.onnx")
    write_json(folder / "config.json", model_type="dinov2", hidden_size=tiny.dims)
    if processor:
        clip_processor(
            folder,
            image_processor_type="BitImageProcessor",
            size={"shortest_edge": 18},
            image_mean=[0.485, 0.456, 0.406],
            image_std=[0.229, 0.224, 0.225],
        )
