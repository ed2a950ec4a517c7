"""Every clause that the embedded backend interprets."""

from __future__ import annotations

from hybrid_search.backends.embedded.clauses.clause_compiler import Compiler, Handler
from hybrid_search.backends.embedded.clauses.compound_clauses import COMPOUND
from hybrid_search.backends.embedded.clauses.full_text_clauses import TEXTUAL
from hybrid_search.backends.embedded.clauses.geo_clauses import GEO
from hybrid_search.backends.embedded.clauses.range_clause import RANGES
from hybrid_search.backends.embedded.clauses.term_clauses import TERMS
from hybrid_search.backends.embedded.snapshot import Snapshot

CLAUSES: dict[str, Handler] = {**COMPOUND, **TEXTUAL, **TERMS, **RANGES, **GEO}
"""Clause name to its handler; whatever is not here is refused as UnsupportedClause."""


def compiler(snapshot: Snapshot) -> Compiler:
    """Return a compiler of these clauses for one snapshot."""
    return Compiler(snapshot, CLAUSES)
