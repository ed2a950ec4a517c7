#!/usr/bin/env python
"""Kill each command, fill the disk, or break it, at every call that changes a file; then the same command must work.

    python scripts/crash_campaign.py [COMMAND…] [--every N]

Needs Linux and a C compiler for scripts/faults.c, which is preloaded and counts the calls. After each fault: the index
opens (or there is none yet), the same command ends well, what it leaves is what an unbroken run leaves, and no file is
left over. Prints one line for each command, and one for each fault that did harm. Exit code 1: there was one.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import json
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

MODES = {"kill": 1, "full": 2, "broken": 3}
QUIET = ("--no-progress",)
COMMANDS: dict[str, list[str]] = {
    "index": ["--index", "new", "index", "photos", *QUIET, "--embedder", "histogram+hog", "--workers", "1"],
    "index more": ["index", "more", *QUIET, "--workers", "1"],
    "mark": ["index", "fewer", *QUIET, "--workers", "1"],
    "delete": ["delete", "photos/3.png", "photos/4.png", "--yes"],
    "prune": ["prune", "--yes"],
    "migrate": ["migrate", *QUIET],
    "copy": ["copy", "index", "new", *QUIET],
    "embed": ["embed", "colour:lab", *QUIET],
    "embed --again": ["embed", "histogram+hog", "--again", *QUIET],
    "embed --drop": ["embed", "colour:hsv", "--drop", "--yes", *QUIET],
    "embed --default": ["embed", "--default", "colour:hsv"],
    "duplicates apply": ["duplicates", "apply", "choices.json", "--action", "move", "--to", "moved", "--yes"],
    "apart": ["duplicates", "apart", "fewer/0.png", "fewer/copy.png"],
}
"""What is typed, below the campaign's folder; --index index stands before it where nothing else does."""


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code, None after a kill; how many calls changed files; what it wrote to stderr."""

    code: int | None
    calls: int
    said: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commands", nargs="*", metavar="COMMAND", help=f"by default all: {', '.join(COMMANDS)}")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each Nth call")
    parser.add_argument("--modes", default=",".join(MODES), help="kill,full,broken")
    asked = parser.parse_args()
    if "FAULTS_BELOW" not in os.environ:
        return preloaded()
    base = Path(os.environ["FAULTS_BELOW"])
    warm()
    prepare(base)
    harm = 0
    for name in asked.commands or COMMANDS:
        harm += campaign(base, name, every=asked.every, modes=asked.modes.split(","))
    return 1 if harm else 0


def preloaded() -> int:
    """Run this script again with the library in front of the C library, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="campaign-") as name:
        library = Path(name) / "faults.so"
        compiler = shutil.which("cc") or "gcc"
        source = ROOT / "scripts/faults.c"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
        work = Path(name) / "work"
        work.mkdir()
        more = {"LD_PRELOAD": str(library), "FAULTS_BELOW": str(work), "XDG_DATA_HOME": str(work / "data")}
        return subprocess.run([sys.executable, *sys.argv], env={**os.environ, **more}).returncode


def warm() -> None:
    """Import once what every run needs: the runs are forks."""
    import hybrid_search

    left_out = ("training", "keras", "elasticsearch", "kibana", "evaluate", "hub", "onnx", "__main__")
    for module in pkgutil.walk_packages(hybrid_search.__path__, "hybrid_search."):
        if not any(word in module.name for word in left_out):
            importlib.import_module(module.name)
    for name in (
        "tantivy",
        "usearch.index",
        "cv2",
        "PIL.PngImagePlugin",
        "PIL.JpegImagePlugin",
        "luqum.parser",
        "rich",
    ):
        importlib.import_module(name)


def prepare(base: Path) -> None:
    """Make pictures, and an index of two embedders with copies, of which some have vanished."""
    import numpy as np
    from PIL import Image

    start = base / "run"

    def save(name: str, seed: int) -> None:
        path = start / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tiles = Image.fromarray(np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype="u1"))
        tiles.resize((160, 120), Image.Resampling.BICUBIC).save(path)

    for number in range(12):
        save(f"photos/{number}.png", number)
    for number in range(6):
        save(f"more/{number}.png", 100 + number)
        save(f"fewer/{number}.png", 200 + number)
    with Image.open(start / "fewer/0.png") as picture:
        picture.save(start / "fewer/copy.png", compress_level=1)
    embedders = ["--embedder", "histogram+hog", "--embedder", "colour:hsv"]
    run(start, ["index", "photos", "fewer", *QUIET, *embedders], expect=0)
    for gone in ("photos/0.png", "photos/1.png"):
        (start / gone).unlink()
    run(start, ["index", "photos", *QUIET], expect=0)
    (start / "fewer/5.png").unlink()
    run(start, ["duplicates", *QUIET, "--html", "page.html"], expect=0)
    (start / "choices.json").write_text(json.dumps(choices((start / "page.html").read_text())))
    # what is indexed must look unchanged in each run: the same paths, the same times
    start.rename(base / "start")


