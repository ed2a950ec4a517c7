"""Every clause that the embedded backend interprets."""

from __future__ import annotations

from hybrid_search.backends.embedded.compiler import Compiler, Handler
from hybrid_search.backends.embedded.compound import COMPOUND
from hybrid_search.backends.embedded.geo import GEO
from hybrid_search.backends.embedded.ranges import RANGES
from hybrid_search.backends.embedded.snapshot import Snapshot
from hybrid_search.backends.embedded.terms import TERMS
from hybrid_search.backends.embedded.textual import TEXTUAL

__all__ = ["CLAUSES", "compiler"]

CLAUSES: dict[str, Handler] = {**COMPOUND, **TEXTUAL, **TERMS, **RANGES, **GEO}
"""Clause name to its handler; whatever is not here is refused as UnsupportedClause."""


def compiler(snapshot: Snapshot) -> Compiler:
    """Return a compiler of these clauses for one snapshot."""
    return Compiler(snapshot, CLAUSES)
