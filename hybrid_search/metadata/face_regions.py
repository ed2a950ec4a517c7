"""Who is in a picture, and where: regions as people's programs mark them in XMP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hybrid_search.metadata.fields import EDGES
from hybrid_search.metadata.values import first_number
from hybrid_search.metadata.xmp_packet import Properties, Value, strings


class Region(NamedTuple):
    """A named part of a picture.

    Parameters
    ----------
    name : str
        Of a person, or of what is there.
    person : bool
        Whether it is a person's; programs that mark faces alone do not say so.
    box : dict of str to float
        "left", "top", "width" and "height" in fractions of the picture as it is stored, before its EXIF orientation
        turns it; empty where the region has no rectangle.
    """

    name: str
    person: bool
    box: dict[str, float]


def regions(found: Properties) -> list[Region]:
    """Return the named regions of a packet, of each name the first that has a box."""
    named: dict[tuple[str, bool], Region] = {}
    for region in (*_mwg(found), *_microsoft(found), *_iptc(found)):
        key = (region.name.casefold(), region.person)
        if key not in named or (region.box and not named[key].box):
            named[key] = region
    return list(named.values())


def _mwg(found: Properties) -> Iterator[Region]:
    """Read the regions of the Metadata Working Group, which Lightroom, digiKam and Picasa write, and ACDSee's."""
    for space, areas in (("mwg-rs", ("Area",)), ("acdsee-rs", ("DLYArea", "ALGArea"))):
        whole = found.value(f"{space}:Regions")
        size = _numbers(_part(whole, f"{space}:AppliedToDimensions"), "stDim:", ("w", "h"))
        for region in _list(_part(whole, f"{space}:RegionList")):
            kind = _text(region, f"{space}:Type").casefold()
            area = next((area for name in areas if (area := _part(region, f"{space}:{name}"))), "")
            # points of focus have no names, and a bar code's is no word
            if (name := _text(region, f"{space}:Name")) and kind not in ("focus", "barcode"):
                yield Region(name, kind in ("", "face", "person", "unknown"), _area_box(area, size))


def _area_box(area: Value, size: list[float] | None) -> dict[str, float]:
    """Return the box of an area, which tells its centre."""
    numbers = _numbers(area, "stArea:", ("x", "y", "w", "h"))
    if numbers is None:
        return {}
    if _text(area, "stArea:unit").casefold() == "pixel":
        if size is None or not all(size):
            return {}
        numbers = [number / size[axis % 2] for axis, number in enumerate(numbers)]
    x, y, width, height = numbers
    return _box([x - width / 2, y - height / 2, width, height])


def _microsoft(found: Properties) -> Iterator[Region]:
    for region in _list(_part(found.value("MP:RegionInfo"), "MPRI:Regions")):
        if name := _text(region, "MPReg:PersonDisplayName"):
            numbers = [first_number(part) for part in _text(region, "MPReg:Rectangle").split(",")]
            edges = [number for number in numbers if number is not None]
            yield Region(name, True, _box(edges) if len(edges) == len(numbers) == 4 else {})


def _iptc(found: Properties) -> Iterator[Region]:
    """Read the people of IPTC: of the picture, and of its regions."""
    for name in found.texts("iptcExt:PersonInImage"):
        yield Region(name, True, {})
    for person in _list(found.value("iptcExt:PersonInImageWDetails")):
        if name := _text(person, "iptcExt:PersonName"):
            yield Region(name, True, {})
    for region in _list(found.value("iptcExt:ImageRegion")):
        boundary = _part(region, "iptcExt:RegionBoundary")
        numbers = _numbers(boundary, "iptcExt:", ("rbX", "rbY", "rbW", "rbH"))
        relative = _text(boundary, "iptcExt:rbUnit").casefold() == "relative"
        people = strings(_part(region, "iptcExt:PersonInImage"))
        for name in people:
            yield Region(name, True, _box(numbers) if numbers and relative and len(people) == 1 else {})


def _box(edges: list[float]) -> dict[str, float]:
    left, top, width, height = edges
    # boxes at the edge of a picture may reach over it by what a program rounds
    inside = min(left, top) > -0.5 and 0 < width <= 1.5 and 0 < height <= 1.5 and max(left, top) < 1
    return dict(zip(EDGES, (round(edge, 6) for edge in edges), strict=True)) if inside else {}


def _part(value: Value, name: str) -> Value:
    return value.get(name, "") if isinstance(value, dict) else ""


def _list(value: Value) -> list[Value]:
    return value if isinstance(value, list) else [value]


def _text(value: Value, name: str) -> str:
    return next(iter(strings(_part(value, name))), "")


def _numbers(value: Value, prefix: str, leaves: tuple[str, ...]) -> list[float] | None:
    numbers = [first_number(_text(value, f"{prefix}{leaf}")) for leaf in leaves]
    known = [number for number in numbers if number is not None]
    return known if len(known) == len(leaves) else None
