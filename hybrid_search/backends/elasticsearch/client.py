"""One connection to one or several servers: requests repeated within a deadline, failures in the library's words."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from hybrid_search.backends.elasticsearch.failures import is_passing, translated
from hybrid_search.backends.elasticsearch.server import Server, split_location
from hybrid_search.errors import BackendUnavailable, QueryError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

__all__ = ["Client", "pauses"]

T = TypeVar("T")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


class Client:
    """Asks Elasticsearch; nothing is sent before the first request.

    Parameters
    ----------
    location : str or None
        One URL or several of the same cluster, separated by commas; None with a `cloud_id`.
    server : Server
        Credentials, trust and patience.
    """

    def __init__(self, location: str | None, server: Server) -> None:
        self._urls, self.server = split_location(location, server) if location else ((), server)
        if not self._urls and not server.cloud_id:
            raise BackendUnavailable("Elasticsearch", "there is neither a URL nor a cloud_id")
        self.location = ",".join(self._urls) or f"cloud:{str(server.cloud_id).partition(':')[0]}"
        self._client: Elasticsearch | None = None
        self._met = False

    @property
    def raw(self) -> Elasticsearch:
        """Elastic's own client, which neither retries nor waits by itself."""
        if self._client is None:
            self._client = self._connect()
        return self._client

    def ask(self, request: Callable[[Elasticsearch], T], *, name: str) -> T:
        """Run a request, again and again within the deadline while the server is overloaded or away.

        A server that never answered before is not waited for: its address is wrong more often than it is starting.

        Parameters
        ----------
        request : callable
            Given Elastic's client; must be safe to run twice.
        name : str
            The index or alias that it is about, for messages.

        Raises
        ------
        BackendError
            What went wrong, in the library's words.
        QueryError
            When the request cannot be written as JSON.
        """
        waits = pauses(self.server.deadline)
        while True:
            try:
                answer = request(self.raw)
                self._met = True
                return answer
            except Exception as error:
                if not self._is_expected(error):
                    raise
                pause = next(waits, None) if self._may_retry(error) else None
                if pause is None:
                    raise translated(error, location=self.location, name=name) from error
            time.sleep(pause)

    def close(self) -> None:
        """Close all connections; a later request opens them again."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _may_retry(self, error: Exception) -> bool:
        from elasticsearch import ApiError

        self._met = self._met or isinstance(error, ApiError)
        return self._met and is_passing(error)

    def _is_expected(self, error: Exception) -> bool:
        from elastic_transport import SerializationError, TransportError
        from elasticsearch import ApiError, UnsupportedProductError

        if isinstance(error, SerializationError) and str(error).startswith("Unable to serialize"):
            raise QueryError("it has text that is no valid Unicode, or values that JSON does not have") from None
        return isinstance(error, (TransportError, ApiError, UnsupportedProductError))

    def _connect(self) -> Elasticsearch:
        from elasticsearch import Elasticsearch, OrjsonSerializer

        server = self.server
        options: dict[str, Any] = {
            "request_timeout": server.timeout,
            "max_retries": 0,
            "retry_on_status": (),
            "http_compress": False,
            "serializer": OrjsonSerializer(),
            **({"cloud_id": server.cloud_id} if not self._urls else {"hosts": list(self._urls)}),
        }
        if server.api_key:
            options["api_key"] = server.api_key
        elif server.username:
            options["basic_auth"] = (server.username, server.password or "")
        if server.ca_fingerprint:
            options["ssl_assert_fingerprint"] = server.ca_fingerprint
        elif server.ca_certs:
            options["ca_certs"] = server.ca_certs
        try:
            return Elasticsearch(**options)
        except (ValueError, TypeError, OSError) as error:
            # the client checks cloud_id, fingerprint and CA file itself; none of its messages quotes a secret
            raise BackendUnavailable(self.location, str(error)) from None


def pauses(deadline: float) -> Iterator[float]:
    """Give the seconds to wait before each new try, growing and partly by chance, until the deadline."""
    end, pause = time.monotonic() + deadline, _FIRST_PAUSE
    while (left := end - time.monotonic()) > 0:
        yield min(left, pause * random.uniform(0.5, 1.0))
        pause = min(_LONGEST_PAUSE, 2 * pause)
