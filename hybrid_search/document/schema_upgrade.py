"""Documents that earlier versions wrote, as this version writes them; run while `migrate` copies an index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hybrid_search.document.document import word_fields


def upgraded(source: dict[str, Any], *, schema: int) -> dict[str, Any]:
    """Return a document's fields as the schema of this version has them.

    What only the file can tell stays as it was read; `index` reads files again that have changed.

    Parameters
    ----------
    source : dict
        The document as stored, with or without its vectors.
    schema : int
        The version of the schema that it was written with.

    Examples
    --------
    >>> upgraded({"taken_at": "2019-12-31T23:30:00-05:00", "taken_offset": "-05:00"}, schema=2)
    {'taken_at': '2019-12-31T23:30:00', 'taken_offset': '-05:00', 'taken_at_utc': '2020-01-01T04:30:00Z'}
    """
    for written, change in _CHANGES.items():
        if schema <= written:
            source = change(source)
    return _with_colours(source)


def _without_flat_signature(source: Mapping[str, Any]) -> dict[str, Any]:
    """Drop signatures that are all zero: nothing is near to them, and a cosine cannot be computed."""
    signature = source.get("signature")
    is_flat = signature is not None and not signature.any()
    return {name: value for name, value in source.items() if not (is_flat and name == "signature")}


def _with_clock(source: Mapping[str, Any]) -> dict[str, Any]:
    """Take the offset off the camera's clock, and put the moment in UTC beside it."""
    from hybrid_search.metadata.taken_at import instant, split_offset

    if not isinstance(source.get("taken_at"), str):
        return dict(source)
    clock, offset = split_offset(source["taken_at"])
    offset = offset or str(source.get("taken_offset") or "")
    at = instant(clock, offset)
    return {**source, "taken_at": clock, **({"taken_offset": offset, "taken_at_utc": at} if at else {})}


def _with_colours(source: dict[str, Any]) -> dict[str, Any]:
    """Measure the colours of a picture that was indexed before they were, by its thumbnail."""
    from hybrid_search.document.picture import thumbnail_colours

    thumbnail = source.get("thumbnail")
    if "colour" in source or not isinstance(thumbnail, str):
        return source
    colours = thumbnail_colours(thumbnail)
    return {**source, "colour": colours} if colours else source


def _schema_3(source: Mapping[str, Any]) -> dict[str, Any]:
    clocked = _with_clock(source)
    # their accents and signs were left to the server's analysis before
    return {**clocked, **word_fields(clocked)}


_CHANGES = {1: _without_flat_signature, 2: _schema_3}
"""By the schema that wrote a document: what makes one of the next schema of it, in their order."""
