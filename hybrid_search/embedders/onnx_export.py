"""Embedders as ONNX files that run without what they were made with: `onnx:FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hybrid_search.embedders import Embedder
from hybrid_search.embedders.atomic_files import write_whole
from hybrid_search.embedders.onnx_card import Card, write_card
from hybrid_search.errors import EmbedderError, EmbedderUnavailable


def export_onnx(embedder: Embedder, path: str | Path) -> Card:
    """Write an embedder's network as an ONNX file, with what `onnx:FILE` needs in its metadata.

    Networks of Keras can be written, and `lite`. The file is replaced whole, or not at all.

    Parameters
    ----------
    embedder : Embedder
        What to write.
    path : str or Path
        Of the file.

    Returns
    -------
    Card
        What was written into the metadata.

    Raises
    ------
    EmbedderError
        When embedders of this kind cannot be written, or a step of the network has no ONNX.
    EmbedderUnavailable
        When tf2onnx is not installed.
    OSError
        When the file cannot be written.
    """
    model, card = _lite(embedder) if embedder.name == "lite" else _keras(embedder)
    _check_operators(model, embedder.name)
    write_card(model, card)
    write_whole(Path(path), model.SerializeToString(), shared=True)
    return card


def _check_operators(model: Any, name: str) -> None:
    """Refuse what was converted in part: tf2onnx leaves steps that it does not know as they are."""
    import onnx

    versions = {each.domain: each.version for each in model.opset_import}
    unknown = {
        node.op_type
        for node in model.graph.node
        if not onnx.defs.has(node.op_type, versions.get(node.domain, 0), node.domain)
    }
    if unknown:
        raise EmbedderError(
            f"embedder {name!r} cannot be exported: the conversion knows no ONNX for {', '.join(sorted(unknown))}; "
            "it can be used as it is, where TensorFlow is installed",
            name=name,
        )


def _keras(embedder: Embedder) -> tuple[Any, Card]:
    from hybrid_search.embedders.keras.export import onnx_model
    from hybrid_search.embedders.keras.keras_embedder import Keras

    if not isinstance(embedder, Keras):
        raise EmbedderError(
            f"embedder {embedder.name!r} cannot be exported as ONNX; only keras:… and lite can", name=embedder.name
        )
    try:
        return onnx_model(embedder)
    except ModuleNotFoundError as error:
        raise EmbedderUnavailable(embedder.name, f"pip install 'hybrid-search[tensorflow]' ({error})") from error


def _lite(embedder: Embedder) -> tuple[Any, Card]:
    import onnx

    from hybrid_search.embedders import lite

    card = Card(
        embedder=embedder.name,
        version=embedder.version,
        size=lite.SIDE,
        resize="trim",
        output="embedding",
        probabilities="probabilities",
    )
    return onnx.load_from_string(lite._graph()), card
