"""A page over an index in the browser, and the HTTP interface under it; both only read.

`web_app` is the ASGI application, `listen` and `run` serve it; `hybrid-search serve` does so for an index.
"""

from hybrid_search.web.application import web_app
from hybrid_search.web.guard import Access

__all__ = ["Access", "web_app"]
