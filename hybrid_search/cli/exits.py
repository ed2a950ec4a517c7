"""Exit codes, and errors as one line with a remedy."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from hybrid_search import errors
from hybrid_search.cli.suggest import command, worded

# 1 as grep, 2 as click, 130 as shells after Ctrl-C
OK, NOTHING, USAGE, FAILED, PARTIAL, INTERRUPTED = 0, 1, 2, 3, 4, 130

HELP = (
    "Exit codes: 0 done, something found; 1 nothing found; 2 the command, the query or a file that it names "
    "cannot be used; 3 the index or its embedder cannot be used; 4 done, but some files failed or a drive "
    "is away; 130 interrupted. "
    "Results go to stdout, everything else to stderr."
)

_REMEDIES: tuple[tuple[type[Exception], str, str], ...] = (
    (errors.EmptyQuery, "search --help", " shows how"),
    (errors.UnknownField, "info --fields", " lists the fields"),
    (errors.BadFilter, "", "a filter looks like: camera.make:canon AND iso:[400 TO *]"),
    (errors.BackendUnavailable, "", "check --index or HYBRID_SEARCH_INDEX"),
    (
        errors.DocumentNotFound,
        "search … --json",
        " shows ids; the path of an indexed picture, or its name alone, will do as well",
    ),
)
"""What only the command line knows to help: a command, or none, and words."""
_PARSERS_WORDS = (
    (r"(?<=: )Value error, ", ""),
    (r"(?<=: )Input should be a valid integer\b.*", "it must be a whole number"),
    (r"(?<=: )Input should be a valid number\b.*", "it must be a number"),
    (r"(?<=: )Input should be\b", "it must be"),
)
"""How the parser of new typers speaks of values, and what is said instead."""
_OTHERS_COUNT = (
    r"^(No such option: (?:-[A-Za-z][0-9]*(?!\w)|--(?:limit|num|number|max|count|top|size|top-k|max-results)\b(?!-)))"
    r"(?:[.,;]? *(?:Did you mean|\(?Possible options)\b.*)?"
)
"""What other programs call -n, -l or --limit; the parser's guesses at it, such as --literal, help nobody."""
_UNUSABLE = (
    errors.QueryError,
    errors.ImageError,
    errors.CaptionsUnreadable,
    errors.UnknownEmbedder,
    errors.DuplicatesError,
)


def code(error: BaseException) -> int:
    """Return the exit code of an error.

    Examples
    --------
    >>> code(errors.EmptyQuery()), code(errors.IndexNotFound("photos")), code(KeyboardInterrupt())
    (2, 3, 130)
    """
    if isinstance(error, KeyboardInterrupt) or _is_abort(error):
        return INTERRUPTED
    if isinstance(error, errors.DocumentNotFound):
        return NOTHING
    if isinstance(error, _UNUSABLE):
        return USAGE
    if _is_usage(error):
        return USAGE
    return FAILED


def message(error: BaseException) -> str:
    """Return an error as one line that says what to do next; nothing for Ctrl-C, which needs no explanation.

    Examples
    --------
    >>> message(errors.UnknownField("camera.maker", ["camera.make"]))[:76]
    "error: no field 'camera.maker' in the mapping. Did you mean 'camera.make'? ("
    """
    if isinstance(error, KeyboardInterrupt) or _is_abort(error):
        return ""
    text = f"error: {' '.join(_text(error).split())}"
    if isinstance(error, errors.BackendUnavailable) and (
        error.remedy or ";" in error.reason or not re.search(r"[/\\]", error.location)
    ):
        # the reason says itself what helps, or it is an option that cannot be used
        return text
    remedy = next(
        (f"{words and command(words)}{said}" for kind, words, said in _REMEDIES if isinstance(error, kind)), ""
    )
    return f"{text} ({remedy})" if remedy else text


def wants_traceback(arguments: Sequence[str]) -> bool:
    """Tell whether --debug or HYBRID_SEARCH_DEBUG asks for tracebacks; parsing itself may have failed."""
    return "--debug" in arguments or os.environ.get("HYBRID_SEARCH_DEBUG", "").lower() in {"1", "true", "yes", "on"}


def _text(error: BaseException) -> str:
    if _is_usage(error):
        context = getattr(error, "ctx", None)
        typed = context.command_path if context is not None else "hybrid-search"
        said = error.format_message().removeprefix("Invalid value: ").rstrip(".")  # type: ignore[attr-defined]
        for pattern, words in _PARSERS_WORDS:
            said = re.sub(pattern, words, said)
        if context is not None and any("-k" in param.opts for param in context.command.params):
            said = re.sub(_OTHERS_COUNT, r"\1; -k N says how many hits to show", said)
        return f"{said}; `{typed} --help` shows how"
    if isinstance(error, errors.HybridSearchError):
        return worded(error)
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
    return f"{type(error).__name__}: {error} (this is a defect; --debug before the command shows where it happened)"


def _is_usage(error: BaseException) -> bool:
    # typer carries its own copy of click in new versions and imports click in old ones: only the shape is common
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def _is_abort(error: BaseException) -> bool:
    return type(error).__name__ == "Abort"
