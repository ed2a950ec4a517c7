"""A network on ONNX Runtime: quiet, on the accelerator that works, else on the processor."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.errors import EmbedderUnavailable

__all__ = ["OnnxSession", "processors"]

_CPU = "CPUExecutionProvider"
_PREFERRED = ("CUDAExecutionProvider", _CPU)


class OnnxSession:
    """An ONNX graph, loaded at its first use; several threads may run it at once.

    Parameters
    ----------
    graph : callable
        Gives the serialised model.
    owner : str
        The embedder's name, for errors.
    threads : int, optional
        Threads of one run; by default one for each processor that this process may use.
    providers : sequence of str, optional
        ONNX Runtime's execution providers, the preferred first; by default CUDA, then the processor. One that is not
        there or does not work is passed over: whoever has no working accelerator waits longer, and still searches.
    """

    def __init__(
        self,
        graph: Callable[[], bytes],
        *,
        owner: str,
        threads: int | None = None,
        providers: Sequence[str] | None = None,
    ) -> None:
        self._graph = graph
        self._owner = owner
        self._threads = processors() if threads is None else threads
        self._providers = tuple(_PREFERRED if providers is None else providers)
        self._session: Any = None
        self._lock = threading.Lock()

    @property
    def providers(self) -> tuple[str, ...]:
        """The execution providers in use; loads the network."""
        return tuple(self._loaded().get_providers())

    def run(self, outputs: Sequence[str], inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Return the named outputs of one run.

        Raises
        ------
        EmbedderUnavailable
            When ONNX Runtime is not installed.
        """
        session = self._loaded()
        try:
            return list(session.run(list(outputs), dict(inputs)))
        except Exception:
            if session.get_providers() == [_CPU]:
                raise
        # an accelerator can start and fail later, for instance when another process has taken its memory
        return list(self._loaded(instead_of=session).run(list(outputs), dict(inputs)))

    def _loaded(self, *, instead_of: Any = None) -> Any:
        with self._lock:
            if self._session is None:
                self._session = self._load(self._providers)
            elif self._session is instead_of:
                self._session = self._load([_CPU])
            return self._session

    def _load(self, providers: Sequence[str]) -> Any:
        try:
            import onnxruntime
        except ImportError as error:
            raise EmbedderUnavailable(self._owner, f"pip install onnxruntime ({error})") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.log_severity_level = 3
        # threads that spin while they wait for work take the processors from those that decode pictures
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        usable = [name for name in providers if name in onnxruntime.get_available_providers()]
        graph = self._graph()
        try:
            return onnxruntime.InferenceSession(graph, options, providers=usable or [_CPU], enable_fallback=0)
        except Exception:
            if usable in ([], [_CPU]):
                raise
            return onnxruntime.InferenceSession(graph, options, providers=[_CPU], enable_fallback=0)


def processors() -> int:
    """Return how many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
