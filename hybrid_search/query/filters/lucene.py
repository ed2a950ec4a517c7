"""Lucene query syntax, as Kibana users write it, as Elasticsearch filter clauses; luqum reads the syntax."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from luqum import tree
from luqum.exceptions import ParseError
from luqum.parser import lexer as luqum_lexer
from luqum.parser import parser as luqum_parser

from hybrid_search.errors import BadFilter
from hybrid_search.query.filters.combine import MAX_CLAUSES, MAX_DEPTH, all_of, any_of, negate
from hybrid_search.query.filters.field_conditions import PATHS, Leaves
from hybrid_search.query.filters.field_names import field_type
from hybrid_search.query.filters.value_parsing import NUMBERS

_PARSING = threading.Lock()
_REWRITTEN = re.compile(
    r"""
      (?P<kept> "(?:[^"\\]|\\.)*" | \\. )                                   # quoted or escaped: as it is
    | (?P<date> [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}[0-9:.,]*(?:Z|[+-][0-9:]{2,6})? )
    | (?<=[:(\s]) (?P<call> (?:within|box) \s* \( [^()"]* \) )              # within(48.85,2.35,10km)
    | (?P<compared> [<>]=?\s*) - (?=[0-9.])                                 # >=-1
    | (?P<operator> && | \|\| | (?<![^\s(:]) ! (?=[^\s=]) )
    | (?P<slash> / )
    """,
    re.VERBOSE | re.ASCII,
)
_OPERATORS = {"&&": " AND ", "||": " OR ", "!": " NOT "}
_HAD = {"text": "text_in_picture"}
"""What people say that a picture has, where its field is called otherwise: `has:text`, but `has:location`."""
_COMPARISON = re.compile(r"([\w.]+)\s*(=|<=?|>=?)(.*)", re.DOTALL)


def parse_lucene(text: str, leaves: Leaves) -> tuple[dict[str, Any], ...]:
    """Return the clauses, all of which must hold, of a filter in Lucene query syntax.

    Parameters
    ----------
    text : str
        Not empty. Clauses written side by side must all hold (AND); OR binds closer than that, AND closer still.
    leaves : Leaves
        Makes the clause for one field.

    Raises
    ------
    BadFilter
        When the text is no such syntax, or asks for what filters do not do.
    UnknownField
        When the mapping lacks a field.
    """
    return tuple(_Walk(text, leaves).conjuncts(_parse(text)))


@lru_cache(maxsize=128)  # one filter comes with many questions, and luqum takes as long as a leg of a small index
def _parse(text: str) -> Any:
    rewritten = _REWRITTEN.sub(_rewrite, text)
    try:
        with _PARSING:
            return luqum_parser.parse(rewritten, lexer=luqum_lexer.clone())
    except ParseError as error:
        raise BadFilter(text, _reason(str(error))) from None
    except (ValueError, ArithmeticError):
        raise BadFilter(text, "the number after ~ or ^ is not one") from None


def _rewrite(match: re.Match[str]) -> str:
    """Put what luqum does not read in terms that it does."""
    found = match.group
    if found("kept"):
        return found("kept")
    if found("date"):
        return found("date").replace(":", r"\:")
    if found("call"):
        return f'"{found("call")}"'
    if found("compared"):
        return found("compared") + r"\-"
    return _OPERATORS[found("operator")] if found("operator") else r"\/"


def _reason(message: str) -> str:
    if illegal := re.match(r"Illegal character '(.*)' at position", message, re.DOTALL):
        return f"cannot be read from {illegal[1][:20]!r} on; is a quote or a bracket left open?"
    unexpected = re.sub(r"^Syntax error in input : | at (position \d+|the end)!$", "", message)
    return f"{unexpected}; put a value that has spaces or signs in double quotes"


@dataclass
class _Walk:
    """Turns luqum's tree into clauses, within the limits on their number and depth."""

    text: str
    leaves: Leaves
    clauses: int = field(default=0)

    def conjuncts(self, node: Any, *, name: str | None = None, depth: int = 0) -> Iterator[dict[str, Any]]:
        """Give the clauses that must all hold, however deep the ANDs are nested."""
        if depth > MAX_DEPTH:
            raise BadFilter(self._shown(), f"it is nested deeper than {MAX_DEPTH} levels")
        if isinstance(node, (tree.AndOperation, tree.UnknownOperation)):
            for operand in node.operands:
                yield from self.conjuncts(operand, name=name, depth=depth)
        elif isinstance(node, tree.BaseGroup):
            yield from self.conjuncts(node.expr, name=name, depth=depth + 1)
        else:
            yield self._clause(node, name=name, depth=depth)

    def _whole(self, node: Any, *, name: str | None, depth: int) -> dict[str, Any]:
        return all_of(list(self.conjuncts(node, name=name, depth=depth + 1)))

    def _clause(self, node: Any, *, name: str | None, depth: int) -> dict[str, Any]:
        if isinstance(node, tree.OrOperation):
            return any_of([self._whole(operand, name=name, depth=depth) for operand in node.operands])
        if isinstance(node, tree.Prohibit) and self._is_negative_number(node.a, name):
            return self._leaf(tree.Word(f"-{node.a.value}"), name)
        if isinstance(node, (tree.Not, tree.Prohibit)):
            return negate(self._whole(node.a, name=name, depth=depth))
        if isinstance(node, tree.Plus):
            return self._whole(node.a, name=name, depth=depth)
        if isinstance(node, tree.SearchField):
            if name is not None:
                reason = f"a colon inside the value of {name!r}; put the value in double quotes, or \\ before the colon"
                raise BadFilter(self._shown(), reason)
            return self._whole(node.expr, name=_unescape(node.name), depth=depth)
        return self._leaf(node, name)

    def _leaf(self, node: Any, name: str | None) -> dict[str, Any]:
        self.clauses += 1
        if self.clauses > MAX_CLAUSES:
            raise BadFilter(self._shown(), f"it has more than {MAX_CLAUSES:,} conditions")
        if name is None or name == "*":
            return self._without_field(node, name)
        if isinstance(node, tree.Boost):
            raise BadFilter(self._shown(), "^ is for ranking, and filters do not rank; remove it")
        if isinstance(node, tree.Term):
            return self._term(node, name)
        if isinstance(node, tree.Range):
            low, high = _bound(node.low), _bound(node.high)
            operators = {"gte" if node.include_low else "gt": low, "lte" if node.include_high else "lt": high}
            return self.leaves.between(name, {key: bound for key, bound in operators.items() if bound != "*"})
        if isinstance(node, tree.OpenRange):
            operator = ("gt" if isinstance(node, tree.From) else "lt") + ("e" if node.include else "")
            return self.leaves.between(name, {operator: _value(node.a)})
        return self._approximate(node, name)

    def _term(self, node: Any, name: str) -> dict[str, Any]:
        if name in ("_exists_", "has"):
            return self.leaves.exists(_HAD.get(_value(node), _value(node)))
        if name == "_id":
            return {"ids": {"values": [_value(node)]}}
        if isinstance(node, tree.Phrase):
            return self.leaves.equals(name, _value(node), phrase=True)
        if node.value == "*":
            return self.leaves.exists(name)
        if re.fullmatch(r"\\/.*\\/\w*", node.value, re.DOTALL) and name not in PATHS:
            raise BadFilter(self._shown(), "regular expressions are not taken; use * and ?, or put the value in quotes")
        if re.search(r"(?<!\\)(?:\\\\)*[*?]", node.value):
            return self.leaves.pattern(name, re.sub(r"\\([^*?\\])", r"\1", node.value))
        return self.leaves.equals(name, _value(node))

    def _approximate(self, node: Any, name: str) -> dict[str, Any]:
        if isinstance(node, tree.Proximity):
            return self.leaves.near(name, _value(node.term), min(node.degree, 100))
        if not isinstance(node, tree.Fuzzy):
            raise BadFilter(self._shown(), f"{str(node)[:40]!r} is not a condition on {name!r}")
        degree = str(node.degree)
        if degree not in ("0", "1", "2", "0.5"):
            raise BadFilter(self._shown(), f"~{degree} is not a number of letters that may differ; write ~, ~1 or ~2")
        # 0.5 is what luqum puts where the number was left out.
        return self.leaves.fuzzy(name, _value(node.term), "AUTO" if degree == "0.5" else int(degree))

    def _without_field(self, node: Any, name: str | None) -> dict[str, Any]:
        word = _value(node) if isinstance(node, tree.Term) else str(node)
        if isinstance(node, tree.Word) and node.value == "*":
            return {"match_all": {}}
        if name == "*":
            raise BadFilter(self._shown(), f"a filter names its field; put words into text=…, or write field:{word}")
        if word in ("and", "or", "not"):
            raise BadFilter(self._shown(), f"write {word.upper()} in capitals")
        if compared := _COMPARISON.fullmatch(word):
            operator = "" if compared[2] == "=" else compared[2]
            raise BadFilter(self._shown(), f"write {compared[1]}:{operator}{compared[3] or '…'}")
        raise BadFilter(self._shown(), f"{word!r} has no field; put words into text=…, or write field:{word}")

    def _is_negative_number(self, node: Any, name: str | None) -> bool:
        if not isinstance(node, tree.Word) or name in (None, "*", "_exists_", "_id"):
            return False
        return field_type(str(name), self.leaves.types) in NUMBERS

    def _shown(self) -> str:
        return self.text if len(self.text) <= 200 else f"{self.text[:200]}…"


def _bound(node: Any) -> str:
    return f"-{_value(node.a)}" if isinstance(node, tree.Prohibit) else _value(node)


def _value(node: Any) -> str:
    return _unescape(node.value[1:-1] if isinstance(node, tree.Phrase) else node.value)


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
