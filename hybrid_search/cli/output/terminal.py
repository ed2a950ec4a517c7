"""What a terminal may be sent: escaped text, notes on stderr, output whose reader may have gone."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from hybrid_search.cli.spelling import spelt
from hybrid_search.cli.suggest import worded
from hybrid_search.errors import HybridSearchError
from hybrid_search.hits.display import UNSAFE
from hybrid_search.hits.display import escape as escape

if TYPE_CHECKING:
    from rich.console import Console


def escape_lines(text: str) -> str:
    """Return text of several lines escaped, its line breaks as they are."""
    return "\n".join(map(escape, text.split("\n")))


def escape_json(text: str) -> str:
    r"""Return JSON with the same characters written as `\uXXXX`, which means the same in JSON.

    Line breaks stay: in JSON they can only be layout.
    """
    return UNSAFE.sub(lambda found: found.group() if found.group() == "\n" else f"\\u{ord(found.group()):04x}", text)


def set_up() -> None:
    """Let stdout and stderr take any character, on terminals and in locales that lack most of them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def is_terminal(stream: TextIO | None = None) -> bool:
    """Tell whether stdout, or another stream, is a terminal that shows colours and moves its cursor."""
    return (stream or sys.stdout).isatty() and os.environ.get("TERM") != "dumb"


def is_coloured() -> bool:
    """Tell whether stdout is a terminal whose user has not asked for no colours (https://no-color.org)."""
    return is_terminal() and not os.environ.get("NO_COLOR")


def console(*, stderr: bool = False) -> Console:
    """Return a rich console for stdout or stderr that adds no colours of its own to numbers and paths."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, emoji=False)


def note(text: str) -> None:
    """Write one line to stderr."""
    sys.stderr.write(escape(text) + "\n")
    sys.stderr.flush()


@contextmanager
def warnings_as_notes() -> Iterator[None]:
    """Show the library's warnings as one line on stderr each, without the line of code that they come from."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        shown = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: object, **options: object) -> None:
            if issubclass(category, UserWarning):
                error = message.__cause__ if isinstance(message, Warning) else None
                said = worded(error) if isinstance(error, HybridSearchError) else spelt(str(message))
                note(f"warning: {' '.join(said.split())}")
            else:
                shown(message, category, *place, **options)  # type: ignore[arg-type]

        warnings.showwarning = show
        yield


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Show a text that moves while something takes its time, on a terminal."""
    if not is_terminal(sys.stderr):
        yield
        return
    with console(stderr=True).status(escape(text)):
        yield


def write(text: str) -> None:
    """Write text to stdout; when its reader has gone (as `| head` does), the process ends quietly."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _stop()


def write_bytes(data: bytes) -> None:
    """Write bytes to stdout, as file names are bytes."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _stop()


def flush() -> None:
    """Send what is left, such as a page of help, to a reader that may have gone."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _silence()


def short_path(path: str) -> str:
    """Return a path as a person would type it here: relative to the current folder, or to the home folder.

    Examples
    --------
    >>> short_path(str(Path.cwd() / "a" / "b.jpg")).replace(os.sep, "/")
    'a/b.jpg'
    """
    for base, prefix in ((Path.cwd(), ""), (Path.home(), "~" + os.sep)):
        if path.startswith(str(base).rstrip(os.sep) + os.sep) and len(base.parts) > 1:
            return prefix + path[len(str(base)) + 1 :]
    return path


def _stop() -> None:
    import typer

    _silence()
    raise typer.Exit(0)


def _silence() -> None:
    # the interpreter flushes stdout once more when it ends, and would complain of the closed pipe
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = open(os.devnull, "w")
