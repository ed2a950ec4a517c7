"""The command line: parsing and printing only, every answer comes from `hybrid_search.index`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence

__all__ = ["main", "run"]


def main() -> None:
    """Run the command of `sys.argv` and end the process with its exit code.

    A request to end (`kill`, a closed terminal) ends it as an exception does: what is half made is cleared away.
    """
    for name in ("SIGTERM", "SIGHUP"):
        if (number := getattr(signal, name, None)) is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _end)
    sys.exit(run(sys.argv[1:]))


def _end(number: int, frame: object) -> None:
    # once: a second request, or one while files are cleared away, ends the process at once
    signal.signal(number, signal.SIG_DFL)
    raise SystemExit(128 + number)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code (see `hybrid_search.cli.exits`); errors go to stderr as one line.

    Parameters
    ----------
    arguments : sequence of str
        What follows the program's name; nothing at all asks for help.

    Examples
    --------
    >>> run(["--version"])  # doctest: +ELLIPSIS
    hybrid-search ...
    0
    """
    from hybrid_search.cli import exits
    from hybrid_search.cli.app import app
    from hybrid_search.cli.output import terminal
    from hybrid_search.cli.suggest import forget_place

    terminal.set_up()
    forget_place()
    try:
        with terminal.warnings_as_notes():
            code = app(list(arguments) or ["--help"], prog_name="hybrid-search", standalone_mode=False)
        terminal.flush()
        return code if isinstance(code, int) else exits.OK
    except (Exception, KeyboardInterrupt) as error:
        if exits.wants_traceback(arguments):
            import traceback

            traceback.print_exc()
        elif text := exits.message(error):
            terminal.note(text)
        return exits.code(error)
