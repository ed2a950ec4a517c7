"""From what a client raises, or a server answers, to the library's own errors: what it is, and what helps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hybrid_search.errors import (
    AccessDenied,
    AliasMissing,
    BackendError,
    BackendUnavailable,
    CertificateRejected,
    ClientMismatch,
    IncompleteAnswer,
    IndexClosed,
    IndexNotFound,
    IndexRed,
    NotElasticsearch,
    RequestRefused,
    ServerBusy,
    WriteBlocked,
)

if TYPE_CHECKING:
    from elasticsearch import ApiError

__all__ = ["check_answer", "is_block", "is_passing", "reason_of", "translated", "write_blocked"]

_PASSING = (429, 502, 503, 504)
_LONGEST = 300


def is_passing(error: Exception) -> bool:
    """Tell whether the same request may succeed a little later: overload, a node that went away, no answer in time."""
    from elastic_transport import ConnectionError, ConnectionTimeout, TlsError
    from elasticsearch import ApiError

    if isinstance(error, TlsError):
        return False
    if isinstance(error, (ConnectionError, ConnectionTimeout)):
        return True
    return isinstance(error, ApiError) and error.status_code in _PASSING and not is_block(error.body)


def is_block(body: Any) -> bool:
    """Tell whether an error's body, or a bulk item's error, says that writes are blocked until somebody acts."""
    return any(kind == "cluster_block_exception" for kind, _ in _causes(body))


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

    if isinstance(error, TlsError):
        return CertificateRejected(location, _tls_reason(error))
    if isinstance(error, ConnectionTimeout):
        return BackendUnavailable(location, "it did not answer in time; is it overloaded? A longer `timeout` may help")
    if isinstance(error, ConnectionError):
        return BackendUnavailable(location, f"{_connection_reason(error)}; is Elasticsearch running there?")
    if isinstance(error, UnsupportedProductError):
        return NotElasticsearch(location, "it answers without naming itself so")
    if isinstance(error, SerializationError):
        return NotElasticsearch(location, "its answers are no JSON")
    if isinstance(error, ApiError):
        return _of_answer(error, location, name)
    return BackendUnavailable(location, f"{type(error).__name__}: {error}"[:_LONGEST])


def write_blocked(location: str, reason: str) -> WriteBlocked:
    """Return the error of a block, which says in plain words which one it is."""
    if "flood-stage" in reason or "read-only / allow delete" in reason or "read_only_allow_delete" in reason:
        return WriteBlocked(location, "the server's disk is nearly full (flood stage), so that the index is read-only")
    if "index write (api)" in reason:
        return WriteBlocked(location, "the index is blocked for writing (index.blocks.write), perhaps by a migration")
    return WriteBlocked(location, _short(reason))


def check_answer(answer: Mapping[str, Any], *, location: str) -> None:
    """Raise IncompleteAnswer when shards failed or the time was up, though the server calls the answer a success."""
    shards = answer.get("_shards", {})
    if shards.get("failed"):
        reasons = [str(each.get("reason", {}).get("reason", "")) for each in shards.get("failures", ())]
        first = f" ({_short(reasons[0])})" if reasons and reasons[0] else ""
        raise IncompleteAnswer(location, f"{shards['failed']} of {shards.get('total', '?')} shards failed{first}")
    if answer.get("timed_out"):
        raise IncompleteAnswer(location, "the time for it was up")


def reason_of(body: Any) -> str:
    """Return the most telling reasons of an error's body or of a bulk item's error, as one line."""
    causes = [reason for _, reason in _causes(body) if reason]
    # the outermost cause names the field, the innermost what is wrong with it
    return _short(": ".join(dict.fromkeys((causes[0], causes[-1])))) if causes else _short(str(body))


def _of_answer(error: ApiError, location: str, name: str) -> BackendError:
    status, kinds = error.status_code, {kind for kind, _ in _causes(error.body)}
    reason = reason_of(error.body)
    if "x-elastic-product" not in {key.lower() for key in error.meta.headers}:
        return NotElasticsearch(location, f"it answers with HTTP status {status} and without naming itself so")
    if "media_type_header_exception" in kinds:
        import elasticsearch

        return ClientMismatch(location, ".".join(map(str, elasticsearch.__version__)))
    if status in (401, 403) and "cluster_block_exception" not in kinds:
        return AccessDenied(location, "it does not accept these credentials" if status == 401 else _permission(reason))
    if "cluster_block_exception" in kinds:
        return write_blocked(location, reason)
    if "index_closed_exception" in kinds:
        return IndexClosed(location, name)
    if status == 404:
        return _absent(kinds, location, name)
    if status == 429:
        return ServerBusy(location, reason)
    if status == 503:
        return _away(kinds, reason, location, name)
    if status >= 500:
        return BackendUnavailable(location, f"it failed with HTTP status {status}: {reason}")
    return RequestRefused(location, reason)


def _absent(kinds: set[str], location: str, name: str) -> BackendError:
    if "search_context_missing_exception" in kinds:
        return BackendUnavailable(location, "the server has closed this view of the index; start the same again")
    if name.endswith("-write"):
        return AliasMissing(location, name, "there is none to write through")
    return IndexNotFound(location, name)


def _away(kinds: set[str], reason: str, location: str, name: str) -> BackendError:
    if kinds & {"no_shard_available_action_exception", "unavailable_shards_exception"} or "all shards failed" in reason:
        return IndexRed(location, name)
    if "search_phase_execution_exception" in kinds:
        return IncompleteAnswer(location, reason)
    return BackendUnavailable(location, f"it is not ready: {reason}")


def _causes(body: Any) -> list[tuple[str, str]]:
    """Return (type, reason) of an error and of everything that caused it, outermost first."""
    found: list[tuple[str, str]] = []
    waiting = [body.get("error", body)] if isinstance(body, Mapping) else []
    while waiting:
        cause = waiting.pop(0)
        if isinstance(cause, Mapping):
            if "type" in cause:
                found.append((str(cause["type"]), str(cause.get("reason") or "")))
            shards = [each.get("reason") for each in cause.get("failed_shards", ()) if isinstance(each, Mapping)]
            waiting += [*cause.get("root_cause", ()), *shards, cause.get("caused_by")]
    return found


def _permission(reason: str) -> str:
    action, _, rest = reason.partition(" is unauthorized for ")
    return f"{rest.split(',')[0]} may not do {action.removeprefix('action ')}" if rest else reason


def _tls_reason(error: Exception) -> str:
    text = str(error)
    for sign, words in (
        ("certificate has expired", "it has expired"),
        ("Hostname mismatch", "it is for another host name"),
        ("IP address mismatch", "it is for another address"),
        ("self-signed certificate", "it is signed by an unknown authority"),
        ("self signed certificate", "it is signed by an unknown authority"),
        ("unable to get local issuer", "it is signed by an unknown authority"),
        ("ingerprints did not match", "the authority's fingerprint is another one"),
        ("WRONG_VERSION_NUMBER", "the server speaks no TLS here; is it http:// in place of https://?"),
    ):
        if sign in text:
            return words
    return _short(text)


def _connection_reason(error: Exception) -> str:
    text = str(error)
    for sign, words in (
        ("Connection refused", "nothing listens there"),
        ("Name or service not known", "there is no host of that name"),
        ("Temporary failure in name resolution", "the name of the host cannot be looked up"),
        ("RemoteDisconnected", "the connection was broken off; does the server speak https://?"),
        ("Connection aborted", "the connection was broken off"),
        ("Connection reset", "the connection was broken off"),
    ):
        if sign in text:
            return words
    return _short(text)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
