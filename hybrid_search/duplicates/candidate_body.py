"""Which stored pictures may be copies of one: one body that asks for all of them.

Signatures are looked up in the sixteen orientations, embeddings for the picture as it is and in its quarter turns; when
nothing came of it, for its parts, since a half of a collage is unlike the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.query.body import SOURCE_EXCLUDES
from hybrid_search.signature.goldberg import min_cosine

BYTES, SIGNATURE, VECTOR = "bytes", "signature", "vector"
"""Beginnings of the names by which a hit says what proposed it."""

_SIGNATURE_K = 20  # proposals by each signature, at least; no measurement is kept
_SIGNATURE_CANDIDATES = 200  # found 99.8 % of the pairs below 0.45 at 404,000 documents
_VECTOR_CANDIDATES = 100  # at least; no measurement is kept
BOOST = 1e3

Box = tuple[float, float, float, float]


def propose(
    *,
    sha256: str,
    signatures: NDArray[np.int8],
    max_distance: float,
    vectors: Sequence[NDArray[np.float32]] = (),
    field: str = "",
    filter: Sequence[Mapping[str, Any]] = (),
    exclude: Sequence[str] = (),
    k: int = 10,
) -> dict[str, Any]:
    """Return the `_search` body for everything that may be a copy.

    Parameters
    ----------
    sha256 : str
        Of the picture's bytes.
    signatures : (n, 648) int8 ndarray
        Its signature in the orientations to be looked up; none of a flat picture.
    max_distance : float
        Signature distance up to which pictures are proposed, in (0, 1).
    vectors : sequence of (dims,) float32 ndarray
        Unit vectors of the picture in several orientations, or of its parts.
    field : str
        Dotted name of the embedding that they are of.
    filter : sequence of mapping
        Elasticsearch clauses that every proposal satisfies.
    exclude : sequence of str
        Ids that are not proposed.
    k : int
        Proposals by each vector.
    """
    hard = [dict(clause) for clause in filter]
    if exclude:
        hard.append({"bool": {"must_not": [{"ids": {"values": list(exclude)}}]}})
    within = {"filter": hard} if hard else {}
    least = {"similarity": min_cosine(max_distance), "k": max(k, _SIGNATURE_K), "num_candidates": _SIGNATURE_CANDIDATES}
    knn: list[dict[str, Any]] = [
        {
            "field": "signature",
            "query_vector": row,
            **least,
            "boost": BOOST,
            "_name": f"{SIGNATURE}:{number}",
            **within,
        }
        for number, row in enumerate(signatures)
    ]
    wanted = {"k": k, "num_candidates": max(_VECTOR_CANDIDATES, k), "boost": BOOST}
    knn += [
        {"field": field, "query_vector": vector, **wanted, "_name": f"{VECTOR}:{number}", **within}
        for number, vector in enumerate(vectors)
    ]
    same = {"bool": {"must": [{"term": {"sha256": {"value": sha256, "_name": BYTES}}}], **within}}
    return {
        "size": min(10_000, 100 + sum(int(clause["k"]) for clause in knn)),
        "_source": {"excludes": list(SOURCE_EXCLUDES)},
        "fields": ["signature"],
        "query": same,
        **({"knn": knn} if knn else {}),
    }


def quarter_turns(image: Image.Image) -> list[Image.Image]:
    """Return the picture as it is and in its quarter turns, which a network tells apart, unlike mirror images."""
    turns = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
    return [image, *(image.transpose(turn) for turn in turns)]


def parts(image: Image.Image) -> list[tuple[Box, Image.Image]]:
    """Return parts of a picture that may be pictures of their own: halves, quarters, the middle; with their boxes.

    Boxes are (left, top, right, bottom) as shares of width and height.
    """
    boxes: list[Box] = [
        (0.0, 0.0, 0.5, 1.0),
        (0.5, 0.0, 1.0, 1.0),
        (0.0, 0.0, 1.0, 0.5),
        (0.0, 0.5, 1.0, 1.0),
        (0.15, 0.15, 0.85, 0.85),
        *((x, y, x + 0.5, y + 0.5) for x in (0.0, 0.5) for y in (0.0, 0.5)),
    ]
    cut = []
    for box in boxes:
        pixels = (
            round(box[0] * image.width),
            round(box[1] * image.height),
            round(box[2] * image.width),
            round(box[3] * image.height),
        )
        if pixels[2] - pixels[0] >= 32 and pixels[3] - pixels[1] >= 32:
            cut.append((box, image.crop(pixels)))
    return cut
