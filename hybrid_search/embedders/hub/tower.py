"""One side of a model: an ONNX graph with what it takes and gives, loaded when it is first asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.embedders.hub.graph_io import read_graph
from hybrid_search.embedders.onnx_graph import Port
from hybrid_search.embedders.onnx_session import OnnxSession
from hybrid_search.errors import WeightsMissing

_OF_IMAGES = ("image_embeds", "image_embeddings", "l2norm_image_embeddings")
_OF_TEXTS = ("text_embeds", "text_embeddings", "l2norm_text_embeddings")
_JOINT = ("image_embeds", "text_embeds", "pooler_output", "embedding", "output")
"""Outputs that are vectors of a joint space, the first that a graph has is taken; of one for both sides, its own."""
_TOKENS = ("input_ids", "text", "input", "tokens")
_MASK, _TYPES_OF, _POSITIONS = "attention_mask", "token_type_ids", "position_ids"
_FLOATS = ("float32", "float16")
_INTEGERS = ("int64", "int32")


class Tower:
    """Runs one side of a model, in batches of what the graph takes; vectors come out at unit length.

    Parameters
    ----------
    path : Path
        The ONNX file; files with its weights are beside it.
    owner : str
        The embedder's name, for errors.
    text : bool
        Whether it takes texts.
    tokenwise : bool
        Take the first token of `last_hidden_state` where there is one, as DINO's descriptor is; some of its exports
        have a `pooler_output` as well, of a layer that was never trained.
    threads, providers : optional
        See `OnnxSession`.

    Raises
    ------
    WeightsMissing
        When the file is not whole, or takes or gives other things than one side of such a model does.
    """

    def __init__(
        self,
        path: Path,
        *,
        owner: str,
        text: bool = False,
        tokenwise: bool = False,
        threads: int | None = None,
        providers: Sequence[str] | str | None = None,
    ) -> None:
        graph = read_graph(path)
        self.path = path
        self.side_files = tuple(path.parent / name for name, _ in graph.side_files)
        self._inputs = {port.name: port for port in graph.inputs}
        self._input = self._text_input() if text else self._image_input()
        self.takes_both = self._leave_other_side(text=text)
        self._output = self._choose(graph.outputs, tokenwise=tokenwise, text=text)
        self.scales_batches = graph.scales_batches
        self._rows = self._input.shape[0] or (1 if self.scales_batches else None)
        self._session = OnnxSession(
            self._without_weights if text or self.takes_both else lambda: path,
            owner=owner,
            weights=path.resolve().parent if text or self.takes_both else None,
            threads=threads,
            providers=providers,
            rows=self._rows,
            # most often one text is asked for: CLIP's side loads in 0.5 s of processor time instead of 1.1, and takes
            # 0.13 s a text instead of 0.09
            prepack=not text,
        )

    @property
    def output(self) -> str:
        """The name of the output that is the vector, or has it as its first token."""
        return self._output.name

    @property
    def dims(self) -> int | None:
        """Length of the vectors, None when the graph does not say it."""
        return self._output.shape[-1] if self._output.shape else None

    @property
    def sides(self) -> tuple[int | None, int | None]:
        """Height and width of the pictures that it takes, None for any."""
        return self._input.shape[2], self._input.shape[3]

    @property
    def length(self) -> int | None:
        """Tokens of the texts that it takes, None for any number."""
        return self._input.shape[1]

    @property
    def dtype(self) -> str:
        """Type of the numbers that it takes."""
        return self._input.dtype

    def images(self, batch: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return (n, dims) float32 of unit length, for (n, 3, height, width)."""
        return self._run({self._input.name: batch.astype(self.dtype, copy=False)})

    def texts(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return (n, dims) float32 of unit length, for numbers of tokens and which are not filling, (n, length)."""
        given = {
            self._input.name: ids,
            _MASK: mask,
            _TYPES_OF: np.zeros_like(ids),
            _POSITIONS: np.broadcast_to(np.arange(ids.shape[1]), ids.shape),
        }
        return self._run({name: given[name].astype(port.dtype) for name, port in self._inputs.items()})

    def _run(self, inputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        count = len(inputs[self._input.name])
        if self._rows is not None and count % self._rows:
            more = self._rows - count % self._rows
            inputs = {name: np.concatenate([each, each[-1:].repeat(more, 0)]) for name, each in inputs.items()}
        try:
            found = self._session.run([self._output.name], inputs)[0][:count]
        except Exception as error:
            # ONNX Runtime's errors have no common class; whatever it says is about this file
            if not type(error).__module__.startswith("onnxruntime"):
                raise
            raise WeightsMissing(
                str(self.path), f"ONNX Runtime cannot run it: {' '.join(str(error).split())}"
            ) from error
        vectors = np.asarray(found[:, 0] if found.ndim == 3 else found, np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all():
            raise WeightsMissing(str(self.path), "gives numbers that are not finite; take ?dtype=fp32")
        return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)

    def _image_input(self) -> Port:
        for port in self._inputs.values():
            if _is_of_pictures(port):
                return port
        raise self._unfit("takes no pictures")

    def _text_input(self) -> Port:
        fitting = [port for port in self._inputs.values() if _is_of_texts(port)]
        for name in (*_TOKENS, *(port.name for port in fitting if port.name not in (_MASK, _TYPES_OF, _POSITIONS))):
            for port in fitting:
                if port.name == name:
                    return port
        raise self._unfit("takes no texts")

    def _leave_other_side(self, *, text: bool) -> bool:
        """Keep this side's inputs alone, and tell whether the graph has those of the other side too."""
        own = {self._input.name, *((_MASK, _TYPES_OF, _POSITIONS) if text else ())}
        others = [port for name, port in self._inputs.items() if name not in own]
        self._inputs = {name: port for name, port in self._inputs.items() if name in own}
        if any(map(_is_of_pictures if text else _is_of_texts, others)):
            return True
        if others:
            names = ", ".join(sorted(port.name for port in others))
            raise self._unfit(f"wants more than {'texts' if text else 'pictures'}: {names}")
        return False

    def _choose(self, outputs: Sequence[Port], *, tokenwise: bool, text: bool) -> Port:
        by_name = {port.name: port for port in outputs}
        own = _OF_TEXTS if text else _OF_IMAGES
        for name in own if self.takes_both else (*(["last_hidden_state"] if tokenwise else []), *_JOINT):
            if name in by_name:
                return by_name[name]
        flat = [port for port in outputs if len(port.shape) == 2]
        if len(flat) != 1 or self.takes_both:
            raise self._unfit(f"gives no vector that is known by its name, only {', '.join(by_name) or 'nothing'}")
        return flat[0]

    def _without_weights(self) -> bytes | Path:
        """Return this side of the graph, its weights left in the file; the file, where it is no other and is not cut.

        ONNX Runtime reads a file of one side whole, and its weights twice: a text of SigLIP 2 took 1.9 GB and 2.2 s
        of the processor until it had its vector. Of weights that are left there it reads what the text needs: 0.4 GB
        and 0.34 s.
        """
        from hybrid_search.embedders.hub.graph_cut import cut_graph

        try:
            return cut_graph(self.path, output=self._output.name, inputs=self._inputs)
        except (OSError, ValueError) as error:
            if not self.takes_both:
                return self.path
            raise self._unfit(f"cannot be divided into its sides: {error}") from error

    def _unfit(self, reason: str) -> WeightsMissing:
        return WeightsMissing(str(self.path), reason)


def _is_of_pictures(port: Port) -> bool:
    return len(port.shape) == 4 and port.dtype in _FLOATS and port.shape[1] in (3, None)


def _is_of_texts(port: Port) -> bool:
    return len(port.shape) == 2 and port.dtype in _INTEGERS
