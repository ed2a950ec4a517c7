"""From what a client raises, or a server answers, to the library's own errors: what it is, and what helps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hybrid_search.backends.elasticsearch.error_messages import (
    alias_error,
    block_error,
    certificate_error,
    closed_error,
    connection_reason,
    no_node_error,
    permission_reason,
    shortened,
    stranger_error,
)
from hybrid_search.errors import (
    AccessDenied,
    BackendError,
    BackendUnavailable,
    DocumentNotFound,
    IncompleteAnswer,
    IndexNotFound,
    RequestRefused,
    ServerBusy,
    ViewEnded,
)

if TYPE_CHECKING:
    from elastic_transport import ApiResponse
    from elasticsearch import ApiError

_PASSING = (429, 502, 503, 504)
"""HTTP: too many requests, bad gateway, unavailable, gateway timeout."""
# of a node that has just gone, answered with status 500
_GONE = {
    "connect_transport_exception",
    "node_closed_exception",
    "node_disconnected_exception",
    "node_not_connected_exception",
    "receive_timeout_transport_exception",
}
_NO_SHARD = {"no_shard_available_action_exception", "unavailable_shards_exception"}
_NO_VIEW = {"search_context_missing_exception", "no_shard_available_action_exception"}
_NO_WRITE_INDEX = "no write index is defined"
_SEVERAL = "it names several indexes, and none to write to"


def is_passing(error: Exception) -> bool:
    """Tell whether the same request may succeed a little later: overload, a node that went away, no answer in time."""
    from elastic_transport import ConnectionError, ConnectionTimeout, TlsError
    from elasticsearch import ApiError

    if isinstance(error, TlsError):
        return False
    if isinstance(error, (ConnectionError, ConnectionTimeout, IncompleteAnswer)):
        return True
    return isinstance(error, ApiError) and _is_passing(error.status_code, error.body)


def is_item_passing(item: Mapping[str, Any]) -> bool:
    """Tell whether one action of a bulk may succeed a little later."""
    return _is_passing(int(item["status"]), item.get("error"))


def is_elasticsearch(error: ApiError) -> bool:
    """Tell whether an error was answered by Elasticsearch, not by something before or in place of it."""
    if "x-elastic-product" in {key.lower() for key in error.meta.headers}:
        return True
    # the server leaves the header out of some errors: of denials, of blocks, of searches that took too long
    return isinstance(error.body, Mapping) and "error" in error.body and "status" in error.body


def is_block(body: Any) -> bool:
    """Tell whether an error says that something is blocked until somebody acts; a starting server is no such block."""
    return any(
        cause["type"] == "cluster_block_exception" and "SERVICE_UNAVAILABLE" not in str(cause.get("reason"))
        for cause in _causes(body)
    )


def translated(error: Exception, *, location: str, name: str) -> BackendError:
    """Return what a client raised as one of the library's errors.

    Parameters
    ----------
    location : str
        The server's URL without secrets.
    name : str
        The index or alias that was asked.
    """
    from elastic_transport import ConnectionError, ConnectionTimeout, SerializationError, TlsError
    from elasticsearch import ApiError, UnsupportedProductError

    # the text of these errors is no more than their kind
    said = str(getattr(error, "message", error))
    if isinstance(error, TlsError):
        return certificate_error(location, said)
    if isinstance(error, ConnectionTimeout):
        return BackendUnavailable(location, "it did not answer in time; is it overloaded? A longer `timeout` may help")
    if isinstance(error, ConnectionError):
        return BackendUnavailable(location, f"{connection_reason(said)}; is Elasticsearch running there?")
    if isinstance(error, UnsupportedProductError):
        return stranger_error(location, "it answers without naming itself so")
    if isinstance(error, SerializationError):
        return stranger_error(location, "its answers are no JSON")
    if isinstance(error, ApiError):
        return _of_answer(error, location, name)
    return BackendUnavailable(location, shortened(f"{type(error).__name__}: {error}"))


def of_item(item: Mapping[str, Any], *, location: str, target: str) -> BackendError | None:
    """Return what a bulk item's error says of the whole index or server, None when it is about its own document."""
    error = item.get("error")
    if not isinstance(error, Mapping):
        return None
    kind, reason = str(error.get("type")), str(error.get("reason", ""))
    if is_block(error):
        return block_error(location, reason)
    if kind == "index_closed_exception":
        return closed_error(location, target)
    if kind == "index_not_found_exception":
        return _absent(location, target)
    if _NO_WRITE_INDEX in reason:
        return alias_error(location, target, _SEVERAL)
    if item["status"] == 403:
        return AccessDenied(location, permission_reason(reason_of(error)))
    if kind in _NO_SHARD:
        return no_node_error(location, target)
    if not is_item_passing(item):
        return None
    if item["status"] == 429:
        return ServerBusy(location, reason_of(error))
    return BackendUnavailable(location, f"it is not ready: {reason_of(error)}")


def check_answer(answer: Mapping[str, Any], *, location: str) -> None:
    """Raise IncompleteAnswer when shards failed or the time was up, though the server calls the answer a success."""
    shards = answer.get("_shards")
    if isinstance(shards, Mapping) and shards.get("failed"):
        reasons = [reason_of(each.get("reason")) for each in shards.get("failures", ())]
        first = f" ({reasons[0]})" if reasons and reasons[0] else ""
        raise IncompleteAnswer(location, f"{shards['failed']} of {shards.get('total', '?')} shards failed{first}")
    if answer.get("timed_out") is True:
        raise IncompleteAnswer(location, "the time for it was up")


