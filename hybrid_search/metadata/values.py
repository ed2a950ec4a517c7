"""Single values as they are found in files: text in doubtful encodings, ratios over zero, dates that never were."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from fractions import Fraction

MAX_TEXT = 10_000
"""Characters kept of a caption; far beyond any caption, far below what a server refuses."""

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_DATE = re.compile(
    r"(\d{4})(?:[:/.\-](\d{1,2})(?:[:/.\-](\d{1,2})"
    r"(?:[ T]\s*(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2})(?:[.,](\d+))?)?(?:\s*([AP])\.?M\.?)?)?"
    r"\s*(Z|UTC|[+\-]\d{1,2}(?::?\d{2})?)?)?)?",
    re.IGNORECASE | re.ASCII,
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?!\d)", re.ASCII)
_OFFSET = re.compile(r"\s*(?:(Z|UTC)|([+\-])(\d{1,2})(?::?(\d{2}))?)\s*", re.IGNORECASE | re.ASCII)


_DEFAULT_CAPTIONS = (
    "digital camera",
    "sony dsc",
    "dcim",
    "created with gimp",
    "samsung csc",
    "camera recording",
    "minolta dsc",
    "maginon dc",
    "dsc",
    "default",
    "ascii",
    "user comments",
    "binary comment",
    "screenshot",
    "exif_jpeg_picture",
    "exif jpeg",
    "jpeg picture",
    "image description",
    'charset="ascii"',
)
"""Endings of descriptions that cameras and programs write by themselves ("OLYMPUS DIGITAL CAMERA")."""


_CHECKSUM = re.compile("[0-9a-f]{16,}")


def shown(value: object) -> str:
    """Return a value as a warning shows it: one line, at most 40 characters, valid UTF-8."""
    try:
        text = " ".join(clean_text(value if isinstance(value, str) else repr(value)).split())
    except (ValueError, RecursionError):
        # Python writes no number of more than 4,300 digits, and no list within a thousand lists
        return "a value that cannot be shown"
    return text if 0 < len(text) <= 40 else f"{text[:39]}…" if text else "''"


def clean_text(text: str, *, limit: int = MAX_TEXT) -> str:
    r"""Return text that JSON and UTF-8 accept: no control characters, no lone surrogates, no outer blanks.

    Examples
    --------
    >>> clean_text("NIKON\x00\x00  ")
    'NIKON'
    """
    text = text[: 2 * limit]
    if not text.isascii():
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _CONTROLS.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n")).strip()[:limit].rstrip()


def decode_text(data: bytes) -> str:
    """Decode bytes of an unstated encoding: UTF-8 when they are valid UTF-8, else Windows-1252, else Latin-1."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def wide_text(values: object) -> str:
    """Return the UTF-16 text of Windows' XP tags, which lies in a file as a list of bytes."""
    if isinstance(values, str):
        return clean_text(values)
    if not isinstance(values, list) or not all(isinstance(value, int) and 0 <= value < 256 for value in values):
        return ""
    return clean_text(bytes(values).decode("utf-16-le", "ignore").split("\x00", 1)[0])


