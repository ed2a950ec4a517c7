"""What is sent back: JSON, and errors of the library as JSON with the status that fits them."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from hybrid_search import errors
from hybrid_search.hits.readable import jsonable

_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (errors.DocumentNotFound, 404),
    (errors.ImageTooLarge, 413),
    (errors.ImageError, 422),
    (errors.QueryError, 400),
    (errors.EmbedderError, 503),
    (errors.PackageMissing, 503),
    (errors.BackendError, 503),
)


class Refused(Exception):
    """A request that is refused before the library is asked; it becomes an error of the same shape."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind


def json_reply(value: Any, *, status: int = 200) -> Response:
    r"""Return a value as JSON in ASCII: names of files may hold what UTF-8 has no bytes for.

    Examples
    --------
    >>> bytes(json_reply({"path": "caf\udce9.jpg"}).body)
    b'{"path": "caf\\udce9.jpg"}'
    """
    return Response(json.dumps(jsonable(value), default=str), status_code=status, media_type="application/json")


def error_reply(status: int, kind: str, message: str, *, remedy: str = "", data: Any = None) -> Response:
    """Return an error as JSON: its class, what is wrong, what helps, and its facts by name."""
    said = {"type": kind, "message": message, "remedy": remedy, "data": data or {}}
    return json_reply({"error": said}, status=status)


def status_of(error: Exception) -> int:
    """Return the HTTP status of an error.

    Examples
    --------
    >>> status_of(errors.EmptyQuery()), status_of(errors.DocumentNotFound("a1"))
    (400, 404)
    """
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def library_error(request: Request, error: errors.HybridSearchError) -> Response:
    """Return the reply to an error of the library."""
    kind = type(error).__name__
    return error_reply(status_of(error), kind, error.message, remedy=str(error.remedy), data=error.data)


def refusal(request: Request, error: Refused) -> Response:
    """Return the reply to a request that was refused."""
    return error_reply(error.status, error.kind, str(error))


def unexpected(request: Request, error: Exception) -> Response:
    """Return the reply to a fault of this program: what is wrong goes to the log, not to the client."""
    return error_reply(500, "InternalError", "this program has a fault; its log says which")
