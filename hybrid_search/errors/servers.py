"""Errors of an Elasticsearch server: what it said, in words, and what helps."""

from __future__ import annotations

from collections.abc import Sequence

from hybrid_search.errors.remedies import MIGRATE
from hybrid_search.errors.storage import BackendError

__all__ = [
    "AccessDenied",
    "AliasMissing",
    "CertificateRejected",
    "ClientMismatch",
    "DocumentChanged",
    "IncompleteAnswer",
    "IndexClosed",
    "IndexRed",
    "KibanaRefused",
    "NotElasticsearch",
    "RequestRefused",
    "ServerBusy",
    "ViewEnded",
    "WriteBlocked",
]


class NotElasticsearch(BackendError):
    """Something answers at the URL, but it is not Elasticsearch."""

    def __init__(self, location: str, reason: str) -> None:
        super().__init__(
            f"what answers at {location} is not Elasticsearch: {reason}; check its address and port",
            location=location,
            reason=reason,
        )


class ClientMismatch(BackendError):
    """The installed Python client is too new for the server."""

    def __init__(self, location: str, client: str) -> None:
        super().__init__(
            f"the server at {location} is older than the Python client elasticsearch {client}, and refuses it; "
            "run `pip install 'elasticsearch<9'`, which speaks with servers 8.19 and 9.x",
            location=location,
            client=client,
        )


class AccessDenied(BackendError):
    """The server does not know the credentials, or they do not allow what was asked."""

    def __init__(self, location: str, reason: str) -> None:
        super().__init__(
            f"{location} denies access: {reason}; give credentials that may do this by HYBRID_SEARCH_API_KEY, "
            "HYBRID_SEARCH_USERNAME and HYBRID_SEARCH_PASSWORD, or the configuration file",
            location=location,
            reason=reason,
        )


class CertificateRejected(BackendError):
    """The server's TLS certificate cannot be trusted."""

    def __init__(self, location: str, reason: str) -> None:
        super().__init__(
            f"the certificate of {location} is not trusted: {reason}; name the authority that signed it by "
            "HYBRID_SEARCH_CA_CERTS (a PEM file), or its SHA-256 by HYBRID_SEARCH_CA_FINGERPRINT",
            location=location,
            reason=reason,
        )


class IndexClosed(BackendError):
    """The index is closed, so that it can be neither searched nor written."""

    def __init__(self, location: str, name: str) -> None:
        super().__init__(
            f"index {name!r} at {location} is closed; open it with `POST /{name}/_open`", location=location, name=name
        )


class AliasMissing(BackendError):
    """An index has no alias to write through, or an alias names several indexes."""

    def __init__(self, location: str, alias: str, reason: str) -> None:
        super().__init__(
            f"alias {alias!r} at {location}: {reason}",
            remedy=MIGRATE + " makes a new version of the index with both of its aliases",
            location=location,
            alias=alias,
            reason=reason,
        )


class WriteBlocked(BackendError):
    """The server refuses writes to the index until somebody lifts the block; everything acknowledged before is safe."""

    def __init__(self, location: str, reason: str) -> None:
        super().__init__(
            f"{location} refuses writes: {reason}; lift that and run the same again, what was written before is safe",
            location=location,
            reason=reason,
        )


class IncompleteAnswer(BackendError):
    """Only a part of the index answered in time, so that hits may be missing."""

    def __init__(self, location: str, reason: str) -> None:
        super().__init__(
            f"{location} answered from a part of the index only: {reason}; try again when the cluster is healthy "
            "(`GET /_cluster/health`)",
            location=location,
            reason=reason,
        )


class IndexRed(BackendError):
    """A part of the index is on no node that runs."""

    def __init__(self, location: str, name: str) -> None:
        super().__init__(
            f"a part of index {name!r} at {location} is on no running node; start the node that has it, "
            "or ask `GET /_cluster/allocation/explain` why it is not assigned",
            location=location,
            name=name,
        )


class ViewEnded(BackendError):
    """A scan has lost the view of the index that it reads: its node went away, or it was left unread for minutes."""

    def __init__(self, location: str) -> None:
        super().__init__(
            f"{location}: the view of the index has ended, unread for minutes or with its node; start the same again",
            location=location,
        )


class ServerBusy(BackendError):
    """The server had no room for the request, and went on having none while it was repeated."""

    def __init__(self, location: str, reason: str) -> None:
        super().__init__(
            f"{location} is overloaded: {reason}; try again later, with smaller batches, or give it more memory",
            location=location,
            reason=reason,
        )


class RequestRefused(BackendError):
    """The server does not accept the request as it is."""

    def __init__(self, location: str, reason: str) -> None:
        super().__init__(f"{location} refused the request: {reason}", location=location, reason=reason)


class DocumentChanged(BackendError):
    """A document went on being changed by others while it was to be changed here."""

    def __init__(self, id: str) -> None:
        super().__init__(
            f"document {id!r} keeps being changed by another writer; run again when that has finished", id=id
        )


class KibanaRefused(BackendError):
    """Kibana cannot be reached, or took none or not all of the saved objects.

    `failures` has type, id and kind of error of every object that it did not take.
    """

    def __init__(self, location: str, reason: str, failures: Sequence[tuple[str, str, str]] = ()) -> None:
        super().__init__(f"Kibana at {location}: {reason}", location=location, reason=reason, failures=tuple(failures))
