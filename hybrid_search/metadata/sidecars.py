"""Files that lie beside an image and describe it: XMP, JSON with field names, JSON as Google Takeout writes it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from hybrid_search.images import is_candidate
from hybrid_search.metadata.fields import FIELDS, Gate, close_names, flatten
from hybrid_search.metadata.model import Metadata, merge
from hybrid_search.metadata.values import date_of_timestamp, first_number, shown
from hybrid_search.metadata.xmp import read_xmp

__all__ = ["is_sidecar", "read_sidecars", "sidecar_names"]

MAX_BYTES = 16 * 2**20
"""Bytes above which a sidecar is left alone."""
_TAKEOUT = {"photoTakenTime", "geoData", "geoDataExif", "creationTime"}
_TAKEOUT_SUFFIX = ".supplemental-metadata.json"
_TAKEOUT_LENGTH = 51
"""Characters at which Google Takeout cuts the name of a sidecar, suffix included."""


def sidecar_names(name: str) -> tuple[str, ...]:
    """Return the names that a sidecar of an image may have, those that win last.

    Examples
    --------
    >>> sidecar_names("photo.jpg")[:4]
    ('photo.xmp', 'photo.jpg.xmp', 'photo.json', 'photo.jpg.json')
    """
    stem = name.rpartition(".")[0] or name
    cut = f"{name}{_TAKEOUT_SUFFIX}"[: _TAKEOUT_LENGTH - 5].removesuffix(".json") + ".json"
    names = (f"{stem}.xmp", f"{name}.xmp", f"{stem}.json", f"{name}.json", cut)
    return tuple(dict.fromkeys(names))


def read_sidecars(path: Path) -> Metadata:
    """Return what the files beside an image say of it; later ones of `sidecar_names` win.

    Suffixes may be in capitals. What cannot be read or used becomes a warning.

    Parameters
    ----------
    path : Path
        The image.
    """
    layers = [_read(sidecar, path.name) for sidecar in _present(path)]
    return merge(*layers) if layers else Metadata({})


def is_sidecar(path: Path) -> bool:
    """Tell whether a file says something of a picture, as XMP does, and JSON with names of fields or as Takeout's.

    Parameters
    ----------
    path : Path
        A file with the name of a sidecar; another may have it by chance.
    """
    if path.suffix.lower() == ".xmp":
        return True
    try:
        if path.stat().st_size > MAX_BYTES:
            return False
        content: Any = json.loads(path.read_bytes())
        if isinstance(content, list) and len(content) == 1:
            content = content[0]
        return isinstance(content, dict) and not (_TAKEOUT | set(FIELDS)).isdisjoint([*content, *flatten(content)])
    except (OSError, ValueError, RecursionError):
        return False


def _present(path: Path) -> Iterator[Path]:
    for name in sidecar_names(path.name):
        stem, _, suffix = name.rpartition(".")
        for candidate in (name, f"{stem}.{suffix.upper()}"):
            if (sidecar := path.with_name(candidate)).is_file():
                yield sidecar
                break


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
        if name in FIELDS:
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
    if isinstance(title, str) and not is_candidate(title) and title != image:
        # Takeout's title is the name that the file had, unless somebody wrote another
        gate.put("title", title)
    gate.put("caption", content.get("description"))
    taken = content.get("photoTakenTime")
    seconds = first_number(taken.get("timestamp")) if isinstance(taken, dict) else None
    if seconds is not None:
        try:
            gate.put("taken_at", date_of_timestamp(seconds))
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
