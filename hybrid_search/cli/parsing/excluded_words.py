"""Words to search for that begin with a minus, told apart from options: `search beach -dog`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import typer

from hybrid_search.cli.output.help_pages import PageCommand

_PLAIN = re.compile(r"[^\W_][\w' -]*")
"""What a word is made of; with a colon, a dot or a slash in it, it may as well be a filter or a path."""
_LETTER = re.compile("-[A-Za-z][0-9]*")
"""What other programs take as an option, `-n 5` or `-n5`: as words it would leave out what nobody meant."""
_SAME = {"--color": "--colour"}
_AS_WORD = "-- before the words if so"


class WordsCommand(PageCommand):
    """A command whose arguments are words, of which those that begin with a minus need no `--` before them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse what was typed, with the words behind all options."""
        if ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        try:
            options, words = words_apart(_spelt(args), _takes_value(self.params))
        except typer.BadParameter as error:
            error.ctx = ctx
            raise
        return super().parse_args(ctx, [*options, "--", *words] if words else options)


def words_apart(arguments: Iterable[str], options: Mapping[str, bool]) -> tuple[list[str], list[str]]:
    """Return options with their values, and words, each in the order in which they were typed.

    What begins with one minus is an option where it can be one, as `-k5`, `-f camera.make:canon`, and words else, as
    `-dog`, `-kitten`, `-0.5:people`. What begins with two is an option, up to `--`.

    Parameters
    ----------
    arguments : iterable of str
    options : mapping of str to bool
        All options, each with whether it takes a value.

    Raises
    ------
    typer.BadParameter
        When it may be either, as `-json`, when it is a letter that is no option, or an option lacks its value.

    Examples
    --------
    >>> words_apart(["beach", "-dog", "-k", "5", "--json", "surf"], {"-k": True, "--k": True, "--json": False})
    (['-k', '5', '--json'], ['beach', '-dog', 'surf'])
    """
    taken: list[str] = []
    words: list[str] = []
    left = iter(arguments)
    for argument in left:
        wants = _wants_value(argument, options)
        if argument == "--":
            words += left
        elif wants is None:
            words.append(argument)
        elif wants:
            taken += [argument, _next(left, argument)]
        else:
            taken.append(argument)
    return taken, words


def _spelt(arguments: Sequence[str]) -> Iterator[str]:
    """Give the arguments with options as help pages spell them, as far as there are options."""
    left = iter(arguments)
    for argument in left:
        option, sign, value = argument.partition("=")
        yield f"{_SAME.get(option, option)}{sign}{value}"
        if argument == "--":
            yield from left


def _next(left: Iterator[str], option: str) -> str:
    for value in left:
        return value
    raise typer.BadParameter(f"Option {option} requires an argument")


def _wants_value(argument: str, options: Mapping[str, bool]) -> bool | None:
    """Tell whether the value of an option follows as an argument of its own; None for words."""
    if not argument.startswith("-") or argument == "-":
        return None
    if argument.startswith("--"):
        return options.get(argument, False)
    for place, letter in enumerate(argument[1:], start=2):
        if f"-{letter}" not in options:
            break
        if not options[f"-{letter}"]:
            continue
        value = argument[place:]
        if not value or _may_be_value(letter, value):
            return not value
        break
    else:
        return False
    if f"-{argument}" in options:
        raise typer.BadParameter(f"{argument} is the option -{argument}, or a word to leave out: write {_AS_WORD}")
    if _LETTER.fullmatch(argument):
        raise typer.BadParameter(f"No such option: {argument}; if it is a word to leave out, write -- before the words")
    return None


def _may_be_value(letter: str, value: str) -> bool:
    """Tell whether what follows a letter at once is its value, and not the rest of a word.

    Raises
    ------
    typer.BadParameter
        When it may be either.
    """
    if not _PLAIN.fullmatch(value):
        return True
    if letter == "k":
        return value.strip().isdecimal()
    if letter == "f":
        return False  # a filter names a field, with a colon behind it
    if os.path.exists(os.path.expanduser(value)):
        return True
    raise typer.BadParameter(
        f"-{letter}{value} is the option -{letter} with {value!r}, where nothing is, or a word to leave out: "
        f"write {_AS_WORD}"
    )


def _takes_value(params: Sequence[Any]) -> dict[str, bool]:
    named = [param for param in params if param.param_type_name == "option"]
    of = {name: not (param.is_flag or param.count) for param in named for name in (*param.opts, *param.secondary_opts)}
    return {"--help": False, "-h": False, **of}
