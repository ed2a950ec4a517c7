"""Whole numbers and half floats for `lite` and `minilm`: what they save, and what is found with them, in one run."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.embedders import TextEmbedder
from hybrid_search.embedders.conse import VISUAL_SHARE, LiteMinilm
from hybrid_search.embedders.lite import Lite, _graph
from hybrid_search.embedders.minilm.model_files import WEIGHTS, model_files
from hybrid_search.embedders.onnx_session import OnnxSession
from hybrid_search.embedders.registry import get_text_embedder
from hybrid_search.evaluate import evaluate_vectors
from hybrid_search.images import load_image
from scripts.benchmarks.embedders_similar import categories, read_split
from scripts.benchmarks.embedders_words import read_captions
from scripts.benchmarks.machine import median, table

TOWERS = {"minilm": "fp32", "minilm?dtype=int8": "int8"}
BATCH, RUNS, CALIBRATING = 32, 3, 40
_INSTRUCTIONS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm")
_START = """
import sys, time
from pathlib import Path
import numpy as np
from hybrid_search.embedders.onnx_session import OnnxSession
from hybrid_search.embedders.registry import get_text_embedder
from scripts.benchmarks.machine import peak_megabytes
kind, given = sys.argv[1:]
if kind == "text":
    get_text_embedder(given).embed_texts(["a dog running on a beach"])
else:
    OnnxSession(lambda: Path(given), owner=given).run(["embedding"], {"images": np.zeros((1, 224, 224, 3), np.uint8)})
print(time.process_time(), peak_megabytes())
"""
_ROOT = Path(__file__).parent.parent.parent


class _LiteOf(LiteMinilm):
    """`lite+minilm` with another graph for its pictures."""

    def __init__(self, graph: bytes) -> None:
        super().__init__(labels=0)
        self._network = OnnxSession(lambda: graph, owner="lite")


def measure(photos: Path, *, quick: bool = False) -> str:
    """Return the tables of texts and of pictures."""
    captions = read_captions(photos)
    if captions is None:
        return "### Whole numbers\n\nNot measured: there is no captions.csv beside the photos.\n"
    captions = dict(list(captions.items())[: 40 if quick else None])
    with tempfile.TemporaryDirectory() as folder:
        files = {dtype: Path(folder) / f"{dtype}.onnx" for dtype in ("fp32", "fp16", "int8")}
        for path, build in zip(files.values(), (_graph, _half, _whole), strict=True):
            path.write_bytes(build())
        caltech = photos.parent.parent / "caltech101"
        names, asked = read_split(caltech, quick=quick)
        paths = [*(photos / name for name in captions), *(caltech / name for name in names)]
        variants = {dtype: _LiteOf(path.read_bytes()) for dtype, path in files.items()}
        vectors, spent = _described(variants, paths)
        pictures = _pictures(files, vectors, spent, captions, names, asked)
    texts = _texts(captions, vectors["fp32"][: len(captions)])
    return f"### Whole numbers and half floats\n\nThe processor has {_instructions()}.\n\n{texts}\n{pictures}"


def _texts(captions: Mapping[str, Sequence[str]], photos: NDArray[np.float32]) -> str:
    """Return the table of towers: each caption by the others' words, and photos without captions by each caption."""
    told = [each for texts in captions.values() for each in texts]
    of = np.repeat(np.arange(len(captions)), [len(texts) for texts in captions.values()])
    towers: dict[str, TextEmbedder] = {name: get_text_embedder(name) for name in TOWERS}
    times: dict[str, list[float]] = {name: [] for name in TOWERS}
    vectors: dict[str, NDArray[np.float32]] = {}
    for tower in towers.values():
        tower.embed_texts(told[:1])
    for _ in range(RUNS):
        for name, tower in towers.items():
            taken, vectors[name] = _timed(lambda tower=tower: tower.embed_texts(told))
            times[name].append(taken)
    rows = []
    for name, found in vectors.items():
        first = np.searchsorted(of, np.arange(len(captions)))
        words = evaluate_vectors(found[first], found[first + 1], relevant=np.eye(len(captions), dtype=bool))
        relevant = of[:, None] == np.arange(len(captions))
        seen = evaluate_vectors(found, photos[:, Lite.dims :], relevant=relevant)
        start, peak = _started("text", name)
        graph = model_files(TOWERS[name])[0]
        size = _megabytes(graph, graph.parent / WEIGHTS)
        cosine = float((found * vectors["minilm"]).sum(axis=1).mean())
        taken = 1000 * min(times[name]) / len(told)
        recall = [f"{cosine:.4f}", _percent(words.success), _percent(seen.success)]
        rows.append([f"`{name}`", taken, start, peak, size, *recall])
    header = ["texts", "CPU ms a caption", "start, CPU s", "peak MB", "files MB", "cosine with fp32"]
    header += ["a caption by another, R@1/5/10 %", "photo of `lite+minilm` by caption, R@1/5/10 %"]
    return table(header, rows)


