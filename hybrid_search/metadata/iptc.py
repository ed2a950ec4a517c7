"""IPTC-IIM data sets: captions and keywords as news agencies write them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from hybrid_search.metadata.fields import Gate
from hybrid_search.metadata.model import Metadata
from hybrid_search.metadata.values import decode_text, is_default_caption

MAX_SETS = 20_000
"""Data sets that are read; an agency writes a few dozen."""
_UTF8 = b"\x1b%G"
_CHARSET = (1, 90)  # record and dataset of the IPTC Information Interchange Model, as below
_FIELDS = {
    "caption": ((2, 120),),
    "title": ((2, 5), (2, 105)),
    "headline": ((2, 105),),
    "place.sublocation": ((2, 92),),
    "place.city": ((2, 90),),
    "place.region": ((2, 95),),
    "place.country": ((2, 101),),
    "copyright": ((2, 116),),
}
_KEYWORDS, _BYLINE, _COUNTRY_CODE = (2, 25), (2, 80), (2, 100)
_DATE, _TIME = (2, 55), (2, 60)


def read_iptc(block: bytes) -> Metadata:
    """Return the fields that IPTC data sets give.

    Text is UTF-8 when the block says so or when it is valid UTF-8, else Windows-1252.
    """
    found: dict[tuple[int, int], list[bytes]] = {}
    for number, value in islice(_data_sets(block), MAX_SETS):
        found.setdefault(number, []).append(value)
    stated = found.get(_CHARSET, [b""])[0].startswith(_UTF8)
    texts = {
        number: [value.decode("utf-8", "replace") if stated else decode_text(value) for value in values]
        for number, values in found.items()
    }
    gate = Gate()
    for name, numbers in _FIELDS.items():
        values = (texts[number][0] for number in numbers if number in texts)
        gate.put_first(name, *(text for text in values if name != "caption" or not is_default_caption(text)))
    gate.put("tags", texts.get(_KEYWORDS))
    gate.put("artist", ", ".join(text.strip("\x00 ") for text in texts.get(_BYLINE, [])))
    code = texts.get(_COUNTRY_CODE, [""])[0].strip()
    gate.put("place.country_code", code.upper() if len(code) == 2 else "")
    _put_date(texts, gate)
    return gate.metadata()


def _data_sets(block: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Yield record and number with the value of each data set."""
    position = block.find(b"\x1c")
    while 0 <= position <= len(block) - 5 and block[position] == 0x1C:
        number = (block[position + 1], block[position + 2])
        length, start = int.from_bytes(block[position + 3 : position + 5], "big"), position + 5
        if length & 0x8000:
            wide = length & 0x7FFF
            length, start = int.from_bytes(block[start : start + min(wide, 8)], "big"), start + wide
        yield number, block[start : start + length]
        position = start + length


def _put_date(texts: dict[tuple[int, int], list[str]], gate: Gate) -> None:
    date, time = texts.get(_DATE, [""])[0].strip("\x00 "), texts.get(_TIME, [""])[0].strip("\x00 ")
    if not date.strip("0"):
        return
    written = f"{date[:4]}-{date[4:6]}-{date[6:8]}" if len(date) == 8 and date.isdecimal() else date
    if len(time) >= 6 and time[:6].isdecimal():
        # the standard wants a zone, so programs that know none write zeros
        zone = "" if time[6:].strip("+-:0") == "" else time[6:]
        written += f"T{time[:2]}:{time[2:4]}:{time[4:6]}{zone}"
    gate.put("taken_at", written, source="IPTC DateCreated", found=f"{date} {time}".strip())
