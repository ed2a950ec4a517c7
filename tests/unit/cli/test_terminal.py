"""What a terminal is sent: colours and links of the program's own, everything else escaped."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from hybrid_search.cli.output import terminal
from hybrid_search.cli.output.progress_bar import progress_bar


def test_escape_leaves_every_script_alone() -> None:
    assert terminal.escape("Größe 夜景 👩‍🚀 C:\\x") == "Größe 夜景 👩‍🚀 C:\\x"
    assert terminal.escape("a\tb\r\n\x00\ud800") == r"a\tb\r\n\x00\ud800"


def test_escaped_json_means_the_same() -> None:
    text = json.dumps({"a": "\x7f\x9b\u202e\u2028 ok"}, ensure_ascii=False, indent=1)
    assert json.loads(terminal.escape_json(text)) == json.loads(text)
    assert "\x9b" not in terminal.escape_json(text)


def test_a_reader_that_goes_away_is_no_error() -> None:
    code = """if True:
        import sys, typer
        from hybrid_search.cli.output import terminal
        try:
            for _ in range(200_000):
                terminal.write("line\\n")
        except typer.Exit as end:
            sys.exit(end.exit_code)"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "line\n"
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == ("", 0)


def on_terminal(code: str, *, columns: int = 80, **environment: str) -> str:
    """Run Python code with a terminal as stdout, and return what the terminal was sent."""
    pty = pytest.importorskip("pty", reason="pseudo-terminals are a thing of Unix")
    controller, terminal_end = pty.openpty()
    inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    environ = {**inherited, "TERM": "xterm-256color", "COLUMNS": str(columns), **environment}
    process = subprocess.Popen([sys.executable, "-c", code], stdout=terminal_end, stderr=subprocess.PIPE, env=environ)
    os.close(terminal_end)
    sent = bytearray()
    while True:
        try:
            part = os.read(controller, 65536)
        except OSError:  # Linux says so when the other end has closed
            break
        if not part:
            break
        sent += part
    os.close(controller)
    assert process.stderr is not None
    problem = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait() == 0, problem
    return sent.decode()


TABLE = """if True:
    from hybrid_search.cli.output.hit_formats import print_hits
    from hybrid_search.hits.hits import Hit, Hits
    evil = "[red]\\x1b]0;owned\\x07[/red]"
    path = "/photos/" + "long/" * 30 + "dog.jpg"
    source = {"caption": "two dogs " + evil, "path": [path], "iso": 100, "missing": True}
    hit = Hit(1, "a1", 0.0328, {"text": 12.3, "vector": 0.5}, None, source, ("term:dog@caption",), ("b2", "c3"))
    print_hits(Hits((hit,), facets={"camera.make": {"canon " + evil: 3}}), "table", fields=["iso"])"""


def test_terminal_table_has_colours_and_escapes_what_is_not_its_own() -> None:
    sent = on_terminal(TABLE)
    assert "\x1b[1m" in sent, "headings are bold"
    assert "\x1b]8;" in sent, "paths are links"
    assert "\x1b]0;" not in sent
    assert "[red]\\x1b]0;owned\\x07[/red]" in re.sub(r"\x1b\[[0-9;]*m", "", sent), "no markup is read in captions"
    shown = re.sub(r"\x1b\[[0-9;]*m|\x1b]8;[^\x1b]*\x1b\\", "", sent)
    assert all(len(line) <= 80 for line in shown.splitlines())
    folded = "".join(line[35:].strip() for line in shown.splitlines())
    for word in ("0.0328", "12.30", "0.5000", "two dogs", "missing", "+2 copies", "dog in caption", "camera.make", "▇"):
        assert word in shown
    assert "dog.jpg" in folded, "a long path is folded, never cut"


def test_no_color_is_respected() -> None:
    sent = on_terminal(TABLE, NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", sent)


def test_paths_on_a_terminal_are_escaped() -> None:
    code = TABLE.replace('"table", fields=["iso"]', '"paths"').replace("dog.jpg", "d\\x1bog.jpg")
    assert on_terminal(code).endswith("d\\x1bog.jpg\r\n")


def test_fields_of_a_document_on_a_terminal() -> None:
    code = (
        "from hybrid_search.cli.commands.show import _print_fields; _print_fields({'caption': 'a\\x1bb', 'iso': 100})"
    )
    assert on_terminal(code) == "\x1b[1mcaption\x1b[0m  a\\x1bb\r\n\x1b[1miso    \x1b[0m  100\r\n"
    assert on_terminal(code, NO_COLOR="1") == "caption  a\\x1bb\r\niso      100\r\n"


def test_progress_counts_and_names_without_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = on_terminal(
        """if True:
        import sys
        sys.stderr = sys.stdout
        from types import SimpleNamespace as Progress
        from hybrid_search.cli.output.progress_bar import progress_bar
        with progress_bar(shown=True) as report:
            for done in range(1, 4):
                report(Progress(done=done, total=3, failed=1, path="/photos/a\\x1b]0;b.jpg"))"""
    )
    assert "3/3" in sent
    assert "1 failed" in sent
    assert "a\\x1b]0;b.jpg" in sent
    assert "\x1b]0;" not in sent


def test_progress_is_silent_without_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    for shown in (True, False):
        with progress_bar(shown=shown) as report:
            assert report is None
    assert capfd.readouterr() == ("", "")
