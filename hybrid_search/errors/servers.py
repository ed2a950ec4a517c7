"""Errors of an Elasticsearch server: what it said, in words, and what helps."""

from __future__ import annotations

from collections.abc import Sequence

from hybrid_search.errors.storage import BackendError

__all__ = [
    "AccessDenied",
    "DocumentChanged",
    "IncompleteAnswer",
    "KibanaRefused",
    "RequestRefused",
    "ServerBusy",
    "ViewEnded",
]


class AccessDenied(BackendError):
    """The server does not know the credentials, or they do not allow what was asked."""

    def __init__(self, location: str, reason: str) -> None:
        super().__init__(
            f"{location} denies access: {reason}",
            remedy="give credentials that may do this by HYBRID_SEARCH_API_KEY, HYBRID_SEARCH_USERNAME and "
            "HYBRID_SEARCH_PASSWORD, or the configuration file",
            location=location,
            reason=reason,
        )


class IncompleteAnswer(BackendError):
    """Only a part of the index answered in time, so that hits may be missing."""

    def __init__(self, location: str, reason: str) -> None:
        super().__init__(
            f"{location} answered from a part of the index only: {reason}",
            remedy="try again when the cluster is healthy (`GET /_cluster/health`)",
            location=location,
            reason=reason,
        )


class ViewEnded(BackendError):
    """A scan has lost the view of the index that it reads: its node went away, or it was left unread for minutes."""

    def __init__(self, location: str) -> None:
        super().__init__(
            f"{location}: the view of the index has ended, unread for minutes or with its node",
            remedy="start the same again",
            location=location,
        )


class ServerBusy(BackendError):
    """The server had no room for the request, and went on having none while it was repeated."""

    def __init__(self, location: str, reason: str) -> None:
        super().__init__(
            f"{location} is overloaded: {reason}",
            remedy="try again later, with smaller batches, or give it more memory",
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
            f"document {id!r} keeps being changed by another writer",
            remedy="run again when that has finished",
            id=id,
        )


class KibanaRefused(BackendError):
    """Kibana cannot be reached, or took none or not all of the saved objects.

    `failures` has type, id and kind of error of every object that it did not take.
    """

    def __init__(self, location: str, reason: str, failures: Sequence[tuple[str, str, str]] = ()) -> None:
        super().__init__(f"Kibana at {location}: {reason}", location=location, reason=reason, failures=tuple(failures))
