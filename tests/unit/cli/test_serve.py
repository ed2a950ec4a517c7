"""The command that serves the page: what keeps it from starting, and when it asks for a token."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from hybrid_search.cli import run
from hybrid_search.index import HybridIndex


@pytest.fixture
def location(tmp_path: Path) -> Path:
    with HybridIndex(tmp_path / "index", embedder="histogram+hog"):
        return tmp_path / "index"


def test_port_that_is_taken_is_told(location: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert run(["serve", "--index", str(location), "--port", str(port)]) == 2
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err


def test_index_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--index", str(tmp_path / "none"), "--port", "0"]) == 3
    assert "none" in capsys.readouterr().err


@pytest.mark.parametrize(("host", "token"), [("127.0.0.1", False), ("0.0.0.0", True)])
def test_others_need_a_token(
    location: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str, token: bool
) -> None:
    monkeypatch.delenv("HYBRID_SEARCH_TOKEN", raising=False)
    tokens: list[Any] = []

    class NotRun:
        def run(self, sockets: Any) -> None:
            pass

    def keep(index: HybridIndex, *, access: Any) -> None:
        tokens.append(access.token)

    monkeypatch.setattr("hybrid_search.web.web_app", keep)
    monkeypatch.setattr("hybrid_search.web.serving.server", lambda app: NotRun())
    run(["serve", "--index", str(location), "--host", host, "--port", "0"])
    assert len(tokens) == 1 and (tokens[0] is not None) == token
    assert ("?token=" in capsys.readouterr().out) == token
