"""Where a published model has its files: the layouts of transformers.js, immich, rclip, fastembed, and their like.

A layout is told by the names of the files alone, so that a folder here and a repository far away are read alike.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from types import MappingProxyType

SUFFIXES = MappingProxyType(
    {
        "fp32": "",
        "fp16": "_fp16",
        "q8": "_quantized",
        "int8": "_int8",
        "uint8": "_uint8",
        "q4": "_q4",
        "q4f16": "_q4f16",
        "bnb4": "_bnb4",
        "q2": "_q2",
        "q2f16": "_q2f16",
        "q1": "_q1",
        "q1f16": "_q1f16",
    }
)
"""What files of each type of numbers end with, before ".onnx" (transformers.js)."""
_ROCCA = MappingProxyType({"fp32": "float32", "fp16": "float16", "uint8": "uint8", "int8": "int8"})
_MERGES = "bpe_simple_vocab_16e6.txt.gz"


@dataclass(frozen=True)
class Side:
    """The files of one side of a model, pictures or texts, by their paths in its folder.

    Parameters
    ----------
    layout : {"transformers.js", "immich", "rclip", "one tower", "rocca"}
        Whose way of arranging files it is.
    graph : str
        The ONNX file.
    beside : tuple of str
        Other files that may hold weights of the graph: those beside it that belong to it by their names.
    settings : tuple of str
        What says how pictures are prepared, or how texts are cut and filled.
    vocabulary : str
        "tokenizer.json", or CLIP's list of merges; empty for pictures, and where there is none.
    """

    layout: str
    graph: str
    beside: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    vocabulary: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """All that has to be there, or brought."""
        return tuple(dict.fromkeys(filter(None, (self.graph, *self.beside, *self.settings, self.vocabulary))))


def find_image_side(files: Collection[str], *, dtype: str = "fp32") -> Side | None:
    """Return the files that turn pictures into vectors, or None; several models beside each other are a ValueError.

    Parameters
    ----------
    files : collection of str
        Paths in the model's folder, with "/" between their parts.
    dtype : str
        One of `SUFFIXES`.

    Examples
    --------
    >>> find_image_side(["config.json", "onnx/vision_model.onnx", "onnx/text_model.onnx"]).graph
    'onnx/vision_model.onnx'
    """
    layout, graph = _pick(files, _image_names(dtype))
    return None if graph is None else _side(layout, graph, files)


def find_text_side(files: Collection[str], *, dtype: str = "fp32", alone: bool = False) -> Side | None:
    """Return the files that turn texts into vectors, or None.

    Parameters
    ----------
    alone : bool
        The folder is given for its text side, so that "model.onnx" in it is that.
    """
    layout, graph = _pick(files, _text_names(dtype, alone=alone))
    if graph is None:
        return None
    return same_for_texts(_side(layout, graph, files), files)


def same_for_texts(side: Side, files: Collection[str]) -> Side:
    """Return a side with the vocabulary that its graph needs where it takes texts."""
    return replace(side, vocabulary=_vocabulary(side.graph, files))


def available(files: Collection[str], *, text: bool = False, alone: bool = False) -> tuple[str, ...]:
    """Return the types of numbers in which a side is there."""
    names = {dtype: _text_names(dtype, alone=alone) if text else _image_names(dtype) for dtype in SUFFIXES}
    return tuple(dtype for dtype, patterns in names.items() if _pick(files, patterns)[1] is not None)


def _image_names(dtype: str) -> Sequence[tuple[str, str]]:
    end = SUFFIXES[dtype]
    return (
        ("transformers.js", rf"(?:onnx/)?vision_model{end}\.onnx"),
        *_both(dtype, "visual"),
        ("rocca", rf"(?:.*/)?clip-image-[\w.-]*?-?{_ROCCA.get(dtype, '(?!)')}\.onnx"),
        # a model without a text side, and fastembed's of one side each
        ("one tower", rf"(?:onnx/)?model{end}\.onnx"),
    )


def _text_names(dtype: str, *, alone: bool) -> Sequence[tuple[str, str]]:
    end = SUFFIXES[dtype]
    names = (
        ("transformers.js", rf"(?:onnx/)?text_model{end}\.onnx"),
        *_both(dtype, "textual"),
        ("rocca", rf"(?:.*/)?clip-text-[\w.-]*?-?{_ROCCA.get(dtype, '(?!)')}(?:-int32|-int64)?\.onnx"),
    )
    return (*names, ("one tower", rf"(?:onnx/)?model{end}\.onnx")) if alone else names


def _both(dtype: str, folder: str) -> Sequence[tuple[str, str]]:
    end = SUFFIXES[dtype]
    own = f"(?:{re.escape(dtype)}/model|model{end})" if end else "model"
    return ("immich", rf"{folder}/{own}\.onnx"), ("rclip", rf"(?:[^/]+/)?{folder}{end}\.onnx")


def _pick(files: Collection[str], names: Sequence[tuple[str, str]]) -> tuple[str, str | None]:
    for layout, pattern in names:
        if found := sorted(name for name in files if re.fullmatch(pattern, name)):
            nearest = min(name.count("/") for name in found)
            if len(first := [name for name in found if name.count("/") == nearest]) > 1:
                raise ValueError(f"there are several models in it: {', '.join(first)}; name the folder of one")
            return layout, first[0]
    return "", None


def _side(layout: str, graph: str, files: Collection[str]) -> Side:
    folder = PurePosixPath(graph).parent
    stem = PurePosixPath(graph).name
    wanted = [folder, *folder.parents]
    settings = [
        str(place / name)
        for place in wanted
        for name in (
            "preprocessor_config.json",
            "preprocess_cfg.json",
            "processor_config.json",
            "open_clip_config.json",
            "open_clip_model_config.json",
            "config.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
        )
        if str(place / name) in files
    ]
    return Side(layout, graph, tuple(sorted(_beside(layout, folder, stem, files))), tuple(settings))


def _beside(layout: str, folder: PurePosixPath, stem: str, files: Collection[str]) -> list[str]:
    near = [name for name in files if PurePosixPath(name).parent == folder and PurePosixPath(name).name != stem]
    if layout == "immich":
        # the side files of its exporter have random names
        other = (".onnx", ".json", ".armnn", ".rknn", ".md", ".txt", ".model", ".xml", ".engine")
        return [name for name in near if not name.endswith(other) and not PurePosixPath(name).name.startswith(".")]
    return [name for name in near if re.match(re.escape(stem) + r"[._]", PurePosixPath(name).name)]


def _vocabulary(graph: str, files: Collection[str]) -> str:
    folder = PurePosixPath(graph).parent
    for place in (folder, *folder.parents):
        for name in ("tokenizer.json", _MERGES, f"tokenizer/{_MERGES}", "tokenizer/tokenizer.json", "merges.txt"):
            if (path := str(place / name)) in files:
                return path
    return ""
