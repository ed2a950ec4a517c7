"""What an ONNX file says of itself beside its graph: how its pixels are made, and what its outputs are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

PREFIX = "hybrid_search."
"""Of the keys in the file's metadata."""


@dataclass(frozen=True)
class Card:
    """How to run an image network: a value pixel × scale, minus the mean, divided by the deviation, of each channel.

    Parameters
    ----------
    embedder : str
        Name of the embedder that the graph was made from.
    version : str
        Its version.
    size : int
        Pixels of a side of the square input.
    resize : str
        How a picture becomes the square: "squash", "trim", "crop" or "pad".
    channels : str
        "rgb" or "bgr".
    layout : str
        "nhwc" or "nchw".
    dtype : str
        "uint8", "float32" or "float16".
    scale : float
        Factor of pixels in [0, 255]; 1 where the graph does the scaling.
    mean, std : tuple of float
        Three numbers each; 0 and 1 where the graph does the scaling.
    pooling : str
        How a feature map was pooled in the graph, "" for none.
    output : str
        Name of the output that is the embedding.
    probabilities : str
        Name of the output of 1,000 probabilities of ImageNet's classes, "" for none.
    """

    embedder: str
    version: str
    size: int
    resize: str
    output: str
    probabilities: str = ""
    pooling: str = ""
    channels: str = "rgb"
    layout: str = "nhwc"
    dtype: str = "uint8"
    scale: float = 1.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)


def write_card(model: Any, card: Card) -> None:
    """Write a card into the metadata of an ONNX model; what other keys say stays."""
    for key, value in asdict(card).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = PREFIX + key, json.dumps(value)


def read_card(metadata: Mapping[str, str]) -> Card | None:
    """Return the card in the metadata of an ONNX model, None if it has none.

    Raises
    ------
    ValueError
        When it has one that cannot be read.
    """
    given = {key: value for key, value in metadata.items() if key.startswith(PREFIX)}
    if not given:
        return None
    try:
        values: dict[str, Any] = {each.name: json.loads(given[PREFIX + each.name]) for each in fields(Card)}
        values.update({key: tuple(value) for key, value in values.items() if isinstance(value, list)})
        return Card(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"its metadata {PREFIX}* cannot be read ({error})") from error