def _pictures(
    files: Mapping[str, Path],
    vectors: Mapping[str, NDArray[np.float32]],
    spent: Mapping[str, float],
    captions: Mapping[str, Sequence[str]],
    names: Sequence[str],
    asked: NDArray[np.bool_],
) -> str:
    told = get_text_embedder("minilm").embed_texts([each for texts in captions.values() for each in texts])
    of = np.repeat(np.arange(len(captions)), [len(texts) for texts in captions.values()])
    rows = []
    for dtype, found in vectors.items():
        photos, others = found[: len(captions)], found[len(captions) :, : Lite.dims]
        seen = evaluate_vectors(told, photos[:, Lite.dims :], relevant=of[:, None] == np.arange(len(captions)))
        start, peak = _started("image", str(files[dtype]))
        cosine = (found[:, : Lite.dims] * vectors["fp32"][:, : Lite.dims]).sum(axis=1).mean() / VISUAL_SHARE
        taken = 1000 * spent[dtype] / len(found)
        recall = [f"{cosine:.4f}", _percent(seen.success), categories(others, names, asked)[0]]
        rows.append([f"`lite`, {dtype}", taken, start, peak, _megabytes(files[dtype]), *recall])
    header = ["pictures", "CPU ms a photo", "start, CPU s", "peak MB", "file MB", "cosine with fp32"]
    return table([*header, "`lite+minilm` by caption, R@1/5/10 %", "`lite`, Caltech101, mAP %"], rows)


def _described(
    variants: Mapping[str, _LiteOf], paths: Sequence[Path]
) -> tuple[dict[str, NDArray[np.float32]], dict[str, float]]:
    """Return the vectors of each variant and its processor time; all see a batch before the next is decoded."""
    rows: dict[str, list[NDArray[np.float32]]] = {dtype: [] for dtype in variants}
    spent = dict.fromkeys(variants, 0.0)
    for variant in variants.values():
        variant.describe_prepared([np.zeros((224, 224, 3), np.uint8)])
    for start in range(0, len(paths), BATCH):
        batch = [Lite().prepare(load_image(path, min_side=224)) for path in paths[start : start + BATCH]]
        for dtype, variant in variants.items():
            taken, (vectors, _) = _timed(lambda variant=variant, batch=batch: variant.describe_prepared(batch))
            rows[dtype].append(vectors)
            spent[dtype] += taken
    return {dtype: np.concatenate(parts) for dtype, parts in rows.items()}, spent


# -- the graphs ------------------------------------------------------------------------------------------------------


def _half() -> bytes:
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    return bytes(convert_float_to_float16(onnx.load_from_string(_graph()), keep_io_types=True).SerializeToString())


def _whole() -> bytes:
    """Return `lite` quantised by ONNX Runtime's tool: steps learnt from scikit-image's photos, weights of 7 bits.

    With 8 bits, processors without VNNI overflow where they add two products.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    from scripts.learn_codebooks import views

    class Views(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left: Iterator[Any] = islice(views(), 0, None, 170 // CALIBRATING)

        def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
            view = next(self.left, None)
            return None if view is None else {"images": np.asarray(Lite().prepare(view))[None]}

    with tempfile.TemporaryDirectory() as folder:
        plain, ready, found = (Path(folder) / name for name in ("plain.onnx", "ready.onnx", "int8.onnx"))
        plain.write_bytes(_graph())
        quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
        quantize_static(
            str(ready),
            str(found),
            Views(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            # Clip among them: what is rounded before ReLU6 cuts it off is rounded coarsely
            op_types_to_quantize=["Conv", "Clip", "Add"],
        )
        return found.read_bytes()


def _started(kind: str, given: str) -> tuple[float, float]:
    """Return the processor seconds of a process until its first vector, and its peak memory in MB."""
    command = [sys.executable, "-c", _START, kind, given]
    runs = [
        subprocess.run(command, capture_output=True, text=True, check=True, cwd=_ROOT).stdout.split()
        for _ in range(RUNS)
    ]
    return median([float(spent) for spent, _ in runs]), median([float(peak) for _, peak in runs])


def _timed(action: Callable[[], Any]) -> tuple[float, Any]:
    started = time.process_time()
    found = action()
    return time.process_time() - started, found


def _percent(success: Mapping[int, float]) -> str:
    return " / ".join(f"{100 * success[k]:.1f}" for k in (1, 5, 10))


def _megabytes(*paths: Path) -> float:
    return sum(path.stat().st_size for path in paths) / 1e6


def _instructions() -> str:
    info = Path("/proc/cpuinfo")
    words = set(info.read_text(encoding="utf-8").split()) if info.exists() else set()
    have = [name for name in _INSTRUCTIONS if name in words]
    return f"{', '.join(have) or 'none'} of {', '.join(_INSTRUCTIONS)}"
