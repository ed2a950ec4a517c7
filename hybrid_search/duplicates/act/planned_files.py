"""What is to become of the files of groups: frozen, each file with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hybrid_search.document.document import FileFacts
from hybrid_search.errors import ActionRefused
from hybrid_search.hits.evidence import TIERS, Tier


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
