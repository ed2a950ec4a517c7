"""The parent of every error: data by name, and pickling."""

from __future__ import annotations

from typing import Any

__all__ = ["HybridSearchError"]


def _rebuild(kind: type[HybridSearchError], data: dict[str, Any]) -> HybridSearchError:
    return kind(**data)


class HybridSearchError(Exception):
    """The parent of every error of this library; `data` holds its facts by name."""

    def __init__(self, message: str, **data: Any) -> None:
        super().__init__(message)
        self.data = data

    def __getattr__(self, name: str) -> Any:
        data = self.__dict__.get("data", {})
        if name in data:
            return data[name]
        raise AttributeError(name)

    def __reduce__(self) -> tuple[Any, ...]:
        if type(self).__init__ is HybridSearchError.__init__:
            return (_rebuild, (type(self), {"message": str(self), **self.data}))
        return (_rebuild, (type(self), self.data))
