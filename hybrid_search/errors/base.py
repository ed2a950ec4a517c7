"""The parent of every error: data by name, a remedy, and pickling."""

from __future__ import annotations

from typing import Any

from hybrid_search.errors.remedies import Remedy

__all__ = ["HybridSearchError"]


def _rebuild(kind: type[HybridSearchError], arguments: tuple[Any, ...], state: dict[str, Any]) -> HybridSearchError:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(state)
    return error


class HybridSearchError(Exception):
    """The parent of every error of this library.

    `data` holds its facts by name, `message` says what is wrong, and `remedy` what to do, as far as `message` does not.
    """

    def __init__(self, message: str, *, remedy: Remedy | str = "", **data: Any) -> None:
        super().__init__(f"{message}; {remedy}" if remedy else message)
        self.message = message
        self.remedy = Remedy((remedy,) if remedy else ()) if isinstance(remedy, str) else remedy
        self.data = data

    def __getattr__(self, name: str) -> Any:
        data = self.__dict__.get("data", {})
        if name in data:
            return data[name]
        raise AttributeError(name)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.args, self.__dict__))
