"""What is to become of the files of groups: a frozen plan, each file with the reason; nothing is touched here."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from hybrid_search.document import FileFacts
from hybrid_search.duplicates.act.keep import KeepRules, facts_of, parse_keep
from hybrid_search.duplicates.act.looks import is_raw
from hybrid_search.duplicates.model import DuplicateGroup, Member
from hybrid_search.errors import ActionRefused
from hybrid_search.evidence import DUPLICATE_TIERS, TIERS, Evidence, Tier

__all__ = ["DEFAULT_TIERS", "Compare", "Decision", "Plan", "PlannedFile", "choose", "decide", "make_plan"]

DEFAULT_TIERS: tuple[Tier, ...] = ("bytes", "pixels", "near")
"""Tiers whose files may be removed unless the caller says otherwise: the kept file shows the same picture whole."""

Compare = Callable[[Member, Member], "Evidence | None"]
"""Judges two members of which neither is the representative; None when nothing speaks for a match."""


@dataclass(frozen=True)
class PlannedFile:
    """One file of a plan.

    Parameters
    ----------
    id : str
        Its document.
    path : str or None
        Where it lies; None for a picture that is no file.
    sha256 : str
        Of its bytes, as indexed.
    facts : FileFacts or None
        Size and time of the file, as indexed.
    tier : Tier or None
        Of its match with the kept file, where that is known.
    why : str
        Why it is kept, removed or left alone.
    """

    id: str
    path: str | None
    sha256: str
    facts: FileFacts | None
    tier: Tier | None
    why: str

    @property
    def bytes(self) -> int:
        """Size as indexed; 0 when it is not known."""
        return (self.facts.bytes or 0) if self.facts else 0

    @property
    def mtime_ns(self) -> int | None:
        """Time of the last change as indexed."""
        return self.facts.mtime_ns if self.facts else None

    def to_json(self) -> dict[str, Any]:
        """Return the file as JSON."""
        plain = {"id": self.id, "path": self.path, "sha256": self.sha256, "tier": self.tier, "why": self.why}
        return {**plain, "facts": self.facts.to_json() if self.facts else None}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> PlannedFile:
        """Read what `to_json` wrote."""
        facts, tier = stored.get("facts"), stored.get("tier")
        if tier is not None and tier not in TIERS:
            raise ValueError(f"there is no tier {tier!r}")
        return cls(
            str(stored["id"]),
            None if stored.get("path") is None else str(stored["path"]),
            str(stored["sha256"]),
            FileFacts.from_json(facts) if facts else None,
            tier,
            str(stored.get("why", "")),
        )


@dataclass(frozen=True)
class Decision:
    """What becomes of one group.

    Parameters
    ----------
    group : str
        The group's id.
    keep : tuple of PlannedFile
        Files that stay, the chosen one first; at least one when any is removed.
    remove : tuple of PlannedFile
        Copies that an action may take away.
    left : tuple of PlannedFile
        Files that stay as well, since nothing safe can be said of them.

    Raises
    ------
    ActionRefused
        When files would be removed and none kept.
    """

    group: str
    keep: tuple[PlannedFile, ...]
    remove: tuple[PlannedFile, ...] = ()
    left: tuple[PlannedFile, ...] = ()

    def __post_init__(self) -> None:
        if self.remove and not (self.keep and self.keep[0].path):
            raise ActionRefused(str(self.remove[0].path), "no other file of its group would stay; keep at least one")
        kept = {file.path for file in self.keep}
        for file in self.remove:
            if file.path is None or file.path in kept:
                raise ActionRefused(str(file.path), "a file is either kept or removed")

    @property
    def kept(self) -> PlannedFile | None:
        """The file that was chosen to stay; None when there is nothing to remove."""
        return self.keep[0] if self.keep else None

    def to_json(self) -> dict[str, Any]:
        """Return the decision as JSON."""
        parts = {"keep": self.keep, "remove": self.remove, "left": self.left}
        return {"group": self.group, **{name: [file.to_json() for file in files] for name, files in parts.items()}}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Decision:
        """Read what `to_json` wrote, perhaps with files put from one list into another."""
        lists = [tuple(map(PlannedFile.from_json, stored.get(name, ()))) for name in ("keep", "remove", "left")]
        return cls(str(stored["group"]), *lists)


@dataclass(frozen=True)
class Plan:
    """What becomes of all groups.

    Parameters
    ----------
    decisions : tuple of Decision
        One for each group.
    protected : tuple of str
        Folders that no action may touch.
    """

    decisions: tuple[Decision, ...]
    protected: tuple[str, ...] = ()

    @property
    def removed(self) -> int:
        """How many files would be removed."""
        return sum(len(decision.remove) for decision in self.decisions)

    @property
    def freed(self) -> int:
        """How many bytes these have, as indexed."""
        return sum(file.bytes for decision in self.decisions for file in decision.remove)

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON, which a person may edit."""
        decisions = [decision.to_json() for decision in self.decisions]
        return {"plan": 1, "protected": list(self.protected), "decisions": decisions}

    @classmethod
    def from_json(cls, stored: Any) -> Plan:
        """Read what `to_json` wrote; every safety check is made again when the plan is applied.

        Raises
        ------
        ActionRefused
            When it is no plan, or a group would lose its last file.
        """
        try:
            if stored["plan"] != 1:
                raise ValueError(f"its version is {stored['plan']!r}, this version reads 1")
            decisions = tuple(map(Decision.from_json, stored["decisions"]))
            return cls(decisions, tuple(map(str, stored.get("protected", ()))))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ActionRefused("the plan", f"it cannot be read ({type(error).__name__}: {error})") from error