def first_number(value: object) -> float | None:
    """Return the first finite number in a value, or None: n/0 is no number, and neither are NaN and infinity.

    Examples
    --------
    >>> first_number([Fraction(1, 125)]), first_number("1/0"), first_number("2.8 mm")
    (0.008, None, None)
    """
    if isinstance(value, str):
        return _number_of_text(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return first_number(value[0]) if len(value) else None
    if isinstance(value, bool) or not isinstance(value, (int, float, Fraction)):
        return None
    try:
        number = float(value)
    except (ArithmeticError, ValueError):
        # ExifRead's ratios keep a zero denominator
        return None
    return number if math.isfinite(number) else None


def _number_of_text(text: str) -> float | None:
    numerator, slash, denominator = text.strip()[:60].partition("/")
    try:
        number = float(numerator) / float(denominator) if slash else float(numerator)
    except (ArithmeticError, ValueError):
        return None
    return number if math.isfinite(number) and "_" not in text else None


def parse_date(text: str, *, subseconds: str = "", offset: str = "") -> str:
    """Return a date as ISO 8601 as far as it is known, with sub-seconds and offset where they are.

    Parameters
    ----------
    text : str
        "2008:05:30 15:56:01" as EXIF writes it, or ISO 8601. What is blank or zero of month and day is unknown.
    subseconds : str
        Digits after the decimal point, as EXIF keeps them apart.
    offset : str
        "+02:00" or "Z", used when the text has none.

    Raises
    ------
    ValueError
        When there is no such moment between the years 1800 and 2199.

    Examples
    --------
    >>> parse_date("2008:05:30 15:56:01", subseconds="5", offset="+02:00")
    '2008-05-30T15:56:01.500+02:00'
    >>> parse_date("1935:00:00 00:00:00"), parse_date("1935-06"), parse_date("2019:06:01 03:10:22 PM")
    ('1935', '1935-06', '2019-06-01T15:10:22')
    """
    # EXIF fills with blanks what is unknown, and the colons stay
    match = _DATE.fullmatch(_COMPACT.sub(r"\1-\2-\3", text.strip().rstrip(": "), count=1))
    if match is None:
        raise ValueError("is not a date")
    year, month, day = (int(part or 0) for part in match.groups()[:3])
    try:
        start = datetime(year, month or 1, day or 1)
    except ValueError:
        raise ValueError("is not a date") from None
    if not 1800 <= year < 2200:
        raise ValueError("is out of range")
    if match[4] is None or not month or not day:
        known = 4 if not month else 7 if not day else 10
        return start.date().isoformat()[:known]
    written = _time(start, match, subseconds.strip())
    return written + (parse_offset(match[9] or offset) or "")


def _time(day: datetime, match: re.Match[str], subseconds: str) -> str:
    hour, minute, second = (int(part or 0) for part in match.groups()[3:6])
    if match[8] and 1 <= hour <= 12:
        hour = hour % 12 + (12 if match[8] in "Pp" else 0)
    digits = match[7] or subseconds
    if (hour, minute, second) == (24, 0, 0):
        # ISO 8601's other name for the midnight that ends the day
        day, hour = day + timedelta(days=1), 0
    try:
        moment = day.replace(hour=hour, minute=minute, second=second)
    except ValueError:
        raise ValueError("is not a date") from None
    if not (digits.isdecimal() and digits.isascii() and int(digits[:6])):
        return moment.isoformat(timespec="seconds")
    # three or six digits are what every parser of ISO 8601 reads
    moment = moment.replace(microsecond=int(digits[:6].ljust(6, "0")))
    return moment.isoformat(timespec="milliseconds" if len(digits) <= 3 else "microseconds")


def parse_offset(text: str) -> str | None:
    """Return an offset from UTC as "+hh:mm", or None when the text is none between -14:00 and +14:00."""
    match = _OFFSET.fullmatch(text)
    if match is None:
        return None
    if match[1]:
        return "+00:00"
    hours, minutes = int(match[3]), int(match[4] or 0)
    if minutes > 59 or hours * 60 + minutes > 14 * 60:
        return None
    return f"{match[2]}{hours:02}:{minutes:02}"


def date_of_timestamp(seconds: float) -> str:
    """Return a number of seconds since 1970 as an ISO 8601 moment in UTC.

    Raises
    ------
    ValueError
        When the moment is not between the years 1800 and 2199.
    """
    try:
        moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        raise ValueError("is out of range") from None
    if not 1800 <= moment.year < 2200:
        raise ValueError("is out of range")
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")


def stars(percent: object) -> int | None:
    """Return Windows' rating, which counts to 99 (1, 25, 50, 75 and 99 are one to five stars), as stars, or None.

    Examples
    --------
    >>> [stars(percent) for percent in (0, 1, 25, 50, "75", 99)], stars(255)
    ([0, 1, 2, 3, 4, 5], None)
    """
    number = first_number(percent)
    if number is None or not 0 <= number <= 100:
        return None
    return int(number > 0) + sum(number >= least for least in (13, 38, 63, 88))


def split_tags(text: str) -> list[str]:
    """Split a list of tags written as one text: at semicolons, or at commas where there is no semicolon.

    Examples
    --------
    >>> split_tags("Paris, France; night")
    ['Paris, France', 'night']
    """
    return texts(text.split(";" if ";" in text else ","))


def texts(values: Iterable[object], *, limit: int = 1000) -> list[str]:
    """Return the values that are text, cleaned, without the empty ones."""
    cleaned = (clean_text(value, limit=limit) for value in values if isinstance(value, str))
    return [text for text in cleaned if text]


def is_default_caption(text: str) -> bool:
    """Tell whether a description is what a camera writes into every picture, or no words at all.

    Examples
    --------
    >>> is_default_caption("OLYMPUS DIGITAL CAMERA"), is_default_caption("A digital camera on a table")
    (True, False)
    """
    text = clean_text(text).lower().strip("<> .")
    if not any(char.isalpha() for char in text) or _CHECKSUM.fullmatch(text):
        return True
    return len(text) < 40 and (text.endswith(_DEFAULT_CAPTIONS) or text.startswith("file written by adobe"))
