"""docs/cli.md names every command, option, environment variable and exit code, and nothing that is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from hybrid_search.cli import exits
from hybrid_search.cli.app import app

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
PROGRAM = typer.main.get_command(app)
COMMANDS = PROGRAM.commands  # type: ignore[attr-defined]


def parameters() -> Iterator[tuple[str, str]]:
    """Give each command's options and environment variables."""
    inner = [(f"{name} {verb}", each) for name, group in COMMANDS.items() for verb, each in _commands_of(group)]
    for name, command in [("", PROGRAM), *COMMANDS.items(), *inner]:
        for parameter in command.params:
            for option in (*parameter.opts, *parameter.secondary_opts):
                if option.startswith("-"):
                    yield name, option
            if parameter.envvar:
                yield name, str(parameter.envvar)


def _commands_of(group: Any) -> list[tuple[str, Any]]:
    return list(getattr(group, "commands", {}).items())


def test_every_command_has_its_place() -> None:
    assert not [name for name in COMMANDS if not re.search(rf"^## .*`{name}\b", PAGE, re.MULTILINE)]


def test_every_option_and_variable_is_explained() -> None:
    assert not [
        f"{command} {option}"
        for command, option in parameters()
        if not re.search(rf"`(?:[^`\n]*[ (])?{re.escape(option)}(?=[ `=,)])", PAGE)
    ]


def test_no_option_is_explained_that_is_not_there() -> None:
    known = {option for _, option in parameters()} | {"--help", "-h"}
    prose = re.sub(r"^    .*$", "", PAGE, flags=re.MULTILINE)
    named = set(re.findall(r"(?<=[`( ])(--?[a-z0-9][a-z0-9-]*)(?=[ `,)])", prose)) - {"-dog"}
    assert named <= known
    assert set(re.findall("HYBRID_SEARCH_[A-Z0-9_]+", PAGE)) <= known


def test_exit_codes_are_those_of_the_program() -> None:
    listed = [int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)]
    assert listed == [exits.OK, exits.NOTHING, exits.USAGE, exits.FAILED, exits.PARTIAL, exits.INTERRUPTED]
    assert all(f"{code} " in exits.HELP for code in listed)
