"""The version of the package, at the bottom of all layers: index definitions record it."""

__all__ = ["__version__"]

__version__ = "0.1.0"