def make_plan(
    groups: Iterable[DuplicateGroup],
    *,
    keep: KeepRules | None = None,
    protected: Sequence[str] = (),
    tiers: Sequence[Tier] = DEFAULT_TIERS,
    compare: Compare | None = None,
) -> Plan:
    """Decide what becomes of every group; see `decide`."""
    keep = keep or parse_keep()
    folders = (*keep.protected, *(os.path.abspath(os.path.expanduser(folder)) for folder in protected))
    decisions = tuple(decide(group, keep, protected=folders, tiers=tiers, compare=compare) for group in groups)
    return Plan(decisions, tuple(dict.fromkeys(folders)))


def decide(
    group: DuplicateGroup,
    keep: KeepRules,
    *,
    protected: Sequence[str] = (),
    tiers: Sequence[Tier] = DEFAULT_TIERS,
    compare: Compare | None = None,
) -> Decision:
    """Decide which files of a group stay.

    Parameters
    ----------
    group : DuplicateGroup
        Members are known to match its representative, not each other.
    keep : KeepRules
        Choose the file that is kept.
    protected : sequence of str
        Folders whose files are always kept. One of them is chosen where there is any, and a copy with more pixels than
        that stays too.
    tiers : sequence of Tier
        What may be removed; "unsure" and "similar" never.
    compare : callable, optional
        Judges a member against the kept file when neither is the representative. Without it, such a member is left
        alone unless one of both is the representative's equal by bytes or pixels.
    """
    allowed = tuple(tier for tier in tiers if tier in DUPLICATE_TIERS)
    folders = (*keep.protected, *protected)
    unfit = {id(member): reason for member in group.members if (reason := _unfit(member, group, allowed))}
    fit = [member for member in _distinct(group.members) if id(member) not in unfit]
    safe = [member for member in fit if _is_protected(member, folders)]
    left = [_planned(member, unfit[id(member)]) for member in group.members if id(member) in unfit]
    if len(fit) < 2:
        alone = [_planned(member, "no other file of the group can be compared with it") for member in fit]
        return Decision(group.id, tuple(alone), (), tuple(left))
    kept = keep.choose(safe or fit)
    why = f"in a protected folder; {kept.why}" if safe else kept.why
    stay, gone = [_planned(kept.member, why)], []
    for member in fit:
        if member is kept.member:
            continue
        if member in safe:
            stay.append(_planned(member, "in a protected folder"))
            continue
        tier, reason = _removable(member, kept.member, group, allowed, compare, beside_protected=bool(safe))
        if reason:
            left.append(_planned(member, reason, tier))
        else:
            gone.append(
                _planned(member, kept.others.get(str(member.path), "its copy in a protected folder is kept"), tier)
            )
    return Decision(group.id, tuple(stay), tuple(gone), tuple(left))


