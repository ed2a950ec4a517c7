"""XMP packets: what people and programs wrote about a picture, in the file or in a sidecar."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from xml.etree.ElementTree import ParseError

from hybrid_search.metadata.face_regions import regions
from hybrid_search.metadata.fields import Gate
from hybrid_search.metadata.gps import put_position
from hybrid_search.metadata.model import Metadata
from hybrid_search.metadata.taken_at import Moment, fuller, moment_fields, split_offset, utc_fields
from hybrid_search.metadata.values import first_number, is_default_caption, parse_date, shown, stars
from hybrid_search.metadata.xmp_packet import Properties, Value, parse_packet, strings

_LONGEST = 20_000
"""Characters of one text in which levels of keywords are looked for."""
_ANGLE = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d+)?)(?:,(\d{1,2}(?:\.\d+)?))?([NSEW])", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Xmp:
    """What one packet says.

    Parameters
    ----------
    facts : Metadata
        Camera, moment, exposure and position, which EXIF tells better where it is present.
    words : Metadata
        Title, caption, tags, rating, artist, copyright and place, which XMP tells better than EXIF and IPTC.
    is_original : bool
        Whether the moment is that of the exposure, and not that of a scan or a file.
    """

    facts: Metadata
    words: Metadata
    is_original: bool = False


def read_xmp(packet: bytes, *, more: bytes = b"") -> Xmp:
    """Return the fields that an XMP packet gives; what cannot be read becomes a warning.

    Parameters
    ----------
    packet, more : bytes
        XML, and a second packet with what the first has no room for.
    """
    facts, words = Gate(), Gate()
    try:
        found = parse_packet(packet)
        found = found.also(parse_packet(more)) if more else found
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        words.warn(f"XMP cannot be read: {shown(str(error) or type(error).__name__)}")
        found = Properties({})
    _put_words(found, words)
    _put_facts(found, facts)
    is_original = _put_moment(found, facts)
    return Xmp(facts.metadata(), words.metadata(), is_original)


def _first(found: Properties, *names: str) -> str | None:
    return found.first(*names)


def _put_words(found: Properties, gate: Gate) -> None:
    headline = _first(found, "photoshop:Headline")
    gate.put("title", _first(found, "dc:title") or headline)
    gate.put("headline", headline)
    alt_texts = [*found.texts("iptc:AltTextAccessibility")[:1], *found.texts("iptc:ExtDescrAccessibility")[:1]]
    gate.put("alt", alt_texts)
    captions = (_first(found, name) for name in _CAPTIONS)
    # editors copy what the camera wrote into EXIF
    gate.put("caption", next((text for text in captions if text and not is_default_caption(text)), None))
    gate.put("tags", list(_tags(found)))
    _put_people(found, gate)
    _put_rating(found, gate)
    gate.put("artist", ", ".join(found.texts("dc:creator")) or _first(found, "tiff:Artist", "acdsee:author"))
    gate.put("copyright", _first(found, "dc:rights", "tiff:Copyright"))
    _put_place(found, gate)


_CAPTIONS = (
    *("dc:description", "tiff:ImageDescription", "exif:UserComment", "acdsee:caption"),
    *("iptc:AltTextAccessibility", "iptc:ExtDescrAccessibility", "acdsee:notes"),
)
_HIERARCHIES = {
    "dc:subject": "|",
    "acdsee:keywords": "|",
    "lr:hierarchicalSubject": "|",
    "digiKam:TagsList": "/",
    "MicrosoftPhoto:LastKeywordXMP": "/",
    "MicrosoftPhoto:LastKeywordIPTC": "/",
    "mediapro:CatalogSets": "|",
}
"""Keywords, and what stands between the levels of hierarchical ones."""


def _tags(found: Properties) -> Iterator[str]:
    """Yield keywords, and every level of hierarchical ones: "Places|Europe|Paris" is found by each of its words."""
    for name, separator in _HIERARCHIES.items():
        for path in found.texts(name):
            yield from path[:_LONGEST].split(separator)
    tree = found.value("mwg-kw:Keywords")
    yield from _branches(tree.get("mwg-kw:Hierarchy", "") if isinstance(tree, dict) else "")
    for text in found.texts("acdsee:categories"):
        # a tree of its own as escaped XML
        yield from map(html.unescape, re.findall(">([^<>]+)", text[:_LONGEST]))
    for name in ("iptcExt:Event", "iptcExt:OrganisationInImageName", "mediapro:Event"):
        yield from found.texts(name)
    yield from (region.name for region in regions(found) if not region.person)


def _branches(keywords: Value) -> Iterator[str]:
    for keyword in keywords if isinstance(keywords, list) else [keywords]:
        if isinstance(keyword, dict):
            yield from strings(keyword.get("mwg-kw:Keyword", ""))
            yield from _branches(keyword.get("mwg-kw:Children", ""))


def _put_people(found: Properties, gate: Gate) -> None:
    people = [region for region in regions(found) if region.person]
    gate.put("people", [*(region.name for region in people), *found.texts("mediapro:People")])
    gate.put("faces", [{"name": region.name, **region.box} for region in people if region.box])


def _put_rating(found: Properties, gate: Gate) -> None:
    gate.put_first("rating", _first(found, "xmp:Rating"), _first(found, "acdsee:rating"), source="xmp:Rating")
    percent = _first(found, "MicrosoftPhoto:Rating")
    if "rating" not in gate.fields and percent is not None:
        rating = stars(percent)
        gate.put("rating", percent if rating is None else rating, source="MicrosoftPhoto:Rating")


def _put_place(found: Properties, gate: Gate) -> None:
    """Take the place where the picture was taken, of one source alone; the names of one that it shows are tags."""
    shown_there = [place for place in _structures(found.value("iptcExt:LocationShown")) if place]
    written = {leaf: text for leaf, name in _PLACE.items() if (text := _first(found, name))}
    places = [place for place in (*_structures(found.value("iptcExt:LocationCreated")), *shown_there) if place]
    if not written or written.keys() <= {"sublocation"}:
        # a house or a square may stand beside the structure of its city
        written = {**next(iter(places), {}), **written}
    place = written
    for leaf in ("sublocation", "city", "region", "country"):
        gate.put(f"place.{leaf}", place.get(leaf))
    code = place.get("country_code", "")
    gate.put("place.country_code", code.upper() if len(code) == 2 else "")
    names = [each[leaf] for each in shown_there for leaf in ("name", "sublocation", "city") if leaf in each]
    if names := [name for name in names if name not in (place.get("sublocation"), place.get("city"))]:
        gate.put("tags", [*_tags(found), *names])


_PLACE = {
    "sublocation": "iptc:Location",
    "city": "photoshop:City",
    "region": "photoshop:State",
    "country": "photoshop:Country",
    "country_code": "iptc:CountryCode",
}
_STRUCTURE = {
    "name": "iptcExt:LocationName",
    "sublocation": "iptcExt:Sublocation",
    "city": "iptcExt:City",
    "region": "iptcExt:ProvinceState",
    "country": "iptcExt:CountryName",
    "country_code": "iptcExt:CountryCode",
}


def _structures(value: Value) -> Iterator[dict[str, str]]:
    """Yield the texts of IPTC's structures of a place."""
    for place in value if isinstance(value, list) else [value]:
        if isinstance(place, dict):
            texts = {leaf: strings(place.get(name, "")) for leaf, name in _STRUCTURE.items()}
            yield {leaf: found[0] for leaf, found in texts.items() if found}


