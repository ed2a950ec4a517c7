"""Words that begin with a minus, beside options, on every command that searches for words."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from hybrid_search import cli
from hybrid_search.cli import exits
from hybrid_search.cli.app import app
from hybrid_search.cli.parsing.excluded_words import WordsCommand, words_apart
from hybrid_search.embedders import registry
from hybrid_search.index import HybridIndex
from tests.support.fakes import ColourEmbedder, hue

OPTIONS = {"-k": True, "--k": True, "-f": True, "--filter": True, "-i": True, "--json": False, "-0": False, "-h": False}


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Any]]:
    monkeypatch.setitem(registry._ENTRIES, "colour", registry.EmbedderEntry("tests.support.fakes:ColourEmbedder"))
    monkeypatch.chdir(tmp_path)
    with HybridIndex("idx", embedder=ColourEmbedder()) as index:
        for number, caption in enumerate(("a dog with a frisbee", "a frisbee alone", "a kitten on a beach")):
            index.add(hue(120 * number), id=caption.split()[1] + str(number), metadata={"caption": caption})

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.run(["--index", "idx", *arguments])
        return code, *capfd.readouterr()

    yield run


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["-dog frisbee"], ["--", "-dog frisbee"]),
        (["frisbee", "-dog"], ["frisbee -dog"]),
        (["-dog", "frisbee", "-k", "2"], ["-k", "2", "--", "-dog frisbee"]),
        (["-k2", "-kitten", "frisbee"], ["-k", "2", "--", "-kitten frisbee"]),
        (["frisbee", "-frisbee dog"], ["--", "frisbee -frisbee dog"]),
        (["frisbee", "-hat", "-horse"], ["frisbee -hat -horse"]),
        (["-fcaption:dog", "frisbee"], ["frisbee", "--filter", "caption:dog"]),
        (["frisbee", "-f", "-caption:dog"], ["frisbee", "--filter", "-caption:dog"]),
        (["frisbee", "--filter", "-caption:dog", "-beach"], ["frisbee -beach", "--filter=-caption:dog"]),
        (["frisbee", "--filter=-caption:dog", "-2"], ["frisbee -2", "--filter", "-caption:dog"]),
        (["-iidx", "frisbee", "-dog"], ["frisbee -dog"]),
        (["--", "-k", "frisbee"], ["--", "-k frisbee"]),
        (["frisbee", "--", "-dog", "--json"], ["--", "frisbee -dog --json"]),
        (['-"a kitten"', "beach"], ["--", '-"a kitten" beach']),
        (["-über", "beach"], ["--", "-über beach"]),
        (["-犬", "beach"], ["--", "-犬 beach"]),
        (["-n beach", "frisbee"], ["--", "-n beach frisbee"]),
        (["frisbee", "--", "-n"], ["--", "frisbee -n"]),
    ],
)
def test_a_minus_before_a_word_needs_no_more(run: Callable[..., Any], typed: list[str], meant: list[str]) -> None:
    code, out, err = run("request", *typed)
    assert (code, err) == (exits.OK, "")
    assert json.loads(out) == json.loads(run("request", *meant)[1])


def test_colours_may_be_spelt_in_another_way(run: Callable[..., Any]) -> None:
    assert run("search", "beach", "--colour", "#c00")[0] == exits.NOTHING, "of the pictures of a beach, none is red"
    meant = run("request", "beach", "--colour", "#c00")
    assert meant[0] == exits.OK and "colour.red" in meant[1]
    assert run("request", "beach", "--color", "#c00") == run("request", "--color=#c00", "beach") == meant
    assert json.loads(run("request", "beach", "--", "--color")[1]) == json.loads(
        run("request", "--", "beach --color")[1]
    )


def test_what_a_minus_leaves_out_is_not_found(run: Callable[..., Any]) -> None:
    def ids(*typed: str) -> list[str]:
        return [hit["id"] for hit in json.loads(run("search", *typed, "--json")[1])["hits"]]

    assert sorted(ids("frisbee")) == ["dog0", "frisbee1"]
    assert ids("frisbee", "-dog") == ids("-dog frisbee") == ids("-dog", "frisbee") == ["frisbee1"]
    assert ids("frisbee", "-frisbee") == []


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (["frisbee", "-sort"], "-sort is the option --sort, or a word to leave out: write -- before the words if so"),
        (["-filter", "iso:100"], "-filter is the option --filter, or a word"),
        (["frisbee", "-iguana"], "-iguana is the option -i with 'guana', where nothing is, or a word to leave out"),
        (["frisbee", "--jsno"], "No such option: --jsno"),
        (["frisbee", "-k"], "Option -k requires an argument"),
        (["frisbee", "-n", "5"], "No such option: -n; -k N says how many hits to show; if it is a word to leave out"),
        (["frisbee", "-T"], "No such option: -T; -k N"),
        (["-t20", "frisbee"], "No such option: -t20; -k N"),
    ],
)
@pytest.mark.parametrize("command", ["search", "request"])
def test_what_may_be_either_is_not_guessed(run: Callable[..., Any], command: str, typed: list[str], says: str) -> None:
    code, out, err = run(command, *typed)
    assert (code, out) == (exits.USAGE, "")
    assert says in err and f"`hybrid-search {command} --help` shows how" in err


def test_a_weight_may_have_its_sign(run: Callable[..., Any]) -> None:
    code, _, err = run("search", "frisbee", "-0.5:dog")
    assert code == exits.USAGE and "embeds images only" in err, "it is a sum, which this index has no vectors for"


def test_options_and_words_are_told_apart() -> None:
    typed = ["a", "-k5", "-bee", "--filter", "-x", "-", "-00", "-0h", "-05", "--json", "--", "-k", "--json"]
    options, words = words_apart(typed, OPTIONS)
    assert options == ["-k5", "--filter", "-x", "-00", "-0h", "--json"]
    assert words == ["a", "-bee", "-", "-05", "-k", "--json"]
    for unclear in ("-json", "-iguana"):
        with pytest.raises(typer.BadParameter, match="or a word to leave out"):
            words_apart([unclear], OPTIONS)


def test_every_command_that_takes_words_tells_them_apart() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    taking = {
        name
        for name, each in commands.items()
        if any(param.param_type_name == "argument" and param.metavar == "TEXT" for param in each.params)
    }
    assert taking == {"search", "request"}
    assert all(isinstance(commands[name], WordsCommand) for name in taking)
    assert not any(isinstance(each, WordsCommand) for name, each in commands.items() if name not in taking)


def test_options_are_still_completed(tmp_path: Path) -> None:
    asked = {
        "_HYBRID_SEARCH_COMPLETE": "complete_bash",
        "COMP_WORDS": "hybrid-search search -dog --fil",
        "COMP_CWORD": "3",
    }
    program = "from hybrid_search.cli.app import app; app(prog_name='hybrid-search')"
    done = subprocess.run(
        [sys.executable, "-c", program], env={"HOME": str(tmp_path), **asked}, capture_output=True, text=True
    )
    assert done.stdout.split() == ["--filter"]
