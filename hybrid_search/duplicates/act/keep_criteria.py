"""What keep rules look at: by what files are ordered, and how that is said."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from hybrid_search.document.document import FileFacts
from hybrid_search.duplicates.act import picture_quality
from hybrid_search.duplicates.act.albums import album_of, marks_of
from hybrid_search.duplicates.act.companion_files import sidecars_of
from hybrid_search.duplicates.model import Member
from hybrid_search.metadata.fields import FIELDS, flatten

_CAMERA = ("camera.make", "camera.model", "taken_at", "exposure_time", "f_number", "iso", "focal_length")
_DESCRIBED = ("title", "caption", "people", "tags", "rating", "location", "place.city", "artist", "copyright")
_UNKNOWN_DATE = "9999"
_SECOND = len("2015-06-01T10:00:00")


@dataclass(frozen=True)
class Measure:
    """How a rule looks at a file: what it is ordered by (the least is kept), and how that is said."""

    about: str
    order: Callable[[Member, str], Any]
    says: Callable[[Member, str], str]
    of_bytes: bool = True
    value: str = ""


def facts_of(member: Member) -> FileFacts | None:
    """Return what was noted of a member's own file when it was indexed; None of a picture that is no file."""
    for entry in member.source.get("files") or ():
        # read only then: a picture may have thousands of copies
        if entry.get("path") == member.path and (facts := FileFacts.from_json(entry)).is_file:
            return facts
    return None


_TOPS = frozenset(name.split(".")[0] for name in FIELDS)


def _present(member: Member, names: Sequence[str]) -> int:
    own = {name: member.source[name] for name in _TOPS if name in member.source}
    flat = flatten(cast("Mapping[str, object]", own))
    return sum(flat.get(name) not in (None, "", []) for name in names)


def _camera_facts(member: Member) -> int:
    exif = member.source.get("exif") or {}
    return _present(member, _CAMERA) + any(str(name).startswith("MakerNote") for name in exif)


def pixels_of(member: Member) -> int:
    """Return how many pixels a picture has, 0 where that is not known."""
    return int(member.source.get("width") or 0) * int(member.source.get("height") or 0)


def _bytes(member: Member) -> int:
    return int(member.source.get("bytes") or 0)


def _moment(member: Member) -> str:
    """Return when a picture was taken by the camera's own clock, to the second or as far as it is known."""
    return str(member.source.get("taken_at") or "")[:_SECOND]


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


def _has_sidecar(member: Member) -> bool:
    facts = facts_of(member)
    return bool(facts and facts.sidecars) or bool(member.path and sidecars_of(member.path))


def _says_place(member: Member) -> str:
    marks, album = marks_of(str(member.path)), album_of(str(member.path))
    place = f"in the album {album!r}" if album else "in no album"
    return f"{place}, {' and '.join(map(repr, marks))} in its path as copies have" if marks else place


MEASURES: dict[str, Measure] = {
    "colour": Measure(
        "a picture in colour rather than a grey one",
        lambda m, _: picture_quality.is_grey(m) is True,
        lambda m, _: "grey" if picture_quality.is_grey(m) else "in colour",
    ),
    "most-pixels": Measure(
        "the most pixels",
        lambda m, _: -pixels_of(m),
        lambda m, _: f"{m.source.get('width') or 0} × {m.source.get('height') or 0} pixels",
    ),
    "camera-original": Measure(
        "the most of what a camera writes (make, model, moment, exposure, maker note) rather than a stripped copy",
        lambda m, _: -_camera_facts(m),
        lambda m, _: f"{_camera_facts(m)} of {len(_CAMERA) + 1} camera facts",
    ),
    "best-format": Measure(
        "camera raw, then lossless, then JPEG XL, HEIF, AVIF, JPEG, WebP, GIF",
        lambda m, _: picture_quality.format_rank(m),
        lambda m, _: str(m.source.get("format") or "unknown format"),
    ),
    "least-compressed": Measure(
        "the finest JPEG quantisation as last saved; lossless before JPEG",
        lambda m, _: picture_quality.coarseness(m),
        lambda m, _: picture_quality.says_coarseness(m),
    ),
    "best-described": Measure(
        "the most of title, caption, people, tags, rating, place, artist and copyright",
        lambda m, _: -_present(m, _DESCRIBED),
        lambda m, _: f"{_present(m, _DESCRIBED)} of {len(_DESCRIBED)} descriptions",
    ),
    "gps": Measure(
        "a picture that says where it was taken",
        lambda m, _: m.source.get("location") is None,
        lambda m, _: "no position" if m.source.get("location") is None else "a position",
    ),
    "largest": Measure("the most bytes", lambda m, _: -_bytes(m), lambda m, _: f"{_bytes(m):,} bytes"),
    "smallest": Measure("the fewest bytes", lambda m, _: _bytes(m), lambda m, _: f"{_bytes(m):,} bytes"),
    "oldest": Measure(
        "the earliest moment of taking",
        # of a year and a moment in it, the moment says more: it comes first in either order
        lambda m, _: (_moment(m) or _UNKNOWN_DATE).ljust(_SECOND, "~"),
        lambda m, _: _says_moment(m),
    ),
    "newest": Measure(
        "the latest moment of taking",
        lambda m, _: [-ord(letter) for letter in _moment(m).ljust(_SECOND)],
        lambda m, _: _says_moment(m),
    ),
    "has-sidecar": Measure(
        "a file beside which a sidecar lies (XMP or JSON)",
        lambda m, _: not _has_sidecar(m),
        lambda m, _: "a sidecar" if _has_sidecar(m) else "no sidecar",
        of_bytes=False,
    ),
    "best-place": Measure(
        "a folder with a date or a name of its own rather than backup, copy, Downloads, …; a name without (1)",
        lambda m, _: (len(marks_of(str(m.path))), not album_of(str(m.path))),
        lambda m, _: _says_place(m),
        of_bytes=False,
    ),
    "oldest-file": Measure(
        "the file changed longest ago",
        lambda m, _: (_mtime(m) is None, _mtime(m) or 0),
        lambda m, _: _says_mtime(m),
        of_bytes=False,
    ),
    "newest-file": Measure(
        "the file changed last",
        lambda m, _: (_mtime(m) is None, -(_mtime(m) or 0)),
        lambda m, _: _says_mtime(m),
        of_bytes=False,
    ),
    "shortest-name": Measure(
        "the shortest file name: IMG_1.jpg rather than IMG_1 (copy).jpg",
        lambda m, _: len(_name(m)),
        lambda m, _: f"named {_name(m)}",
        of_bytes=False,
    ),
    "shortest-path": Measure(
        "the shortest path", lambda m, _: len(str(m.path)), lambda m, _: f"at {m.path}", of_bytes=False
    ),
    "path": Measure(
        "files whose path or name matches a pattern, such as path:*/originals/*",
        lambda m, glob: not _matches(m, glob),
        lambda m, glob: f"{'matches' if _matches(m, glob) else 'does not match'} {glob}",
        of_bytes=False,
        value="GLOB",
    ),
    "below": Measure(
        "files below a folder, such as below:/photos/albums",
        lambda m, folder: not m.is_below(folder),
        lambda m, folder: f"{'below' if m.is_below(folder) else 'not below'} {folder}",
        of_bytes=False,
        value="FOLDER",
    ),
    "avoid": Measure(
        "files whose path or name does not match a pattern, such as avoid:*/Downloads/*",
        lambda m, glob: _matches(m, glob),
        lambda m, glob: f"{'matches' if _matches(m, glob) else 'does not match'} {glob}",
        of_bytes=False,
        value="GLOB",
    ),
}
