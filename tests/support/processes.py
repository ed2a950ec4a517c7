"""Processes forked from one that has imported everything, for tests that need many: importing took most of the time.

Only what may run in a process without other threads is run so, since that is what a fork copies.
"""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

PROCESSES = multiprocessing.get_context("forkserver")
# there is one such server in a test run, and it imports when it starts
PROCESSES.set_forkserver_preload(["tests.support.indexing", "tests.support.action_faults"])


def call(function: Callable[..., Any], *args: Any) -> Any:
    """Return what a function of a module returns in a process of its own; what it raises fails the test."""
    receiver, sender = PROCESSES.Pipe(duplex=False)
    child = PROCESSES.Process(target=_answer, args=(sender, function, args))
    child.start()
    sender.close()
    try:
        raised, answer = receiver.recv()
    except EOFError:
        raised, answer = "the process ended without an answer", None
    child.join()
    receiver.close()
    child.close()
    assert not raised, raised
    return answer


def _answer(sender: Connection, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    try:
        sender.send(("", function(*args)))
    except BaseException:
        sender.send((traceback.format_exc(), None))
