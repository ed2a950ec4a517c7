"""What the search for duplicates speaks of: subjects that are compared, members of groups, groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.hits.evidence import Evidence, Tier
from hybrid_search.images import Source


@dataclass(frozen=True, eq=False)
class Subject:
    """A stored picture as far as it is compared with others.

    Parameters
    ----------
    id : str
        The document's id.
    sha256 : str
        Of the file's bytes.
    paths : tuple of str
        Where the file lies; its pixels are read from the first that still has these bytes.
    width, height : int
        Pixels of the upright picture at full size.
    signature : (648,) int8 ndarray or None
        None for a flat picture, which has none.
    taken_at, camera : str
        When, with the offset from UTC, and by which camera it was taken, where the file says so: two moments are two
        photos, however alike.
    example : Source or None
        The picture itself, where it is asked about and not stored.
    """

    id: str
    sha256: str
    paths: tuple[str, ...] = ()
    width: int = 0
    height: int = 0
    signature: NDArray[np.int8] | None = None
    taken_at: str = ""
    camera: str = ""
    example: Source | None = None

    @classmethod
    def of(cls, id: str, source: Mapping[str, Any], *, signature: NDArray[np.int8] | None = None) -> Subject:
        """Return the subject of a stored document; `SUBJECT_FIELDS` of its `source` are used.

        The signature comes from there too unless it is given.
        """
        stored = source.get("signature") if signature is None else signature
        camera = source.get("camera") or {}
        return cls(
            id=id,
            sha256=str(source.get("sha256") or ""),
            paths=tuple(source.get("path") or ()),
            width=int(source.get("width") or 0),
            height=int(source.get("height") or 0),
            signature=None if stored is None else np.asarray(stored, np.int8).reshape(-1),
            taken_at=taken(source),
            camera=" ".join(str(camera[leaf]) for leaf in ("make", "model", "serial") if camera.get(leaf)),
        )


SUBJECT_FIELDS = ("sha256", "path", "width", "height", "taken_at", "taken_offset", "camera")
"""Fields of a document that a subject is made of, besides its signature."""


def taken(fields: Mapping[str, Any]) -> str:
    """Return when a picture was taken, by its camera's clock, with the offset from UTC where both are known.

    Examples
    --------
    >>> taken({"taken_at": "2020-05-01T10:00:00", "taken_offset": "+02:00"}), taken({"taken_at": "1935"})
    ('2020-05-01T10:00:00+02:00', '1935')
    """
    clock = str(fields.get("taken_at") or "")
    return f"{clock}{fields.get('taken_offset') or ''}" if "T" in clock else clock


@dataclass(frozen=True)
class Member:
    """One file of a group of duplicates.

    Exact copies are one document with several paths, so that several members may have one id.

    Parameters
    ----------
    id : str
        The document's id.
    path : str or None
        Where this file lies; None for a picture that came without one.
    evidence : Evidence or None
        Against the group's representative; None for the representative itself.
    source : mapping
        The document's fields, without vectors; `files` and `exif` are among them.
    """

    id: str
    path: str | None
    evidence: Evidence | None = None
    source: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def is_below(self, *folders: str) -> bool:
        """Tell whether this file lies below one of some folders, however people wrote them, or is one of them."""
        return self.path is not None and any(PurePath(self.path).is_relative_to(folder) for folder in folders)


@dataclass(frozen=True)
class DuplicateGroup:
    """Copies of one picture: each member matches the representative, so that small changes never chain.

    Parameters
    ----------
    id : str
        The id of the representative's document.
    members : tuple of Member
        The representative first, then the others, the surest first; at least two.
    """

    id: str
    members: tuple[Member, ...]

    @property
    def representative(self) -> Member:
        """The member that all others match."""
        return self.members[0]

    @property
    def weakest(self) -> Evidence:
        """The least sure link to the representative."""
        links = [member.evidence for member in self.members if member.evidence is not None]
        return max(links, key=lambda evidence: evidence.strength)

    @property
    def tier(self) -> Tier:
        """The tier of the weakest link."""
        return self.weakest.tier
