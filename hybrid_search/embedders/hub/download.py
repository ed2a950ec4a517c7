"""Bringing a model from the hub into the hub's own cache: only its files, resumed where it was cut off, and checked."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

from hybrid_search.embedders.best_here import keep_as_fetched
from hybrid_search.embedders.graph_cache import cache_folder
from hybrid_search.embedders.hub.hashes import file_sha256
from hybrid_search.embedders.hub.layout import same_for_texts
from hybrid_search.embedders.hub.model_location import (
    Place,
    cache_of,
    find_place,
    image_side,
    inside,
    is_whole,
    text_side,
)
from hybrid_search.embedders.hub.model_name import ModelName, Repository, parse, repository_of
from hybrid_search.errors import BadEmbedderOption, EmbedderUnavailable, ModelMissing, WeightsMissing

Progress = Callable[[int, int], None]
"""Is told the bytes that are here, and how many there will be."""
_TIMEOUT = 5.0
"""Seconds in which the hub has to answer."""


def fetch(name: str, *, progress: Progress | None = None) -> Path:
    """Bring the files of a model, both sides, and return the folder of the one for pictures; what is here is kept.

    What was fetched, and has words, is what `default_embedder` gives from then on.

    Parameters
    ----------
    name : str
        As for `get_embedder`, such as "clip:Xenova/clip-vit-base-patch32?dtype=fp16". For a model in a folder of your
        own nothing is to be done.
    progress : callable, optional
        Called with the bytes that are here and their number in the end; without it the hub's library draws bars of its
        own where stderr is a terminal.

    Raises
    ------
    ModelMissing
        When the hub cannot be reached or does not have it; the message has the command to run elsewhere.
    BadEmbedderOption
        When the model has no such revision, or not with numbers of this type.
    EmbedderUnavailable
        When `huggingface_hub` is not installed.
    WeightsMissing
        When a file is not what the hub says it is.
    """
    wanted = parse(name)
    if wanted.text is not None:
        here_or_fetched(wanted.text, wanted, alone=True, progress=progress)
    folder = here_or_fetched(wanted.model, wanted, progress=progress).folder
    if wanted.family != "dino":
        # without words it is for those who ask for it
        keep_as_fetched(wanted.name)
    return folder


def is_here(name: str) -> bool:
    """Tell whether all files of a model are on this machine; no network is asked."""
    wanted = parse(name)
    sides = [(wanted.model, False), *([(wanted.text, True)] if wanted.text is not None else [])]
    return all(
        (place := find_place(model, revision=wanted.revision)) is not None
        and _is_whole(place, repository_of(model), wanted, alone=alone)
        for model, alone in sides
    )


def here_or_fetched(model: str, wanted: ModelName, *, alone: bool = False, progress: Progress | None = None) -> Place:
    """Return where a model is: on this machine without asking any network, else brought.

    Parameters
    ----------
    model : str
        `wanted.model` or `wanted.text`.
    alone : bool
        It is `wanted.text`: only a text side is needed.

    Raises
    ------
    ModelMissing, BadEmbedderOption, EmbedderUnavailable, WeightsMissing
        As `fetch`.
    """
    place = find_place(model, revision=wanted.revision)
    repository = repository_of(model)
    if place is not None and (repository is None or _is_whole(place, repository, wanted, alone=alone)):
        return place
    if repository is None:
        searched = "" if Path(os.path.expanduser(model)).is_absolute() else f" in {Path.cwd()}"
        given = "give the folder by its whole path, or a repository as owner/name"
        raise ModelMissing(wanted.name, f"there is no folder {model}{searched}", given)
    _bring(repository, model, wanted, alone=alone, progress=progress)
    place = find_place(model, revision=wanted.revision)
    if place is None:
        raise ModelMissing(
            wanted.name, f"{cache_of(repository)} cannot be read", "make room there, or set HF_HUB_CACHE"
        )
    return place


@dataclass(frozen=True)
class _Remote:
    """A file of a repository: its bytes, and their SHA-256 where the hub states it (for large files)."""

    path: str
    size: int
    sha256: str | None


def _bring(repository: Repository, model: str, wanted: ModelName, *, alone: bool, progress: Progress | None) -> None:
    try:
        import huggingface_hub
    except ImportError as error:
        install = f"pip install 'huggingface_hub>=1' ({error}); or {wanted.remedy(model)}"
        raise EmbedderUnavailable(wanted.name, install) from error
    try:
        info = huggingface_hub.HfApi().model_info(
            str(repository), revision=wanted.revision, files_metadata=True, timeout=_TIMEOUT
        )
        files = _needed(_listed(info), repository, wanted, alone=alone)
        total = sum(file.size for file in files)
        done = 0
        for file in files:
            report = _after(done, total, progress)
            path = huggingface_hub.hf_hub_download(
                str(repository), file.path, revision=info.sha, tqdm_class=_bar(report) if report else None
            )
            _check(Path(path), file)
            done += file.size
            if progress is not None:
                progress(done, total)
    except (BadEmbedderOption, ModelMissing, WeightsMissing):
        raise
    except Exception as error:
        # errors of the hub's library have no common class, nor have those of what it reaches networks with
        raise _translated(error, model, wanted) from error
    _refer(repository, wanted.revision or "main", str(info.sha))
    with suppress(OSError):
        note = _note(repository, str(info.sha), wanted, alone=alone)
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text("\n".join(file.path for file in files), encoding="utf-8")


def _is_whole(place: Place, repository: Repository | None, wanted: ModelName, *, alone: bool) -> bool:
    """Tell whether all is here: by the list of what was brought, or else by what such a model has."""
    if repository is not None and place.commit:
        with suppress(OSError, ValueError):
            brought = _note(repository, place.commit, wanted, alone=alone).read_text(encoding="utf-8")
            return set(brought.split("\n")) <= set(place.files)
    return is_whole(place.files, wanted, alone=alone)


def _note(repository: Repository, commit: str, wanted: ModelName, *, alone: bool) -> Path:
    """Return where it is written down what was brought; a model may turn out to have no text side."""
    asked = f"{repository} {repository.folder} {commit} {wanted.family} {wanted.dtype} {wanted.text is None} {alone}"
    return cache_folder() / "models" / f"{sha256(asked.encode()).hexdigest()[:32]}.txt"


def _listed(info: Any) -> list[_Remote]:
    listed = []
    for each in info.siblings or ():
        lfs = each.lfs
        sha256 = (lfs.get("sha256") if isinstance(lfs, Mapping) else getattr(lfs, "sha256", None)) if lfs else None
        listed.append(_Remote(each.rfilename, int(each.size or 0), sha256))
    return listed


def _needed(listed: Sequence[_Remote], repository: Repository, wanted: ModelName, *, alone: bool) -> list[_Remote]:
    """Return the files to bring, the networks last: who is cut off before has no model that looks whole."""
    names = inside(repository, [file.path for file in listed])
    image = None if alone else image_side(names, wanted)
    text = None if wanted.text is not None and not alone else text_side(names, wanted, alone=alone)
    if wanted.family == "dino":
        text = None
    elif text is None and image is not None and image.layout == "one tower" and wanted.text is None:
        # its graph may be for both sides, which only its content tells
        text = same_for_texts(image, names)
    order = [path for side in (text, image) if side for path in (*side.settings, side.vocabulary, *side.beside)]
    order += [side.graph for side in (text, image) if side]
    by_path = {file.path: file for file in listed}
    return [by_path[path] for path in dict.fromkeys(filter(None, order))]


def _after(before: int, total: int, progress: Progress | None) -> Callable[[int], None] | None:
    """Return what is told the bytes of the file that is being brought."""
    if progress is None:
        return None
    return lambda within: progress(before + within, total)


def _bar(report: Callable[[int], None]) -> type:
    silent: Any = import_module("huggingface_hub.utils").tqdm

    class Bar(silent):  # type: ignore[misc]
        """Counts bytes for somebody else, and draws nothing."""

        def __init__(self, *args: Any, **options: Any) -> None:
            options["disable"] = True
            super().__init__(*args, **options)
            self._here = int(options.get("initial") or 0)

        def update(self, n: float | None = 1) -> bool | None:
            self._here += int(n or 0)
            report(self._here)
            return None

    return Bar


def _check(path: Path, file: _Remote) -> None:
    size = path.stat().st_size
    if file.size and size != file.size:
        wrong = f"has {size:,} bytes, not {file.size:,}"
    elif file.sha256 and (found := file_sha256(path)) != file.sha256:
        wrong = f"its sha256 is {found[:12]}…, not {file.sha256[:12]}…"
    else:
        return
    with suppress(OSError):
        # what is damaged must not be taken for whole next time
        path.resolve().unlink()
        path.unlink(missing_ok=True)
    raise WeightsMissing(str(path), f"{wrong}; it was removed, bring it again")


def _refer(repository: Repository, revision: str, commit: str) -> None:
    """Note which version a branch stands for, as the hub's library does, now that all files are here."""
    if revision == commit:
        return
    reference = cache_of(repository) / "refs" / revision
    reference.parent.mkdir(parents=True, exist_ok=True)
    fresh = reference.with_name(f"{reference.name}.{os.getpid()}")
    fresh.write_text(commit, encoding="ascii")
    os.replace(fresh, reference)


