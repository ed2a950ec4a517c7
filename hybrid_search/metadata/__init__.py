"""What is known of an image beside its pixels: EXIF, XMP and IPTC inside it, sidecars and captions files beside it."""

from hybrid_search.metadata.captions import CaptionEntry, Captions, load_captions
from hybrid_search.metadata.fields import FIELDS
from hybrid_search.metadata.file_metadata import read_metadata
from hybrid_search.metadata.model import FieldValue, Metadata, merge
from hybrid_search.metadata.places import add_places, place_fields, places_available
from hybrid_search.metadata.sidecar_names import SidecarNames
from hybrid_search.metadata.sidecars import is_sidecar, read_sidecars

__all__ = [
    "FIELDS",
    "Captions",
    "CaptionEntry",
    "FieldValue",
    "Metadata",
    "SidecarNames",
    "add_places",
    "is_sidecar",
    "load_captions",
    "merge",
    "place_fields",
    "places_available",
    "read_metadata",
    "read_sidecars",
]
