"""TensorFlow for a training: imported at its first use, quiet, and the same for the same seed."""

from __future__ import annotations

import os
from typing import Any

from hybrid_search.errors import TrainingImpossible

__all__ = ["INSTALL", "seeded_keras"]

INSTALL = "pip install 'hybrid-search[tensorflow]'"


def seeded_keras(what: str, *, seed: int) -> Any:
    """Return the module keras, its and numpy's random numbers begun at a seed.

    Parameters
    ----------
    what : str
        What is to be trained, for the error.
    seed : int

    Raises
    ------
    TrainingImpossible
        When TensorFlow is not installed.
    """
    # before the import: TensorFlow writes of its processor and of graphics cards that it does not find
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    try:
        import keras
        import tensorflow  # noqa: F401
    except ImportError as error:
        raise TrainingImpossible(what, f"TensorFlow is not installed: {INSTALL} ({error})") from error
    keras.utils.set_random_seed(seed)
    return keras