def _put_facts(found: Properties, gate: Gate) -> None:
    gate.put("software", _first(found, "xmp:CreatorTool", "tiff:Software"))
    gate.put("camera.make", _first(found, "tiff:Make"))
    gate.put("camera.model", _first(found, "tiff:Model"))
    gate.put("camera.serial", _first(found, "exifEX:BodySerialNumber", "aux:SerialNumber"))
    gate.put("lens", _first(found, "exifEX:LensModel", "aux:Lens"))
    for field, names in _NUMBERS.items():
        gate.put(field, _first(found, *names), source=names[0])
    lat, lon = (_angle(_degrees(found, name), gate, name) for name in ("exif:GPSLatitude", "exif:GPSLongitude"))
    height = first_number(_first(found, "exif:GPSAltitude"))
    put_position(gate, lat, lon, height, source="exif:GPSLatitude")
    if height is not None:
        below = _first(found, "exif:GPSAltitudeRef") == "1"
        gate.put("altitude", -abs(height) if below else height, source="exif:GPSAltitude")


_NUMBERS = {
    "exposure_time": ("exif:ExposureTime",),
    "f_number": ("exif:FNumber",),
    "iso": ("exif:ISOSpeedRatings", "exifEX:PhotographicSensitivity"),
    "focal_length": ("exif:FocalLength",),
    "focal_length_35mm": ("exif:FocalLengthIn35mmFilm",),
    "exposure_bias": ("exif:ExposureBiasValue",),
    "direction": ("exif:GPSImgDirection",),
}


_ORIGINAL = ("exif:DateTimeOriginal", "photoshop:DateCreated")
_STAND_IN = ("exif:DateTimeDigitized", "xmp:CreateDate")


def _put_moment(found: Properties, gate: Gate) -> bool:
    for names in (_ORIGINAL, _STAND_IN):
        moments = [_moment(found, name, gate) for name in names]
        moment = reduce(lambda known, other: fuller(known, other, corrects=False), moments)
        if moment is not None:
            gate.fields.update(moment_fields(moment))
            return names is _ORIGINAL
    satellite = _moment(found, "exif:GPSTimeStamp", gate)
    if satellite is not None and "T" in satellite.clock:
        gate.fields.update(utc_fields(satellite.clock))
    return False


def _moment(found: Properties, name: str, gate: Gate) -> Moment | None:
    text = _first(found, name)
    try:
        return Moment(*split_offset(parse_date(text))) if text else None
    except ValueError as error:
        gate.warn(f"{name} {shown(text)} {error}")
        return None


def _degrees(found: Properties, name: str) -> str | None:
    """Return the text of an angle, of the picture or of the place where it was taken."""
    created = found.value("iptcExt:LocationCreated")
    places = created if isinstance(created, list) else [created]
    inside = (text for place in places if isinstance(place, dict) for text in strings(place.get(name, "")))
    return _first(found, name) or next(inside, None)


def _angle(text: str | None, gate: Gate, name: str) -> float | None:
    if not text:
        return None
    match = _ANGLE.fullmatch(text)
    if match is None:
        # some programs write signed decimal degrees
        number = first_number(text)
        if number is None:
            gate.warn(f"{name} {shown(text)} is not an angle")
        return number
    value = int(match[1]) + float(match[2]) / 60 + float(match[3] or 0) / 3600
    return round(-value if match[4].upper() in "SW" else value, 9)
