"""Bringing models: the hub's library against a hub on this machine, in a process of its own as a user has it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hybrid_search.embedders.registry import get_embedder
from tests.support import tiny_models
from tests.support.tiny_hub import COMMIT, TinyHub, running
from tests.support.tiny_models import Tiny

NAME = "clip:tiny/clip"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[TinyHub]:
    root = tmp_path / "offered"
    tiny_models.transformers_clip(root / "tiny" / "clip", Tiny())
    (root / "tiny" / "clip" / "README.md").write_text("not needed")
    (root / "tiny" / "clip" / "onnx" / "model.onnx").write_bytes(b"both sides in one, not needed" * 200)
    tiny_models.transformers_siglip(root / "tiny" / "siglip", Tiny(length=64), weights=True)
    tiny_models.fastembed(root / "tiny" / "vision", root / "tiny" / "text", Tiny())
    tiny_models.rclip(root / "tiny" / "rclip-models", Tiny())
    tiny_models.dino(root / "tiny" / "dino", Tiny())
    with running(root) as found:
        yield found


def run(hub: TinyHub, tmp_path: Path, code: str, **variables: str) -> dict[str, Any]:
    """Run Python that puts what it found into `found`; return that, or the last line of its traceback as "error"."""
    environment = {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "hf"),
        "HYBRID_SEARCH_CACHE": str(tmp_path / "cache"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",
        "HOME": str(tmp_path),
        "PATH": "",
        **variables,
    }
    head = (
        "import json\nfrom hybrid_search.embedders.hub.download import fetch\n"
        "from hybrid_search.embedders.registry import get_embedder\nfound = {}\n"
    )
    program = f"{head}{code}\nprint(json.dumps(found))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False, timeout=120
    )
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1]}
    found: dict[str, Any] = json.loads(done.stdout)
    return {**found, "stderr": done.stderr}


USE = """
e = get_embedder({name!r})
found["texts"] = e.embed_texts(["a red dog"]).tolist() if e.embeds_text else None
from PIL import Image
found["images"] = e.embed_images([Image.new("RGB", (40, 30), "red")]).tolist()
found["version"], found["name"] = e.version, e.name
"""


@pytest.mark.parametrize("beside", [True, False])
def test_one_graph_for_both_sides_comes_with_its_vocabulary(beside: bool, hub: TinyHub, tmp_path: Path) -> None:
    tiny_models.optimum_clip(hub.root / "tiny" / "both", Tiny(), weights="model.onnx_data" if beside else None)
    both = run(hub, tmp_path, USE.format(name="clip:tiny/both"))
    assert sorted(hub.starts) == [
        "config.json",
        "onnx/model.onnx",
        *(["onnx/model.onnx_data"] if beside else []),
        "preprocessor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    # the same weights as those of the model in two files
    each = run(hub, tmp_path, USE.format(name=NAME))
    assert both["texts"][0] == pytest.approx(each["texts"][0], abs=2e-6)
    assert both["images"][0] == pytest.approx(each["images"][0], abs=2e-6)
    offline = run(hub, tmp_path, USE.format(name="clip:tiny/both"), HF_HUB_OFFLINE="1")
    assert (offline["images"], offline["version"]) == (both["images"], both["version"])


def test_only_what_is_needed_is_brought_and_only_once(hub: TinyHub, tmp_path: Path) -> None:
    first = run(hub, tmp_path, USE.format(name=NAME))
    assert sorted(hub.starts) == [
        "config.json",
        "onnx/text_model.onnx",
        "onnx/vision_model.onnx",
        "preprocessor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert first["stderr"] == "", "nothing is drawn where stderr is no terminal"
    assert first["name"] == NAME and first["version"].startswith(f"{COMMIT[:12]}-fp32-")
    local = get_embedder(f"clip:{tmp_path / 'offered' / 'tiny' / 'clip'}")
    assert local.embed_texts(["a red dog"]).tolist() == first["texts"]
    asked = len(hub.asked)
    assert run(hub, tmp_path, USE.format(name=NAME)) == first
    assert len(hub.asked) == asked, "what is here is opened without a question to the hub"


def test_weights_beside_the_graph_are_brought_and_load_from_the_cache(hub: TinyHub, tmp_path: Path) -> None:
    found = run(hub, tmp_path, USE.format(name="siglip:tiny/siglip"))
    assert "onnx/vision_model.onnx_data" in hub.starts and len(found["images"][0]) == 6


def test_a_model_that_has_no_texts_is_asked_for_them_once(hub: TinyHub, tmp_path: Path) -> None:
    (tmp_path / "offered" / "tiny" / "clip" / "onnx" / "text_model.onnx").unlink()
    first = run(hub, tmp_path, USE.format(name=NAME))
    assert first["texts"] is None
    asked = len(hub.asked)
    assert run(hub, tmp_path, USE.format(name=NAME)) == first and len(hub.asked) == asked


@pytest.mark.parametrize(
    "name",
    ["dino:tiny/dino", "clip:tiny/rclip-models", "clip:tiny/rclip-models/ViT-B-32-256-datacomp_s34b_b86k"],
)
def test_other_layouts(name: str, hub: TinyHub, tmp_path: Path) -> None:
    first = run(hub, tmp_path, USE.format(name=name))
    assert len(first["images"][0]) == 6, first


def test_sides_in_two_repositories(hub: TinyHub, tmp_path: Path) -> None:
    name = "clip:tiny/vision?text=tiny/text"
    first = run(hub, tmp_path, USE.format(name=name))
    assert len(first["texts"][0]) == 6 and first["name"] == name
    asked = len(hub.asked)
    assert run(hub, tmp_path, USE.format(name=name)) == first and len(hub.asked) == asked


def test_progress_counts_bytes_to_the_end(hub: TinyHub, tmp_path: Path) -> None:
    code = f"seen = []\nfetch({NAME!r}, progress=lambda done, total: seen.append((done, total)))\nfound['seen'] = seen"
    seen = run(hub, tmp_path, code)["seen"]
    total = sum(len((tmp_path / "offered" / "tiny" / "clip" / name).read_bytes()) for name in hub.starts)
    assert {each for _, each in seen} == {total} and seen[-1][0] == total
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_a_broken_connection_is_taken_up_where_it_broke(hub: TinyHub, tmp_path: Path) -> None:
    # the hub's library writes pieces of 10 MB
    name, size = "onnx/vision_model.onnx_data", 24_000_000
    (tmp_path / "offered" / "tiny" / "clip" / name).write_bytes(bytes(size))
    hub.cut_after[name] = 15_000_000
    found = run(hub, tmp_path, f"found['folder'] = str(fetch({NAME!r}))")
    assert (Path(found["folder"]) / name).stat().st_size == size
    assert "resume" in found["stderr"] and hub.starts[name][0] == 0 and hub.starts[name][1] > 9_000_000


def test_half_a_model_is_not_taken_for_a_whole_one(hub: TinyHub, tmp_path: Path) -> None:
    hub.wrong_hash.add("onnx/vision_model.onnx")
    failed = run(hub, tmp_path, USE.format(name=NAME))
    assert "WeightsMissing" in failed["error"] and "its sha256 is" in failed["error"]
    hub.wrong_hash.clear()
    hub.starts.clear()
    assert len(run(hub, tmp_path, USE.format(name=NAME))["images"][0]) == 6
    assert list(hub.starts) == ["onnx/vision_model.onnx"], "what was whole is not brought again"


def test_what_another_program_left_without_texts_is_completed(hub: TinyHub, tmp_path: Path) -> None:
    run(hub, tmp_path, f"fetch({NAME!r})")
    (snapshot,) = (tmp_path / "hf" / "hub" / "models--tiny--clip" / "snapshots").iterdir()
    (snapshot / "onnx" / "text_model.onnx").unlink()
    hub.starts.clear()
    found = run(hub, tmp_path, USE.format(name=NAME))
    assert found["texts"] is not None


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("clip:tiny/none", ["ModelMissing", "there is no folder tiny/none, and no such repository", "hf auth login"]),
        ("clip:tiny/gated", ["ModelMissing", "only given to those who accepted its terms", "hf auth login"]),
        ("clip:tiny/clip?revision=v9", ["BadEmbedderOption", "'revision'", "tiny/clip has no 'v9'"]),
        ("clip:tiny/clip?dtype=int8", ["BadEmbedderOption", "no int8", "there are: fp32"]),
        ("clip:tiny/text", ["WeightsMissing", "takes no pictures"]),
    ],
)
def test_what_cannot_be_had_is_told(name: str, parts: list[str], hub: TinyHub, tmp_path: Path) -> None:
    hub.gated.add("tiny/gated")
    error = run(hub, tmp_path, USE.format(name=name))["error"]
    assert all(part in error for part in parts), error


def test_a_revision_is_pinned(hub: TinyHub, tmp_path: Path) -> None:
    name = f"clip:tiny/clip?revision={COMMIT}"
    first = run(hub, tmp_path, USE.format(name=name))
    assert first["name"] == name and first["version"].startswith(COMMIT[:12])
    asked = len(hub.asked)
    assert run(hub, tmp_path, USE.format(name=name)) == first and len(hub.asked) == asked


def test_a_folder_of_your_own_is_not_fetched(hub: TinyHub, tmp_path: Path) -> None:
    folder = tmp_path / "offered" / "tiny" / "clip"
    found = run(hub, tmp_path, f"found['folder'] = str(fetch('clip:{folder}'))")
    assert found["folder"] == str(folder) and hub.asked == []
