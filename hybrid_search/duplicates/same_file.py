"""Names of one file, and names of none: neither is a copy."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from hybrid_search.duplicates.model import Member

Place = tuple[int, int]


def own_files(members: Sequence[Member]) -> list[Member]:
    """Return members that are files of their own, in their order.

    Of the names of one file (hard links, symbolic links, ways through linked or mounted folders) one is left, of a
    document the real path where there is one. A path that leads nowhere goes where another member of the same bytes
    is there: its folder was renamed or its drive is not plugged in.

    Parameters
    ----------
    members : sequence of Member
    """
    places = [_place(member.path) for member in members]
    living = {_sha256(member) for member, place in zip(members, places, strict=True) if place is not None}
    taken: dict[Place, int] = {}
    found: list[Member] = []
    for member, place in zip(members, places, strict=True):
        if place is None:
            if not (member.path is not None and os.path.isabs(member.path) and _sha256(member) in living):
                found.append(member)
        elif place not in taken:
            taken[place] = len(found)
            found.append(member)
        elif found[taken[place]].id == member.id and _is_real(member.path) and not _is_real(found[taken[place]].path):
            found[taken[place]] = replace(found[taken[place]], path=member.path)
    if found and found[0].id == members[0].id and found[0].evidence is not None:
        # a document's living file takes the place of its dead one as the one that the others match
        found[0] = replace(found[0], evidence=members[0].evidence)
    return found


def _sha256(member: Member) -> str:
    return str(member.source.get("sha256") or member.id)


def _is_real(path: str | None) -> bool:
    return path is not None and os.path.realpath(path) == path


def _place(path: str | None) -> Place | None:
    """Return device and number of a file, None of what is no file here or has no number of its own."""
    if path is None or not os.path.isabs(path):
        return None
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino) if status.st_ino else None
