"""A network on ONNX Runtime: quiet, on the accelerator that works, else on the processor."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.embedders.onnx_runtime import onnx_runtime
from hybrid_search.embedders.option_values import execution_providers

_CPU = "CPUExecutionProvider"
_PREFERRED = ("CUDAExecutionProvider", _CPU)
_LARGEST, _LEAST = 8, 2
"""Rows of a share: more cost more memory and gain nothing, fewer cost more calls."""


class OnnxSession:
    """An ONNX graph, loaded at its first use; several threads may run it at once.

    Parameters
    ----------
    graph : callable
        Gives the serialised model, or the path of its file, beside which its weights may be.
    owner : str
        The embedder's name, for errors.
    threads : int, optional
        Processors that a batch is divided between, by default all that this process may use. Each runs its own share:
        on two of them that takes 7.3 ms of processor time a picture of `lite`, two threads in one run take 10.
    providers : sequence of str, or str with commas between, optional
        ONNX Runtime's execution providers, the preferred first; by default CUDA, then the processor. One that is not
        there or does not work is passed over: whoever has no working accelerator waits longer, and still searches.
    prepack : bool
        Whether weights are copied at loading into the order that the processor likes best. Without, weights in a file
        beside the model are read as they are needed: `minilm` loads in 20 ms instead of 80, and runs a tenth slower.
    rows : int, optional
        How many rows the graph takes at once, where it takes no other number.
    weights : Path, optional
        The folder of the files that a serialised model names for its weights.
    """

    def __init__(
        self,
        graph: Callable[[], bytes | Path],
        *,
        owner: str,
        threads: int | None = None,
        providers: Sequence[str] | str | None = None,
        prepack: bool = True,
        rows: int | None = None,
        weights: Path | None = None,
    ) -> None:
        self._graph = graph
        self._weights = weights
        self._prepack = prepack
        self._owner = owner
        self._threads = processors() if threads is None else threads
        self._providers = _PREFERRED if providers is None else execution_providers(owner, providers)
        self._rows = rows
        self._session: Any = None
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    @property
    def providers(self) -> tuple[str, ...]:
        """The execution providers in use; loads the network."""
        return tuple(self._loaded().get_providers())

    def run(self, outputs: Sequence[str], inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Return the named outputs for a batch; the first axis of every input and output is the batch.

        Raises
        ------
        EmbedderUnavailable
            When ONNX Runtime is not installed.
        """
        session = self._loaded()
        rows = len(next(iter(inputs.values())))
        alone = self._pool is None or session.get_providers() != [_CPU]
        if rows == 0 or (alone and self._rows is None):
            return self._run(session, outputs, inputs)
        shares = [{name: values[part] for name, values in inputs.items()} for part in self._shares(rows)]
        mapped = map if alone or self._pool is None else self._pool.map
        parts = list(mapped(lambda part: self._run(session, outputs, part), shares))
        return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]

    def _shares(self, rows: int) -> Iterator[slice]:
        """Divide rows between the threads, in shares that become smaller.

        So the threads end together, though decoders may take turns with one of them and not with the other: guided
        self-scheduling (C. D. Polychronopoulos and D. J. Kuck, 1987).
        """
        start, fair = 0, -(-rows // self._threads)
        while start < rows:
            left = -(-(rows - start) // (2 * self._threads))
            share = self._rows or min(fair, max(_LEAST, min(_LARGEST, left)))
            yield slice(start, start + share)
            start += share

    def _run(
        self, session: Any, outputs: Sequence[str], inputs: Mapping[str, NDArray[Any]]
    ) -> list[NDArray[np.float32]]:
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
                if self._threads > 1:
                    self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="hybrid-search-embed")
            elif self._session is instead_of:
                self._session = self._load([_CPU])
            return self._session

    def _load(self, providers: Sequence[str]) -> Any:
        onnxruntime = onnx_runtime(self._owner)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        if not self._prepack:
            options.add_session_config_entry("session.disable_prepacking", "1")
        if self._weights is not None:
            folder = str(self._weights)
            options.add_session_config_entry("session.model_external_initializers_file_folder_path", folder)
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
