"""XMP packets: what people and programs wrote about a picture, in the file or in a sidecar."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from hybrid_search.metadata.fields import Gate
from hybrid_search.metadata.model import Metadata
from hybrid_search.metadata.moments import Moment, fuller, moment_fields, split_offset, utc_fields
from hybrid_search.metadata.values import first_number, is_default_caption, parse_date, shown

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["Xmp", "read_xmp"]

MAX_PACKET = 16 * 2**20
"""Bytes of a packet: parsing takes twenty times as much memory."""
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_PREFIXES = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/lightroom/1.0/": "lr",
    "http://www.digikam.org/ns/1.0/": "digiKam",
    "http://ns.microsoft.com/photo/1.0/": "MicrosoftPhoto",
    "http://ns.microsoft.com/photo/1.0": "MicrosoftPhoto",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/exif/1.0/aux/": "aux",
    "http://cipa.jp/exif/1.0/": "exifEX",
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "iptc",
}
_OPEN = re.compile(rb"<(?:\w{1,20}:)?(?:xmpmeta|xapmeta|RDF)\b")
_CLOSE = re.compile(rb"</(?:\w{1,20}:)?(?:xmpmeta|xapmeta|RDF)\s{0,9}>")
_ANGLE = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d+)?)(?:,(\d{1,2}(?:\.\d+)?))?([NSEW])", re.IGNORECASE | re.ASCII)

_WIDE = {b"\xfe\xff": "utf-16", b"\xff\xfe": "utf-16", b"\x00<": "utf-16-be", b"<\x00": "utf-16-le"}

Properties = dict[str, list[str]]


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


def read_xmp(packet: bytes) -> Xmp:
    """Return the fields that an XMP packet gives; what cannot be read becomes a warning."""
    facts, words = Gate(), Gate()
    try:
        if len(packet) > MAX_PACKET:
            raise ValueError(f"it has more than {MAX_PACKET >> 20} MiB")
        found = _properties(packet)
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        words.warn(f"XMP cannot be read: {shown(str(error) or type(error).__name__)}")
        found = {}
    _put_words(found, words)
    _put_facts(found, facts)
    is_original = _put_moment(found, facts)
    return Xmp(facts.metadata(), words.metadata(), is_original)


def _properties(packet: bytes) -> Properties:
    """Return the texts of every known property by prefixed name, in the order of the packet."""
    from defusedxml.ElementTree import fromstring

    for start, encoding in _WIDE.items():
        if packet.startswith(start):
            packet = packet.decode(encoding, "replace").encode("utf-8", "replace")
            break
    opening, closings = _OPEN.search(packet), [match.end() for match in _CLOSE.finditer(packet)]
    if opening is None or not closings:
        return {}
    # bytes that UTF-8 does not know make the parser give up on the whole packet
    root = fromstring(packet[opening.start() : closings[-1]].decode("utf-8", "replace"))
    found: Properties = {}
    for description in root.iter(f"{_RDF}Description"):
        for name, value in description.attrib.items():
            _keep(found, name, [value])
        for child in description:
            _keep(found, child.tag, list(_texts(child)))
    return found


def _keep(found: Properties, name: str, values: list[str]) -> None:
    namespace, _, leaf = name[1:].partition("}")
    if namespace in _PREFIXES and (values := [value.strip() for value in values if value.strip()]):
        found.setdefault(f"{_PREFIXES[namespace]}:{leaf}", values)


def _texts(element: Element) -> Iterator[str]:
    """Yield the texts of a property: of its list, default language first, or its own."""
    items = list(element.iter(f"{_RDF}li"))
    if not items:
        yield element.text or ""
    for item in sorted(items, key=lambda item: item.get(_LANG, "") != "x-default"):
        yield item.text or ""


def _first(found: Properties, *names: str) -> str | None:
    return next((found[name][0] for name in names if name in found), None)


def _put_words(found: Properties, gate: Gate) -> None:
    gate.put("title", _first(found, "dc:title", "photoshop:Headline"))
    captions = (_first(found, name) for name in ("dc:description", "tiff:ImageDescription", "exif:UserComment"))
    # editors copy what the camera wrote into EXIF
    gate.put("caption", next((text for text in captions if text and not is_default_caption(text)), None))
    gate.put("tags", _tags(found))
    gate.put("rating", _first(found, "xmp:Rating", "MicrosoftPhoto:Rating"), source="xmp:Rating")
    gate.put("artist", ", ".join(found.get("dc:creator", [])) or _first(found, "tiff:Artist"))
    gate.put("copyright", _first(found, "dc:rights", "tiff:Copyright"))
    gate.put("place.city", _first(found, "photoshop:City"))
    gate.put("place.region", _first(found, "photoshop:State"))
    gate.put("place.country", _first(found, "photoshop:Country"))
    code = _first(found, "iptc:CountryCode") or ""
    gate.put("place.country_code", code.upper() if len(code) == 2 else "")


def _tags(found: Properties) -> list[str]:
    """Return subjects, and every level of hierarchical ones: "Places|Europe|Paris" is found by each of its words."""
    tags = list(found.get("dc:subject", []))
    for name, separator in (("lr:hierarchicalSubject", "|"), ("digiKam:TagsList", "/")):
        for path in found.get(name, []):
            tags.extend(path.split(separator))
    return tags or found.get("MicrosoftPhoto:LastKeywordXMP", [])


def _put_facts(found: Properties, gate: Gate) -> None:
    gate.put("software", _first(found, "xmp:CreatorTool", "tiff:Software"))
    gate.put("camera.make", _first(found, "tiff:Make"))
    gate.put("camera.model", _first(found, "tiff:Model"))
    gate.put("camera.serial", _first(found, "exifEX:BodySerialNumber", "aux:SerialNumber"))
    gate.put("lens", _first(found, "exifEX:LensModel", "aux:Lens"))
    for field, names in _NUMBERS.items():
        gate.put(field, _first(found, *names), source=names[0])
    lat, lon = _angle(found, gate, "exif:GPSLatitude"), _angle(found, gate, "exif:GPSLongitude")
    if lat is not None and lon is not None:
        gate.put("location", {"lat": lat, "lon": lon}, source="exif:GPSLatitude")
    height = first_number(_first(found, "exif:GPSAltitude"))
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


def _angle(found: Properties, gate: Gate, name: str) -> float | None:
    text = _first(found, name)
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
