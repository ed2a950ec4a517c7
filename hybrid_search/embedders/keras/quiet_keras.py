"""Keras on TensorFlow, loaded at the first use and kept from writing to the terminal."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.errors import EmbedderUnavailable

_QUIET = "2"
# such as "I0000 00:00:1795678690.627312    4686 cudart_stub.cc:31] Could not find cuda drivers on your machine"
_NATIVE_NOTE = re.compile(rb"[IWE]\d{4} [\d:.]+ +\d+ \S+\.(?:cc|h):\d+\] |WARNING: All log messages before absl::")


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
    asked_for = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", _QUIET) != _QUIET
    # else TensorFlow takes all the memory of an accelerator, and nothing beside it can run
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    with nullcontext() if asked_for or "tensorflow" in sys.modules else _without_native_notes():
        import keras

        if keras.config.backend() == "tensorflow":
            import tensorflow

            # TensorFlow looks for accelerators when it is first asked for them, and writes what it did not find
            tensorflow.config.list_physical_devices()

    if (backend := keras.config.backend()) != "tensorflow":
        raise EmbedderUnavailable(owner, f"Keras is set up for {backend}; set KERAS_BACKEND=tensorflow")
    if keras.config.image_data_format() != "channels_last":
        raise EmbedderUnavailable(owner, "set image_data_format to channels_last in ~/.keras/keras.json")
    return keras


@contextmanager
def _without_native_notes() -> Iterator[None]:
    """Keep notes of TensorFlow's native part from standard error, and pass on everything else written meanwhile.

    While it is being loaded it heeds no setting: its log is not set up yet. So the file descriptor itself is held.
    """
    try:
        terminal = os.dup(2)
    except OSError:  # a process without standard error: nothing can be written
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            held.seek(0)
            others = [line for line in held if not _NATIVE_NOTE.match(line)]
            if others:
                os.write(2, b"".join(others))


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
