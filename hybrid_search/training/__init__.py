"""Embedders trained on a person's own pictures: what they learn from, how well they do held out, what is kept."""

from __future__ import annotations
