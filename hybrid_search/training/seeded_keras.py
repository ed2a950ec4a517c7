"""TensorFlow for a training: imported at its first use, quiet, and the same for the same seed."""

from __future__ import annotations

from typing import Any

from hybrid_search.embedders.keras.quiet_keras import load_keras
from hybrid_search.errors import TrainingImpossible

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
    EmbedderUnavailable
        When Keras is set up for something else.
    """
    try:
        keras = load_keras(what)
    except ImportError as error:
        raise TrainingImpossible(what, f"TensorFlow is not installed: {INSTALL} ({error})") from error
    keras.utils.set_random_seed(seed)
    return keras
