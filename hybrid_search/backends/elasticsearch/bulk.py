"""Writes by bytes: chunks that a server can take, repeated while it has no room, the fate of every item known."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hybrid_search.backends import Action, Outcome
from hybrid_search.backends.elasticsearch.client import Client, pauses
from hybrid_search.backends.elasticsearch.encode import Entry, Refused, encode
from hybrid_search.backends.elasticsearch.failures import (
    is_block,
    is_passing,
    reason_of,
    translated,
    write_blocked,
)
from hybrid_search.backends.elasticsearch.vectors import VectorField
from hybrid_search.errors import AccessDenied, AliasMissing, BackendError, IndexClosed, IndexRed, ServerBusy

__all__ = ["CHUNK_BYTES", "BulkWriter"]

CHUNK_BYTES = 8 * 2**20
"""Bytes of one request: 5 to 15 MB are what servers take best."""

_CHUNK_ACTIONS = 5_000
_SMALL = 2**20
_TOO_LARGE = ("es_rejected_execution_exception", "circuit_breaking_exception")
# how long the server itself waits for a shard that is on no node
_SHARD_TIMEOUT = "5s"


class BulkWriter:
    """Sends actions to one index or alias.

    Parameters
    ----------
    client : Client
    target : str
        The write alias, or an index that is being built.
    vectors : mapping of str to VectorField
        The dense_vector fields of the index.
    alias : bool
        Whether the target must be an alias: a write to a name that is not there would make an index of that name.
    chunk_bytes : int
        Bytes of one request; an action that is larger travels alone.
    """

    def __init__(
        self,
        client: Client,
        target: str,
        *,
        vectors: Mapping[str, VectorField],
        alias: bool = True,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> None:
        self._client, self._target, self._vectors = client, target, vectors
        self._alias, self._chunk_bytes = alias, chunk_bytes

    def run(self, actions: Iterable[Action]) -> list[Outcome]:
        """Write all actions in order and return the fate of each.

        Raises
        ------
        WriteBlocked
            At once, when the server refuses writes until somebody acts: a full disk, a block.
        ServerBusy, IndexRed, BackendUnavailable
            When the server had no room, or was away, until the deadline; what it acknowledged stays.
        """
        outcomes: list[Outcome] = []
        for chunk in self._chunks(actions, outcomes):
            self._send(chunk, outcomes)
        return outcomes

    def _chunks(self, actions: Iterable[Action], outcomes: list[Outcome]) -> Iterator[list[Entry]]:
        chunk: list[Entry] = []
        size = 0
        for place, action in enumerate(actions):
            outcomes.append(Outcome(action.id, 0))
            try:
                entry = encode(action, place, vectors=self._vectors)
            except Refused as error:
                outcomes[place] = Outcome(action.id, 400, str(error))
                continue
            if chunk and (size + len(entry.lines) > self._chunk_bytes or len(chunk) >= _CHUNK_ACTIONS):
                yield chunk
                chunk, size = [], 0
            chunk.append(entry)
            size += len(entry.lines)
        if chunk:
            yield chunk

    def _send(self, chunk: list[Entry], outcomes: list[Outcome]) -> None:
        """Send a chunk in as many parts and as many times as it takes; parts keep the order of the actions."""
        waits, queue = pauses(self._client.server.deadline), deque([chunk])
        while queue:
            part = queue.popleft()
            answer, failure = self._post(part)
            if answer is not None:
                again = self._settle(part, answer, outcomes)
                if not again:
                    continue
                if len(again) < len(part):
                    waits = pauses(self._client.server.deadline)
                queue.appendleft(again)
                failure = self._item_failure(again, answer)
            elif failure is not None and _is_too_large(failure, part) and len(part) > 1:
                queue.extendleft([part[len(part) // 2 :], part[: len(part) // 2]])
                if getattr(failure, "status_code", 413) == 413:
                    continue
            elif failure is not None and getattr(failure, "status_code", None) == 413:
                outcomes[part[0].place] = Outcome(part[0].id, 413, "the server takes no document as large as this one")
                continue
            else:
                queue.appendleft(part)
            self._wait(waits, failure)

    def _post(self, part: Sequence[Entry]) -> tuple[Mapping[str, Any] | None, Exception | None]:
        from elastic_transport import TransportError
        from elasticsearch import ApiError

        lines: Any = [entry.lines for entry in part]
        try:
            answer = self._client.raw.bulk(
                index=self._target,
                operations=lines,
                require_alias=self._alias,
                timeout=_SHARD_TIMEOUT,
            )
        except (TransportError, ApiError) as error:
            return None, error
        return answer.body, None

    def _wait(self, waits: Iterator[float], failure: Exception | None) -> None:
        """Wait before the next try, or raise when none would help or the deadline has passed."""
        if failure is None:
            return
        passing = is_passing(failure) if not isinstance(failure, BackendError) else True
        pause = next(waits, None) if passing else None
        if pause is None:
            if isinstance(failure, BackendError):
                raise failure
            raise translated(failure, location=self._client.location, name=self._target) from failure
        time.sleep(pause)

    def _settle(self, part: Sequence[Entry], answer: Mapping[str, Any], outcomes: list[Outcome]) -> list[Entry]:
        """Note the fate of each item; return those to be sent again, with all later ones of the same document."""
        items = [next(iter(item.values())) for item in answer["items"]]
        again: list[Entry] = []
        waiting: set[str] = set()
        for entry, item in zip(part, items, strict=True):
            status = int(item["status"])
            if entry.id in waiting or (status in (429, 503) and not is_block(item.get("error"))):
                again.append(entry)
                waiting.add(entry.id)
            else:
                outcomes[entry.place] = Outcome(entry.id, status, _error(item, status))
        for item in items:
            self._stop_if_hopeless(item)
        return again

    def _stop_if_hopeless(self, item: Mapping[str, Any]) -> None:
        error = item.get("error")
        if not isinstance(error, Mapping):
            return
        location, kind, reason = self._client.location, str(error.get("type", "")), str(error.get("reason", ""))
        if is_block(error):
            raise write_blocked(location, reason)
        if kind == "index_closed_exception":
            raise IndexClosed(location, self._target)
        if kind == "index_not_found_exception":
            raise AliasMissing(location, self._target, "there is none to write through")
        if item["status"] == 403:
            raise AccessDenied(location, reason_of(error))

    def _item_failure(self, again: Sequence[Entry], answer: Mapping[str, Any]) -> BackendError:
        ids = {entry.id for entry in again}
        items = [next(iter(item.values())) for item in answer["items"]]
        errors = [item for item in items if item["_id"] in ids and item["status"] in (429, 503)]
        if errors and errors[0]["status"] == 503:
            return IndexRed(self._client.location, self._target)
        return ServerBusy(self._client.location, reason_of(errors[0]["error"]) if errors else "it has no room")


def _error(item: Mapping[str, Any], status: int) -> str | None:
    if status < 300 or (status == 404 and "error" not in item):
        return None
    return reason_of(item.get("error", {}))


def _is_too_large(error: Exception, part: Sequence[Entry]) -> bool:
    """Tell whether a smaller request may pass; one that is far too large breaks the connection unanswered."""
    from elastic_transport import ConnectionError, TlsError

    if getattr(error, "status_code", None) == 413:
        return True
    if sum(len(entry.lines) for entry in part) < _SMALL:
        return False
    if isinstance(error, ConnectionError) and not isinstance(error, TlsError):
        return "refused" not in str(error)
    return any(sign in str(getattr(error, "body", "")) for sign in _TOO_LARGE)
