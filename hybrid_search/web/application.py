"""The application: which address gives what."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hybrid_search.errors import HybridSearchError, QueryError
from hybrid_search.web import answers, pictures
from hybrid_search.web.guard import Access, Guard
from hybrid_search.web.questions import asked, check_ids, read_question
from hybrid_search.web.replies import Refused, error_reply, json_reply, library_error, refusal, unexpected

if TYPE_CHECKING:
    from hybrid_search.index import HybridIndex

_MEDIA = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_API = "/api/v1"
_KEEP = {"Cache-Control": "private, max-age=600"}


def web_app(index: HybridIndex, *, access: Access | None = None) -> Starlette:
    """Return the page and its HTTP interface over an index, as an ASGI application; nothing is written.

    Parameters
    ----------
    index : HybridIndex
        What is searched; it has to stay open.
    access : Access, optional
        Who may ask; by default this machine alone without a token, which is right for a server on loopback only.

    Examples
    --------
    >>> from hybrid_search import HybridIndex
    >>> with HybridIndex(embedder="histogram+hog") as index:
    ...     web_app(index).url_path_for("search")
    '/api/v1/search'
    """
    routes = [*Pages().routes(), *Interface(index).routes()]
    handlers: dict[Any, Callable[[Request, Any], Response]] = {
        HybridSearchError: library_error,
        Refused: refusal,
        HTTPException: _http_error,
        Exception: unexpected,
    }
    guard = Middleware(Guard, access=access or Access())
    return Starlette(routes=routes, middleware=[guard], exception_handlers=handlers)


class Pages:
    """The page and what it is made of, read once; a name that a client sends is looked up, never opened."""

    def __init__(self) -> None:
        parts = files("hybrid_search.web.page").iterdir()
        self._parts = {part.name: part.read_bytes() for part in parts if part.name.rpartition(".")[2] in _MEDIA}

    def routes(self) -> list[Route]:
        """Return the addresses of the page."""
        return [Route("/", self._page), Route("/static/{name}", self._part)]

    def _page(self, request: Request) -> Response:
        return Response(self._parts["index.html"], media_type="text/html")

    def _part(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._parts:
            raise HTTPException(404)
        return Response(self._parts[name], media_type=_MEDIA[name.rpartition(".")[2]])


class Interface:
    """What can be asked by HTTP: each method answers one address."""

    def __init__(self, index: HybridIndex) -> None:
        self._index = index

    def routes(self) -> list[Route]:
        """Return the addresses of the interface."""
        document = f"{_API}/documents/{{id}}"
        return [
            Route(f"{_API}/search", self.search, methods=["GET", "POST"]),
            Route(f"{_API}/request", self.request, methods=["GET", "POST"]),
            Route(f"{_API}/facets", self.facets),
            Route(f"{_API}/info", self.info),
            Route(document, self.document),
            Route(f"{document}/similar", self.similar),
            Route(f"{document}/thumbnail", self.thumbnail),
            Route(f"{document}/image", self.image),
        ]

    async def search(self, request: Request) -> Response:
        """Answer with hits."""
        text, options = await asked(request)

        def run() -> dict[str, Any]:
            check_ids(self._index, options)
            return answers.hits_json(self._index.search(text, **options))

        return json_reply(await run_in_threadpool(run))

    async def request(self, request: Request) -> Response:
        """Answer with the body that a search sends to Elasticsearch."""
        text, options = await asked(request)

        def run() -> dict[str, Any]:
            check_ids(self._index, options)
            return dict(self._index.search(text, **options).body)

        return json_reply(await run_in_threadpool(run))

    def facets(self, request: Request) -> Response:
        """Answer with counts alone, of what a search without words or filter would list: all."""
        text, options = read_question(request.query_params.multi_items())
        check_ids(self._index, options)
        options["facets"] = options.get("facets") or answers.FACETS
        if text is None and not any(options.get(name) for name in ("filter", "like", "colours", "sort")):
            options["sort"] = "indexed_at:desc"
        options["k"], options["offset"] = 1, 0
        hits = self._index.search(text, **options)
        return json_reply({"total": hits.total, "facets": answers.facets_json(hits.facets)})

    def info(self, request: Request) -> Response:
        """Answer with what the page shows of the index before anything is asked."""
        return json_reply({"documents": len(self._index), "facets": answers.FACETS})

    def document(self, request: Request) -> Response:
        """Answer with one document."""
        return json_reply(answers.document_json(self._named(request)))

    def similar(self, request: Request) -> Response:
        """Answer with what is like one picture of the index."""
        document = self._named(request)
        text, options = read_question(request.query_params.multi_items())
        options["like"] = document.id
        return json_reply(answers.hits_json(self._index.search(text, **options)))

    def thumbnail(self, request: Request) -> Response:
        """Answer with the stored thumbnail."""
        data, media = pictures.thumbnail(self._named(request))
        return _picture_reply(request, data, media)

    def image(self, request: Request) -> Response:
        """Answer with the picture, scaled down."""
        size = request.query_params.get("size", "1280")
        if size not in map(str, pictures.SIDES):
            raise QueryError(f"size={size[:20]!r} cannot be used: it is one of {', '.join(map(str, pictures.SIDES))}")
        return _picture_reply(request, pictures.picture(self._named(request), int(size)), "image/jpeg")

    def _named(self, request: Request) -> Any:
        return pictures.document_of(self._index, request.path_params["id"])


def _picture_reply(request: Request, data: bytes, media: str) -> Response:
    headers = {"ETag": pictures.etag(data), **_KEEP}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=media, headers=headers)


def _http_error(request: Request, error: HTTPException) -> Response:
    kind = {404: "NotFound", 405: "MethodNotAllowed"}.get(error.status_code, "HTTPError")
    return error_reply(error.status_code, kind, str(error.detail))
