"""How large a filter may be, measured before anything of it is read: what nobody writes by hand is dear for servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hybrid_search.errors import BadFilter
from hybrid_search.query.filters.combine import MAX_DEPTH

MAX_PARTS = 100
"""Filters in a list of filters."""

MAX_VALUES = 100_000
"""Values and names of all clauses together; a server takes 65,536 in one `terms`."""

MAX_VALUE = 8_000
"""Characters of one value; a term of an index has at most 32,766 bytes."""

MAX_PATTERN = 1_000
"""Characters of a pattern, a prefix or a fuzzy word, as on a server."""

_MAX_WILDCARDS = 100
_LEVELS = 3 * MAX_DEPTH + 10  # a bool is three levels: its mapping, a list in it, and the clause in that


def check_size(filter: Any) -> None:
    """Raise BadFilter when a filter of mappings and lists is too deep, too long, or holds itself."""
    waiting: list[tuple[Any, int]] = [(filter, 0)]
    seen = 0
    while waiting:
        thing, depth = waiting.pop()
        if isinstance(thing, (str, bytes)) and len(thing) > MAX_VALUE:
            raise BadFilter(f"{thing[:60]!r}…", f"a value has {len(thing):,} characters, more than {MAX_VALUE:,}")
        if not isinstance(thing, (Mapping, list, tuple)):
            continue
        if depth > _LEVELS:
            raise BadFilter("…", f"it is nested deeper than {MAX_DEPTH} levels")
        seen += len(thing)
        if seen > MAX_VALUES:
            raise BadFilter("…", f"it has more than {MAX_VALUES:,} values")
        inside = [*thing.keys(), *thing.values()] if isinstance(thing, Mapping) else thing
        waiting.extend((each, depth + 1) for each in inside)


def check_pattern(field: str, pattern: str) -> None:
    """Raise BadFilter when a pattern, a prefix or a fuzzy word is longer than a server takes."""
    if len(pattern) > MAX_PATTERN:
        raise BadFilter(f"{field}:{pattern[:60]}…", f"a pattern has at most {MAX_PATTERN:,} characters")
    if sum(map(pattern.count, "*?")) > _MAX_WILDCARDS:
        raise BadFilter(f"{field}:{pattern[:60]}…", f"a pattern has at most {_MAX_WILDCARDS} of * and ?")
