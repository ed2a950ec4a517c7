"""One connection to one or several servers: requests repeated within a deadline, failures in the library's words."""

from __future__ import annotations

import random
import time
import warnings
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from hybrid_search.backends.elasticsearch.error_translation import (
    check_answer,
    is_elasticsearch,
    is_passing,
    raise_part,
    translated,
)
from hybrid_search.backends.elasticsearch.location import is_loopback
from hybrid_search.backends.elasticsearch.server import Server, split_location
from hybrid_search.backends.elasticsearch.tls import tls_options
from hybrid_search.errors import BackendError, BackendUnavailable, QueryError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

T = TypeVar("T")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
"""Seconds before the second try, and between any two at most; chosen, not measured."""


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
        self.server.check_login()
        _check_transport(self._urls, self.server)
        self.location = ",".join(self._urls) or f"cloud:{str(server.cloud_id).partition(':')[0]}"
        self._client: Elasticsearch | None = None
        self._met = False

    @property
    def raw(self) -> Elasticsearch:
        """Elastic's own client, which neither retries nor waits by itself."""
        if self._client is None:
            self._client = self._connect()
        return self._client

    def ask(self, request: Callable[[Elasticsearch], T], *, name: str, deadline: float | None = None) -> T:
        """Run a request, again and again within the deadline while the server is overloaded, away or only half there.

        A server that never answered before is not waited for: its address is wrong more often than it is starting.
        One that was away for a whole deadline is not waited for again.

        Parameters
        ----------
        request : callable
            Given Elastic's client; must be safe to run twice.
        name : str
            The index or alias that it is about, for messages.
        deadline : float, optional
            Seconds, by default those of the server's options.

        Raises
        ------
        BackendError
            What went wrong, in the library's words.
        QueryError
            When the request cannot be written as JSON.
        """
        waits = pauses(self.server.deadline if deadline is None else deadline)
        others = len(self._urls) - 1
        told: Exception | None = None
        while True:
            try:
                return self._checked(request(self.raw))
            except Exception as error:
                if not self._is_expected(error):
                    raise
                others -= 1
                told = self._more_telling(told, error)
                pause = 0.0 if self._is_another_left(error, others) else self._pause(error, waits)
                if pause is None and isinstance(told, BackendError):
                    raise told from None
                if pause is None:
                    raise translated(told, location=self.location, name=name) from told
            time.sleep(pause)

    def give_up(self) -> None:
        """Wait no more for a server that has been away for a whole deadline, until it answers again."""
        self._met = False

    def close(self) -> None:
        """Close all connections; a later request opens them again."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _checked(self, answer: T) -> T:
        from elastic_transport import ApiResponse

        self._met = True
        if isinstance(answer, ApiResponse) and isinstance(answer.body, dict):
            check_answer(answer.body, location=self.location)
            raise_part(answer)
        return answer

    def _more_telling(self, told: Exception | None, error: Exception) -> Exception:
        """Return what to report: of several nodes, what one answers is worth more than that another is away."""
        from elastic_transport import TransportError

        return told if told is not None and len(self._urls) > 1 and isinstance(error, TransportError) else error

    def _is_another_left(self, error: Exception, others: int) -> bool:
        """Tell whether another node may be there, of a cluster that none has answered for yet."""
        from elastic_transport import ConnectionError, TlsError

        return not self._met and others >= 0 and isinstance(error, ConnectionError) and not isinstance(error, TlsError)

    def _pause(self, error: Exception, waits: Iterator[float]) -> float | None:
        """Return the seconds to wait before the next try, None when there is to be none."""
        from elasticsearch import ApiError

        self._met = self._met or (isinstance(error, ApiError) and is_elasticsearch(error))
        if not self._met or not is_passing(error):
            return None
        pause = next(waits, None)
        if pause is None:
            self.give_up()
        return pause

    def _is_expected(self, error: Exception) -> bool:
        from elastic_transport import SerializationError, TransportError
        from elasticsearch import ApiError, UnsupportedProductError

        if isinstance(error, SerializationError) and str(error).startswith("Unable to serialize"):
            raise QueryError("it has text that is no valid Unicode, or values that JSON does not have") from None
        return isinstance(error, (TransportError, ApiError, UnsupportedProductError, BackendError))

    def _connect(self) -> Elasticsearch:
        from elasticsearch import Elasticsearch, OrjsonSerializer

        server = self.server
        urls = list(self._urls) or [_cloud_url(str(server.cloud_id), self.location)]
        options: dict[str, Any] = {
            "request_timeout": server.timeout,
            "max_retries": 0,
            "retry_on_status": (),
            "http_compress": False,
            "serializer": OrjsonSerializer(),
            **tls_options(server, urls),
        }
        if server.api_key is not None:
            options["api_key"] = server.api_key
        elif server.username is not None:
            # the client itself encodes ASCII only, and quotes a password that is not
            options["basic_auth"] = b64encode(f"{server.username}:{server.password}".encode()).decode()
        return Elasticsearch(urls, **options)


def _check_transport(urls: Sequence[str], server: Server) -> None:
    """Raise BackendUnavailable where no certificate can be verified as asked; warn of secrets that others can read."""
    plain = [url for url in urls if url.startswith("http://")]
    if plain and (server.ca_certs is not None or server.ca_fingerprint is not None):
        raise BackendUnavailable(
            plain[0], "ca_certs and ca_fingerprint are for https://, and http:// has no certificate; write https://"
        )
    if (server.api_key or server.password) and not all(map(is_loopback, plain)):
        warnings.warn(f"{plain[0]} is not encrypted: others can read what is sent, also the secrets", stacklevel=2)


def _cloud_url(cloud_id: str, location: str) -> str:
    from elastic_transport.client_utils import parse_cloud_id

    try:
        address = parse_cloud_id(cloud_id).es_address
    except ValueError:
        address = None
    if address is None:
        raise BackendUnavailable(location, "cloud_id is not the one that Elastic Cloud shows, a name and its code")
    return f"https://{address[0]}:{address[1]}"


def pauses(deadline: float) -> Iterator[float]:
    """Give the seconds to wait before each new try, growing and partly by chance, until the deadline."""
    end, pause = time.monotonic() + deadline, _FIRST_PAUSE
    while (left := end - time.monotonic()) > 0:
        yield min(left, pause * random.uniform(0.5, 1.0))
        pause = min(_LONGEST_PAUSE, 2 * pause)
