"""usearch, imported so that other libraries can still be loaded after it."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from typing import Any


def usearch_index() -> Any:
    """Return the module `usearch.index`.

    usearch 2.26 brings a C++ library of its own, and lets others find it: onnxruntime, imported after it, crashes the
    process. With the system's C++ library loaded before, each finds its own.
    """
    if sys.platform.startswith("linux") and "usearch.index" not in sys.modules:
        with suppress(OSError):
            ctypes.CDLL("libstdc++.so.6", mode=ctypes.RTLD_GLOBAL)
    import usearch.index

    return usearch.index
