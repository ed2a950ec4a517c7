"""Embedders that somebody trained on their own pictures, each in a file of arrays."""
