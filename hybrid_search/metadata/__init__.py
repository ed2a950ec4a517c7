"""What is known of an image beside its pixels: EXIF, XMP and IPTC inside it, sidecars and captions files beside it."""

from hybrid_search.metadata.inside import read_metadata
from hybrid_search.metadata.model import FieldValue, Metadata, merge

__all__ = ["FieldValue", "Metadata", "merge", "read_metadata"]