def choices(page: str) -> dict[str, object]:
    """Return what the script of a page of duplicates exports when the first file of each group is to stay."""
    groups = []
    for section in re.findall(r"<section(.*?)</section>", page, re.DOTALL):
        files = [json.loads(unescape(stored)) for stored in re.findall(r'data-file="(.*?)"', section)]
        for number, file in enumerate(files):
            file["choice"] = "remove" if number else "keep"
        group = json.loads(unescape(re.findall(r'data-group="(.*?)"', section)[0]))
        groups.append({"group": group, "reviewed": True, "files": files})
    return {"kind": "hybrid-search duplicates", "version": 1, "report": "", "groups": groups}


def campaign(base: Path, name: str, *, every: int, modes: list[str]) -> int:
    """Break one command at each of its calls; returns how often that did harm."""
    words, started = COMMANDS[name], time.perf_counter()
    work = fresh(base)
    whole = run(work, words, mode="count")
    wanted = state(work, words)
    harm = faults = 0
    for mode in modes:
        for number in range(1, whole.calls + 1, every):
            work = fresh(base)
            broken = run(work, words, mode=mode, at=number)
            faults += 1
            for problem in problems(work, words, broken, wanted, whole):
                harm += 1
                print(f"  {name}: {mode} at call {number}: {problem}", flush=True)
    seconds = time.perf_counter() - started
    print(f"{name}: {whole.calls} calls, {faults} faults, {harm} did harm ({seconds:.0f} s)", flush=True)
    return harm


def problems(work: Path, words: list[str], broken: Ended, wanted: object, whole: Ended) -> list[str]:
    """Return what is wrong after a command was broken and typed again."""
    found = []
    if "Traceback" in broken.said or "defect" in broken.said or broken.said.count("\n") > 8:
        found.append(f"ended with {broken.said[:300]!r}")
    looked = run(work, ["--index", place(words), "info"])
    if looked.code != 0 and not (words[-1] == "--default" or "no index" in looked.said):
        found.append(f"the index does not open: {looked.said[:300]!r}")
    again = run(work, words)
    # a command that was killed after its last step has nothing left to do
    done = ("there is an index already",) if words[0] == "copy" else ("so there is nothing to remove",)
    ended_well = again.code in (0, 1, whole.code) or any(each in again.said for each in done)
    if not ended_well:
        found.append(f"the same command ends with {again.code}: {again.said[:300]!r}")
    elif (now := state(work, words)) != wanted:
        found.append(f"what is left is not what an unbroken run leaves: {now} and not {wanted}")
    return found


def place(words: list[str]) -> str:
    return "new" if "new" in words else "index"


def state(work: Path, words: list[str]) -> object:
    """Return the documents and what they hold, and files of the index that nothing accounts for."""
    return in_child(lambda: _state(work / place(words)))


def _state(index: Path) -> object:
    from hybrid_search.backends.embedded import EmbeddedBackend

    backend = EmbeddedBackend(index / "images", writable=False)
    held = {
        source.get("path", id): [
            bool(source.get("missing")),
            sorted(source.get("embedding") or {}),
            sorted(str(entry.get("path")) for entry in source.get("files") or ()),
        ]
        for id, source in backend.scan(vectors=True)
    }
    meta = json.loads((index / "images/tantivy/meta.json").read_bytes())
    segments = {segment["segment_id"].replace("-", "") for segment in meta["segments"]}
    spare = sorted(path.name for path in index.iterdir() if path.name != "images")
    for path in (index / "images").rglob("*"):
        unnamed = path.parent.name == "tantivy" and path.name[:32] not in segments and len(path.name) > 33
        if path.suffix == ".draft" or path.name.startswith(".tmp") or unnamed:
            spare.append(path.name)
    default = backend.definition()["mappings"]["_meta"].get("default_embedding")
    backend.close()
    return json.loads(json.dumps([held, default, spare]))


def fresh(base: Path) -> Path:
    work = base / "run"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(base / "start", work)
    return work


def run(work: Path, words: list[str], *, mode: str = "off", at: int = 0, expect: int | None = None) -> Ended:
    """Type a command in a process of its own, with a fault at one of its calls."""
    said = work / ".said"

    def typed() -> object:
        from hybrid_search import cli

        library = ctypes.CDLL(os.environ["LD_PRELOAD"])
        library.faults_arm(MODES.get(mode, 9 if mode == "count" else 0), ctypes.c_long(at))
        code = cli.run(words if "--index" in words or words[0] == "copy" else ["--index", "index", *words])
        calls = library.faults_calls()
        library.faults_arm(0, ctypes.c_long(0))
        return [code, calls]

    answer = in_child(typed, folder=work, said=said)
    text = said.read_text(errors="replace")
    said.unlink()
    ended = Ended(*answer, text) if isinstance(answer, list) else Ended(None, 0, text)
    if expect is not None and ended.code != expect:
        raise SystemExit(f"{' '.join(words)} ended with {ended.code}: {text}")
    return ended


def in_child(work: Callable[[], object], *, folder: Path | None = None, said: Path | None = None) -> object:
    """Run a function in a fork, and return what it returns as JSON; None when it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        with os.fdopen(reading) as pipe:
            text = pipe.read()
        os.waitpid(child, 0)
        return json.loads(text) if text else None
    try:
        os.close(reading)
        if folder:
            os.chdir(folder)
        if said:
            handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(handle, 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        answer = json.dumps(work())
    except BaseException:
        answer = json.dumps(traceback.format_exc())
    os.write(writing, answer.encode())
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
