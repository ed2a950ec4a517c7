"""Decoding without warnings: Pillow's remarks on odd files are silenced in the decoding thread and nowhere else."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_decoding = threading.local()
_installing = threading.Lock()


class _WhileDecoding(type):
    """Metaclass of a warning category to which every warning belongs, but only in a thread that is decoding."""

    def __subclasscheck__(cls, other: type) -> bool:
        return cls is other or getattr(_decoding, "depth", 0) > 0


class DecodingWarning(Warning, metaclass=_WhileDecoding):
    """Any warning given inside `quiet`."""


@contextmanager
def quiet() -> Iterator[None]:
    """Ignore the warnings of this thread for the time of the block.

    `warnings.catch_warnings` replaces the filters of all threads at once and two of them that overlap restore the wrong
    ones. Here one filter is put in front of the others and stays: its category matches nothing outside such a block.
    """
    if not warnings.filters or warnings.filters[0][2] is not DecodingWarning:
        with _installing:
            warnings.simplefilter("ignore", category=DecodingWarning)
    _decoding.depth = getattr(_decoding, "depth", 0) + 1
    try:
        yield
    finally:
        _decoding.depth -= 1
