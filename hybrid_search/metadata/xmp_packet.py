"""An XMP packet as properties of the picture: RDF read as ISO 16684-1 writes it, nothing below that is not its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_PACKET = 16 * 2**20
"""Bytes of a packet: parsing takes twenty times as much memory."""
MAX_DEPTH = 16
"""Levels of structures and lists in a property; a tree of keywords takes two for each of its own."""
MAX_ITEMS = 2_000
"""Items that are read of one list."""

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_XML = "{http://www.w3.org/XML/1998/namespace}"
_LANG = f"{_XML}lang"
_ARRAYS = frozenset(f"{_RDF}{name}" for name in ("Bag", "Seq", "Alt"))
_PREFIXES = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/lightroom/1.0/": "lr",
    "http://www.digikam.org/ns/1.0/": "digiKam",
    "http://ns.microsoft.com/photo/1.0/": "MicrosoftPhoto",
    "http://ns.microsoft.com/photo/1.0": "MicrosoftPhoto",
    "http://ns.microsoft.com/photo/1.2/": "MP",
    "http://ns.microsoft.com/photo/1.2/t/RegionInfo#": "MPRI",
    "http://ns.microsoft.com/photo/1.2/t/Region#": "MPReg",
    "http://www.metadataworkinggroup.com/schemas/regions/": "mwg-rs",
    "http://www.metadataworkinggroup.com/schemas/keywords/": "mwg-kw",
    "http://ns.adobe.com/xmp/sType/Area#": "stArea",
    "http://ns.adobe.com/xap/1.0/sType/Dimensions#": "stDim",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/exif/1.0/aux/": "aux",
    "http://cipa.jp/exif/1.0/": "exifEX",
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "iptc",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "iptcExt",
    "http://ns.acdsee.com/iptc/1.0/": "acdsee",
    "http://ns.acdsee.com/regions/": "acdsee-rs",
    "http://ns.acdsee.com/sType/Area#": "stArea",
    "http://ns.iview-multimedia.com/mediapro/1.0/": "mediapro",
    "http://ns.microsoft.com/expressionmedia/1.0/": "mediapro",
}
_OPEN = re.compile(rb"<(?:\w{1,20}:)?(?:xmpmeta|xapmeta|RDF)\b")
_CLOSE = re.compile(rb"</(?:\w{1,20}:)?(?:xmpmeta|xapmeta|RDF)\s{0,9}>")
_WIDE = {b"\xfe\xff": "utf-16", b"\xff\xfe": "utf-16", b"\x00<": "utf-16-be", b"<\x00": "utf-16-le"}

Value: TypeAlias = "str | list[Value] | dict[str, Value]"
"""A text, a list, or a structure by prefixed names."""


class Properties:
    """The properties of one packet by prefixed name ("dc:title"), read when they are asked for.

    Parameters
    ----------
    found : mapping of str to list of Element or str
        Where each is written, in the order of the packet; more than once where a packet repeats it.
    """

    def __init__(self, found: Mapping[str, list[Element | str]]) -> None:
        self._found = found

    def value(self, name: str) -> Value:
        """Return a property, the first that is not empty where it is written more than once; "" without any."""
        for written in self._found.get(name, ()):
            value = written.strip() if isinstance(written, str) else _value(written, MAX_DEPTH)
            if value and (not isinstance(value, list) or any(value)):
                return value
        return ""

    def also(self, other: Properties) -> Properties:
        """Return these properties, and those that only the other packet has."""
        return Properties({**other._found, **self._found})

    def texts(self, name: str) -> list[str]:
        """Return the texts of a property: of its list, the default language first, or its own."""
        return strings(self.value(name))

    def first(self, *names: str) -> str | None:
        """Return the first text of the first of these properties that has one."""
        return next((texts[0] for name in names if (texts := self.texts(name))), None)


def strings(value: Value) -> list[str]:
    """Return the texts that a value or a list of them holds; structures have none of their own.

    Examples
    --------
    >>> strings(["a", ["b", {"dc:title": "c"}], " "])
    ['a', 'b']
    """
    if isinstance(value, str):
        return [value.strip()] if value.strip() else []
    return [text for item in value for text in strings(item)] if isinstance(value, list) else []


def parse_packet(packet: bytes) -> Properties:
    """Return the properties of the picture that a packet is about.

    What the packet says of other things is no property of the picture: ingredients, earlier versions and packets of
    placed files lie deeper, and stay unread.

    Raises
    ------
    ParseError, ValueError, LookupError, RecursionError
        When the packet cannot be read.
    """
    from defusedxml.ElementTree import fromstring

    if len(packet) > MAX_PACKET:
        raise ValueError(f"it has more than {MAX_PACKET >> 20} MiB")
    for start, encoding in _WIDE.items():
        if packet.startswith(start):
            packet = packet.decode(encoding, "replace").encode("utf-8", "replace")
            break
    opening, closings = _OPEN.search(packet), [match.end() for match in _CLOSE.finditer(packet)]
    if opening is None or not closings:
        return Properties({})
    # bytes that UTF-8 does not know make the parser give up on the whole packet
    root = fromstring(packet[opening.start() : closings[-1]].decode("utf-8", "replace"))
    found: dict[str, list[Element | str]] = {}
    for description in _descriptions(root):
        for key, text in description.attrib.items():
            if name := _name(key):
                found.setdefault(name, []).append(text)
        for child in description:
            if name := _name(child.tag):
                found.setdefault(name, []).append(child)
    return Properties(found)


def _descriptions(root: Element) -> Iterator[Element]:
    """Yield the top-level descriptions of the packet's one subject."""
    rdf = root if root.tag == f"{_RDF}RDF" else root.find(f"{_RDF}RDF")
    subject = None
    for node in rdf if rdf is not None else ():
        about = node.get(f"{_RDF}about", node.get("about", ""))
        subject = about if subject is None else subject
        if node.tag == f"{_RDF}Description" and about in ("", subject) and node.get(f"{_RDF}nodeID") is None:
            yield node


def _name(key: str) -> str:
    namespace, _, leaf = key[1:].partition("}")
    return f"{_PREFIXES[namespace]}:{leaf}" if namespace in _PREFIXES else ""


def _value(element: Element, depth: int) -> Value:
    """Return what a property element holds, in whichever of RDF's spellings."""
    if depth == 0:
        return ""
    children = list(element)
    if element.get(f"{_RDF}parseType") == "Resource":
        return _structure(element, depth)
    if not children:
        return _structure(element, depth) or element.get(f"{_RDF}resource") or (element.text or "").strip()
    if children[0].tag in _ARRAYS:
        return _items(children[0], depth)
    # one node: a description, or one of a type of its own
    return _structure(children[0], depth)


def _items(array: Element, depth: int) -> list[Value]:
    items = [item for item in array if item.tag == f"{_RDF}li"][:MAX_ITEMS]
    if array.tag == f"{_RDF}Alt":
        items.sort(key=lambda item: item.get(_LANG, "").lower() != "x-default")
    return [value for item in items if (value := _value(item, depth - 1))]


def _structure(node: Element, depth: int) -> Value:
    """Return the fields of a node, or its value where all others only qualify it."""
    fields: dict[str, Value] = {name: text for key, text in node.attrib.items() if (name := _name(key))}
    for child in node:
        if child.tag == f"{_RDF}value":
            return _value(child, depth - 1)
        if name := _name(child.tag):
            fields.setdefault(name, _value(child, depth - 1))
    return node.get(f"{_RDF}value") or fields
