"""A page over an index in the browser, and the HTTP interface under it; both only read.

`web_app` is the ASGI application, which any such server runs; `serving` runs it on a socket of its own.
"""

from hybrid_search.web.application import web_app
from hybrid_search.web.guard import Access

__all__ = ["Access", "web_app"]
