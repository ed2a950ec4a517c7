"""From the parameters of a request to the options of a search, by the same names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from hybrid_search.errors import DocumentNotFound, QueryError
from hybrid_search.errors.inputs import did_you_mean
from hybrid_search.images import Limits, decode, read_source
from hybrid_search.web.replies import Refused

if TYPE_CHECKING:
    from PIL import Image

    from hybrid_search.index import HybridIndex
    from hybrid_search.query.options import SearchOptions

UPLOAD = Limits(max_bytes=32 * 1024 * 1024, max_pixels=128_000_000)
"""The largest picture that may be sent: what phones take, at half the pixels that an index accepts from its owner."""
MOST = 500
"""Hits of one page, at most."""
_DEEPEST = 10_000
"""Where paging ends: Elasticsearch's own window."""
_TEXT = 10_000
_SIDE = 1024
"""Pixels of the shorter side to which a large picture that was sent is decoded: more than embedders need."""
_JSON = 256 * 1024


def _one(values: list[str]) -> str:
    if len(values) != 1 or len(values[0]) > _TEXT:
        raise ValueError(f"it is given once, in at most {_TEXT:,} characters")
    return values[0]


def _number(least: int, most: int) -> Callable[[list[str]], int]:
    def read(values: list[str]) -> int:
        try:
            number = int(_one(values))
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise ValueError(f"it is a number from {least:,} to {most:,}")
        return number

    return read


def _truth(values: list[str]) -> bool:
    try:
        return {"true": True, "1": True, "false": False, "0": False}[_one(values).lower()]
    except KeyError:
        raise ValueError("it is true or false") from None


def _by_leg(values: list[str]) -> dict[str, float]:
    pairs = (value.rpartition(":") for value in values)
    return {leg: float(number) for leg, _, number in pairs}


def _several(values: list[str]) -> list[str]:
    if len(values) > 50 or any(len(value) > _TEXT for value in values):
        raise ValueError("these are too many")
    return values


_READ: Mapping[str, Callable[[list[str]], Any]] = {
    "text": _one,
    "filter": _one,
    "like": _several,
    "unlike": _several,
    "colours": _one,
    "embedder": _several,
    "k": _number(1, MOST),
    "offset": _number(0, _DEEPEST),
    "weights": _by_leg,
    "fusion": _one,
    "sort": _several,
    "facets": _several,
    "collapse_duplicates": _truth,
    "everything": _truth,
    "explain": _truth,
    "missing": _truth,
    "literal": _truth,
}
"""The options of `SearchOptions` that a request may give, and `text`; `image` comes as the body of a POST, never as the
name of a file or a URL."""


def read_question(given: Iterable[tuple[str, str]]) -> tuple[str | None, SearchOptions]:
    """Return text and options from pairs of names and values.

    Raises
    ------
    QueryError
        When there is no such option, or not with this value.

    Examples
    --------
    >>> read_question([("text", "dog"), ("k", "5"), ("facets", "tags"), ("facets", "format")])
    ('dog', {'k': 5, 'facets': ['tags', 'format']})
    """
    values: dict[str, list[str]] = {}
    for name, value in given:
        if name not in _READ:
            hint = did_you_mean(get_close_matches(name, _READ, n=1))
            raise QueryError(f"no option {name!r} of a search.{hint}")
        if value != "":
            values.setdefault(name, []).append(value)
    options: dict[str, Any] = {}
    for name, many in values.items():
        try:
            options[name] = _READ[name](many)
        except ValueError as error:
            raise QueryError(f"{name}={many[0][:80]!r} cannot be used: {error}") from error
    if options.get("offset", 0) + options.get("k", 0) > _DEEPEST:
        raise QueryError(f"hits beyond {_DEEPEST:,} are not listed; narrow the search by a filter")
    text = options.pop("text", None)
    return text, cast("SearchOptions", options)


async def asked(request: Request) -> tuple[str | None, SearchOptions]:
    """Return the question of a request: of its address, and of a POST's body, which is JSON or a picture.

    Raises
    ------
    Refused
        When the body is too large, or of another kind; forms are refused, as any site may send them.
    """
    given = list(request.query_params.multi_items())
    if request.method != "POST":
        return read_question(given)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return read_question([*given, *_pairs(await _body(request, _JSON))])
    if kind == "application/octet-stream" or kind.startswith("image/"):
        text, options = read_question(given)
        options["image"] = await run_in_threadpool(_picture, await _body(request, UPLOAD.max_bytes))
        return text, options
    raise Refused(415, "UnknownBody", "send JSON, or the bytes of a picture with its media type")


def check_ids(index: HybridIndex, options: SearchOptions) -> None:
    """Raise DocumentNotFound where `like` or `unlike` names no document by its id; a client names no paths."""
    for named in (options.get("like"), options.get("unlike")):
        for id in cast("list[str]", named or []):
            if index.get(id).id != id:
                raise DocumentNotFound(id)


def _picture(data: bytes) -> Image.Image:
    return decode(read_source(data, limits=UPLOAD), min_side=_SIDE, limits=UPLOAD).image


def _pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "BadJson", "the body is no JSON") from error
    if not isinstance(value, dict):
        raise Refused(400, "BadJson", "the body is no JSON object")
    pairs = []
    for name, part in value.items():
        for each in part if isinstance(part, list) else [part]:
            if isinstance(each, dict | list) or each is None:
                raise Refused(400, "BadJson", f"{name} is text, a number, true or false, or a list of them")
            pairs.append((name, str(each)))
    return pairs


async def _body(request: Request, most: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise Refused(413, "BodyTooLarge", f"at most {most:,} bytes are taken")
    return bytes(body)
