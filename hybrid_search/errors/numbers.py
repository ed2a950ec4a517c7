"""Numbers as people write them: "1 picture", "2,000 pictures", "45.2 MB"."""

from __future__ import annotations

__all__ = ["counted", "readable_bytes"]


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


def readable_bytes(number: float) -> str:
    """Return a size as people write it.

    Examples
    --------
    >>> readable_bytes(999), readable_bytes(45_200_000)
    ('999 bytes', '45.2 MB')
    """
    for size, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return counted(round(number), "byte")
