"""Networks that others trained and published as ONNX: CLIP, SigLIP and their like, DINO.

Nothing about a model is taken for granted that its files say: names and types of inputs and outputs, batch, size of the
picture, its preparation, length and filling of a text.
"""

from __future__ import annotations
