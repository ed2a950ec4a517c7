"""Published models worth taking, with what is published about them; nothing here was measured by this project.

Figures: recall of captions to pictures, the first one right (R@1), without training on the set. Those of COCO and
Flickr30k are from `openclip_retrieval_results.csv` of open_clip and from the README of SigLIP 2 in big_vision; "XM3600"
is the mean of R@1, 5 and 10 on the English part of Crossmodal-3600, from immich's documentation. MobileCLIP's is what
its README says; DINOv2's is the mean average precision on Oxford (hard), nearest neighbours, from its model card.
Sizes are those of the files on the hub; work is that of a picture (14.8, 17.5 and 46 GFLOP).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recommended:
    """A model that the hub offers.

    Parameters
    ----------
    name : str
        For `get_embedder`.
    megabytes : int
        To bring, about; of single precision.
    licence : str
        Of the weights, as their makers state it.
    languages : str
        In which it can be asked; empty for one without texts.
    recall : str
        What is published.
    hint : str
        When to take it.
    """

    name: str
    megabytes: int
    licence: str
    languages: str
    recall: str
    hint: str


RECOMMENDED = (
    Recommended(
        "clip:Xenova/clip-vit-base-patch32",
        606,
        "MIT",
        "English",
        "COCO 30.4 %, Flickr30k 58.8 %",
        "the one that all others are compared with",
    ),
    Recommended(
        "clip:yurijmikhalevich/rclip-models/ViT-B-32-256-datacomp_s34b_b86k",
        606,
        "MIT",
        "English",
        "COCO 39.9 %, Flickr30k 64.9 %",
        "finds more, for a fifth more work",
    ),
    Recommended(
        "siglip:Xenova/siglip-base-patch16-224",
        813,
        "Apache-2.0",
        "English",
        "COCO 47.8 %, Flickr30k 74.7 %",
        "finds far more, for three times the work",
    ),
    Recommended(
        "siglip:onnx-community/siglip2-base-patch16-256-ONNX",
        1540,
        "Apache-2.0",
        "many languages",
        "COCO 53.2 %",
        "the best of this size, in many languages",
    ),
    Recommended(
        "siglip:immich-app/ViT-B-16-SigLIP2__webli",
        1540,
        "Apache-2.0",
        "many languages",
        "COCO 52.1 %, XM3600 75.2 %",
        "the same family as immich has it",
    ),
    Recommended(
        "clip:Xenova/mobileclip_s2",
        397,
        "Apple",
        "English",
        "above SigLIP B/16 on average, 2.3 times as fast",
        "for slow machines; read its licence",
    ),
    Recommended(
        "dino:Xenova/dinov2-small",
        89,
        "Apache-2.0",
        "",
        "Oxford, hard: 43.2 % mAP",
        "no words: what looks alike",
    ),
)
"""In the order in which to consider them."""
