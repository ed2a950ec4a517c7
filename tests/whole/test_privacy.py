"""Nobody is told: no name is looked up, no connection made, and no library leaves notes of its own about the user."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import hybrid_search
from hybrid_search.embedders.onnx_runtime import onnx_runtime
from tests.support.alone import obstacle, packets_of
from tests.support.fakes import photo, save_photo

ROOT = Path(hybrid_search.__file__).parent.parent
MAIN_PATHS = (
    ("index", "photos", "--captions", "captions.csv"),
    ("search", "boats in a harbour", "--image", "copy.jpg"),
    ("duplicates", "--html", "copies.html"),
)
RUN = "import sys; from hybrid_search.cli import run; sys.exit(any([run(line) for line in eval(sys.argv[1])]))"


@pytest.fixture(scope="module")
def alone() -> None:
    if reason := obstacle():
        pytest.skip(f"whom a command tells cannot be seen here: {reason}")


def told(folder: Path, *command: str) -> list[str]:
    """Run Python on a machine of its own, as it were: no variable that could keep a library quiet is passed on."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
    packets, ran = packets_of([sys.executable, *command], record=folder / "packets.json", environment=environment)
    assert ran.returncode == 0, ran.stderr
    return packets


def left(folder: Path) -> set[str]:
    return {path.relative_to(folder / "home").as_posix() for path in (folder / "home").rglob("*") if path.is_file()}


@pytest.mark.usefixtures("alone")
def test_what_is_looked_up_or_asked_would_be_seen(tmp_path: Path) -> None:
    code = """if True:
        import contextlib, socket
        for host in ("stranger.example", "192.0.2.1", "2001:db8::1"):
            with contextlib.suppress(OSError):
                socket.create_connection((host, 443), timeout=9)"""
    packets = told(tmp_path, "-c", code)
    assert {packet.split(":53 ")[-1] for packet in packets} == {
        "stranger.example",
        "tcp 192.0.2.1:443",
        "tcp [2001:db8::1]:443",
    }


@pytest.mark.usefixtures("alone")
def test_indexing_and_searching_tell_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(2):
        save_photo(tmp_path / "photos" / f"{seed}.png", seed)
    photo(0).save(tmp_path / "copy.jpg", quality=80)
    photo(0).save(tmp_path / "photos" / "again.jpg", quality=80)
    (tmp_path / "captions.csv").write_text("path,caption\n0.png,boats in a harbour\n")
    monkeypatch.chdir(tmp_path)
    assert told(tmp_path, "-c", RUN, repr(MAIN_PATHS)) == []
    assert {re.sub(r"^(\.cache|\.local/share)/hybrid-search/.*", "ours", name) for name in left(tmp_path)} == {"ours"}
    page = (tmp_path / "copies.html").read_text(encoding="utf-8")
    assert not re.findall(r"https?://|//[a-z]+\.[a-z]+|@import|<link|<iframe", page), (
        "a page that loads what is not in it"
    )


def imports(path: Path) -> set[str]:
    """Return the top packages that a module imports, wherever in it, where ONNX Runtime may be among them."""
    names: set[str] = set()
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text if "onnxruntime" in text else "")):
        given: Sequence[str] = ()
        if isinstance(node, ast.Import):
            given = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            given = [node.module or ""]
        names |= {name.split(".")[0] for name in given}
    return names


def test_one_module_loads_onnx_runtime() -> None:
    package = ROOT / "hybrid_search"
    found = {path.relative_to(package).as_posix() for path in package.rglob("*.py") if "onnxruntime" in imports(path)}
    assert found == {"embedders/onnx_runtime.py"}
    sessions = [
        path.relative_to(ROOT).as_posix()
        for folder in (package, ROOT / "scripts", ROOT / "examples")
        for path in folder.rglob("*.py")
        if "InferenceSession" in path.read_text(encoding="utf-8")
    ]
    assert sessions == ["hybrid_search/embedders/onnx_session.py"], "all others use OnnxSession"


def test_what_loads_onnx_runtime_by_itself_has_loaded_the_package_before() -> None:
    """Importing the package sets the variable; formatters put the imports of others at the top, before it."""
    for folder in ("scripts", "examples"):
        for path in (ROOT / folder).rglob("*.py"):
            if "onnxruntime" in imports(path):
                assert "hybrid_search" in imports(path), path
                top = ast.parse(path.read_text(encoding="utf-8")).body
                first = [node for node in top if "onnxruntime" in ast.unparse(node).split("\n")[0]]
                assert not [node for node in first if isinstance(node, (ast.Import, ast.ImportFrom))], path
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1", "conftest.py imports the package before any test is imported"


def test_telemetry_is_off_by_the_variable_and_by_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    calls: list[str] = []
    monkeypatch.setattr(onnxruntime, "disable_telemetry_events", lambda: calls.append("off"))
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    assert onnx_runtime("lite") is onnxruntime
    assert (calls, os.environ["ORT_DISABLE_TELEMETRY"]) == (["off"], "1")


def test_the_libraries_of_the_hub_count_nothing() -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    assert constants.HF_HUB_DISABLE_TELEMETRY
    config = getattr(pytest.importorskip("hf_xet"), "XetConfig", None)
    if config is None:
        pytest.skip("this hf_xet does not show its settings")
    assert config().get("telemetry.enabled") is False
