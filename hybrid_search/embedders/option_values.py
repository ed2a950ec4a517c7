"""Values of options in embedders' names: text or a value already, checked and converted."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hybrid_search.embedders.onnx_runtime import onnx_runtime
from hybrid_search.errors import BadEmbedderOption


def whole(name: str, option: str, value: int | str, *, least: int) -> int:
    """Return a whole number of at least `least`; raises BadEmbedderOption.

    Examples
    --------
    >>> whole("keras:vgg16", "size", "224", least=1)
    224
    """
    try:
        found = int(value)
        exact = isinstance(value, str) or found == value
    except (ValueError, TypeError, OverflowError) as error:
        raise BadEmbedderOption(name, option, f"{value!r} is not a whole number") from error
    if not exact:
        raise BadEmbedderOption(name, option, f"{value!r} is not a whole number")
    if found < least:
        raise BadEmbedderOption(name, option, f"it must be at least {least} (got {found})")
    return found


def number(name: str, option: str, value: float | str, *, least: float, most: float) -> float:
    """Return a number in [least, most]; raises BadEmbedderOption."""
    try:
        found = float(value)
    except (ValueError, TypeError) as error:
        raise BadEmbedderOption(name, option, f"{value!r} is not a number") from error
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


def execution_providers(name: str, value: Sequence[str] | str) -> tuple[str, ...]:
    """Return names of ONNX Runtime's execution providers, of text those between commas; raises BadEmbedderOption.

    Examples
    --------
    >>> execution_providers("lite", "CUDAExecutionProvider,CPUExecutionProvider")
    ('CUDAExecutionProvider', 'CPUExecutionProvider')
    """
    onnxruntime = onnx_runtime(name)
    named = tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else tuple(value)
    known = dict.fromkeys([*onnxruntime.get_available_providers(), *onnxruntime.get_all_providers()])
    for each in named:
        choice(name, "providers", each, known)
    return named
