"""CLIP, SigLIP and DINO by name: both sides of a model as one embedder, each loaded when it is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.embedders import Labels
from hybrid_search.embedders.hub.download import here_or_fetched
from hybrid_search.embedders.hub.hashes import file_sha256
from hybrid_search.embedders.hub.layout import Side
from hybrid_search.embedders.hub.model_location import Place, image_side, text_side, text_side_of_both
from hybrid_search.embedders.hub.model_name import DEFAULT_DTYPE, ModelName
from hybrid_search.embedders.hub.recipe import Recipe
from hybrid_search.embedders.hub.recipe_files import family_recipe, read_json, read_recipe
from hybrid_search.embedders.hub.tokenizer import TextRules, Tokenizer, text_rules
from hybrid_search.embedders.hub.tower import Tower
from hybrid_search.embedders.option_values import whole
from hybrid_search.embedders.text_arguments import given_texts
from hybrid_search.errors import ModelMissing, TextNotSupported

READER_VERSION = "2"
"""Changes when this code would make other vectors of the same files."""


class HubEmbedder:
    """A model that others published as ONNX: from the hub, or in a folder; see its subclasses.

    Nothing is loaded by making one: reading the frame of a graph takes milliseconds, and a search by words loads the
    text side only.

    Parameters
    ----------
    model : str
        A folder, or a repository of the hub: "owner/name" or "owner/name/folder". One that is not on this machine is
        brought; one that is, is taken without asking any network.
    dtype : str
        Which of a model's files: "fp32", or what else it has of "fp16", "q8", "int8", "uint8", "q4", …
    revision : str, optional
        A branch, a tag or a commit of the repository.
    text : str, optional
        Folder or repository of the text side, for models that come in two.
    batch_size : int
        Pictures, or texts, that the network takes at once.
    threads : int, optional
        Threads of the network; by default one for each processor.
    providers : sequence of str, optional
        ONNX Runtime's execution providers; by default CUDA where it works, else the processor.

    Raises
    ------
    ModelMissing
        When it is not here and cannot be brought, or a file that it needs is missing.
    WeightsMissing
        When a file is damaged, or not of the form that is known.
    BadEmbedderOption
        When there is no model, no such dtype or revision, or a number is none.
    """

    family = ""

    def __init__(
        self,
        model: str = "",
        *,
        dtype: str = DEFAULT_DTYPE,
        revision: str | None = None,
        text: str | None = None,
        batch_size: int | str = 32,
        threads: int | str | None = None,
        providers: Sequence[str] | str | None = None,
    ) -> None:
        self._wanted = ModelName(self.family, model, dtype=dtype, revision=revision, text=text)
        self.name = self._wanted.name
        self._batch_size = whole(self.name, "batch_size", batch_size, least=1)
        self._threads = None if threads is None else whole(self.name, "threads", threads, least=1)
        self._providers = providers
        self._place = here_or_fetched(model, self._wanted)
        self._text_place = self._place if text is None else here_or_fetched(text, self._wanted, alone=True)
        self._side = image_side(self._place.files, self._wanted)
        self._vision = self._tower(self._place, self._side)
        self._text_side = self._find_text_side()
        self._textual = None if self._text_side is None else self._tower(self._text_place, self._text_side, text=True)
        self.embeds_text = self._textual is not None
        self._dims = self._stated_dims()

    @cached_property
    def recipe(self) -> Recipe:
        """What is done to a picture before the network sees it, and which file says so."""
        settings = self._settings(self._place, self._side)
        found = read_recipe(settings, layout=self._side.layout, sides=self._vision.sides)
        return found or family_recipe(
            self._kind, f"{self._wanted.model}/{self._side.graph}", layout=self._side.layout, sides=self._vision.sides
        )

    @property
    def min_side(self) -> int:
        """Pixels of the shorter side of a picture that are enough."""
        return self.recipe.min_side

    @property
    def dims(self) -> int:
        """Length of every vector: what the graphs say, else what the configuration says, else what comes out."""
        if self._dims is None:
            self.embed_images([Image.new("RGB", (self.recipe.width, self.recipe.height))])
        return self._dims or 0

    @cached_property
    def version(self) -> str:
        """The commit of the hub, or the hash of the networks; then how pictures and texts are prepared."""
        places = dict.fromkeys((self._place, self._text_place))
        of_hub = "+".join(place.commit[:12] for place in places) if all(place.commit for place in places) else ""
        rules = repr(self._rules) if self._textual is not None else ""
        outputs = self._vision.output + (self._textual.output if self._textual is not None else "")
        how = sha256(f"{READER_VERSION} {self.recipe.digest} {rules} {outputs}".encode()).hexdigest()[:8]
        return f"{of_hub or self._hash_of_files()}-{self._wanted.dtype}-{how}"

    @property
    def assumed(self) -> tuple[str, ...]:
        """What no file of the model says, so that it was taken from the family's table."""
        return (f"pictures: {self.recipe.source}",) if self.recipe.source.startswith("assumed") else ()

    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        """Return the pixels that the network takes, (height, width, 3) uint8; any thread may do it."""
        return self.recipe.pixels(image)

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Return (n, dims) float32, rows of unit length."""
        return self._embed_prepared([self.prepare(image) for image in images])

    def describe_images(self, images: Sequence[Image.Image]) -> tuple[NDArray[np.float32], list[Labels]]:
        """Return the embeddings, and no labels: such a model names nothing by itself."""
        return self.describe_prepared([self.prepare(image) for image in images])

    def describe_prepared(self, prepared: Sequence[NDArray[np.uint8]]) -> tuple[NDArray[np.float32], list[Labels]]:
        """Return what `describe_images` returns, for images that went through `prepare`."""
        return self._embed_prepared(prepared), [()] * len(prepared)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n, dims) float32, rows of unit length.

        Raises
        ------
        TextNotSupported
            When the model has no text side.
        QueryError
            When `texts` is one string, or has something else in it.
        """
        if self._textual is None:
            raise TextNotSupported(self.name)
        texts = given_texts(texts)
        # what is filled to the longest of a batch depends on the batch
        alone = self._textual.scales_batches and not self._rules.fixed
        batches = _parts(len(texts), size=1 if alone else self._batch_size)
        parts = [self._textual.texts(*self._tokens.rows(texts[part])) for part in batches]
        return self._joined(parts)

    def _embed_prepared(self, prepared: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        dtype = self._vision.dtype
        batches = (
            self.recipe.tensor(prepared[part], dtype=dtype) for part in _parts(len(prepared), size=self._batch_size)
        )
        return self._joined([self._vision.images(batch) for batch in batches])

    def _joined(self, parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        if not parts:
            return np.zeros((0, self.dims), np.float32)
        vectors = np.concatenate(parts)
        if self._dims is None:
            self._dims = vectors.shape[1]
        if vectors.shape[1] != self._dims:
            raise self._unlike(f"vectors with {vectors.shape[1]} numbers come out, not {self._dims}")
        return vectors

    @property
    def _config(self) -> Mapping[str, Any]:
        paths = [path for path in self._settings(self._place, self._side) if path.name == "config.json"]
        return read_json(paths[0]) if paths else {}

    @cached_property
    def _kind(self) -> str:
        """The family that the files belong to, which `clip:` may be asked for a SigLIP."""
        return "siglip" if str(self._config.get("model_type", "")).startswith("siglip") else self.family

    @cached_property
    def _rules(self) -> TextRules:
        side, tower = self._text_side, self._textual
        settings = [] if side is None else self._settings(self._text_place, side)
        return text_rules(settings, family=self._kind, length=None if tower is None else tower.length)

    @cached_property
    def _tokens(self) -> Tokenizer:
        vocabulary = "" if self._text_side is None else self._text_side.vocabulary
        return Tokenizer(self._text_place.folder / vocabulary, rules=self._rules, family=self._kind)

    def _find_text_side(self) -> Side | None:
        found = text_side(self._text_place.files, self._wanted, alone=self._wanted.text is not None)
        if found is None and self._vision.takes_both:
            return text_side_of_both(self._side, self._place.files, self._wanted)
        return found

    def _tower(self, place: Place, side: Side, *, text: bool = False) -> Tower:
        return Tower(
            place.folder / side.graph,
            owner=self.name,
            text=text,
            tokenwise=self.family == "dino",
            threads=self._threads,
            providers=self._providers,
        )

    def _stated_dims(self) -> int | None:
        pictures, texts = self._vision.dims, None if self._textual is None else self._textual.dims
        if pictures is not None and texts is not None and pictures != texts:
            raise self._unlike(f"vectors of pictures have {pictures} numbers, those of texts {texts}")
        config = self._config
        tower = config.get("vision_config") or {}
        told = config.get("projection_dim") or config.get("embed_dim")
        if self._kind != "clip":
            told = told or config.get("hidden_size") or tower.get("hidden_size")
        return pictures or texts or (told if isinstance(told, int) else None)

    def _unlike(self, reason: str) -> ModelMissing:
        return ModelMissing(self.name, f"its sides do not belong together: {reason}", "take both from one model")

    def _settings(self, place: Place, side: Side) -> list[Path]:
        return [place.folder / name for name in side.settings]

    def _hash_of_files(self) -> str:
        towers = [tower for tower in (self._vision, self._textual) if tower is not None]
        files = dict.fromkeys(path for tower in towers for path in (tower.path, *tower.side_files))
        return sha256("".join(map(file_sha256, files)).encode()).hexdigest()[:12]


def _parts(count: int, *, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, count, size)]


class Clip(HubEmbedder):
    """CLIP and what is built like it (OpenCLIP, DataComp, DFN, MetaCLIP, MobileCLIP, M-CLIP): pictures and texts.

    A. Radford et al., "Learning transferable visual models from natural language supervision", 2021.
    """

    family = "clip"


class Siglip(HubEmbedder):
    """SigLIP and SigLIP 2: pictures and texts.

    X. Zhai et al., "Sigmoid loss for language image pre-training", 2023; M. Tschannen et al., "SigLIP 2", 2025.
    """

    family = "siglip"


class Dino(HubEmbedder):
    """DINO and DINOv2: pictures only, for what looks alike.

    M. Caron et al., "Emerging properties in self-supervised vision transformers", 2021; M. Oquab et al., "DINOv2:
    learning robust visual features without supervision", 2023. The vector is that of the class token.
    """

    family = "dino"

    def _find_text_side(self) -> Side | None:
        return None
