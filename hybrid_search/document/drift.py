"""How a live index differs from the one that this version would make: each difference by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_IMPLIED: Mapping[str, Any] = {
    "index": True,
    "doc_values": True,
    "enabled": True,
    "element_type": "float",
    "dynamic": "strict",
    "type": "object",
    "normalizer": None,
    "analyzer": "standard",
    "ignore_above": 2147483647,
    "format": "strict_date_optional_time||epoch_millis",
    "depth_limit": 20,
}
"""What a server does not repeat."""
_CHOSEN = ("index_options", "properties", "fields")
"""How vectors are searched is chosen for each index; the others are looked into."""


def drift(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[str, ...]:
    """Return each difference between two definitions, in words; none when they agree.

    Parameters
    ----------
    live : mapping
        `{"settings": …, "mappings": …}` of the index.
    wanted : mapping
        The same of the one that would be made.

    Examples
    --------
    >>> live = {"settings": {}, "mappings": {"properties": {"iso": {"type": "keyword"}, "x": {"type": "long"}}}}
    >>> wanted = {"settings": {}, "mappings": {"properties": {"iso": {"type": "integer"}, "bytes": {"type": "long"}}}}
    >>> for line in drift(live, wanted):
    ...     print(line)
    bytes: is missing
    iso: type is 'keyword', not 'integer'
    x: is not known to this version
    """
    return tuple(sorted((*_of_mappings(live["mappings"], wanted["mappings"]), *_of_analysis(live, wanted))))


def _of_mappings(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    if live.get("dynamic", "true") != wanted.get("dynamic", "true"):
        yield f"dynamic is {live.get('dynamic', 'true')!r}, not {wanted.get('dynamic', 'true')!r}"
    for name in ("schema_version", "analysis"):
        mine, its = wanted.get("_meta", {}).get(name), live.get("_meta", {}).get(name)
        if mine != its:
            yield f"_meta.{name} is {its!r}, not {mine!r}"
    yield from _of_fields(live, wanted, prefix="", leaves="properties")


def _of_fields(live: Mapping[str, Any], wanted: Mapping[str, Any], *, prefix: str, leaves: str) -> Iterator[str]:
    here, there = live.get(leaves, {}), wanted.get(leaves, {})
    for name in here.keys() | there.keys():
        if name not in here:
            yield f"{prefix}{name}: is missing"
        elif name not in there:
            yield f"{prefix}{name}: is not known to this version"
        else:
            yield from _of_field(here[name], there[name], f"{prefix}{name}")


def _of_field(live: Mapping[str, Any], wanted: Mapping[str, Any], name: str) -> Iterator[str]:
    for key in sorted((live.keys() | wanted.keys()) - set(_CHOSEN)):
        its, mine = live.get(key, _IMPLIED.get(key)), wanted.get(key, _IMPLIED.get(key))
        if its != mine:
            yield f"{name}: {key} is {its!r}, not {mine!r}"
    for leaves in ("properties", "fields"):
        yield from _of_fields(live, wanted, prefix=f"{name}.", leaves=leaves)


def _of_analysis(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    here = live.get("settings", {}).get("analysis", {})
    there = wanted.get("settings", {}).get("analysis", {})
    for kind in here.keys() | there.keys():
        for name in here.get(kind, {}).keys() | there.get(kind, {}).keys():
            if here.get(kind, {}).get(name) != there.get(kind, {}).get(name):
                yield f"analysis.{kind}.{name}: differs"
