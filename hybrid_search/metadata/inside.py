"""Metadata that lies inside an image file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath

from hybrid_search.metadata.blocks import Blocks, find_blocks
from hybrid_search.metadata.camera import put_exif
from hybrid_search.metadata.exif import ExifTags, flat_exif, read_exif
from hybrid_search.metadata.fields import Gate
from hybrid_search.metadata.iptc import read_iptc
from hybrid_search.metadata.model import Metadata, merge
from hybrid_search.metadata.notes import read_notes
from hybrid_search.metadata.xmp import read_xmp

__all__ = ["read_metadata"]


def read_metadata(data: bytes, *, format: str, name: str = "") -> Metadata:
    """Return what a file says of itself: EXIF, IPTC and XMP, later ones winning for what people wrote.

    Never raises for odd content: a value that cannot be used is absent and named in a warning.

    Parameters
    ----------
    data : bytes
        The whole file.
    format : str
        As `hybrid_search.images.sniff` names it: "jpeg", "png", "heif", …
    name : str
        File name or path; a title or caption that only repeats it is left out.
    """
    gate = Gate()
    blocks = find_blocks(data, format)
    for warning in blocks.warnings:
        gate.warn(warning)
    if blocks == Blocks():
        # most pictures of the web: nothing of what follows has anything to say
        return Metadata({})
    exif = read_exif(blocks.exif) if blocks.exif else ExifTags()
    for part, content in blocks.parts.items():
        more = read_exif(content, name=part)
        exif.tags.update(more.tags)
        exif.blobs.update(more.blobs)
        exif.warnings.extend(more.warnings)
    put_exif(exif, gate)
    blocks.put_photoshop(exif.blobs.get("photoshop", b""))
    inside = gate.metadata(flat_exif(exif.tags))
    iptc = read_iptc(blocks.iptc or exif.blobs.get("iptc", b""))
    xmp = read_xmp(blocks.xmp or exif.blobs.get("xmp", b""), more=blocks.xmp_more)
    words = [_without_day(layer, inside) for layer in (iptc, xmp.words)]
    merged = merge(read_notes(blocks), xmp.facts, inside, *words)
    own = {PurePath(name).name.casefold(), PurePath(name).stem.casefold()}
    fields = {
        field: value
        for field, value in merged.fields.items()
        if field not in ("title", "caption") or str(value).casefold() not in own
    }
    return Metadata(fields, merged.exif, merged.warnings)


def _without_day(layer: Metadata, exif: Metadata) -> Metadata:
    """Return a layer without a day where the camera wrote a moment: agencies put the day of their release there."""
    moment, day = str(exif.fields.get("taken_at", "")), str(layer.fields.get("taken_at", ""))
    if not 0 < len(day) < len(moment):
        return layer
    fields = {name: value for name, value in layer.fields.items() if name not in ("taken_at", "taken_offset")}
    return replace(layer, fields=fields)
