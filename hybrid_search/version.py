"""The version of the package, at the bottom of all layers: index definitions record it."""

__version__ = "0.1.0"
