"""Numbers with what they count: "1 picture", "2,000 pictures"."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, noun: str) -> str:
    """Return a number with a noun, which is in the singular for one.

    Examples
    --------
    >>> counted(1, "picture"), counted(2_000, "held-out picture"), counted(0, "copy"), counted(2, "index")
    ('1 picture', '2,000 held-out pictures', '0 copies', '2 indexes')
    """
    if number == 1:
        return f"1 {noun}"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{number:,} {noun[:-1]}ies"
    return f"{number:,} {noun}{'es' if noun.endswith(('s', 'x', 'ch', 'sh')) else 's'}"
