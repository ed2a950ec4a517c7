"""Which file of a group is kept: rules that a person can combine, and that say why they decided as they did."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from hybrid_search.document import FileFacts
from hybrid_search.duplicates.act import looks
from hybrid_search.duplicates.model import Member
from hybrid_search.errors import BadKeepRule
from hybrid_search.metadata.fields import FIELDS, flatten

__all__ = ["DEFAULT_KEEP", "KEEP_RULES", "KeepRule", "KeepRules", "Kept", "facts_of", "parse_keep"]

DEFAULT_KEEP = (
    "colour,most-pixels,camera-original,best-format,least-compressed,best-described,largest,oldest,"
    "oldest-file,shortest-name,shortest-path"
)
"""What is kept unless a person says otherwise: first what cannot be had back, then the older and plainer name."""

_CAMERA = ("camera.make", "camera.model", "taken_at", "exposure_time", "f_number", "iso", "focal_length")
_DESCRIBED = ("title", "caption", "tags", "rating", "location", "place.city", "artist", "copyright")
_UNKNOWN_DATE = "9999"


@dataclass(frozen=True)
class _Measure:
    """How a rule looks at a file: what it is ordered by (the least is kept), and how that is said."""

    about: str
    order: Callable[[Member, str], Any]
    says: Callable[[Member, str], str]
    of_bytes: bool = True
    value: str = ""


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
        return _MEASURES[self.name].of_bytes

    def order(self, member: Member) -> Any:
        """Return what members are ordered by; the least is kept."""
        return _MEASURES[self.name].order(member, self.value)

    def says(self, member: Member) -> str:
        """Return what the rule sees in a member, in words."""
        return _MEASURES[self.name].says(member, self.value)


@dataclass(frozen=True)
class Kept:
    """The file that rules chose, and why.

    Parameters
    ----------
    member : Member
        The file to keep.
    why : str
        The rules that decided for it.
    others : mapping of str to str
        By the path of each other file: what decided against it.
    """

    member: Member
    why: str
    others: Mapping[str, str]


@dataclass(frozen=True)
class KeepRules:
    """Rules in the order in which they are asked: the next one decides where all before it find files equal.

    Parameters
    ----------
    rules : tuple of KeepRule
        The order of asking.
    protected : tuple of str
        Folders whose files are always kept and never touched.

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

    def __str__(self) -> str:
        return ",".join([*map(str, self.rules), *(f"protected:{folder}" for folder in self.protected)])

    def choose(self, members: Sequence[Member]) -> Kept:
        """Return which of several files is kept; the same one whatever their order.

        Parameters
        ----------
        members : sequence of Member
            At least one; each with a path of its own.
        """
        left = sorted(members, key=_last_resort)
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
        return Kept(chosen, "; ".join(_for(rule, chosen) for rule, _ in decided) or "the only file", others)


def parse_keep(text: str | Sequence[str] = DEFAULT_KEEP) -> KeepRules:
    """Read keep rules, the first asked first.

    Parameters
    ----------
    text : str or sequence of str
        "most-pixels,oldest,path:*/originals/*"; blanks and "then" may stand between: "most pixels, then oldest". In a
        sequence each item is one rule, so that a pattern may hold a comma.

    Raises
    ------
    BadKeepRule
        When there is no such rule, or its value is missing or not wanted.

    Examples
    --------
    >>> str(parse_keep("Most pixels, then oldest, protected:/photos/albums"))
    'most-pixels,oldest,protected:/photos/albums'
    """
    parts = text.split(",") if isinstance(text, str) else list(text)
    found = [_parse(part) for part in parts if part.strip()]
    if not found:
        raise BadKeepRule("", _known())
    protected = [os.path.abspath(os.path.expanduser(rule.value)) for rule in found if rule.name == "protected"]
    rules = dict.fromkeys(rule for rule in found if rule.name != "protected")
    return KeepRules(tuple(rules) or parse_keep().rules, tuple(dict.fromkeys(protected)))


def facts_of(member: Member) -> FileFacts | None:
    """Return what was noted of a member's own file when it was indexed; None of a picture that is no file."""
    for entry in member.source.get("files") or ():
        facts = FileFacts.from_json(entry)
        if facts.path == member.path and facts.is_file:
            return facts
    return None


def _parse(part: str) -> KeepRule:
    name, colon, value = re.sub(r"^\s*then\s+", "", part, flags=re.IGNORECASE).partition(":")
    name, value = re.sub(r"[\s_]+", "-", name.strip().lower()), value.strip()
    if name == "color":
        name = "colour"
    wants = name == "protected" or bool(name in _MEASURES and _MEASURES[name].value)
    if (name not in _MEASURES and name != "protected") or wants != bool(value) or bool(colon) != wants:
        raise BadKeepRule(part.strip(), _known())
    return KeepRule(name, value)


def _known() -> list[str]:
    return list(KEEP_RULES)


def _last_resort(member: Member) -> tuple[str, str]:
    return str(member.path), member.id


def _same_bytes(members: Sequence[Member]) -> bool:
    return len({member.source.get("sha256") or member.id for member in members}) == 1


def _for(rule: KeepRule | None, chosen: Member) -> str:
    return f"{rule}: {rule.says(chosen)}" if rule else "equal by every rule, the first by path"


def _against(rule: KeepRule | None, member: Member, chosen: Member) -> str:
    if rule is None:
        return "equal by every rule; the first by path is kept"
    return f"{rule}: {rule.says(member)}; the kept file: {rule.says(chosen)}"


def _flat(member: Member) -> dict[str, object]:
    return flatten(cast("Mapping[str, object]", {name: member.source[name] for name in _TOPS if name in member.source}))


_TOPS = frozenset(name.split(".")[0] for name in FIELDS)


