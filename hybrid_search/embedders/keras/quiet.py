"""Keras on TensorFlow, loaded at the first use and kept from writing to the terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.errors import EmbedderUnavailable

__all__ = ["load_keras", "quiet_keras", "values"]


def load_keras(owner: str) -> Any:
    """Return the package `keras`, on TensorFlow, with channels last.

    What the user has set for TensorFlow's log and its memory on accelerators is left as it is.

    Raises
    ------
    EmbedderUnavailable
        When Keras is set up for another backend, or for channels first.
    ModuleNotFoundError
        When Keras or TensorFlow is not installed.
    """
    # read when TensorFlow is loaded: its notes on processors and accelerators are nothing that users can act on
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # else TensorFlow takes all the memory of an accelerator, and nothing beside it can run
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    import keras

    if (backend := keras.config.backend()) != "tensorflow":
        raise EmbedderUnavailable(owner, f"Keras is set up for {backend}; set KERAS_BACKEND=tensorflow")
    if keras.config.image_data_format() != "channels_last":
        raise EmbedderUnavailable(owner, "set image_data_format to channels_last in ~/.keras/keras.json")
    return keras


@contextmanager
def quiet_keras(keras: Any) -> Iterator[None]:
    """Keep Keras from printing, for instance about a download; what was set before holds again afterwards."""
    before = keras.config.is_interactive_logging_enabled()
    keras.config.disable_interactive_logging()
    try:
        yield
    finally:
        if before:
            keras.config.enable_interactive_logging()


def values(variable: Any) -> NDArray[np.float32]:
    """Return the values of one of Keras' variables.

    `numpy.asarray` of it works too, and warns: TensorFlow does not know yet how numpy 2 asks.
    """
    return np.ascontiguousarray(variable.value.numpy(), np.float32)
