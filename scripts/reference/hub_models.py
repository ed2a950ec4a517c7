"""Check the loader of CLIP, SigLIP and DINO on real architectures, with transformers as the reference.

The networks have the published configurations and random weights: what a picture or a text becomes on the way into
them, and what comes out, is the same as with weights that were trained, and no hub is needed. The first step runs where
torch and transformers are (`pip install torch "transformers<5" onnx onnxscript`, in an environment of its own), the
second where this package is:

    ELSEWHERE/bin/python scripts/reference/hub_models.py make /tmp/hub-models
    python scripts/reference/hub_models.py compare /tmp/hub-models

It takes some minutes and 6 GB of disk, and is no part of the tests. `compare` ends with 1 where a vector is another.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LEAST = 0.9999
"""Cosine at which a vector is the same: 16 GFLOP in another order of additions differ by 1e-6."""
SIZES = ((640, 480), (480, 640), (333, 500), (500, 333), (257, 256), (1200, 300), (224, 224), (90, 120))
WORDS = (
    "a",
    "the",
    "red",
    "blue",
    "dog",
    "cat",
    "car",
    "beach",
    "running",
    "on",
    "and",
    "of",
    "photo",
    "two",
    "children",
)


@dataclass(frozen=True)
class Architecture:
    """A published model: its name here, its family, the repository whose files it is like, and its configuration."""

    name: str
    family: str
    like: str
    config: dict[str, Any]
    length: int = 0


ARCHITECTURES = (
    Architecture("clip-vit-base-patch32", "clip", "Xenova/clip-vit-base-patch32", {}, 77),
    Architecture(
        "clip-vit-base-patch32-256",
        "clip",
        "yurijmikhalevich/rclip-models",
        {"vision_config": {"image_size": 256, "patch_size": 32}},
        77,
    ),
    Architecture("siglip-base-patch16-224", "siglip", "Xenova/siglip-base-patch16-224", {}, 64),
    Architecture(
        "siglip2-base-patch32-256",
        "siglip",
        "onnx-community/siglip2-base-patch32-256-ONNX",
        {"vision_config": {"image_size": 256, "patch_size": 32}, "text_config": {"vocab_size": 256000}},
        64,
    ),
    Architecture(
        "siglip2-base-patch16-256",
        "siglip",
        "onnx-community/siglip2-base-patch16-256-ONNX",
        {"vision_config": {"image_size": 256, "patch_size": 16}, "text_config": {"vocab_size": 256000}},
        64,
    ),
    Architecture(
        "dinov2-small",
        "dino",
        "onnx-community/dinov2-small",
        {"hidden_size": 384, "num_attention_heads": 6, "num_hidden_layers": 12, "image_size": 518, "patch_size": 14},
    ),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["make", "compare", "first-text"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", help="architectures; all by default")
    given = parser.parse_args()
    chosen = [each for each in ARCHITECTURES if not given.names or each.name in given.names]
    if given.step == "first-text":
        return first_text(given.folder)
    if given.step == "make":
        for each in chosen:
            make(each, given.folder / each.name)
        return 0
    worst = [compare(each, given.folder / each.name) for each in chosen]
    return int(min(worst) < LEAST)


def pictures() -> list[Image.Image]:
    """Return smooth pictures with noise of several sizes and ratios, always the same."""
    random = np.random.default_rng(7)
    found = []
    for width, height in SIZES:
        coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), np.uint8)).resize(
            (width, height), Image.Resampling.BICUBIC
        )
        noise = random.normal(0, 12, (height, width, 3))
        found.append(Image.fromarray((np.asarray(coarse) + noise).clip(0, 255).astype(np.uint8)))
    return found


def texts() -> list[str]:
    """Return texts that every family cleans alike: small letters, no punctuation; one is too long."""
    random = np.random.default_rng(8)
    return [" ".join(random.choice(WORDS, size)) for size in (1, 2, 3, 5, 8, 13, 21, 34, 90)]


def make(architecture: Architecture, folder: Path) -> None:
    """Write a model as the hub has it, and what transformers makes of the pictures and the texts."""
    import torch

    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    model, processor = _model(architecture)
    with torch.inference_mode():
        pixels = torch.cat([processor(images=image, return_tensors="pt")["pixel_values"] for image in pictures()])
        sides = _sides(architecture, model)
        found = {"images": sides["vision"](pixels).numpy()}
        _export(sides["vision"], pixels[:2], folder, "vision", architecture)
        if architecture.length:
            ids = _tokens(architecture, folder)
            found["texts"] = sides["text"](torch.tensor(ids)).numpy()
            _export(sides["text"], torch.tensor(ids[:2]), folder, "text", architecture)
    np.savez(folder / "expected.npz", **found)
    model.config.save_pretrained(folder)
    processor.save_pretrained(folder)
    print(f"{architecture.name}: made")


def _model(architecture: Architecture) -> tuple[Any, Any]:
    import transformers as hf

    side = architecture.config.get("vision_config", {}).get("image_size", 224)
    if architecture.family == "clip":
        size = {"size": {"shortest_edge": side}, "crop_size": {"height": side, "width": side}}
        return hf.CLIPModel(hf.CLIPConfig(**architecture.config)).eval(), hf.CLIPImageProcessor(**size)
    if architecture.family == "siglip":
        resample = 2 if "siglip2" in architecture.name else 3
        processor = hf.SiglipImageProcessor(
            size={"height": side, "width": side}, resample=resample, image_mean=[0.5] * 3, image_std=[0.5] * 3
        )
        return hf.SiglipModel(hf.SiglipConfig(**architecture.config)).eval(), processor
    processor = hf.BitImageProcessor(
        size={"shortest_edge": 256},
        crop_size={"height": 224, "width": 224},
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    return hf.Dinov2Model(hf.Dinov2Config(**architecture.config)).eval(), processor


def _sides(architecture: Architecture, model: Any) -> dict[str, Any]:
    """Return each side as a network of one input and one output."""
    import torch

    class Side(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, run: Callable[[Any], Any]) -> None:
            super().__init__()
            self.whole = model
            self.run = run

        def forward(self, given: Any) -> Any:
            return self.run(given)

    def side(run: Callable[[Any], Any]) -> Any:
        return Side(run).eval()

    if architecture.family == "dino":
        return {"vision": side(lambda pixels: model(pixel_values=pixels).last_hidden_state)}
    return {
        "vision": side(lambda pixels: model.get_image_features(pixel_values=pixels)),
        "text": side(lambda ids: model.get_text_features(input_ids=ids)),
    }


def _export(side: Any, example: Any, folder: Path, which: str, architecture: Architecture) -> None:
    import torch

    (folder / "onnx").mkdir(exist_ok=True)
    joint = "pooler_output" if architecture.family == "siglip" else f"{'image' if which == 'vision' else 'text'}_embeds"
    name = "model" if architecture.family == "dino" else f"{which}_model"
    torch.onnx.export(
        side,
        (example,),
        str(folder / "onnx" / f"{name}.onnx"),
        input_names=["pixel_values" if which == "vision" else "input_ids"],
        output_names=["last_hidden_state" if architecture.family == "dino" else joint],
        dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=1024)},),
        external_data=False,
        dynamo=True,
        verbose=False,
    )


def _tokens(architecture: Architecture, folder: Path) -> list[list[int]]:
    """Write a tokenizer in the form of the family's, of few words, and return the numbers that transformers gives."""
    from transformers import PreTrainedTokenizerFast

    if architecture.family == "clip":
        start, end, fill = "<|startoftext|>", "<|endoftext|>", "<|endoftext|>"
        numbers = {start: 49406, end: 49407}
        template, kind = f"{start} $A {end}", "CLIPTokenizer"
    elif "siglip2" in architecture.name:
        end, fill, numbers, template, kind = "<eos>", "<pad>", {"<pad>": 0, "<eos>": 1}, "$A <eos>", "GemmaTokenizer"
    else:
        end, fill, numbers, template, kind = "</s>", "</s>", {"</s>": 1}, "$A </s>", "SiglipTokenizer"
    words = {word: 1000 + 31 * place for place, word in enumerate(WORDS)}
    _write_tokenizer(folder / "tokenizer.json", {**numbers, "<unk>": 3, **words}, template)
    said = {"tokenizer_class": kind, "pad_token": fill, "eos_token": end, "model_max_length": architecture.length}
    (folder / "tokenizer_config.json").write_text(json.dumps({**said, "padding_side": "right"}))
    fast = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), pad_token=fill, padding_side="right")
    rows = fast(texts(), padding="max_length", truncation=True, max_length=architecture.length)["input_ids"]
    return [list(row) for row in rows]