def _present(member: Member, names: Sequence[str]) -> int:
    flat = _flat(member)
    return sum(flat.get(name) not in (None, "", []) for name in names)


def _camera_facts(member: Member) -> int:
    exif = member.source.get("exif") or {}
    return _present(member, _CAMERA) + any(str(name).startswith("MakerNote") for name in exif)


def _pixels(member: Member) -> int:
    return int(member.source.get("width") or 0) * int(member.source.get("height") or 0)


def _bytes(member: Member) -> int:
    return int(member.source.get("bytes") or 0)


def _moment(member: Member) -> str:
    """Return when a picture was taken by the camera's own clock, which copies agree on with or without an offset."""
    return str(member.source.get("taken_at") or "")[:19]


def _says_moment(member: Member) -> str:
    return f"taken {_moment(member).replace('T', ' ')}" if _moment(member) else "no date"


def _mtime(member: Member) -> int | None:
    facts = facts_of(member)
    return facts.mtime_ns if facts else None


def _says_mtime(member: Member) -> str:
    from datetime import datetime, timezone

    mtime = _mtime(member)
    if mtime is None:
        return "no time of change"
    return f"file of {datetime.fromtimestamp(mtime / 1e9, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


def _matches(member: Member, glob: str) -> bool:
    path = str(member.path).replace(os.sep, "/")
    return fnmatch.fnmatchcase(path, glob) or fnmatch.fnmatchcase(path.rpartition("/")[2], glob)


def _name(member: Member) -> str:
    return os.path.basename(str(member.path))


_MEASURES: dict[str, _Measure] = {
    "colour": _Measure(
        "a picture in colour rather than a grey one",
        lambda m, _: looks.is_grey(m) is True,
        lambda m, _: "grey" if looks.is_grey(m) else "in colour",
    ),
    "most-pixels": _Measure(
        "the most pixels",
        lambda m, _: -_pixels(m),
        lambda m, _: f"{m.source.get('width') or 0} × {m.source.get('height') or 0} pixels",
    ),
    "camera-original": _Measure(
        "the most of what a camera writes (make, model, moment, exposure, maker note) rather than a stripped copy",
        lambda m, _: -_camera_facts(m),
        lambda m, _: f"{_camera_facts(m)} of {len(_CAMERA) + 1} camera facts",
    ),
    "best-format": _Measure(
        "camera raw, then lossless, then JPEG XL, HEIF, AVIF, JPEG, WebP, GIF",
        lambda m, _: looks.format_rank(m),
        lambda m, _: str(m.source.get("format") or "unknown format"),
    ),
    "least-compressed": _Measure(
        "the finest JPEG quantisation as last saved; lossless before JPEG",
        lambda m, _: looks.coarseness(m),
        lambda m, _: looks.says_coarseness(m),
    ),
    "best-described": _Measure(
        "the most of title, caption, tags, rating, place, artist and copyright",
        lambda m, _: -_present(m, _DESCRIBED),
        lambda m, _: f"{_present(m, _DESCRIBED)} of {len(_DESCRIBED)} descriptions",
    ),
    "gps": _Measure(
        "a picture that says where it was taken",
        lambda m, _: m.source.get("location") is None,
        lambda m, _: "no position" if m.source.get("location") is None else "a position",
    ),
    "largest": _Measure("the most bytes", lambda m, _: -_bytes(m), lambda m, _: f"{_bytes(m):,} bytes"),
    "smallest": _Measure("the fewest bytes", lambda m, _: _bytes(m), lambda m, _: f"{_bytes(m):,} bytes"),
    "oldest": _Measure(
        "the earliest moment of taking", lambda m, _: _moment(m) or _UNKNOWN_DATE, lambda m, _: _says_moment(m)
    ),
    "newest": _Measure(
        "the latest moment of taking",
        lambda m, _: [-ord(letter) for letter in _moment(m)] or [0],
        lambda m, _: _says_moment(m),
    ),
    "oldest-file": _Measure(
        "the file changed longest ago",
        lambda m, _: (_mtime(m) is None, _mtime(m) or 0),
        lambda m, _: _says_mtime(m),
        of_bytes=False,
    ),
    "newest-file": _Measure(
        "the file changed last",
        lambda m, _: (_mtime(m) is None, -(_mtime(m) or 0)),
        lambda m, _: _says_mtime(m),
        of_bytes=False,
    ),
    "shortest-name": _Measure(
        "the shortest file name: IMG_1.jpg rather than IMG_1 (copy).jpg",
        lambda m, _: len(_name(m)),
        lambda m, _: f"named {_name(m)}",
        of_bytes=False,
    ),
    "shortest-path": _Measure(
        "the shortest path", lambda m, _: len(str(m.path)), lambda m, _: f"at {m.path}", of_bytes=False
    ),
    "path": _Measure(
        "files whose path or name matches a pattern, such as path:*/originals/*",
        lambda m, glob: not _matches(m, glob),
        lambda m, glob: f"{'matches' if _matches(m, glob) else 'does not match'} {glob}",
        of_bytes=False,
        value="GLOB",
    ),
    "avoid": _Measure(
        "files whose path or name does not match a pattern, such as avoid:*/Downloads/*",
        lambda m, glob: _matches(m, glob),
        lambda m, glob: f"{'matches' if _matches(m, glob) else 'does not match'} {glob}",
        of_bytes=False,
        value="GLOB",
    ),
}

KEEP_RULES: Mapping[str, str] = {
    **{f"{name}:{rule.value}" if rule.value else name: rule.about for name, rule in _MEASURES.items()},
    "protected:FOLDER": "every file below a folder, always; such files are never touched",
}
"""Rules by name, with what each prefers."""
