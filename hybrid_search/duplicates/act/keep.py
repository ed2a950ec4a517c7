"""Which file of a group is kept: rules that a person can combine, and that say why they decided as they did."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hybrid_search.duplicates.act.keep_criteria import MEASURES
from hybrid_search.duplicates.act.keep_criteria import facts_of as facts_of
from hybrid_search.duplicates.model import Member
from hybrid_search.errors import QueryError

DEFAULT_KEEP = (
    "colour,most-pixels,camera-original,best-format,least-compressed,best-described,largest,oldest,"
    "has-sidecar,best-place,oldest-file,shortest-name,shortest-path"
)
"""What is kept unless a person says otherwise: first what cannot be had back, then place and name."""
_TIES = ("oldest-file", "shortest-name", "shortest-path")
"""Rules of the default that do not tell which of two folders with the same files mirrors the other."""


@dataclass(frozen=True)
class KeepRule:
    """One rule: its name, and its value where it takes one ("path:GLOB", "avoid:GLOB")."""

    name: str
    value: str = ""

    def __str__(self) -> str:
        return f"{self.name}:{self.value}" if self.value else self.name

    @property
    def of_bytes(self) -> bool:
        """Whether it looks at what the bytes hold, so that files of the same bytes are equal by it."""
        return MEASURES[self.name].of_bytes

    def order(self, member: Member) -> Any:
        """Return what members are ordered by; the least is kept."""
        return MEASURES[self.name].order(member, self.value)

    def says(self, member: Member) -> str:
        """Return what the rule sees in a member, in words."""
        return MEASURES[self.name].says(member, self.value)


@dataclass(frozen=True)
class KeepChoice:
    """The file that rules chose, and why.

    Parameters
    ----------
    member : Member
        The file to keep.
    why : str
        The rules that decided for it.
    others : mapping of str to str
        By the path of each other file: what decided against it.
    undecided : frozenset of str
        Paths of files of the same bytes in other folders, of which no rule that matters says that they are to go.
    """

    member: Member
    why: str
    others: Mapping[str, str]
    undecided: frozenset[str] = frozenset()


@dataclass(frozen=True)
class KeepRules:
    """Rules in the order in which they are asked: the next one decides where all before it find files equal.

    Parameters
    ----------
    rules : tuple of KeepRule
        The order of asking.
    protected : tuple of str
        Folders whose files are always kept and never touched.
    ties : tuple of KeepRule
        Rules that nobody has named: they choose between files of one folder, or of different bytes, and leave files of
        the same bytes in two folders undecided.

    Examples
    --------
    >>> small = Member("a", "/p/a.jpg", None, {"sha256": "a", "width": 100, "height": 50})
    >>> large = Member("b", "/p/b.jpg", None, {"sha256": "b", "width": 200, "height": 100})
    >>> kept = parse_keep("most-pixels").choose([small, large])
    >>> kept.member.path, kept.others["/p/a.jpg"]
    ('/p/b.jpg', 'most-pixels: 100 × 50 pixels; the kept file: 200 × 100 pixels')
    """

    rules: tuple[KeepRule, ...]
    protected: tuple[str, ...] = ()
    ties: tuple[KeepRule, ...] = ()

    def __str__(self) -> str:
        return ",".join([*map(str, self.rules), *(f"protected:{folder}" for folder in self.protected)])

    def choose(self, members: Sequence[Member]) -> KeepChoice:
        """Return which of several files is kept; the same one whatever their order.

        Parameters
        ----------
        members : sequence of Member
            At least one; each with a path of its own.
        """
        left = sorted(members, key=lambda member: (str(member.path), member.id))
        decided: list[tuple[KeepRule | None, list[Member]]] = []
        for rule in self.rules:
            if len(left) > 1 and not (rule.of_bytes and _same_bytes(left)):
                orders = [rule.order(member) for member in left]
                best = min(orders)
                lost = [member for member, order in zip(left, orders, strict=True) if order != best]
                left = [member for member, order in zip(left, orders, strict=True) if order == best]
                decided += [(rule, lost)] if lost else []
        decided += [(None, left[1:])] if left[1:] else []
        chosen = left[0]
        others = {str(member.path): _against(rule, member, chosen) for rule, lost in decided for member in lost}
        undecided = frozenset(
            str(member.path)
            for rule, lost in decided
            if self.ties and (rule is None or rule in self.ties)
            for member in lost
            if _same_bytes([member, chosen]) and _folder(member) != _folder(chosen)
        )
        by = "equal by every rule, the first by path"
        why = "; ".join(f"{rule}: {rule.says(chosen)}" if rule else by for rule, _ in decided) or "the only file"
        return KeepChoice(chosen, why, others, undecided)

    def before_default(self, *more: KeepRule) -> KeepRules:
        """Return these rules, then those of the default, where these leave files equal.

        Parameters
        ----------
        *more : KeepRule
            Asked after all of these and before the rules of the default that only break ties.
        """
        default = parse_keep()
        deciding = (*self.rules, *(rule for rule in default.rules if rule not in default.ties), *more)
        # who names one of the rules that break ties wants ties to be broken
        ties = () if set(default.ties) & set(self.rules) - set(self.ties) else default.ties
        return replace(self, rules=tuple(dict.fromkeys((*deciding, *default.ties))), ties=ties)


def parse_keep(text: str | Sequence[str] = DEFAULT_KEEP) -> KeepRules:
    """Read keep rules, the first asked first.

    Parameters
    ----------
    text : str or sequence of str
        "most-pixels,oldest,path:*/originals/*"; blanks and "then" may stand between: "most pixels, then oldest". In a
        sequence each item is one rule, so that a pattern may hold a comma.

    Raises
    ------
    QueryError
        When there is no such rule, or its value is missing or not wanted.

    Examples
    --------
    >>> str(parse_keep("Most pixels, then oldest, protected:/photos/albums"))
    'most-pixels,oldest,protected:/photos/albums'
    """
    parts = text.split(",") if isinstance(text, str) else list(text)
    found = [_parse(part) for part in parts if part.strip()]
    if not found:
        raise _unknown("")
    protected = [os.path.abspath(os.path.expanduser(rule.value)) for rule in found if rule.name == "protected"]
    rules = dict.fromkeys(rule for rule in found if rule.name != "protected")
    folders = tuple(dict.fromkeys(protected))
    if not rules:
        return replace(parse_keep(), protected=folders)
    named = text == DEFAULT_KEEP
    return KeepRules(tuple(rules), folders, tuple(rule for rule in rules if named and rule.name in _TIES))


def _unknown(rule: str) -> QueryError:
    known = tuple(_known())
    return QueryError(f"no keep rule {rule!r}; known: {', '.join(known)}", rule=rule, known=known)


def _parse(part: str) -> KeepRule:
    name, colon, value = re.sub(r"^\s*then\s+", "", part, flags=re.IGNORECASE).partition(":")
    name, value = re.sub(r"[\s_]+", "-", name.strip().lower()), value.strip()
    if name == "color":
        name = "colour"
    if name == "below":
        value = os.path.abspath(os.path.expanduser(value)) if value else ""
    wants = name == "protected" or bool(name in MEASURES and MEASURES[name].value)
    if (name not in MEASURES and name != "protected") or wants != bool(value) or bool(colon) != wants:
        raise _unknown(part.strip())
    return KeepRule(name, value)


def _known() -> list[str]:
    return list(KEEP_RULES)


def _same_bytes(members: Sequence[Member]) -> bool:
    return len({member.source.get("sha256") or member.id for member in members}) == 1


def _folder(member: Member) -> str:
    return os.path.dirname(str(member.path))


def _against(rule: KeepRule | None, member: Member, chosen: Member) -> str:
    if rule is None:
        return "equal by every rule; the first by path is kept"
    return f"{rule}: {rule.says(member)}; the kept file: {rule.says(chosen)}"


KEEP_RULES: Mapping[str, str] = {
    **{f"{name}:{rule.value}" if rule.value else name: rule.about for name, rule in MEASURES.items()},
    "protected:FOLDER": "every file below a folder, always; such files are never touched",
}
"""Rules by name, with what each prefers."""
