"""Writes by bytes: chunks that a server can take, repeated while it has no room, the fate of every item known."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hybrid_search.backends import Action, Outcome
from hybrid_search.backends.elasticsearch.client import Client, pauses
from hybrid_search.backends.elasticsearch.dense_vectors import DenseVectorField
from hybrid_search.backends.elasticsearch.encode import BulkEntry, RefusedAction, encode
from hybrid_search.backends.elasticsearch.error_translation import (
    is_item_passing,
    is_passing,
    of_item,
    reason_of,
    translated,
)
from hybrid_search.backends.elasticsearch.retries import written_before
from hybrid_search.errors import BackendError

CHUNK_BYTES = 8 * 2**20
"""Bytes of one request: 5 to 15 MB are what servers take best."""

_CHUNK_ACTIONS = 5_000
"""Of one request, for deletions, which have hardly any bytes; chosen, not measured."""
_SMALL = 2**20
"""Bytes below which a part is not halved because a server is busy; chosen, not measured."""
_NO_MEMORY = ("es_rejected_execution_exception", "circuit_breaking_exception")
# of a request that the server has no memory for: its own bytes, and the most that all requests together may have
_OWN_BYTES = re.compile(r"operation_bytes=(\d+), max_\w+_bytes=(\d+)")
# how long the server itself waits for a shard that is on no node
_SHARD_TIMEOUT = 5.0


class BulkWriter:
    """Sends actions to one index or alias.

    Parameters
    ----------
    client : Client
    target : str
        The write alias, or an index that is being built.
    vectors : mapping of str to DenseVectorField
        The dense_vector fields of the index.
    alias : bool
        Whether the target must be an alias: a write to a name that is not there would make an index of that name.
    chunk_bytes : int
        Bytes of one request, fewer from when the server refuses one as too large; a larger action travels alone.
    """

    def __init__(
        self,
        client: Client,
        target: str,
        *,
        vectors: Mapping[str, DenseVectorField],
        alias: bool = True,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> None:
        self._client, self._target, self._vectors = client, target, vectors
        self._alias, self._chunk_bytes = alias, chunk_bytes
        # places of actions that failed on the way: they may have been done
        self._unsure: set[int] = set()

    def run(self, actions: Iterable[Action]) -> list[Outcome]:
        """Write all actions in order and return the fate of each.

        Raises
        ------
        IndexLocked
            At once, when the server refuses writes until somebody acts: a full disk, a block.
        ServerBusy, BackendUnavailable
            When the server had no room, or was away, until the deadline; what it acknowledged stays.
        """
        outcomes: list[Outcome] = []
        for chunk in self._chunks(actions, outcomes):
            self._send(chunk, outcomes)
        return outcomes

    def _chunks(self, actions: Iterable[Action], outcomes: list[Outcome]) -> Iterator[list[BulkEntry]]:
        chunk: list[BulkEntry] = []
        size = 0
        for place, action in enumerate(actions):
            outcomes.append(Outcome(action.id, 0))
            try:
                entry = encode(action, place, vectors=self._vectors)
            except RefusedAction as error:
                outcomes[place] = Outcome(action.id, 400, str(error))
                continue
            if chunk and (size + len(entry.lines) > self._chunk_bytes or len(chunk) >= _CHUNK_ACTIONS):
                yield chunk
                chunk, size = [], 0
            chunk.append(entry)
            size += len(entry.lines)
        if chunk:
            yield chunk

    def _send(self, chunk: list[BulkEntry], outcomes: list[Outcome]) -> None:
        """Send a chunk in as many parts and as many times as it takes; parts keep the order of the actions.

        The deadline begins anew whenever something was written: a slow server is not one that is away.
        """
        waits, queue = pauses(self._client.server.deadline), deque([chunk])
        while queue:
            part = queue.popleft()
            if len(part) > 1 and _size(part) > self._chunk_bytes:
                queue.extendleft(reversed(_halves(part)))
                continue
            answer, failure = self._post(part)
            if answer is not None:
                again = self._settle(part, answer, outcomes)
                if len(again) < len(part):
                    waits = pauses(self._client.server.deadline)
                if again:
                    queue.extendleft(reversed(self._smaller(again) if len(again) == len(part) else [again]))
                    self._wait(waits, self._item_failure(again, answer))
            elif _is_too_large(failure):
                if len(part) == 1:
                    outcomes[part[0].place] = Outcome(part[0].id, 413, "the server takes no document as large as this")
                    continue
                queue.extendleft(reversed(self._smaller(part, least=0)))
            else:
                self._unsure |= {entry.place for entry in part}
                rejected, broken = _is_rejected(failure), _is_broken(failure)
                parts = self._smaller(part, lasting=rejected) if rejected or broken else [part]
                queue.extendleft(reversed(parts))
                self._wait(waits, failure, hopeful=rejected and len(parts) > 1)

    def _smaller(
        self, part: list[BulkEntry], *, least: int | None = None, lasting: bool = True
    ) -> list[list[BulkEntry]]:
        """Return a part in two, unless it is small; with `lasting`, what follows is cut as small at once."""
        size = _size(part)
        if len(part) == 1 or size < (_SMALL if least is None else least):
            return [part]
        if lasting:
            self._chunk_bytes = min(self._chunk_bytes, size // 2)
        return _halves(part)

    def _post(self, part: Sequence[BulkEntry]) -> tuple[Mapping[str, Any] | None, Exception | None]:
        from elastic_transport import TransportError
        from elasticsearch import ApiError

        lines: Any = [entry.lines for entry in part]
        patience = min(_SHARD_TIMEOUT, max(0.1, self._client.server.deadline))
        try:
            answer = self._client.raw.bulk(
                index=self._target,
                operations=lines,
                require_alias=self._alias,
                timeout=f"{int(1000 * patience)}ms",
            )
        except (TransportError, ApiError) as error:
            return None, error
        return answer.body, None

    def _wait(self, waits: Iterator[float], failure: Exception | None, *, hopeful: bool = False) -> None:
        """Wait before the next try, or raise when none would help or the deadline has passed."""
        if failure is None:
            return
        passing = hopeful or isinstance(failure, BackendError) or is_passing(failure)
        pause = next(waits, None) if passing else None
        if pause is None:
            self._client.give_up()
            if isinstance(failure, BackendError):
                raise failure
            raise translated(failure, location=self._client.location, name=self._target) from failure
        time.sleep(pause)

    def _settle(self, part: Sequence[BulkEntry], answer: Mapping[str, Any], outcomes: list[Outcome]) -> list[BulkEntry]:
        """Note the fate of each item; return those to be sent again, with all later ones of the same document."""
        items = [next(iter(item.values())) for item in answer["items"]]
        again: list[BulkEntry] = []
        waiting: set[str] = set()
        doubtful: list[BulkEntry] = []
        for entry, item in zip(part, items, strict=True):
            status = int(item["status"])
            if entry.id in waiting or is_item_passing(item):
                again.append(entry)
                waiting.add(entry.id)
                self._unsure.add(entry.place)
                continue
            outcomes[entry.place] = Outcome(entry.id, status, _error(item, status))
            if status == 409 and entry.place in self._unsure:
                doubtful.append(entry)
        for place in written_before(doubtful, self._client, self._target, vectors=self._vectors):
            outcomes[place] = Outcome(outcomes[place].id, 200)
        for item in items:
            if not is_item_passing(item) and (hopeless := self._of_item(item)) is not None:
                raise hopeless
        return again

    def _item_failure(self, again: Sequence[BulkEntry], answer: Mapping[str, Any]) -> BackendError | None:
        """Return what to say when the items that are sent again go on failing."""
        ids = {entry.id for entry in again}
        items = [next(iter(item.values())) for item in answer["items"]]
        return next((self._of_item(item) for item in items if item["_id"] in ids and is_item_passing(item)), None)

    def _of_item(self, item: Mapping[str, Any]) -> BackendError | None:
        return of_item(item, location=self._client.location, target=self._target)


def _size(part: Sequence[BulkEntry]) -> int:
    return sum(len(entry.lines) for entry in part)


def _halves(part: list[BulkEntry]) -> list[list[BulkEntry]]:
    return [part[: len(part) // 2], part[len(part) // 2 :]]


def _error(item: Mapping[str, Any], status: int) -> str | None:
    if status < 300 or (status == 404 and "error" not in item):
        return None
    return reason_of(item.get("error", {}))


def _is_too_large(error: Exception | None) -> bool:
    """Tell whether a smaller request would pass, and this one never."""
    if getattr(error, "status_code", None) == 413:
        return True
    own_and_most = _OWN_BYTES.search(str(getattr(error, "body", "")))
    return own_and_most is not None and int(own_and_most[1]) > int(own_and_most[2])


def _is_rejected(error: Exception | None) -> bool:
    """Tell whether the server had no memory for the request, and may have it for a smaller one."""
    return any(sign in str(getattr(error, "body", "")) for sign in _NO_MEMORY)


def _is_broken(error: Exception | None) -> bool:
    """Tell whether there was a connection, but no answer: so ends a request that is far too large, too."""
    from elastic_transport import ConnectionError, ConnectionTimeout, TlsError

    if not isinstance(error, (ConnectionError, ConnectionTimeout)) or isinstance(error, TlsError):
        return False
    return "refused" not in str(error.message)
