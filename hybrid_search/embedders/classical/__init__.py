"""Embedders without a network: colours, oriented gradients, local features; scikit-image and OpenCV do the work."""

from __future__ import annotations
