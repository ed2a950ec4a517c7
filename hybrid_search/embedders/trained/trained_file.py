"""The one format of trained embedders: a single file of arrays, without pickle, and of what they were made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.embedders import Embedder, TextEmbedder
from hybrid_search.embedders.atomic_files import write_whole
from hybrid_search.errors import WeightsMissing
from hybrid_search.errors.remedies import Call

FORMAT = 1
"""Of the files that `save` writes; `load` refuses a later one."""
_METADATA = "metadata"
_REMEDY = Call("hybrid_search.training") + " writes such files"


@dataclass(frozen=True)
class TrainedFile:
    """What a file of a trained embedder holds."""

    path: str
    """Where it was read from."""
    kind: str
    """What was trained, such as "joint"."""
    arrays: Mapping[str, NDArray[Any]]
    """The weights by name."""
    metadata: Mapping[str, Any]
    """What they were made from and how: JSON values."""
    sha256: str
    """Hash of arrays and metadata, in hex; training the same again gives the same, whatever the date."""

    def embedder(self, key: str) -> str:
        """Return the name of an embedder that it was trained with, by its key in the metadata.

        Raises
        ------
        WeightsMissing
            When the metadata has none.
        """
        recorded = self.metadata.get(key)
        name = recorded.get("name") if isinstance(recorded, Mapping) else None
        if not isinstance(name, str):
            raise WeightsMissing(self.path, "it does not say which embedders it was trained with; train it again")
        return name

    def check(self, key: str, embedder: Embedder | TextEmbedder) -> None:
        """Refuse an embedder that is not the one recorded under a key of the metadata.

        Raises
        ------
        WeightsMissing
            When its name, version or dims differ from what `describe` said at the time of training.
        """
        recorded, found = self.metadata.get(key), describe(embedder)
        if recorded != found:
            reason = f"was trained with {_told(recorded)}, this is {_told(found)}; train it again"
            raise WeightsMissing(self.path, reason)


def describe(embedder: Embedder | TextEmbedder) -> dict[str, Any]:
    """Return what metadata records of an embedder: its name, version and dims."""
    return {"name": embedder.name, "version": embedder.version, "dims": embedder.dims}


def save(path: str | Path, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]) -> TrainedFile:
    """Write a trained embedder; a reader, and a crash, see the old file or the new one, whole.

    Parameters
    ----------
    path : str or Path
        Of the file; its folder is made where it is missing.
    arrays : mapping of str to ndarray
        The weights, of numbers or booleans, by name.
    metadata : mapping of str to object
        JSON values; `kind` among them says what was trained. `format` and `created` (UTC) are added.

    Returns
    -------
    TrainedFile
        What `load` of the file gives.

    Raises
    ------
    ValueError
        When the metadata has no `kind` or is not JSON, or an array is of objects or texts or named as the metadata.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = save(f"{folder}/mine.npz", {"weights": np.eye(2)}, {"kind": "joint", "seed": 0})
    ...     load(f"{folder}/mine.npz", kind="joint").metadata["seed"]
    0
    """
    path = Path(path)
    if not isinstance(metadata.get("kind"), str):
        raise ValueError("metadata must say what was trained, as 'kind'")
    for name, array in arrays.items():
        if name == _METADATA or np.asarray(array).dtype.kind not in "biuf":
            raise ValueError(f"array {name!r} must be of numbers and not be called {_METADATA!r}")
    created = datetime.now(timezone.utc).isoformat(timespec="seconds")
    record = {**metadata, "format": FORMAT, "created": created}
    text = json.dumps(record, ensure_ascii=False, allow_nan=False, sort_keys=True)
    content = BytesIO()
    written = {name: np.asarray(array) for name, array in arrays.items()}
    np.savez(content, **{**written, _METADATA: np.frombuffer(text.encode("utf-8"), np.uint8)})  # type: ignore[arg-type]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content.getvalue(), shared=True)
    return load(path)


def load(path: str | Path, *, kind: str = "") -> TrainedFile:
    """Read a file that `save` wrote.

    Parameters
    ----------
    path : str or Path
        Of the file.
    kind : str
        What must have been trained; "" accepts anything.

    Raises
    ------
    WeightsMissing
        When the file is absent, damaged, of a later format, or holds another kind of embedder.
    """
    shown = str(path)
    try:
        # from memory: numpy leaves a damaged file open
        with np.load(BytesIO(Path(path).read_bytes()), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        record = json.loads(arrays.pop(_METADATA).tobytes().decode("utf-8"))
    except OSError as error:
        raise WeightsMissing(shown, error.strerror or str(error), _REMEDY) from error
    except Exception as error:
        # a damaged archive fails in many ways: as a zip, in its compression, in numpy's headers, as JSON; what numpy
        # says of a file that is no archive is to let it run as code
        raise WeightsMissing(shown, "not a file of a trained embedder, or a damaged one", _REMEDY) from error
    if not isinstance(record, dict) or not isinstance(record.get("format"), int) or "kind" not in record:
        reason = "not a file of a trained embedder: its metadata has no format or kind"
        raise WeightsMissing(shown, reason, _REMEDY)
    if record["format"] > FORMAT:
        reason = f"its format is {record['format']}, this version reads {FORMAT}; pip install --upgrade hybrid-search"
        raise WeightsMissing(shown, reason)
    if kind and record["kind"] != kind:
        raise WeightsMissing(shown, f"holds an embedder of kind {record['kind']!r}, not {kind!r}")
    return TrainedFile(
        shown, record["kind"], MappingProxyType(arrays), MappingProxyType(record), _digest(arrays, record)
    )


def _digest(arrays: Mapping[str, NDArray[Any]], record: Mapping[str, Any]) -> str:
    kept = {key: value for key, value in record.items() if key != "created"}
    digest = hashlib.sha256(json.dumps(kept, sort_keys=True).encode("utf-8"))
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype.str} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def _told(described: Any) -> str:
    if not isinstance(described, dict):
        return "an embedder that it does not name"
    return f"{described.get('name')!r} ({described.get('version')}, {described.get('dims')} dims)"
