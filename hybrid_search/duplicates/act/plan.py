"""Which files of groups stay and which may go, each with the reason; nothing is touched here."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import PurePath

from hybrid_search.duplicates.act.keep import KeepRules, facts_of, parse_keep
from hybrid_search.duplicates.act.keep_criteria import pixels_of
from hybrid_search.duplicates.act.picture_quality import is_raw
from hybrid_search.duplicates.act.planned_files import Decision as Decision
from hybrid_search.duplicates.act.planned_files import Plan as Plan
from hybrid_search.duplicates.act.planned_files import PlannedFile as PlannedFile
from hybrid_search.duplicates.model import DuplicateGroup, Member
from hybrid_search.errors import ActionRefused
from hybrid_search.hits.evidence import DUPLICATE_TIERS, Evidence, Tier

DEFAULT_TIERS: tuple[Tier, ...] = ("bytes", "pixels", "near")
"""Tiers whose files may be removed unless the caller says otherwise: the kept file shows the same picture whole."""

Compare = Callable[[Member, Member], "Evidence | None"]
"""Judges two members of which neither is the representative; None when nothing speaks for a match."""
SAME_ELSEWHERE = "the same file lies in another folder, and nothing says which of both to keep"
"""Why one of two equal files is left alone: nobody has named a folder, and no name tells."""


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

    A file that holds something which the kept one lacks never goes, whatever the tiers.

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
    by_path = {str(member.path): member for member in reversed(group.members)}
    fit = [member for member in reversed(by_path.values()) if id(member) not in unfit]
    safe = [member for member in fit if member.is_below(*folders)]
    left = [_planned(member, unfit[id(member)]) for member in group.members if id(member) in unfit]
    if len(fit) < 2:
        alone = [_planned(member, "no other file of the group may go for it") for member in fit]
        return Decision(group.id, tuple(alone), (), tuple(left))
    kept = keep.choose(safe or _richest(fit))
    why = f"in a protected folder; {kept.why}" if safe else kept.why
    stay, gone = [_planned(kept.member, why)], []
    for member in fit:
        if member is kept.member:
            continue
        if member in safe:
            stay.append(_planned(member, "in a protected folder"))
            continue
        tier, reason = _removable(member, kept.member, group, allowed, compare, beside_protected=bool(safe))
        if not reason and member.path in kept.undecided:
            reason = SAME_ELSEWHERE
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
    gone = {path for path in remove if path not in set(keep) and not members[path].is_below(*protected)}
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


def _unfit(member: Member, group: DuplicateGroup, tiers: Sequence[Tier]) -> str | None:
    """Return why a member can neither be removed nor stand for others."""
    reason = _file_reason(member)
    if reason is None and member.id != group.id and member.evidence and member.evidence.tier not in tiers:
        if member.evidence.second_has:
            return _said(member.evidence.second_has)
        lacks = _said(member.evidence.first_has, "it lacks what the first file of the group shows")
        tier = f"its match is of the tier {member.evidence.tier!r}, which is not to be removed"
        return f"{lacks}; {tier}" if lacks else tier
    return reason


def _said(has: Sequence[str], what: str = "it shows something that the kept file does not") -> str:
    return f"{what}: {', '.join(has)}" if has else ""


def _richest(fit: Sequence[Member]) -> Sequence[Member]:
    """Return the members that hold all that any other holds, so that the poorer ones may go; all where there are none.

    What each holds is known against the representative alone.
    """
    linked = [(member, member.evidence or Evidence("bytes")) for member in fit]
    above = [member for member, link in linked if link.second_has and not link.first_has]
    equal = [member for member, link in linked if not link.second_has and not link.first_has]
    return above or equal or fit


def _file_reason(member: Member) -> str | None:
    facts = facts_of(member)
    if facts is None:
        return "it is no file, or its index does not know size and time; index its folder again"
    return "it was missing when its folder was last indexed" if facts.missing else None


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
    link = _link(member, kept, group, compare)
    if link is None:
        return None, "it matches the group's largest picture, but was not found to match the kept file"
    tier = link.tier
    if link.second_has:
        return tier, _said(link.second_has)
    if tier not in tiers:
        return tier, f"its match with the kept file is of the tier {tier!r}, which is not to be removed"
    if is_raw(member) and not is_raw(kept):
        return tier, "a camera's raw file is not removed for a picture that was made from it"
    if is_raw(kept) and _is_pair(member, kept):
        return tier, "it is the camera's own picture beside its raw file"
    if beside_protected and pixels_of(member) > pixels_of(kept):
        return tier, "it has more pixels than the copy in the protected folder"
    return tier, ""


def _link(member: Member, kept: Member, group: DuplicateGroup, compare: Compare | None) -> Evidence | None:
    """Return the evidence of the kept file against a member, None when it is not known that they match."""
    if _sha256(member) == _sha256(kept):
        return Evidence("bytes")
    if kept.id == group.id:
        return member.evidence
    if kept.evidence is None:
        return None
    if member.id == group.id:
        return kept.evidence.turned_round()
    if member.evidence is None:
        return None
    if _is_same(kept.evidence):
        return member.evidence
    if _is_same(member.evidence):
        return kept.evidence.turned_round()
    return compare(kept, member) if compare else None


def _is_same(link: Evidence) -> bool:
    """Tell whether a member shows exactly what the representative does, so that the others' links are its own."""
    return link.tier in ("bytes", "pixels") and not link.first_has and not link.second_has


def _is_pair(member: Member, kept: Member) -> bool:
    one, other = PurePath(str(member.path)), PurePath(str(kept.path))
    return one.parent == other.parent and one.stem.lower() == other.stem.lower()