def _write_tokenizer(path: Path, numbers: dict[str, int], template: str) -> None:
    """Write a tokenizer of whole words; its own library complains of numbers that no word has."""
    pieces = [
        {"Sequence": {"id": "A", "type_id": 0}} if part == "$A" else {"SpecialToken": {"id": part, "type_id": 0}}
        for part in template.split()
    ]
    special = {
        part: {"id": part, "ids": [numbers[part]], "tokens": [part]} for part in template.split() if part != "$A"
    }
    said = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": {"type": "TemplateProcessing", "single": pieces, "pair": pieces, "special_tokens": special},
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": numbers, "unk_token": "<unk>"},
    }
    path.write_text(json.dumps(said))


def compare(architecture: Architecture, folder: Path) -> float:
    """Print how near the vectors of this package are to those of transformers, and what they cost; return the least."""
    from hybrid_search.embedders.registry import get_embedder

    expected = np.load(folder / "expected.npz")
    embedder = get_embedder(f"{architecture.family}:{folder.resolve()}")
    images = expected["images"][:, 0] if expected["images"].ndim == 3 else expected["images"]
    least = _least(embedder.embed_images(pictures()), images)
    line = f"{architecture.name}: pictures {least:.7f}, {_rate(embedder):.1f} a second"
    if "texts" in expected:
        of_texts = _least(embedder.embed_texts(texts()), expected["texts"])
        code = [sys.executable, __file__, "first-text", str(folder)]
        line += (
            f"; texts {of_texts:.7f}, {subprocess.run(code, capture_output=True, text=True, check=True).stdout.strip()}"
        )
        least = min(least, of_texts)
        line += f"; 8 bits {_eight_bits(architecture, folder)}"
    print(line, flush=True)
    return least


