"""ONNX Runtime, loaded at the first use, with its telemetry off: the one place that imports it."""

from __future__ import annotations

import os
from typing import Any

from hybrid_search.errors import EmbedderUnavailable

_VARIABLE = "ORT_DISABLE_TELEMETRY"


def onnx_runtime(owner: str) -> Any:
    """Return the package `onnxruntime`, with its telemetry off for this process and those it starts.

    ONNX Runtime 1.32 for Linux writes an identifier of the device and its events into the user's cache as soon as it
    is imported, and sends them ten seconds later. Only the variable keeps it from that, and it is read once, at the
    import. Its function works later too, where another part of the program has imported it before; but not for what
    the import itself has noted.

    Parameters
    ----------
    owner : str
        The embedder's name, for the error.

    Raises
    ------
    EmbedderUnavailable
        When ONNX Runtime is not installed.
    """
    os.environ[_VARIABLE] = "1"
    try:
        import onnxruntime
    except ImportError as error:
        raise EmbedderUnavailable(owner, f"pip install onnxruntime ({error})") from error
    onnxruntime.disable_telemetry_events()
    return onnxruntime
