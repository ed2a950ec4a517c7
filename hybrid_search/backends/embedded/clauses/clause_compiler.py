"""Clauses of a body to tantivy queries: the walk itself, and what every kind of clause needs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from hybrid_search.backends.embedded.documents.mapping_fields import Field
from hybrid_search.backends.embedded.snapshot import Snapshot
from hybrid_search.errors import BadFilter, MappingMismatch, UnsupportedClause

if TYPE_CHECKING:
    import tantivy

COMMON = {"boost", "_name"}
"""What every clause may have."""
_DEEPEST = 100
"""Clauses within clauses: more than a server allows by default (30), less than Python's recursion takes."""


class Compiler:
    """Turns clauses into queries against one snapshot, and remembers the named ones.

    Parameters
    ----------
    snapshot : Snapshot
    handlers : mapping of str to callable
        Clause name to what compiles its parameters; it returns the query and a mapping that may have boost and _name.
    """

    def __init__(self, snapshot: Snapshot, handlers: Mapping[str, Handler]) -> None:
        self.snapshot = snapshot
        self.named: dict[str, tantivy.Query] = {}
        self.matches: dict[tuple[Any, ...], tantivy.Query] = {}
        self._handlers = handlers
        self._depth = 0

    def compile(self, clause: Any) -> tantivy.Query:
        """Return the query of one clause.

        Raises
        ------
        UnsupportedClause
            When the clause, or a parameter of it, is not interpreted.
        UnknownField, MappingMismatch, BadFilter
            When it names a field that is not there, or a value that the field cannot have.
        """
        from tantivy import Query

        name, params = single("query", clause)
        if name not in self._handlers:
            raise UnsupportedClause(name, "embedded")
        self._depth += 1
        if self._depth > _DEEPEST:
            raise BadFilter(name, f"clauses are nested more than {_DEEPEST} deep")
        query, options = self._handlers[name](self, params)
        self._depth -= 1
        boost = options.get("boost", 1.0)
        if isinstance(boost, bool) or not isinstance(boost, (int, float)) or not 0 <= boost < float("inf"):
            raise BadFilter(name, f"boost must be a number from 0, got {boost!r}")
        if boost != 1:
            query = Query.boost_query(query, float(boost))
        if "_name" in options:
            self.named[str(options["_name"])] = query
        return query

    def filter(self, clause: Any) -> tantivy.Query:
        """Return the query of a clause whose score does not count."""
        from tantivy import Query

        return Query.const_score_query(self.compile(clause), 0.0)

    def unnamed(self) -> Compiler:
        """Return a compiler of the same clauses that does not take part in the names of this one."""
        return Compiler(self.snapshot, self._handlers)

    def field(self, name: str) -> Field:
        """Return the field that a clause names; raises UnknownField, or MappingMismatch when it is not indexed."""
        found = self.snapshot.schema.fields.find(name)
        if not found.indexed:
            raise MappingMismatch(name, "is not indexed, so it cannot be searched")
        return found


Handler = Callable[[Compiler, Any], "tuple[tantivy.Query, Mapping[str, Any]]"]


def single(name: str, params: Any, *, beside: Collection[str] = ()) -> tuple[str, Any]:
    """Return the one (key, value) of a clause, other than the keys allowed beside it; raises BadFilter."""
    if not isinstance(params, Mapping):
        raise BadFilter(name, f"expected an object, got {type(params).__name__}")
    keys = [key for key in params if key not in beside]
    if len(keys) != 1:
        raise BadFilter(name, f"expected exactly one name, got {keys or 'none'}")
    return keys[0], params[keys[0]]


def only(name: str, params: Any, known: Collection[str]) -> Mapping[str, Any]:
    """Return the parameters of a clause; raises UnsupportedClause for one that is not known."""
    if not isinstance(params, Mapping):
        raise BadFilter(name, f"expected an object, got {type(params).__name__}")
    for key in params:
        if key not in known and key not in COMMON:
            raise UnsupportedClause(f"{name}.{key}", "embedded")
    return params