def check_view(body: Any, *, location: str) -> None:
    """Raise ViewEnded when a page lacks a shard whose part of the view is gone: no other copy of it can take over."""
    answer = body if isinstance(body, Mapping) else {}
    failed = [answer.get("error"), *(each.get("reason") for each in answer.get("_shards", {}).get("failures", ()))]
    if any(cause["type"] in _NO_VIEW for each in failed for cause in _causes(each)):
        raise ViewEnded(location)


def raise_part(answer: ApiResponse[Any]) -> None:
    """Raise the error of the first failed part of an `_msearch`, as the client would that of a whole request."""
    from elasticsearch import ApiError

    for part in answer.body.get("responses", ()):
        if "error" in part:
            meta = replace(answer.meta, status=int(part["status"]))
            raise ApiError(reason_of(part), meta=meta, body=part)


def reason_of(body: Any) -> str:
    """Return the most telling reasons of an error's body or of a bulk item's error, as one line."""
    causes = [str(cause.get("reason") or cause["type"]) for cause in _causes(body)]
    if causes:
        # the outermost cause names the field, the innermost what is wrong with it
        return shortened(": ".join(dict.fromkeys((causes[0], causes[-1]))))
    return shortened(str(body.get("error", body) if isinstance(body, Mapping) else body or ""))


def _is_passing(status: int, body: Any) -> bool:
    causes = list(_causes(body))
    if status == 500:
        return any(cause["type"] in _GONE for cause in causes)
    # what wants more memory than the server will ever have stays refused
    forever = any(cause.get("durability") == "PERMANENT" for cause in causes)
    return status in _PASSING and not forever and not is_block(body)


def _of_answer(error: ApiError, location: str, name: str) -> BackendError:
    status, kinds, reason = error.status_code, {cause["type"] for cause in _causes(error.body)}, reason_of(error.body)
    if status == 401 or (status == 403 and not error.body):
        return AccessDenied(location, "it does not accept these credentials, or wants some")
    if not is_elasticsearch(error):
        return _of_stranger(location, status)
    if "media_type_header_exception" in kinds:
        import elasticsearch

        client = ".".join(map(str, elasticsearch.__version__))
        return BackendError(
            f"the server at {location} is older than the Python client elasticsearch {client}, and refuses it",
            remedy="run `pip install 'elasticsearch<9'`, which speaks with servers 8.19 and 9.x",
            location=location,
            client=client,
        )
    if is_block(error.body):
        return block_error(location, reason)
    if status == 403:
        return AccessDenied(location, permission_reason(reason))
    if "index_closed_exception" in kinds:
        return closed_error(location, name)
    if _NO_WRITE_INDEX in reason:
        return alias_error(location, name, _SEVERAL)
    if status == 404:
        return _of_absence(error.body, kinds, location, name)
    return _of_failure(status, kinds, reason, location, name)


def _of_stranger(location: str, status: int) -> BackendError:
    if status == 413:
        return RequestRefused(location, "it is too large, for the server or a proxy before it (HTTP status 413)")
    if status == 429:
        return ServerBusy(location, "a proxy before it lets no more requests through (HTTP status 429)")
    if status in _PASSING:
        return BackendUnavailable(location, f"a proxy there answers with HTTP status {status}; is the server running?")
    return stranger_error(location, f"it answers with HTTP status {status} and without naming itself so")


def _of_failure(status: int, kinds: set[str], reason: str, location: str, name: str) -> BackendError:
    if "search_timeout_exception" in kinds:
        return IncompleteAnswer(location, "the time for it was up")
    if kinds & _NO_SHARD or "missing shards" in reason:
        return no_node_error(location, name)
    if status == 429:
        return ServerBusy(location, reason)
    if status == 503 and "search_phase_execution_exception" in kinds:
        return IncompleteAnswer(location, reason)
    if status >= 500:
        return BackendUnavailable(location, f"it failed with HTTP status {status}: {reason}")
    return RequestRefused(location, reason)


def _of_absence(body: Any, kinds: set[str], location: str, name: str) -> BackendError:
    if "search_context_missing_exception" in kinds:
        return ViewEnded(location)
    if isinstance(body, Mapping) and body.get("found") is False:
        return DocumentNotFound(str(body["_id"]))
    return _absent(location, name)


def _absent(location: str, name: str) -> BackendError:
    if name.endswith("-write"):
        return alias_error(location, name, "there is none to write through")
    return IndexNotFound(location, name)


def _causes(body: Any) -> Iterator[Mapping[str, Any]]:
    """Give an error and everything that caused it, outermost first; each has a `type`."""
    waiting = [body.get("error", body)] if isinstance(body, Mapping) else []
    while waiting:
        cause = waiting.pop(0)
        if isinstance(cause, Mapping):
            if "type" in cause:
                yield cause
            shards = [each.get("reason") for each in cause.get("failed_shards", ()) if isinstance(each, Mapping)]
            waiting += [*cause.get("root_cause", ()), *shards, cause.get("caused_by")]
