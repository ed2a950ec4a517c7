"""Commands that messages suggest, written so that a shell takes them as they stand."""

from __future__ import annotations

import shlex

__all__ = ["PLACE", "command"]

PLACE = "--index …"
"""Stands in a suggested command for the index, which the library's caller knows; the command line writes its own."""


def command(*words: str, placed: bool = True) -> str:
    """Return a command of this program in backticks, with quotes around words that a shell would change.

    Parameters
    ----------
    *words : str
        What is typed after the program's name.
    placed : bool
        Let `PLACE` stand at the end, for a command that needs an index.

    Examples
    --------
    >>> command("embed", "lite", "--again")
    '`hybrid-search embed lite --again --index …`'
    >>> command("embedder", "fetch", "clip:a b?dtype=int8", placed=False)
    "`hybrid-search embedder fetch 'clip:a b?dtype=int8'`"
    """
    return f"`hybrid-search {shlex.join(words)}{f' {PLACE}' if placed else ''}`"
