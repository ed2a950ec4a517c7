"""What is missing, damaged or misnamed is told with what to do, at once and without any network."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto, helper

from hybrid_search.embedders.hub.model_name import ModelName, parse
from hybrid_search.embedders.registry import get_embedder
from hybrid_search.errors import BadEmbedderOption, EmbedderUnavailable, ModelMissing, UnknownEmbedder, WeightsMissing
from tests.support import tiny_models
from tests.support.fakes import photo
from tests.support.tiny_models import Tiny


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_models.transformers_clip(tmp_path / "model", Tiny())
    return tmp_path / "model"


def test_a_missing_tokenizer_is_named(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    reason = r"neither tokenizer.json nor bpe_simple_vocab_16e6.txt.gz for onnx/text_model.onnx; copy it beside"
    with pytest.raises(ModelMissing, match=reason):
        get_embedder(f"clip:{folder}")


def test_a_missing_preparation_is_taken_from_the_table_and_said(folder: Path) -> None:
    (folder / "preprocessor_config.json").unlink()
    embedder: Any = get_embedder(f"clip:{folder}")
    assert embedder.assumed == ("pictures: assumed for clip",)
    assert embedder.embed_images([photo(1)]).shape == (1, 6)


def test_sides_of_different_models_are_told(folder: Path) -> None:
    tiny_models.save(tiny_models.text_model(Tiny(dims=8)), folder / "onnx" / "text_model.onnx")
    with pytest.raises(ModelMissing, match=r"vectors of pictures have 6 numbers, those of texts 8; take both from one"):
        get_embedder(f"clip:{folder}")


def test_sides_of_different_models_that_do_not_say_so_are_told(folder: Path) -> None:
    tiny_models.save(tiny_models.text_model(Tiny(dims=8), states_dims=False), folder / "onnx" / "text_model.onnx")
    embedder = get_embedder(f"clip:{folder}")
    with pytest.raises(ModelMissing, match=r"vectors with 8 numbers come out, not 6"):
        embedder.embed_texts(["dog"])


@pytest.mark.parametrize("name", ["vision_model.onnx", "text_model.onnx"])
def test_a_truncated_network_is_told(name: str, folder: Path) -> None:
    path = folder / "onnx" / name
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsMissing, match=rf"{name}: is no whole ONNX file .*; bring it again"):
        get_embedder(f"clip:{folder}")


def test_a_network_that_cannot_be_run_is_told(folder: Path) -> None:
    model = tiny_models.image_model(Tiny())
    model.graph.node[0].op_type = "NoSuchOperator"
    (folder / "onnx" / "vision_model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(WeightsMissing, match=r"vision_model.onnx: ONNX Runtime cannot run it: .*NoSuchOperator"):
        get_embedder(f"clip:{folder}").embed_images([photo(1)])


def test_an_unknown_dtype_lists_the_known(folder: Path) -> None:
    with pytest.raises(BadEmbedderOption, match=r"'dtype': there is no 'fp64'; known: fp32, fp16, q8"):
        get_embedder(f"clip:{folder}?dtype=fp64")


def test_a_missing_dtype_lists_what_is_there(folder: Path) -> None:
    tiny_models.transformers_clip(folder, Tiny(), suffix="_quantized")
    with pytest.raises(BadEmbedderOption, match=r"no int8 of the side for pictures; there are: fp32, q8"):
        get_embedder(f"clip:{folder}?dtype=int8")
    (folder / "onnx" / "text_model_quantized.onnx").unlink()
    with pytest.raises(BadEmbedderOption, match=r"no q8 of the side for texts; there are: fp32"):
        get_embedder(f"clip:{folder}?dtype=q8")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("clip", "'model': name a folder or a repository: clip:FOLDER"),
        ("clip:FOLDER?threads=many", "'threads': 'many' is not a whole number"),
        ("clip:FOLDER?batch_size=0", r"'batch_size': it must be at least 1 \(got 0\)"),
        ("clip:FOLDER?size=3", "'size': known: dtype, revision, text, batch_size"),
    ],
)
def test_wrong_options_are_told(name: str, reason: str, folder: Path) -> None:
    with pytest.raises(BadEmbedderOption, match=reason):
        get_embedder(name.replace("FOLDER", str(folder)))


def test_other_networks_are_told(folder: Path) -> None:
    vision = folder / "onnx" / "vision_model.onnx"
    shutil.copy(folder / "onnx" / "text_model.onnx", vision)
    with pytest.raises(WeightsMissing, match=r"vision_model.onnx: takes no pictures"):
        get_embedder(f"clip:{folder}")
    tiny_models.save(tiny_models.image_model(Tiny()), vision)
    shutil.copy(vision, folder / "onnx" / "text_model.onnx")
    with pytest.raises(WeightsMissing, match=r"text_model.onnx: takes no texts"):
        get_embedder(f"clip:{folder}")


def test_inputs_that_nobody_knows_are_told(folder: Path) -> None:
    vision = tiny_models.image_model(Tiny())
    vision.graph.input.append(helper.make_tensor_value_info("scale", TensorProto.FLOAT, [1]))
    tiny_models.save(vision, folder / "onnx" / "vision_model.onnx")
    with pytest.raises(WeightsMissing, match=r"vision_model.onnx: wants more than pictures: scale$"):
        get_embedder(f"clip:{folder}")


def test_a_graph_without_a_known_vector_is_told(folder: Path) -> None:
    tiny_models.save(tiny_models.image_model(Tiny(), gives="last_hidden_state"), folder / "onnx" / "vision_model.onnx")
    with pytest.raises(WeightsMissing, match=r"no vector that is known by its name, only last_hidden_state"):
        get_embedder(f"clip:{folder}")


def test_numbers_that_are_none_are_told(folder: Path) -> None:
    broken = Tiny()
    broken.weights["head"][0, 0] = float("inf")
    broken.weights["head"][1, 0] = float("-inf")
    tiny_models.save(tiny_models.image_model(broken), folder / "onnx" / "vision_model.onnx")
    with pytest.raises(WeightsMissing, match="numbers that are not finite"):
        get_embedder(f"clip:{folder}").embed_images([photo(1)])


def test_a_folder_of_nothing_and_one_of_several(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="no file in it turns pictures into vectors; give the folder that holds"):
        get_embedder(f"clip:{tmp_path}")
    for name in ("a", "b"):
        tiny_models.save(
            tiny_models.image_model(Tiny(), takes="input", gives="output"), tmp_path / name / "visual.onnx"
        )
    with pytest.raises(
        ModelMissing, match=r"several models in it: a/visual.onnx, b/visual.onnx; name the folder of one"
    ):
        get_embedder(f"clip:{tmp_path}")


def test_a_folder_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelMissing, match=rf"there is no folder {tmp_path}/nowhere; give the folder by its whole"):
        get_embedder("clip:./nowhere")
    with pytest.raises(ModelMissing, match=rf"there is no folder nowhere in {tmp_path}; give the folder by its whole"):
        get_embedder("clip:nowhere")
    with pytest.raises(UnknownEmbedder):
        get_embedder("clop:x/y")


OFFLINE = (
    "siglip:Xenova/siglip-base-patch16-224?dtype=fp16",
    'hf download Xenova/siglip-base-patch16-224 --include "*.json" --include "*vision_model_fp16.onnx*"'
    ' --include "*text_model_fp16.onnx*" --local-dir siglip-base-patch16-224',
)


@pytest.mark.parametrize("offline", [True, False], ids=["told to be offline", "no such host"])
def test_without_the_hub_the_command_to_run_elsewhere_is_told_at_once(offline: bool, tmp_path: Path) -> None:
    name, command = OFFLINE
    code = f"from hybrid_search.embedders.registry import get_embedder; get_embedder({name!r})"
    environment = {"HF_HOME": str(tmp_path), "PATH": "", "HOME": str(tmp_path), "HF_HUB_DISABLE_TELEMETRY": "1"}
    environment |= {"HF_HUB_OFFLINE": "1"} if offline else {"HF_ENDPOINT": "http://hub.invalid"}
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert time.monotonic() - start < 30
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("hybrid_search.errors.embedding.ModelMissing") and command in last
    assert ("HF_HUB_OFFLINE is set" if offline else "the hub cannot be reached") in last
    taken = f"siglip:{Path.cwd()}/siglip-base-patch16-224?dtype=fp16"
    # before 1.0 its program kept the last of several patterns alone
    assert "(pip install 'huggingface_hub>=1')" in last
    assert f"copy the folder siglip-base-patch16-224 to {Path.cwd()}, and take {taken}" in last
    assert done.stdout == ""


def test_without_the_hubs_library_its_command_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(EmbedderUnavailable, match=r"pip install 'huggingface_hub>=1' .*or on a machine"):
        get_embedder("dino:Xenova/dinov2-small")


@pytest.mark.parametrize(
    ("name", "command"),
    [
        (
            "clip:immich-app/ViT-B-32__openai?revision=main",
            'hf download immich-app/ViT-B-32__openai --revision main --include "*.json" --include "visual/*"'
            ' --include "textual/*" --exclude "*.armnn" --exclude "*.rknn" --local-dir ViT-B-32__openai',
        ),
        (
            "clip:yurijmikhalevich/rclip-models/ViT-B-32-256-datacomp_s34b_b86k",
            'hf download yurijmikhalevich/rclip-models --include "ViT-B-32-256-datacomp_s34b_b86k/*.onnx"'
            ' --include "*.gz" --local-dir rclip-models',
        ),
        (
            "clip:Qdrant/clip-ViT-B-32-vision?text=Qdrant/clip-ViT-B-32-text",
            'hf download Qdrant/clip-ViT-B-32-vision --include "*.json" --include "*.onnx*"'
            " --local-dir clip-ViT-B-32-vision",
        ),
    ],
)
def test_commands_for_each_layout(name: str, command: str) -> None:
    wanted = parse(name)
    assert wanted.command(wanted.model) == command
    assert wanted.name == name


def test_the_command_is_one_that_the_hubs_program_reads(tmp_path: Path) -> None:
    arguments = (
        ModelName("clip", "Xenova/clip-vit-base-patch32").command("Xenova/clip-vit-base-patch32").replace('"', "")
    )
    program = Path(sys.executable).with_name("hf")
    if not program.is_file():
        pytest.skip("the program hf is not installed beside this Python")
    environment = {"HF_HOME": str(tmp_path), "HF_ENDPOINT": "http://hub.invalid", "HOME": str(tmp_path)}
    done = subprocess.run(
        [str(program), *arguments.split()[1:], "--dry-run"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        cwd=tmp_path,
    )
    said = done.stdout + done.stderr
    assert "repository cannot be accessed" in said, "it understood the arguments, and then wanted the hub"
