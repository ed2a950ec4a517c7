"""Which parts of a document's `_source` an answer has: `_source` filters and `fields`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hybrid_search.errors import BadFilter, UnsupportedClause


class SourceFilter:
    """The `_source` parameter of a body.

    Parameters
    ----------
    spec : bool, str, sequence of str, or mapping
        True, false, patterns to include, or {"includes", "excludes"}; a pattern is a dotted name with `*`.

    Examples
    --------
    >>> SourceFilter({"excludes": ["a.b", "c*"]}).apply({"a": {"b": 1, "d": 2}, "cc": 3, "e": 4})
    {'a': {'d': 2}, 'e': 4}
    """

    def __init__(self, spec: Any = True) -> None:
        includes: Any = []
        excludes: Any = []
        self.wanted = spec is not False
        if isinstance(spec, Mapping):
            for key in spec:
                if key not in ("includes", "excludes", "include", "exclude"):
                    raise UnsupportedClause(f"_source.{key}", "embedded")
            includes = spec.get("includes", spec.get("include", []))
            excludes = spec.get("excludes", spec.get("exclude", []))
        elif not isinstance(spec, bool) and spec is not None:
            includes = spec
        self._includes, self._excludes = _patterns(includes), _patterns(excludes)
        self._plain = not self._includes and not any("*" in pattern for pattern in self._excludes)
        self._tops = [pattern for pattern in self._excludes if "." not in pattern]
        self._deep = [pattern for pattern in self._excludes if "." in pattern]
        self._wants: dict[str, bool] = {}
        self._dropped: dict[str, bool] = {}
        self._keep = _regex(self._includes)
        self._drop = _regex(self._excludes)

    def may_want(self, name: str) -> bool:
        """Tell whether anything of a top-level field can be in the answer."""
        if name not in self._wants:
            self._wants[name] = self._decide(name)
        return self._wants[name]

    def _decide(self, name: str) -> bool:
        if not self.wanted or (self._drop is not None and self._drop.fullmatch(name)):
            return False
        if self._keep is None or self._keep.fullmatch(name):
            return True
        return any(pattern.startswith(f"{name}.") or "*" in pattern for pattern in self._includes)

    def apply(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """Return the wanted part of a document."""
        if not self._includes and not self._excludes:
            return dict(source)
        if self._plain:
            kept = dict(source)
            for name in self._tops:
                kept.pop(name, None)
            return _without(kept, self._deep) if self._deep else kept
        return self._walk("", source)

    def _drops(self, name: str) -> bool:
        """Tell whether a field is left out, decided once: documents have the same fields."""
        if self._drop is None:
            return False
        if name not in self._dropped:
            self._dropped[name] = self._drop.fullmatch(name) is not None
        return self._dropped[name]

    def _walk(self, prefix: str, source: Mapping[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for key, value in source.items():
            name = f"{prefix}{key}"
            if self._drops(name):
                continue
            if type(value) is dict and value:
                inner = self._walk(f"{name}.", value)
                if inner:
                    kept[key] = inner
            elif type(value) is list and any(type(item) is dict for item in value):
                items = [self._walk(f"{name}.", item) if isinstance(item, Mapping) else item for item in value]
                if any(items):
                    kept[key] = items
            elif self._keep is None or self._keep.fullmatch(name):
                kept[key] = value
        return kept


def _patterns(value: Any) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, (list, tuple)) or not all(isinstance(item, str) for item in listed):
        raise BadFilter("_source", f"expected names, got {value!r}")
    return tuple(listed)


def _regex(patterns: Sequence[str]) -> re.Pattern[str] | None:
    if not patterns:
        return None
    choices = "|".join(re.escape(pattern).replace(r"\*", ".*") for pattern in patterns)
    return re.compile(rf"(?:{choices})(?:\..*)?", re.DOTALL)


def _without(source: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    kept = dict(source)
    for name in names:
        head, _, rest = name.partition(".")
        kept.pop(name, None)
        if not rest or head not in kept:
            continue
        value = kept[head]
        if isinstance(value, Mapping):
            kept[head] = _without(value, [rest])
            if not kept[head]:
                del kept[head]
        elif isinstance(value, list):
            kept[head] = [_without(item, [rest]) if isinstance(item, Mapping) else item for item in value]
    return kept


def leaves(value: Any, *, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted name, value) of every value of a document, those of lists one by one."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, prefix=f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, prefix=prefix)
    elif value is not None:
        yield prefix, value
