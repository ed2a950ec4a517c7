"""Metadata that lies inside an image file."""

from __future__ import annotations

from functools import reduce
from operator import itemgetter
from pathlib import PurePath

from hybrid_search.metadata.blocks import Blocks, find_blocks
from hybrid_search.metadata.comments import read_notes
from hybrid_search.metadata.exif import ExifTags, flat_exif, read_exif
from hybrid_search.metadata.exif_fields import put_exif
from hybrid_search.metadata.fields import Gate
from hybrid_search.metadata.gps import gps_moment
from hybrid_search.metadata.iptc import read_iptc
from hybrid_search.metadata.model import Metadata, merge, with_moment
from hybrid_search.metadata.taken_at import fuller, moment_of
from hybrid_search.metadata.xmp import read_xmp


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
        File name or path; a title or caption that only repeats it, or the camera's, is left out.
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
    tag = put_exif(exif, gate)
    blocks.put_photoshop(exif.blobs.get("photoshop", b""))
    inside = gate.metadata(flat_exif(exif.tags))
    iptc = read_iptc(blocks.iptc or exif.blobs.get("iptc", b""))
    xmp = read_xmp(blocks.xmp or exif.blobs.get("xmp", b""), more=blocks.xmp_more)
    notes = read_notes(blocks)
    merged = merge(notes, xmp.facts, inside, iptc, xmp.words)
    stated = [(_EXIF_TRUST.get(tag, 0), inside), (_trust(xmp.facts, xmp.is_original), xmp.facts), (_trust(iptc), iptc)]
    moments = [moment_of(layer.fields) for _, layer in [*sorted(stated, key=itemgetter(0)), (6, notes)]]
    moment = reduce(lambda known, other: fuller(known, other, corrects=False), moments)
    # a satellite's clock says when the receiver had a fix, which may have been long before
    moment = gps_moment(exif) if moment is None else moment
    own = {PurePath(name).name.casefold(), PurePath(name).stem.casefold()}
    own |= {str(merged.fields.get(camera, "")).casefold() for camera in ("camera.make", "camera.model")}
    fields = {
        field: value
        for field, value in with_moment(merged.fields, moment).items()
        if field not in ("title", "caption") or str(value).casefold() not in own
    }
    return Metadata(fields, merged.exif, merged.warnings)


_EXIF_TRUST = {"DateTimeOriginal": 0, "DateTime": 2, "DateTimeDigitized": 4}
"""Whose moment holds where several differ, the least first; the file's last change is all that some cameras write."""


def _trust(layer: Metadata, is_original: bool = True) -> int:
    """Return the place of a date that XMP or IPTC has: agencies put the day of their release there, people years."""
    is_day = len(str(layer.fields.get("taken_at", ""))) == len("2019-06-01")
    return 5 if not is_original else 3 if is_day else 1
