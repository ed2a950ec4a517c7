"""Values of options in embedders' names: text or a value already, checked and converted."""

from __future__ import annotations

from collections.abc import Collection

from hybrid_search.errors import BadEmbedderOption

__all__ = ["choice", "number", "numbers", "whole"]


def whole(name: str, option: str, value: int | str, *, least: int) -> int:
    """Return a whole number of at least `least`; raises BadEmbedderOption.

    Examples
    --------
    >>> whole("keras:vgg16", "size", "224", least=1)
    224
    """
    try:
        found = int(value)
    except ValueError as error:
        raise BadEmbedderOption(name, option, f"{value!r} is not a whole number") from error
    if found < least:
        raise BadEmbedderOption(name, option, f"it must be at least {least} (got {found})")
    return found


def number(name: str, option: str, value: float | str, *, least: float, most: float) -> float:
    """Return a number in [least, most]; raises BadEmbedderOption."""
    found = numbers(name, option, str(value))[0]
    if not least <= found <= most:
        raise BadEmbedderOption(name, option, f"it must be in [{least}, {most}] (got {value})")
    return found


def numbers(name: str, option: str, value: str) -> tuple[float, ...]:
    """Return numbers written with commas between; raises BadEmbedderOption.

    Examples
    --------
    >>> numbers("onnx:a.onnx", "mean", "0.5,0.4,0.3")
    (0.5, 0.4, 0.3)
    """
    try:
        return tuple(float(part) for part in value.split(","))
    except ValueError as error:
        raise BadEmbedderOption(name, option, f"{value!r} is not made of numbers") from error


def choice(name: str, option: str, value: str, known: Collection[str]) -> str:
    """Return the value if it is one of those known; raises BadEmbedderOption."""
    if value not in known:
        raise BadEmbedderOption(name, option, f"there is no {value!r}; known: {', '.join(known)}")
    return value
