"""Reads the text inside a picture by RapidOCR: its detector and recogniser on the ONNX Runtime that is here."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.embedders.onnx_runtime import onnx_runtime
from hybrid_search.errors import PackageMissing
from hybrid_search.ocr.noise import legible
from hybrid_search.ocr.strips import strips
from hybrid_search.ocr.text_line import TextLine

INSTALL = "pip install 'hybrid-search[ocr]'"
MIN_SIDE = 1_000
"""Pixels of the shorter side that a picture is decoded to, where it has them: letters of a page remain letters."""
_REVISION = 1
"""Raised when the same networks read otherwise: other sizes, or other thresholds."""
_LOOK_SIDE = 320
"""Pixels of the longer side at which is decided whether there is anything to read."""
_LOOK_SURE = 0.5
"""Mean probability of text in the surest box of the look, from which on a picture is read."""
_FOUND_SIDE = 960
"""Pixels of the longer side at which lines are found, where a picture has more."""
_READ_SIDE = 2_000
"""Pixels of the longer side, at most, of which lines are cut out to be read."""


class TextReader:
    """Finds and reads the lines of text inside pictures; several threads may do so at once.

    The networks are loaded at the first picture, from the package's own files; nothing is fetched.

    Raises
    ------
    PackageMissing
        When RapidOCR is not installed.
    """

    def __init__(self) -> None:
        spec = util.find_spec("rapidocr")
        if spec is None or spec.origin is None:
            raise PackageMissing("reading text inside pictures", INSTALL)
        self._models = Path(spec.origin).parent / "models"
        self._look: Any = None
        self._read: Any = None
        self._loading = threading.Lock()

    @property
    def version(self) -> str:
        """What reads, and how: documents say by which version their pictures were read."""
        return f"{self._network('rec').stem}/{_REVISION}"

    def read(self, image: Image.Image) -> tuple[TextLine, ...]:
        """Return the lines of text of an image from top to bottom; none where a cheap look finds nothing.

        Parameters
        ----------
        image : PIL image
            Upright, RGB. A shorter side of `MIN_SIDE` is enough.
        """
        return legible(self._lines(image, looking=True))

    def read_closely(self, image: Image.Image) -> tuple[TextLine, ...]:
        """Return the lines of text of an image as `read` does, without the look before it: several times as slow."""
        return legible(self._lines(image, looking=False))

    def seems_written(self, image: Image.Image) -> bool:
        """Tell, at a small size, whether there may be text in an image."""
        self._load()
        found = self._look(_bgr(_scaled(image, least=_LOOK_SIDE, most=_LOOK_SIDE)))
        return any(score >= _LOOK_SURE for score in _listed(found, "scores"))

    def _lines(self, image: Image.Image, *, looking: bool) -> Iterator[TextLine]:
        across = image.width > image.height
        for strip in strips(*image.size):
            part = image.crop(strip.box) if strip.box[2:] != image.size or strip.box[:2] != (0, 0) else image
            if looking and not self.seems_written(part):
                continue
            for line, (left, top, right, bottom) in self._part(part):
                x, y = left + strip.box[0], top + strip.box[1]
                middle = x + (right - left) / 2 if across else y + (bottom - top) / 2
                if strip.own[0] <= middle < strip.own[1]:
                    wide, tall = image.size
                    yield TextLine(*line, x / wide, y / tall, (right - left) / wide, (bottom - top) / tall)

    def _part(self, part: Image.Image) -> Iterator[tuple[tuple[str, float], tuple[float, ...]]]:
        """Yield text and confidence of each line with its box in pixels."""
        self._load()
        scaled = _scaled(part, least=_FOUND_SIDE, most=_READ_SIDE)
        found = self._read(_bgr(scaled))
        unit = (part.width / scaled.width, part.height / scaled.height)
        for text, confidence, corners in zip(
            *(_listed(found, name) for name in ("txts", "scores", "boxes")), strict=True
        ):
            low = np.clip(np.min(corners, 0) * unit, 0, part.size)
            high = np.clip(np.max(corners, 0) * unit, 0, part.size)
            yield (" ".join(text.split()), float(confidence)), (*map(float, low), *map(float, high))

    def _network(self, task: str) -> Path:
        found = sorted(self._models.glob(f"*_{task}_*.onnx"))
        if not found:
            raise PackageMissing(
                "reading text inside pictures", f"its files are not whole; {INSTALL} --force-reinstall"
            )
        return found[0]

    def _load(self) -> None:
        with self._loading:
            if self._read is None:
                self._look = self._engine({"Global.use_cls": False, "Global.use_rec": False, "Det.box_thresh": 0.3})
                self._read = self._engine({})

    def _engine(self, options: dict[str, Any]) -> Any:
        onnx_runtime("rapidocr")  # imported with its telemetry off, before RapidOCR imports it
        from rapidocr import RapidOCR

        named = {f"{task.capitalize()}.model_path": str(self._network(task)) for task in ("det", "cls", "rec")}
        return RapidOCR(
            params={
                **named,
                # each thread reads a picture of its own
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "Global.log_level": "critical",
                "Global.text_score": 0.0,
                "Global.max_side_len": _READ_SIDE,
                "Det.limit_type": "max",
                "Det.limit_side_len": _FOUND_SIDE,
                **options,
            }
        )


def _scaled(image: Image.Image, *, least: int, most: int) -> Image.Image:
    """Return an image whose longer side has at least and at most so many pixels."""
    longer = max(image.size)
    if least <= longer <= most:
        return image
    scale = (least if longer < least else most) / longer
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _bgr(image: Image.Image) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])


def _listed(found: Any, name: str) -> Sequence[Any]:
    """Return a list of a result; where nothing is found, RapidOCR has None in its place, or another type of result."""
    values = getattr(found, name, None)
    return () if values is None else values