def _translated(error: Exception, model: str, wanted: ModelName) -> Exception:
    from huggingface_hub import errors

    said = " ".join(str(error).split("\n")[0].split())
    if isinstance(error, errors.GatedRepoError):
        terms = "log in with `hf auth login` after accepting its terms on its page, then run again"
        return ModelMissing(wanted.name, f"{model} is only given to those who accepted its terms", terms)
    if isinstance(error, errors.RepositoryNotFoundError):
        check = "check the name, log in with `hf auth login` if it is private, or give a folder"
        return ModelMissing(wanted.name, f"there is no folder {model}, and no such repository on the hub", check)
    if isinstance(error, errors.RevisionNotFoundError):
        return BadEmbedderOption(wanted.name, "revision", f"{model} has no {wanted.revision or 'main'!r}")
    if isinstance(error, errors.OfflineModeIsEnabled):
        said = "HF_HUB_OFFLINE is set"
    elif isinstance(error, OSError) and error.errno is not None and not isinstance(error, ConnectionError):
        return ModelMissing(wanted.name, f"cannot be kept: {said}", "make room, or set HF_HUB_CACHE to another folder")
    else:
        said = f"the hub cannot be reached ({type(error).__name__}: {said})"
    reason = f"{model} is not on this machine, and {said}"
    return ModelMissing(wanted.name, reason, wanted.remedy(model), unreachable=True)