def _eight_bits(architecture: Architecture, folder: Path) -> str:
    """Return how fast the side for pictures is in 8 bits, and whether a picture is the same alone and among others.

    Of weights with a sign ("int8"), which VNNI multiplies; others ("uint8", often "q8") are no faster than floats.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    from hybrid_search.embedders.registry import get_embedder

    logging.disable(logging.WARNING)
    for side in ("vision", "text"):
        whole = folder / "onnx" / f"{side}_model.onnx"
        quantize_dynamic(
            whole,
            whole.with_name(f"{side}_model_int8.onnx"),
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul"],
        )
    embedder = get_embedder(f"{architecture.family}:{folder.resolve()}?dtype=int8")
    together = embedder.embed_images(pictures())
    alone = np.concatenate([embedder.embed_images([picture]) for picture in pictures()])
    return f"{_rate(embedder):.1f} a second, alone {'the same' if (together == alone).all() else 'another'}"


def _least(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    unit = expected / np.linalg.norm(expected, axis=1, keepdims=True)
    return float((found * unit).sum(axis=1).min())


def _rate(embedder: Any) -> float:
    """Return pictures for a second of processor time, prepared and embedded."""
    many = pictures() * 3
    embedder.embed_images(many[:2])
    start = time.process_time()
    embedder.embed_images(many)
    return len(many) / (time.process_time() - start)


def first_text(folder: Path) -> int:
    """Print what the first text costs in a process of its own: seconds of the processor, and the most memory."""
    from hybrid_search.embedders.registry import get_embedder

    family = next(each.family for each in ARCHITECTURES if each.name == folder.name)
    embedder = get_embedder(f"{family}:{folder.resolve()}")
    start = time.process_time()
    embedder.embed_texts(["a dog running on a beach"])
    seconds = time.process_time() - start
    # what getrusage gives is the most that the parent had, too
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(f"the first after {seconds:.2f} s of processor and {int(status['VmHWM'].split()[0]) / 1024:.0f} MB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
