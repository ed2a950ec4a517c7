"""Groups of duplicates as reports show them: the facts of each file, where they differ, what is to become of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal

from hybrid_search.duplicates.act.keep import facts_of
from hybrid_search.duplicates.act.planned_files import Decision, PlannedFile
from hybrid_search.duplicates.model import DuplicateGroup, Member
from hybrid_search.errors.numbers import readable_bytes
from hybrid_search.hits.evidence import Evidence

Choice = Literal["keep", "remove", "left"]

LABELS = {
    "pixels": "pixels",
    "bytes": "size",
    "format": "format",
    "taken_at": "taken",
    "camera": "camera",
    "lens": "lens",
    "location": "GPS",
    "place": "place",
    "title": "title",
    "caption": "caption",
    "tags": "tags",
    "rating": "rating",
    "artist": "artist",
    "copyright": "copyright",
    "exif": "EXIF fields",
    "modified_at": "changed",
}
"""The facts of a file by name, in the order in which they are shown, with what people call them."""
_BEST: Mapping[str, Callable[[Iterable[Any]], Any]] = {
    "pixels": lambda sizes: max(sizes, key=lambda size: size[0] * size[1]),
    "bytes": max,
    "exif": max,
    "rating": max,
    "taken_at": lambda moments: min(moments, key=lambda moment: moment.ljust(30, "~")),
}


@dataclass(frozen=True)
class FileReport:
    """One file of a group.

    Parameters
    ----------
    member : Member
    facts : mapping
        What is known of it, by the names of `LABELS`; what is not known is left out.
    best : frozenset of str
        The facts, of those that differ in the group, in which no other file is better.
    choice : {"keep", "remove", "left"} or None
        Whether it is the file to keep, goes, or is not touched for another reason; None where nothing was decided.
    why : str
        The reason of the choice.
    is_protected : bool
        Whether it lies in a protected folder, so that it cannot be removed.
    """

    member: Member
    facts: Mapping[str, Any]
    best: frozenset[str] = frozenset()
    choice: Choice | None = None
    why: str = ""
    is_protected: bool = False

    @property
    def name(self) -> str:
        """The path, or the id of a picture that came without one."""
        return self.member.path or self.member.id

    def to_json(self) -> dict[str, Any]:
        """Return the file as JSON."""
        evidence = self.member.evidence
        facts = dict(self.facts)
        width, height = facts.pop("pixels", (None, None))
        return {
            "id": self.member.id,
            "path": self.member.path,
            "sha256": self.member.source.get("sha256"),
            "evidence": None if evidence is None else evidence.to_json(),
            "choice": self.choice,
            "why": self.why,
            "width": width,
            "height": height,
            **facts,
        }


@dataclass(frozen=True)
class GroupReport:
    """One group of duplicates, ready to be shown.

    Parameters
    ----------
    number : int
        Its place in the report, from 1.
    group : DuplicateGroup
    files : tuple of FileReport
        In the order of the group's members: the representative first.
    differing : tuple of str
        The facts in which the files differ.
    """

    number: int
    group: DuplicateGroup
    files: tuple[FileReport, ...]
    differing: tuple[str, ...] = ()

    @property
    def removed_files(self) -> int:
        """How many files are to be removed."""
        return sum(file.choice == "remove" for file in self.files)

    @property
    def freed_bytes(self) -> int:
        """Size of the files that are to be removed."""
        return sum(file.facts.get("bytes", 0) for file in self.files if file.choice == "remove")

    def to_json(self) -> dict[str, Any]:
        """Return the group as JSON."""
        return {
            "group": self.group.id,
            "number": self.number,
            "tier": self.group.tier,
            "weakest": self.group.weakest.to_json(),
            "differing": list(self.differing),
            "removed_files": self.removed_files,
            "freed_bytes": self.freed_bytes,
            "files": [file.to_json() for file in self.files],
        }


def report_group(
    group: DuplicateGroup, *, number: int = 1, decision: Decision | None = None, protected: Sequence[str] = ()
) -> GroupReport:
    """Return a group as reports show it.

    Parameters
    ----------
    group : DuplicateGroup
    number : int
        Its place in the report.
    decision : Decision, optional
        What is to become of its files.
    protected : sequence of str
        Folders whose files are always kept.

    Examples
    --------
    >>> large = Member("a", "/a.png", source={"width": 640, "height": 480, "bytes": 9000, "format": "png"})
    >>> small = Member("b", "/b.png", Evidence("near", 0.02), {"width": 64, "height": 48, "bytes": 90, "format": "png"})
    >>> found = report_group(DuplicateGroup("a", (large, small)))
    >>> found.differing, sorted(found.files[0].best)
    (('pixels', 'bytes'), ['bytes', 'pixels'])
    """
    facts = [_facts(member) for member in group.members]
    differing = tuple(name for name in LABELS if any(other.get(name) != facts[0].get(name) for other in facts))
    choices = _choices(decision)
    best = _best(facts, differing)
    files = []
    for member, mine in zip(group.members, facts, strict=True):
        choice, why = choices.get((member.id, member.path), (None, ""))
        is_protected = member.is_below(*protected)
        bests = frozenset(name for name in best if name in mine and mine[name] == best[name])
        files.append(FileReport(member, mine, bests, choice, why, is_protected))
    return GroupReport(number, group, tuple(files), differing)


def describe(evidence: Evidence | None) -> str:
    """Return what speaks for a match, for a person to read.

    Examples
    --------
    >>> describe(Evidence("transformed", distance=0.0412, orientation="mirrored"))
    'transformed: mirrored, distance 0.041'
    >>> describe(Evidence("bytes"))
    'same bytes'
    >>> describe(Evidence("more", distance=0.02, second_has=("a signature",)))
    'more: the other one shows more: a signature, distance 0.020'
    """
    if evidence is None:
        return "the others are compared with this one"
    if evidence.tier in ("bytes", "pixels"):
        return "; ".join(filter(None, (f"same {evidence.tier}", differences(evidence))))
    turned = evidence.orientation != "as it is"
    parts = [
        differences(evidence),
        evidence.orientation if turned else "",
        "negative" if evidence.negative and "negative" not in evidence.orientation else "",
        _figure("{:.0%} of the smaller picture lies in the other", evidence.overlap),
        _figure("{} points agree", evidence.inliers),
        _figure("distance of the overlap {:.3f}", evidence.aligned_distance),
        _figure("distance {:.3f}", evidence.distance if evidence.aligned_distance is None else None),
        _figure("{:.0%} of its texture agrees", evidence.agreement),
        _figure("cosine {:.3f}", evidence.cosine if evidence.tier == "similar" else None),
        evidence.note,
    ]
    said = ", ".join(part for part in parts if part)
    return f"{evidence.tier}: {said}" if said else evidence.tier


def differences(evidence: Evidence | None) -> str:
    """Return what one of two pictures shows that the other does not, for a person to read; "" where there is nothing.

    Examples
    --------
    >>> differences(Evidence("more", first_has=("11 more frames", "transparency")))
    'the first one shows more: 11 more frames, transparency'
    """
    if evidence is None:
        return ""
    shown = {"the first one": evidence.first_has, "the other one": evidence.second_has}
    return "; ".join(f"{which} shows more: {', '.join(has)}" for which, has in shown.items() if has)


def text_of(name: str, value: Any) -> str:
    """Return a fact as people read it, nothing for one that is not known.

    Examples
    --------
    >>> text_of("pixels", (4000, 3000)), text_of("bytes", 3_210_000), text_of("tags", ["sea", "boat"])
    ('4000 × 3000', '3.2 MB', 'sea, boat')
    """
    if value is None:
        return ""
    if name == "pixels":
        return f"{value[0]} × {value[1]}"
    if name == "bytes":
        return readable_bytes(value)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def _facts(member: Member) -> dict[str, Any]:
    """Return what is known of one file, by the names of `LABELS`."""
    source, own = member.source, facts_of(member)
    camera, place = _mapping(source, "camera"), _mapping(source, "place")
    size = (source.get("width"), source.get("height"))
    facts = {
        "pixels": None if None in size else size,
        "bytes": source.get("bytes") if own is None else own.bytes,
        "camera": " ".join(str(camera[leaf]) for leaf in ("make", "model") if camera.get(leaf)),
        "location": _position(source.get("location")),
        "place": ", ".join(str(place[leaf]) for leaf in ("city", "region", "country") if place.get(leaf)),
        "exif": _count(source.get("exif")),
        "modified_at": _moment(own.mtime_ns)
        if own is not None and own.mtime_ns is not None
        else source.get("modified_at"),
    }
    known = {name: facts[name] if name in facts else source.get(name) for name in LABELS}
    return {name: value for name, value in known.items() if value not in (None, "", [])}


def _choices(decision: Decision | None) -> dict[tuple[str, str | None], tuple[Choice, str]]:
    if decision is None:
        return {}
    lists: dict[Choice, tuple[PlannedFile, ...]] = {
        "keep": decision.keep,
        "remove": decision.remove,
        "left": decision.left,
    }
    return {(file.id, file.path): (choice, file.why) for choice, planned in lists.items() for file in planned}


def _best(all_facts: Sequence[Mapping[str, Any]], differing: Collection[str]) -> dict[str, Any]:
    """Return the best value of each fact that differs and has one."""
    # more bytes of another format say nothing
    names = [name for name in differing if name in _BEST and not (name == "bytes" and "format" in differing)]
    return {name: _BEST[name]([facts[name] for facts in all_facts if name in facts]) for name in names}


def _mapping(source: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = source.get(name)
    return value if isinstance(value, Mapping) else {}


def _position(value: Any) -> str:
    if not isinstance(value, Mapping):
        return "" if value is None else str(value)
    return ", ".join(f"{part:.5f}" for part in (value.get("lat"), value.get("lon")) if part is not None)


def _count(exif: Any) -> int | None:
    """Return how many values there are in the raw EXIF, which is nested by its blocks."""
    if not isinstance(exif, Mapping):
        return None
    return sum(_count(value) or 0 if isinstance(value, Mapping) else 1 for value in exif.values())


def _moment(mtime_ns: int) -> str:
    return datetime.fromtimestamp(mtime_ns / 1e9, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _figure(form: str, value: float | None) -> str:
    return "" if value is None else form.format(value)
