"""Frames of real videos: what a scene looks like a moment, a second, a few seconds later."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from scripts.benchmarks.copies import write_once

SUFFIXES = {".mp4", ".avi", ".mkv", ".mov", ".webm"}
GAPS = {"half a second later": 0.5, "two seconds later": 2.0}


def frame_pairs(folder: Path, videos: Path, count: int) -> Iterator[tuple[Path, Path, str, bool]]:
    """Yield frames of each video that lie some time apart (no copies), and frames saved again (copies).

    Where nothing moved in between, two frames are the same picture to anybody; such a video does not belong here.
    """
    found = sorted(path for path in videos.rglob("*") if path.suffix.lower() in SUFFIXES)
    for video in found:
        frames = dict(_frames(video, 0.5, max(4, count // max(1, len(found)))))
        for number, frame in frames.items():
            path = _write(folder, f"{video.stem}-{number}", frame, 90)
            for kind, gap in GAPS.items():
                later = frames.get(number + round(gap / 0.5))
                if later is not None:
                    other = _write(folder, f"{video.stem}-{number + round(gap / 0.5)}", later, 90)
                    yield path, other, f"video: {kind}", False
            if number % 4 == 0:
                small = frame.resize((frame.width * 2 // 3, frame.height * 2 // 3))
                yield path, _write(folder, f"{video.stem}-{number}-again", small, 60), "video: frame saved again", True


def _frames(video: Path, seconds: float, count: int) -> Iterator[tuple[int, Image.Image]]:
    import cv2

    capture = cv2.VideoCapture(str(video))
    step = max(1, round(capture.get(cv2.CAP_PROP_FPS) * seconds))
    for number in range(count):
        capture.set(cv2.CAP_PROP_POS_FRAMES, number * step)
        there, pixels = capture.read()
        if not there:
            break
        yield number, Image.fromarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
    capture.release()


def _write(folder: Path, name: str, frame: Image.Image, quality: int) -> Path:
    def encoded() -> bytes:
        buffer = io.BytesIO()
        frame.save(buffer, "JPEG", quality=quality)
        return buffer.getvalue()

    return write_once(folder / f"{name}.jpg", encoded)