def choose(
    group: DuplicateGroup, *, remove: Collection[str], keep: Collection[str] = (), protected: Sequence[str] = ()
) -> Decision:
    """Return a person's choice of what is removed as a decision; whatever is not named stays.

    Parameters
    ----------
    group : DuplicateGroup
        The group that the person looked at, whatever its tiers.
    remove, keep : collection of str
        Paths; the first of `keep` stands for the picture afterwards, else what the default rules choose of the rest.
    protected : sequence of str
        Folders whose files are kept even so.

    Raises
    ------
    ActionRefused
        When no file would stay, or a path is not of this group.
    """
    members = {str(member.path): member for member in group.members if member.path}
    for path in [*remove, *keep]:
        if path not in members:
            raise ActionRefused(path, "it is no file of this group")
    gone = {path for path in remove if path not in set(keep) and not _is_protected(members[path], protected)}
    rest = [member for path, member in members.items() if path not in gone and _file_reason(member) is None]
    named = [members[path] for path in keep if members[path] in rest]
    if gone and not rest:
        raise ActionRefused(next(iter(gone)), "no other file of its group would stay; keep at least one")
    chosen = named[0] if named else (parse_keep().choose(rest).member if rest else None)
    stay = [chosen, *(member for member in rest if member is not chosen)] if chosen else []
    unfit = [member for member in group.members if member not in rest and str(member.path) not in gone]
    return Decision(
        group.id,
        tuple(_planned(member, "kept by choice", member.evidence.tier if member.evidence else None) for member in stay),
        tuple(
            _planned(member, "removed by choice", member.evidence.tier if member.evidence else None)
            for path, member in members.items()
            if path in gone
        ),
        tuple(_planned(member, _file_reason(member) or "") for member in unfit),
    )


def _planned(member: Member, why: str, tier: Tier | None = None) -> PlannedFile:
    tier = tier or (member.evidence.tier if member.evidence else None)
    return PlannedFile(member.id, member.path, _sha256(member), facts_of(member), tier, why)


def _sha256(member: Member) -> str:
    return str(member.source.get("sha256") or member.id)


def _distinct(members: Sequence[Member]) -> list[Member]:
    return list({str(member.path): member for member in reversed(members)}.values())[::-1]


def _unfit(member: Member, group: DuplicateGroup, tiers: Sequence[Tier]) -> str | None:
    """Return why a member can neither be removed nor stand for others."""
    reason = _file_reason(member)
    if reason is None and member.id != group.id and member.evidence and member.evidence.tier not in tiers:
        return f"its match is of the tier {member.evidence.tier!r}, which is not to be removed"
    return reason


def _file_reason(member: Member) -> str | None:
    facts = facts_of(member)
    if facts is None:
        return "it is no file, or its index does not know size and time; index its folder again"
    return "it was missing when its folder was last indexed" if facts.missing else None


def _is_protected(member: Member, folders: Sequence[str]) -> bool:
    path = PurePath(str(member.path))
    return any(PurePath(folder) == path or PurePath(folder) in path.parents for folder in folders)


def _removable(
    member: Member,
    kept: Member,
    group: DuplicateGroup,
    tiers: Sequence[Tier],
    compare: Compare | None,
    *,
    beside_protected: bool,
) -> tuple[Tier | None, str]:
    """Return how a member matches the kept file, and why it is left alone all the same; no reason when it may go."""
    tier = _tier(member, kept, group, compare)
    if tier is None:
        return None, "it matches the group's largest picture, but was not found to match the kept file"
    if tier not in tiers:
        return tier, f"its match with the kept file is of the tier {tier!r}, which is not to be removed"
    if is_raw(member) and not is_raw(kept):
        return tier, "a camera's raw file is not removed for a picture that was made from it"
    if is_raw(kept) and _is_pair(member, kept):
        return tier, "it is the camera's own picture beside its raw file"
    if beside_protected and _pixels(member) > _pixels(kept):
        return tier, "it has more pixels than the copy in the protected folder"
    return tier, ""


def _tier(member: Member, kept: Member, group: DuplicateGroup, compare: Compare | None) -> Tier | None:
    """Return the tier of the match of two members, None when it is not known that they match."""
    if _sha256(member) == _sha256(kept):
        return "bytes"
    compared = [one for one in (member, kept) if one.id != group.id]
    links: list[Tier] = [one.evidence.tier for one in compared if one.evidence is not None]
    if len(links) < len(compared) or not links:
        return None
    if len(links) == 1:
        return links[0]
    weaker = max(links, key=TIERS.index)
    if min(links, key=TIERS.index) in ("bytes", "pixels"):
        return weaker
    found = compare(kept, member) if compare else None
    return found.tier if found else None


def _is_pair(member: Member, kept: Member) -> bool:
    one, other = PurePath(str(member.path)), PurePath(str(kept.path))
    return one.parent == other.parent and one.stem.lower() == other.stem.lower()


def _pixels(member: Member) -> int:
    return int(member.source.get("width") or 0) * int(member.source.get("height") or 0)
