"""Search pictures by words, by example, by metadata and by near-identity, in one query."""

__version__ = "0.1.0"
