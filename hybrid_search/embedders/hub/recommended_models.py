"""Published models worth taking: this table is the only place that says which, and why.

Recall is that of captions to pictures, the first one right (R@1), without training on the set, and published: nothing
of it was measured here. COCO and Flickr30k are from `openclip_retrieval_results.csv` of open_clip and from the README
of SigLIP 2 in big_vision; "XM3600" is the mean of R@1, 5 and 10 on the English part of Crossmodal-3600, from immich's
documentation. MobileCLIP's is what its README says; DINOv2's is the mean average precision on Oxford (hard), nearest
neighbours, from its model card. Sizes are those of the files on the hub.

Pictures a second were measured by `scripts/reference/hub_models.py`, on networks of the same architecture with random
weights: prepared and embedded, for a second of one core of a Xeon with AVX-512.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recommended:
    """A model that the hub offers.

    Parameters
    ----------
    word : str
        By which it is fetched; empty for one that has none.
    name : str
        For `get_embedder`.
    megabytes : int
        To bring, about.
    licence : str
        Of the weights, as their makers state it.
    languages : str
        In which it can be asked; empty for one without texts.
    recall : str
        What is published.
    rate : float
        Pictures for a second of one core; 0 where it was not measured.
    hint : str
        When to take it.
    """

    word: str
    name: str
    megabytes: int
    licence: str
    languages: str
    recall: str
    rate: float
    hint: str


RECOMMENDED = (
    Recommended(
        "siglip2",
        "siglip:onnx-community/siglip2-base-patch32-256-ONNX",
        1540,
        "Apache-2.0",
        "many languages",
        "COCO 47.2 %, XM3600 73.2 %",
        8.6,
        "finds people, actions and scenes: the one to begin with",
    ),
    Recommended(
        "clip",
        "clip:yurijmikhalevich/rclip-models/ViT-B-32-256-datacomp_s34b_b86k",
        606,
        "MIT",
        "English",
        "COCO 39.9 %, Flickr30k 64.9 %",
        10.2,
        "smaller, for English alone",
    ),
    Recommended(
        "siglip2-b16",
        "siglip:onnx-community/siglip2-base-patch16-256-ONNX",
        1540,
        "Apache-2.0",
        "many languages",
        "COCO 53.2 %",
        2.1,
        "finds more than siglip2, for four times the work",
    ),
    Recommended(
        "siglip",
        "siglip:Xenova/siglip-base-patch16-224",
        813,
        "Apache-2.0",
        "English",
        "COCO 47.8 %, Flickr30k 74.7 %",
        3.1,
        "SigLIP's first, for English alone",
    ),
    Recommended(
        "",
        "siglip:immich-app/ViT-B-16-SigLIP2__webli",
        1540,
        "Apache-2.0",
        "many languages",
        "COCO 52.1 %, XM3600 75.2 %",
        0,
        "the family of siglip2-b16 as immich has it",
    ),
    Recommended(
        "",
        "clip:Xenova/clip-vit-base-patch32",
        606,
        "MIT",
        "English",
        "COCO 30.4 %, Flickr30k 58.8 %",
        12.1,
        "OpenAI's, with which all others are compared; the weakest for words",
    ),
    Recommended(
        "mobileclip",
        "clip:Xenova/mobileclip_s2",
        397,
        "Apple's, as far as known for research only",
        "English",
        "above SigLIP B/16 on average, 2.3 times as fast",
        0,
        "for slow machines",
    ),
    Recommended(
        "dino",
        "dino:Xenova/dinov2-small",
        89,
        "Apache-2.0",
        "",
        "Oxford, hard: 43.2 % mAP",
        6.8,
        "no words: what looks alike",
    ),
)
"""In the order in which to consider them."""
SMALL = Recommended(
    "",
    "siglip:onnx-community/siglip2-base-patch32-256-ONNX?dtype=int8",
    420,
    "Apache-2.0",
    "many languages",
    "",
    0,
    "siglip2 in 8 bits, whose recall nobody has published",
)
"""What is asked in any language on a machine where the first of all is too large."""
MEMORY = 3 * 10**9
"""Bytes of a machine's memory from which the first is recommended: its text side takes 0.4 GB while people search."""


def recommended(language: str = "en", *, memory: int, free: int) -> Recommended:
    """Return the model that a machine should have.

    Parameters
    ----------
    language : {"en", "any"}
        In which it is going to be asked.
    memory, free : int
        Bytes of the machine's memory, and those free where the hub's models are kept.

    Examples
    --------
    >>> recommended(memory=8 * 10**9, free=10**11).word, recommended(memory=2 * 10**9, free=10**11).word
    ('siglip2', 'clip')
    """
    first, second = RECOMMENDED[:2]
    if memory >= MEMORY and free >= first.megabytes * 10**6:
        return first
    return SMALL if language == "any" else second


def by_word(word: str) -> Recommended | None:
    """Return the model that a short word or a whole name means, None for another.

    Examples
    --------
    >>> by_word("mobileclip").name
    'clip:Xenova/mobileclip_s2'
    """
    return next((model for model in (*RECOMMENDED, SMALL) if word and word in (model.word, model.name)), None)
