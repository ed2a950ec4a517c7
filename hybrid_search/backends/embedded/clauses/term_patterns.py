"""Regular expressions over the sorted terms of a field, as tantivy's automata read them."""

from __future__ import annotations

_ANY = "(?s:.)*"
_LAST = 0x10FFFF
"""Unicode's last code point."""


def escape(text: str, *, any_case: bool = False) -> str:
    """Return a pattern that matches the text and nothing else, or the text in any case of its ASCII letters.

    Elasticsearch's `case_insensitive` likewise tells "É" from "é".
    """
    return "".join(_character(each, any_case) for each in text)


def _character(each: str, any_case: bool) -> str:
    if not each.isalnum() or not each.isascii():
        return f"\\x{{{ord(each):x}}}"
    return f"[{each.lower()}{each.upper()}]" if any_case and each.isalpha() else each


def wildcard(text: str, *, any_case: bool = False) -> str:
    """Return the pattern of a wildcard text: `*` any characters, `?` one, a backslash takes the next literally."""
    parts = []
    position = 0
    while position < len(text):
        each = text[position]
        if each == "\\" and position + 1 < len(text):
            position += 1
            parts.append(_character(text[position], any_case))
        else:
            parts.append({"*": _ANY, "?": "(?s:.)"}.get(each) or _character(each, any_case))
        position += 1
    return "".join(parts)


def interval(low: str | None, high: str | None, *, from_low: bool = True, to_high: bool = True) -> str | None:
    """Return the pattern of the texts between two bounds, in the order of code points as Lucene sorts.

    Parameters
    ----------
    low, high : str or None
        The bounds; None leaves that end open.
    from_low, to_high : bool
        Whether the bounds themselves match.

    Returns
    -------
    str or None
        None when no text lies between them.
    """
    if high is None:
        return _above(low or "", inclusive=from_low or low is None)
    if low is None:
        return _below(high, inclusive=to_high)
    if low > high or (low == high and not (from_low and to_high)):
        return None
    if low == high:
        return escape(low)
    shared = len(_shared(low, high))
    start, after = escape(low[:shared]), high[shared + 1 :]
    if shared == len(low):
        choices = [escape(low)] if from_low else []
        choices += _step(start, 0, ord(high[shared]) - 1)
    else:
        choices = [f"{start}{escape(low[shared])}(?:{_above(low[shared + 1 :], inclusive=from_low)})"]
        choices += _step(start, ord(low[shared]) + 1, ord(high[shared]) - 1)
    upper = _below(after, inclusive=to_high)
    if upper is not None:
        choices.append(f"{start}{escape(high[shared])}(?:{upper})")
    return _either(choices)


def _shared(low: str, high: str) -> str:
    count = 0
    for ours, theirs in zip(low, high, strict=False):
        if ours != theirs:
            break
        count += 1
    return low[:count]


def _above(bound: str, *, inclusive: bool) -> str:
    choices = [escape(bound) + (_ANY if inclusive else "(?s:.)+")]
    for position, each in enumerate(bound):
        choices += _step(escape(bound[:position]), ord(each) + 1, _LAST)
    return _either(choices) or ""


def _below(bound: str, *, inclusive: bool) -> str | None:
    choices = [escape(bound)] if inclusive else []
    for position, each in enumerate(bound):
        choices.append(escape(bound[:position]))
        choices += _step(escape(bound[:position]), 0, ord(each) - 1)
    return _either(choices)


def _step(start: str, low: int, high: int) -> list[str]:
    """Return the pattern for one character within a range and anything after it, if the range has any."""
    low = 0xE000 if 0xD800 <= low <= 0xDFFF else low
    high = 0xD7FF if 0xD800 <= high <= 0xDFFF else high
    return [f"{start}[\\x{{{low:x}}}-\\x{{{high:x}}}]{_ANY}"] if low <= high else []


def _either(choices: list[str]) -> str | None:
    return "|".join(f"(?:{choice})" for choice in choices) if choices else None
