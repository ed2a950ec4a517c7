"""Files that lie beside an image and describe it: XMP, JSON with field names, JSON as Google Takeout writes it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from hybrid_search.images import is_candidate
from hybrid_search.metadata.fields import Gate, close_names, flatten, is_field
from hybrid_search.metadata.model import Metadata, merge
from hybrid_search.metadata.sidecar_names import SidecarNames, fits_title
from hybrid_search.metadata.taken_at import utc_fields
from hybrid_search.metadata.values import date_of_timestamp, first_number, shown
from hybrid_search.metadata.xmp import read_xmp

MAX_BYTES = 16 * 2**20
"""Bytes above which a sidecar is left alone."""
_TAKEOUT = {"photoTakenTime", "geoData", "geoDataExif", "creationTime"}


def read_sidecars(path: Path, *, names: Iterable[str] | None = None) -> Metadata:
    """Return what the files beside an image say of it; of two, the one with more of its name wins, and JSON over XMP.

    Suffixes may be in capitals. What cannot be read or used becomes a warning.

    Parameters
    ----------
    path : Path
        The image.
    names : iterable of str, optional
        The names of sidecars in its folder, which is listed without them.
    """
    if names is None:
        try:
            names = os.listdir(path.parent)
        except OSError:
            return Metadata({})
    beside = SidecarNames(names).of(path.name)
    layers = [
        _read(path.with_name(each.name), path.name)
        for each in beside
        if path.with_name(each.name).is_file()
        and (not each.doubtful or is_sidecar(path.with_name(each.name), of=path.name))
    ]
    return merge(*layers) if layers else Metadata({})


def is_sidecar(path: Path, *, of: str = "") -> bool:
    """Tell whether a file says something of a picture, as XMP does, and JSON with names of fields or as Takeout's.

    Parameters
    ----------
    path : Path
        A file with the name of a sidecar; another may have it by chance.
    of : str
        The name of a picture that may be another's: the title in the file, as Takeout writes it, has to be this one's.
    """
    if path.suffix.lower() == ".xmp":
        return True
    try:
        if path.stat().st_size > MAX_BYTES:
            return False
        content: Any = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    if not isinstance(content, dict):
        return False
    if of:
        title = content.get("title")
        return isinstance(title, str) and not _TAKEOUT.isdisjoint(content) and fits_title(of, title)
    return not _TAKEOUT.isdisjoint(content) or any(map(is_field, [*content, *flatten(content)]))


def _read(sidecar: Path, image: str) -> Metadata:
    try:
        if sidecar.stat().st_size > MAX_BYTES:
            return Metadata({}, warnings=(f"{sidecar.name} is too large for a sidecar",))
        data = sidecar.read_bytes()
    except OSError as error:
        return Metadata({}, warnings=(f"{sidecar.name} cannot be read: {error.strerror}",))
    if sidecar.suffix.lower() == ".xmp":
        found = read_xmp(data)
        read = merge(found.facts, found.words)
    else:
        read = _read_json(data, image)
    return Metadata(read.fields, {}, tuple(f"{sidecar.name}: {warning}" for warning in read.warnings))


def _read_json(data: bytes, image: str) -> Metadata:
    gate = Gate()
    try:
        content: Any = json.loads(data)
    except (ValueError, RecursionError) as error:
        gate.warn(f"it is not JSON: {shown(str(error))}")
        return gate.metadata()
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    if not isinstance(content, dict):
        gate.warn("it is not a JSON object with names of fields")
    elif _TAKEOUT & content.keys():
        _put_takeout(content, image, gate)
    else:
        _put_fields(content, gate)
    return gate.metadata()


def _put_fields(content: Mapping[str, Any], gate: Gate) -> None:
    unknown = []
    for name, value in flatten(content).items():
        if is_field(name):
            gate.put(name, value)
        else:
            unknown.append(name)
    if not gate.fields and unknown:
        gate.warn("it holds no field of the mapping")
        return
    for name in unknown:
        gate.warn(f"{shown(name)} is not a field{close_names(name)}")


def _put_takeout(content: Mapping[str, Any], image: str, gate: Gate) -> None:
    title = content.get("title")
    if isinstance(title, str) and not is_candidate(title) and not fits_title(image, title):
        # Takeout's title is the name that the file had, unless somebody wrote another
        gate.put("title", title)
    gate.put("caption", content.get("description"))
    taken = content.get("photoTakenTime")
    seconds = first_number(taken.get("timestamp")) if isinstance(taken, dict) else None
    if seconds is not None:
        try:
            gate.fields.update(utc_fields(date_of_timestamp(seconds)))
        except ValueError as error:
            gate.warn(f"photoTakenTime {seconds:g} {error}")
    people = content.get("people")
    if isinstance(people, list):
        gate.put("people", [person.get("name") for person in people if isinstance(person, dict)])
    for name in ("geoData", "geoDataExif"):
        if "location" not in gate.fields and isinstance(content.get(name), dict):
            _put_takeout_place(cast("dict[str, Any]", content[name]), gate, name)


def _put_takeout_place(place: Mapping[str, Any], gate: Gate, source: str) -> None:
    lat, lon = first_number(place.get("latitude")), first_number(place.get("longitude"))
    if lat is None or lon is None or (lat == 0 and lon == 0):
        # zeros are Takeout's way to say that there is no position
        return
    gate.put("location", {"lat": lat, "lon": lon}, source=source)
    gate.put("altitude", first_number(place.get("altitude")) or None, source=source)
