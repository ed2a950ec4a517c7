"""What a terminal is sent: colours and links of the program's own, everything else escaped."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import pytest

from hybrid_search.cli.commands.show import _print_fields
from hybrid_search.cli.output import terminal
from hybrid_search.cli.output.hit_formats import print_hits
from hybrid_search.cli.output.progress_bar import progress_bar
from hybrid_search.hits.hits import Hit, Hits
from hybrid_search.ingest import Progress


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


Show = Callable[[], None]


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Give a function that calls another with a terminal as stdout, and returns what the terminal was sent."""
    pty = pytest.importorskip("pty", reason="pseudo-terminals are a thing of Unix")

    def call(show: Show, **environment: str) -> str:
        controller, terminal_end = pty.openpty()
        with monkeypatch.context() as patched, ThreadPoolExecutor(1) as pool:
            for name in ("NO_COLOR", "FORCE_COLOR"):
                patched.delenv(name, raising=False)
            for name, value in {"TERM": "xterm-256color", "COLUMNS": "80", **environment}.items():
                patched.setenv(name, value)
            sent = pool.submit(_all_of, controller)
            with open(terminal_end, "w", encoding="utf-8") as screen:
                patched.setattr(sys, "stdout", screen)
                show()
            return sent.result().decode()

    return call


def _all_of(controller: int) -> bytes:
    with open(controller, "rb", buffering=0) as file:
        sent = bytearray()
        # Linux says EIO when the other end has closed
        with suppress(OSError):
            while part := file.read(65536):
                sent += part
        return bytes(sent)


def table(form: str = "table", *, name: str = "dog.jpg") -> Show:
    evil = "[red]\x1b]0;owned\x07[/red]"
    path = "/photos/" + "long/" * 30 + name
    source = {"caption": "two dogs " + evil, "path": [path], "iso": 100, "missing": True}
    hit = Hit(1, "a1", 0.0328, {"text": 12.3, "vector": 0.5}, None, source, ("term:dog@caption",), ("b2", "c3"))
    hits = Hits((hit,), facets={"camera.make": {"canon " + evil: 3}})
    return lambda: print_hits(hits, form, fields=["iso"] if form == "table" else ())


def test_terminal_table_has_colours_and_escapes_what_is_not_its_own(on_terminal: Callable[..., str]) -> None:
    sent = on_terminal(table())
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


def test_no_color_is_respected(on_terminal: Callable[..., str]) -> None:
    sent = on_terminal(table(), NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", sent)


def test_paths_on_a_terminal_are_escaped(on_terminal: Callable[..., str]) -> None:
    assert on_terminal(table("paths", name="d\x1bog.jpg")).endswith("d\\x1bog.jpg\r\n")


def test_fields_of_a_document_on_a_terminal(on_terminal: Callable[..., str]) -> None:
    fields = partial(_print_fields, {"caption": "a\x1bb", "iso": 100})
    assert on_terminal(fields) == "\x1b[1mcaption\x1b[0m  a\\x1bb\r\n\x1b[1miso    \x1b[0m  100\r\n"
    assert on_terminal(fields, NO_COLOR="1") == "caption  a\\x1bb\r\niso      100\r\n"


def test_progress_counts_and_names_without_escapes(
    on_terminal: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def show() -> None:
        monkeypatch.setattr(sys, "stderr", sys.stdout)
        with progress_bar(shown=True) as report:
            assert report is not None
            for done in range(1, 4):
                report(Progress(done=done, total=3, failed=1, path="/photos/a\x1b]0;b.jpg"))

    sent = on_terminal(show)
    assert "3/3" in sent
    assert "1 failed" in sent
    assert "a\\x1b]0;b.jpg" in sent
    assert "\x1b]0;" not in sent


def test_progress_is_silent_without_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    for shown in (True, False):
        with progress_bar(shown=shown) as report:
            assert report is None
    assert capfd.readouterr() == ("", "")
