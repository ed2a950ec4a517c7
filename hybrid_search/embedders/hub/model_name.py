"""What a name asks for, such as "clip:Xenova/clip-vit-base-patch32?dtype=fp16", and what to say when it is not here."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from hybrid_search.embedders.hub.layout import SUFFIXES
from hybrid_search.embedders.option_values import choice
from hybrid_search.embedders.registry import full_name
from hybrid_search.errors import BadEmbedderOption
from hybrid_search.errors.remedies import Call

_REPOSITORY = r"([A-Za-z0-9][\w.-]*)/([\w.-]+)((?:/[\w.-]+)*)"
DEFAULT_DTYPE = "fp32"


@dataclass(frozen=True)
class Repository:
    """A repository of the hub, and the folder in it that holds the model; "" for its top."""

    owner: str
    name: str
    folder: str = ""

    def __str__(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True)
class ModelName:
    """A model as its name describes it.

    Parameters
    ----------
    family : {"clip", "siglip", "dino"}
        What it is.
    model : str
        A folder, or a repository of the hub: "owner/name", with a folder in it "owner/name/folder".
    dtype : str
        Which of the files: of single precision, of half precision, or of fewer bits.
    revision : str, optional
        A branch, a tag or a commit of the repository.
    text : str, optional
        Where the text side is, when it is not with the other.

    Raises
    ------
    BadEmbedderOption
        When there is no model in it, or no such type of numbers.
    """

    family: str
    model: str
    dtype: str = DEFAULT_DTYPE
    revision: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        if not self.model:
            some = Call("hybrid_search.embedders.registry.known_embedders") + " shows some"
            raise BadEmbedderOption(self.family, "model", f"name a folder or a repository: {self.family}:FOLDER", some)
        choice(self.name, "dtype", self.dtype, SUFFIXES)

    @property
    def name(self) -> str:
        """The name by which the registry gives it again."""
        dtype = None if self.dtype == DEFAULT_DTYPE else self.dtype
        return full_name(self.family, model=self.model, dtype=dtype, revision=self.revision, text=self.text)

    def command(self, model: str) -> str:
        """Return the command that brings a model's files, to be run where the hub can be reached.

        Examples
        --------
        >>> ModelName("dino", "Xenova/dinov2-small").command("Xenova/dinov2-small")
        'hf download Xenova/dinov2-small --include "*.json" --include "*model.onnx*" --local-dir dinov2-small'
        """
        repository = repository_of(model)
        if repository is None:
            return ""
        parts = ["hf download", str(repository), *([f"--revision {self.revision}"] if self.revision else [])]
        parts += [f'--include "{pattern}"' for pattern in self._patterns(repository)]
        if repository.owner == "immich-app":
            parts += ['--exclude "*.armnn"', '--exclude "*.rknn"']
        return " ".join([*parts, f"--local-dir {repository.name}"])

    def remedy(self, model: str) -> str:
        """Return what to do when the hub cannot be reached from here."""
        repository = repository_of(model)
        if repository is None:
            return "give the folder that holds its files"
        folder = os.path.abspath(f"{repository.name}/{repository.folder}")
        here = replace(self, model=folder, revision=None) if model == self.model else replace(self, text=folder)
        return (
            f"on a machine that reaches the hub run `{self.command(model)}` (pip install 'huggingface_hub>=1'), "
            f"copy the folder {repository.name} to {os.getcwd()}, and take {here.name}"
        )

    def _patterns(self, repository: Repository) -> tuple[str, ...]:
        end = SUFFIXES[self.dtype]
        if repository.owner == "immich-app":
            return "*.json", "visual/*", "textual/*"
        if "rclip" in repository.name:
            return (f"{repository.folder}/*.onnx" if repository.folder else "*.onnx"), "*.gz"
        if self.family == "dino":
            return "*.json", f"*model{end}.onnx*"
        if repository.owner in ("Xenova", "onnx-community"):
            return "*.json", f"*vision_model{end}.onnx*", f"*text_model{end}.onnx*"
        return "*.json", f"*{end}.onnx*"


def repository_of(model: str) -> Repository | None:
    """Return the repository that a model's name means, None when it can only be a folder.

    Examples
    --------
    >>> repository_of("yurijmikhalevich/rclip-models/ViT-B-32-256-datacomp_s34b_b86k").folder
    'ViT-B-32-256-datacomp_s34b_b86k'
    """
    if Path(os.path.expanduser(model)).is_dir() or model.startswith((".", "~", "/")):
        return None
    found = re.fullmatch(_REPOSITORY, model)
    return Repository(found[1], found[2], found[3].strip("/")) if found else None


def parse(name: str) -> ModelName:
    """Return what a name asks for; options that do not change what has to be here are passed over.

    Examples
    --------
    >>> parse("clip:owner/name?dtype=fp16&threads=2").dtype
    'fp16'
    """
    stem, _, given = name.partition("?")
    family, _, model = stem.partition(":")
    options = dict(part.partition("=")[::2] for part in given.split("&") if part)
    return ModelName(
        family,
        model,
        dtype=options.get("dtype", DEFAULT_DTYPE),
        revision=options.get("revision"),
        text=options.get("text"),
    )
