"""Where a model's files are on this machine: a folder, or the hub's own cache; nothing here reaches a network."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hybrid_search.embedders.hub.layout import Side, available, find_image_side, find_text_side, same_for_texts
from hybrid_search.embedders.hub.model_name import ModelName, Repository, repository_of
from hybrid_search.errors import BadEmbedderOption, ModelMissing

_DEEPEST = 3
_MOST = 10_000
_TOKENIZER = "tokenizer/bpe_simple_vocab_16e6.txt.gz"


@dataclass(frozen=True)
class Place:
    """A folder with a model's files.

    Parameters
    ----------
    folder : Path
        From which the paths of `files` go.
    files : tuple of str
        What is there.
    commit : str
        The hub's identifier of this version; empty for a folder of your own.
    """

    folder: Path
    files: tuple[str, ...]
    commit: str = ""


def find_place(model: str, *, revision: str | None) -> Place | None:
    """Return where a model is on this machine, None when it is not.

    Parameters
    ----------
    model : str
        A folder, or a repository of the hub.
    revision : str, optional
        A branch, tag or commit; by default the hub's "main".
    """
    if (folder := Path(os.path.expanduser(model))).is_dir():
        return _folder(folder)
    repository = repository_of(model)
    return None if repository is None else _cached(repository, revision or "main")


def hub_cache() -> Path:
    """Return where the hub's library keeps what it brings (`HF_HUB_CACHE`, `HF_HOME`), found without importing it."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    given = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE") or Path(home) / "hub"
    return Path(os.path.expanduser(os.path.expandvars(given)))


def cache_of(repository: Repository) -> Path:
    """Return the folder of a repository in the hub's cache."""
    return hub_cache() / f"models--{repository.owner}--{repository.name}"


def image_side(files: Collection[str], wanted: ModelName) -> Side:
    """Return the side that takes pictures.

    Raises
    ------
    BadEmbedderOption
        When it is not there with numbers of the type that is wanted; the message lists those that are.
    ModelMissing
        When there is none, or more than one.
    """
    side = _checked(files, wanted, text=False, alone=False)
    if side is None:
        raise ModelMissing(wanted.name, "no file in it turns pictures into vectors", wanted.remedy(wanted.model))
    return side


def text_side(files: Collection[str], wanted: ModelName, *, alone: bool = False) -> Side | None:
    """Return the side that takes texts, None when the model has none.

    Parameters
    ----------
    alone : bool
        These files are those of the text side only.

    Raises
    ------
    BadEmbedderOption, ModelMissing
        As `image_side`; also when it comes without a vocabulary.
    """
    side = _checked(files, wanted, text=True, alone=alone)
    where = wanted.text if alone and wanted.text else wanted.model
    if side is None:
        if alone:
            raise ModelMissing(wanted.name, f"no file in {where} turns texts into vectors", wanted.remedy(where))
        return None
    return _with_vocabulary(side, wanted, where)


def text_side_of_both(side: Side, files: Collection[str], wanted: ModelName) -> Side:
    """Return the side that takes texts, where the graph of pictures takes them too.

    Raises
    ------
    ModelMissing
        When it comes without a vocabulary.
    """
    return _with_vocabulary(same_for_texts(side, files), wanted, wanted.model)


def _with_vocabulary(side: Side, wanted: ModelName, where: str) -> Side:
    if not side.vocabulary:
        reason = f"there is neither tokenizer.json nor bpe_simple_vocab_16e6.txt.gz for {side.graph}"
        raise ModelMissing(wanted.name, reason, f"copy it beside that file from where the model came ({where})")
    return side


def is_whole(files: Collection[str], wanted: ModelName, *, alone: bool = False) -> bool:
    """Tell whether a cached copy has all that is wanted; what another program left half brought, has not."""
    try:
        if alone:
            return text_side(files, wanted, alone=True) is not None
        side = image_side(files, wanted)
        expects_text = wanted.family != "dino" and wanted.text is None and side.layout != "one tower"
        return not expects_text or text_side(files, wanted) is not None
    except (BadEmbedderOption, ModelMissing):
        return False


def _checked(files: Collection[str], wanted: ModelName, *, text: bool, alone: bool) -> Side | None:
    try:
        find = find_text_side(files, dtype=wanted.dtype, alone=alone) if text else None
        side = find if text else find_image_side(files, dtype=wanted.dtype)
        there = () if side is not None else available(files, text=text, alone=alone)
    except ValueError as error:
        raise ModelMissing(wanted.name, str(error), f"such as {wanted.family}:{wanted.model}/FOLDER") from error
    if there:
        which = "texts" if text else "pictures"
        reason = f"there is no {wanted.dtype} of the side for {which}; there are: {', '.join(there)}"
        raise BadEmbedderOption(wanted.name, "dtype", reason)
    return side


def _folder(folder: Path) -> Place:
    files = tuple(_files(folder))
    if not any(name.endswith(("tokenizer.json", ".txt.gz", "merges.txt")) for name in files):
        # rclip's list of merges is beside the folders of its models
        if (folder.parent / _TOKENIZER).is_file():
            inner = folder.resolve().name
            return Place(folder.resolve().parent, (*(f"{inner}/{name}" for name in files), _TOKENIZER))
    return Place(folder, files)


def _cached(repository: Repository, revision: str) -> Place | None:
    home = cache_of(repository)
    reference = home / "refs" / revision
    try:
        commit = reference.read_text(encoding="ascii").strip() if reference.is_file() else revision
    except (OSError, ValueError):
        return None
    snapshot = home / "snapshots" / commit
    if not commit or not snapshot.is_dir():
        return None
    return Place(snapshot, inside(repository, _files(snapshot)), commit)


def inside(repository: Repository, files: Iterator[str] | Collection[str]) -> tuple[str, ...]:
    """Return the files of a repository without the networks outside the folder that is wanted."""
    prefix = f"{repository.folder}/" if repository.folder else ""
    return tuple(name for name in files if ".onnx" not in PurePosixPath(name).name or name.startswith(prefix))


def _files(folder: Path) -> Iterator[str]:
    """Give the paths of the files in a folder and in what is linked there, not of those very deep in it."""
    count = 0
    for place, folders, names in os.walk(folder, followlinks=True):
        here = Path(place).relative_to(folder)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if len(here.parts) < _DEEPEST else []
        for name in sorted(names):
            # a link of the hub's cache whose file is gone is no file
            if (count := count + 1) <= _MOST and (Path(place) / name).is_file():
                yield (here / name).as_posix()
