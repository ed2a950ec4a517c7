"""image-match's signature, step by step as its code goes, with loops where it loops; it shares nothing with ours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def naive_grey(image: Image.Image) -> NDArray[np.float64]:
    """Grey levels as scikit-image's rgb2gray gives them."""
    pixels = np.asarray(image.convert("RGB"))
    return (pixels / 255.0) @ np.array([0.2125, 0.7154, 0.0721])


def naive_signature(grey: NDArray[np.float64]) -> NDArray[np.int8]:
    """Crop, grid, window means, eight differences, two levels of each sign."""
    (row_low, row_high), (column_low, column_high) = _crop(grey)
    xs = np.linspace(row_low, row_high, 11, dtype=int)[1:-1]
    ys = np.linspace(column_low, column_high, 11, dtype=int)[1:-1]
    side = max([2.0, int(0.5 + min(grey.shape) / 20.0)])
    means = np.zeros((9, 9))
    for i, x in enumerate(xs):
        top = int(max([x - side / 2, 0]))
        bottom = int(min([top + side, grey.shape[0]]))
        for j, y in enumerate(ys):
            left = int(max([y - side / 2, 0]))
            right = int(min([left + side, grey.shape[1]]))
            means[i, j] = np.mean(grey[top:bottom, left:right])
    differences = np.zeros((9, 9, 8))
    around = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]
    for i in range(9):
        for j in range(9):
            for place, (di, dj) in enumerate(around):
                if 0 <= i + di < 9 and 0 <= j + dj < 9:
                    differences[i, j, place] = means[i, j] - means[i + di, j + dj]
    return _levels(differences).astype("int8").ravel()


def _crop(grey: NDArray[np.float64]) -> list[tuple[int, int]]:
    along_rows = np.cumsum(np.sum(np.abs(np.diff(grey, axis=1)), axis=1))
    along_columns = np.cumsum(np.sum(np.abs(np.diff(grey, axis=0)), axis=0))
    limits = []
    for cumulated, side in ((along_rows, grey.shape[0]), (along_columns, grey.shape[1])):
        upper = np.searchsorted(cumulated, np.percentile(cumulated, 95), side="left")
        lower = np.searchsorted(cumulated, np.percentile(cumulated, 5), side="right")
        if lower > upper:
            lower, upper = int(5 / 100.0 * side), int(95 / 100.0 * side)
        limits.append((int(lower), int(upper)))
    return limits


def _levels(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    differences[np.abs(differences) < 2 / 255.0] = 0.0
    if not differences.any():
        return differences
    rising = np.percentile(differences[differences > 0.0], np.linspace(0, 100, 3))
    falling = np.percentile(differences[differences < 0.0], np.linspace(100, 0, 3))
    for level in range(2):
        low, high = rising[level], rising[level + 1]
        differences[(differences >= low) & (differences <= high)] = level + 1
    for level in range(2):
        high, low = falling[level], falling[level + 1]
        differences[(differences <= high) & (differences >= low)] = -(level + 1)
    return differences


def naive_words(signature: NDArray[np.int8]) -> list[int]:
    """63 words of 16 letters, each a number in base 3, least significant letter first."""
    numbers = []
    for start in [int(place) for place in np.linspace(0, 648, 63, endpoint=False)]:
        letters = [0 if value == 0 else (1 if value > 0 else -1) for value in signature[start : start + 16].tolist()]
        letters += [0] * (16 - len(letters))
        numbers.append(sum((letter + 1) * 3**power for power, letter in enumerate(letters)))
    return numbers


def naive_distance(a: NDArray[np.int8], b: NDArray[np.int8]) -> float:
    """‖a − b‖ / (‖a‖ + ‖b‖), and 1 for 0 / 0."""
    lengths = np.linalg.norm(a.astype(int)) + np.linalg.norm(b.astype(int))
    return float(np.linalg.norm(a.astype(int) - b.astype(int)) / lengths) if lengths else 1.0
