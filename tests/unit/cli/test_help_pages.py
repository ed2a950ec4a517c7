"""The help pages: paragraphs fill the terminal, and what stands there as an example can be typed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from hybrid_search import cli
from hybrid_search.cli import exits
from hybrid_search.cli.app import app
from hybrid_search.cli.output.help_pages import PageCommand

WITH_EXAMPLES = {"search", "embed", "label", "embedder fetch", "embedder export", "train joint", "train head"}


def commands(group: Any = None, path: str = "") -> Iterator[tuple[str, Any]]:
    """Give every command with its name as it is typed."""
    for name, command in (group or get_command(app)).commands.items():
        typed = f"{path} {name}".strip()
        if hasattr(command, "commands"):
            yield from commands(command, typed)
        else:
            yield typed, command


COMMANDS = dict(commands())
EXAMPLES = [
    line.strip()
    for command in COMMANDS.values()
    for line in command.help.split("\n")
    if line.startswith("    hybrid-search ")
]


@pytest.mark.parametrize("typed", COMMANDS)
def test_paragraphs_fill_the_terminal(typed: str) -> None:
    command = COMMANDS[typed]
    assert isinstance(command, PageCommand)
    for paragraph in command.help.split("\n\n"):
        assert paragraph.startswith("    ") or "\n" not in paragraph


def test_the_commands_about_embedders_show_how_they_are_used() -> None:
    assert WITH_EXAMPLES <= {
        name for name in COMMANDS for line in EXAMPLES if line.startswith(f"hybrid-search {name} ")
    }


@pytest.mark.parametrize("line", EXAMPLES)
def test_examples_can_be_typed(line: str) -> None:
    _, *words = shlex.split(line)
    depth = 2 if words[0] in ("embedder", "train", "duplicates", "kibana") else 1
    command, given = COMMANDS[" ".join(words[:depth])], words[depth:]
    known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    assert {word for word in given if word.startswith("--")} <= known
    least = sum(param.required and param.param_type_name == "argument" for param in command.params)
    assert len([word for word in given if not word.startswith("-")]) >= least


def test_a_page_has_its_commands_first_and_a_servers_options_last(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == exits.OK
    page = capfd.readouterr().out
    parts = ["Usage: hybrid-search", "─ Commands ─", "─ Options ─", "─ Elasticsearch: access ─", "a new index ─"]
    places = [page.index(part) for part in (*parts, "Exit codes: 0 done")]
    assert places == sorted(places)
    assert page.count("╭") == page.count("╰") == 4
    for name in COMMANDS:
        assert f"│ {name.split()[0]} " in page
    assert "--ca-fingerprint" in page[places[3] : places[4]]
    lines = page.splitlines()
    assert cli.run(["-h"]) == exits.OK and capfd.readouterr().out.splitlines() == lines
    assert cli.run([]) == exits.OK and capfd.readouterr().out.splitlines() == lines
    assert cli.run(["kibana", "--help"]) == exits.OK
    page = capfd.readouterr().out
    assert page.index("─ Commands ─") < page.index("─ Options ─")
