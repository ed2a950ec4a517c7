"""Embedders by name: each is imported at its first use, and a missing package is named with its remedy."""

from __future__ import annotations

import difflib
import hashlib
import inspect
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

from hybrid_search.embedders import Embedder, TextEmbedder
from hybrid_search.errors import BadEmbedderOption, EmbedderUnavailable, UnknownEmbedder

GROUP = "hybrid_search.embedders"
"""Entry-point group in which other packages offer embedders: `name = module:Class`."""
_LONGEST_KEY = 40
"""Letters of a field name, which people read in lists; chosen. What is longer ends in a hash."""
_CAPTION = "caption:"
"""As `hybrid_search.document.definition` has it, which comes after this module."""


@dataclass(frozen=True)
class EmbedderEntry:
    """Where an embedder is, as "module:Class", what to do when its import fails, and whether its model is a file.

    Parameters
    ----------
    target : str
    install : str
    file : bool
        The model is always a file.
    words : bool
        It may embed words.
    paths : tuple of str
        What else may be a file or a folder, or something of another kind: "model", or options.
    """

    target: str
    install: str = "pip install hybrid-search"
    file: bool = False
    words: bool = False
    paths: tuple[str, ...] = ()


_CLASSICAL = "pip install 'hybrid-search[classical]'"
_HUB = "pip install 'huggingface_hub>=1'"
_KERAS = "pip install 'hybrid-search[tensorflow]'"
_OF_A_HUB = ("model", "text")
_WORDS = ("imagenet", "none")
"""What stands where a file may, and is no file, whatever lies in the current folder."""
_ENTRIES: dict[str, EmbedderEntry] = {
    "lite": EmbedderEntry("hybrid_search.embedders.lite:Lite"),
    "lite+minilm": EmbedderEntry("hybrid_search.embedders.conse:LiteMinilm", words=True),
    "colour": EmbedderEntry("hybrid_search.embedders.classical.colour_histogram:Colours", _CLASSICAL),
    "local": EmbedderEntry("hybrid_search.embedders.classical.local_features:LocalFeatures", _CLASSICAL),
    "hog": EmbedderEntry("hybrid_search.embedders.classical.shapes:Hog", _CLASSICAL),
    "histogram+hog": EmbedderEntry("hybrid_search.embedders.histogram_hog:HistogramHog"),
    "head": EmbedderEntry("hybrid_search.embedders.trained.head_embedder:open_head", file=True),
    "joint": EmbedderEntry("hybrid_search.embedders.trained.joint_embedder:open_joint", file=True, words=True),
    "autoencoder": EmbedderEntry("hybrid_search.embedders.trained.autoencoder_embedder:Autoencoder", file=True),
    "clip": EmbedderEntry("hybrid_search.embedders.hub.hub_embedders:Clip", _HUB, words=True, paths=_OF_A_HUB),
    "siglip": EmbedderEntry("hybrid_search.embedders.hub.hub_embedders:Siglip", _HUB, words=True, paths=_OF_A_HUB),
    "dino": EmbedderEntry("hybrid_search.embedders.hub.hub_embedders:Dino", _HUB, paths=_OF_A_HUB),
    "keras": EmbedderEntry("hybrid_search.embedders.keras.keras_embedder:keras_embedder", _KERAS, paths=("weights",)),
    "onnx": EmbedderEntry("hybrid_search.embedders.onnx_file:OnnxFile", file=True),
}
_TEXT_ENTRIES: dict[str, EmbedderEntry] = {
    "minilm": EmbedderEntry("hybrid_search.embedders.minilm:MiniLM", words=True),
    "glove": EmbedderEntry("hybrid_search.embedders.word_vectors:Glove", file=True, words=True),
    "word2vec": EmbedderEntry("hybrid_search.embedders.word_vectors:Word2vec", file=True, words=True),
}


def known_embedders() -> Mapping[str, EmbedderEntry]:
    """Return all embedders by name: built in, registered, and offered by other packages; the first of a name wins."""
    offered: dict[str, EmbedderEntry] = {}
    for point in _points():
        if _is_name(point.name) and _is_target(point.value):
            package = point.dist.name if point.dist else point.value.partition(".")[0]
            offered.setdefault(point.name, EmbedderEntry(point.value, f"pip install --upgrade {package}"))
    return MappingProxyType({**offered, **_ENTRIES})


def default_embedder() -> str:
    """Return the name of a new index's embedder: what was fetched last, else the best that is on this machine."""
    from hybrid_search.embedders.best_here import best_here

    return best_here()


def embedder_names() -> tuple[str, ...]:
    """Return the names that `get_embedder` knows, in alphabetical order."""
    return tuple(sorted(known_embedders()))


def known_text_embedders() -> Mapping[str, EmbedderEntry]:
    """Return the text towers by name: what embeds texts alone."""
    return MappingProxyType(_TEXT_ENTRIES)


def register(name: str, target: str, *, install: str = "") -> None:
    """Make an embedder known by name, for this process; a name known already then means this one.

    Parameters
    ----------
    name : str
        What users write; letters, digits and any of "+-_./", no colon.
    target : str
        "module:Class" of the embedder.
    install : str
        The command that brings what it needs.

    Raises
    ------
    ValueError
        When name or target is not of that form.
    """
    if not _is_name(name):
        raise ValueError(f"an embedder's name has letters, digits and any of '+-_./' (got {name!r})")
    if not _is_target(target):
        raise ValueError(f"an embedder's target must be 'module:Class' (got {target!r})")
    _ENTRIES[name] = EmbedderEntry(target, install or f"install what provides {target.partition(':')[0]}")


def get_embedder(name: str, **options: Any) -> Embedder:
    """Return an embedder by its name, such as "lite", "keras:vgg16@fc1" or "clip:FOLDER?dtype=fp16".

    What follows a colon is passed to its class as `model`, what follows a question mark as options of their names.
    Where files or folders of yours belong to it, their whole paths are in its name: it is found from any folder then.

    Parameters
    ----------
    name : str
        One of `embedder_names`; for some a model and options belong to it: "family:model?option=value&option=value".
    **options
        What the embedder's class takes.

    Raises
    ------
    UnknownEmbedder
        When no embedder has the name; it lists those there are.
    BadEmbedderOption
        When the embedder has no such option, or not with this value.
    EmbedderUnavailable
        When a package that it needs is not installed, or does not work.

    Examples
    --------
    >>> get_embedder("lite", threshold=0.5).dims
    1280
    """
    embedder: Embedder = _get(name, known_embedders(), options)
    return embedder


def get_text_embedder(name: str, **options: Any) -> TextEmbedder:
    """Return what embeds texts, by name: a text tower such as "minilm", or an embedder of texts and images.

    Raises
    ------
    UnknownEmbedder, BadEmbedderOption, EmbedderUnavailable
        As `get_embedder`; also when the embedder has no text side.
    """
    towers = known_text_embedders()
    family = _family(name)
    if family in towers:
        tower: TextEmbedder = _get(name, towers, options)
        return tower
    if family not in known_embedders():
        raise _unknown_of_words(name)
    embedder = get_embedder(name, **options)
    if not embedder.embeds_text:
        raise _unknown_of_words(name, problem=f"embedder {name!r} embeds no words")
    return embedder


def full_name(family: str, *, model: str = "", **options: object) -> str:
    """Return the name by which `get_embedder` gives this embedder again; options that are None are left out.

    Examples
    --------
    >>> full_name("keras", model="vgg16@fc1", pooling=None, weights="none", seed=3)
    'keras:vgg16@fc1?seed=3&weights=none'
    """
    given = "&".join(f"{option}={value}" for option, value in sorted(options.items()) if value is not None)
    return family + (f":{model}" if model else "") + (f"?{given}" if given else "")


def whole_name(name: str) -> str:
    """Return an embedder's name with the whole paths of its files and folders, where it has any; nothing is loaded.

    Where something of a hub may stand too, a folder is what is there, or begins with a dot, a tilde or a slash.

    Examples
    --------
    >>> whole_name("joint:~/mine.joint") == f"joint:{os.path.expanduser('~/mine.joint')}", whole_name("keras:vgg16")
    (True, 'keras:vgg16')
    >>> whole_name("keras:vgg16?weights=./mine.h5") == f"keras:vgg16?weights={os.path.abspath('mine.h5')}"
    True
    """
    stem, mark, given = name.partition("?")
    family, colon, model = stem.partition(":")
    entry = known_embedders().get(family) or known_text_embedders().get(family)
    if entry is None or not model:
        return name
    if entry.file:
        model = _absolute(model)
    elif "model" in entry.paths:
        model = _whole_path(model)
    parts = [part.partition("=") for part in given.split("&")]
    options = (f"{key}{equals}{_whole_path(value) if key in entry.paths else value}" for key, equals, value in parts)
    return f"{family}{colon}{model}{mark}{'&'.join(options)}"


def _whole_path(value: Any) -> Any:
    if not isinstance(value, str) or not value or value in _WORDS:
        return value
    return _absolute(value) if value.startswith((".", "~")) or os.path.exists(value) else value


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def _get(name: str, entries: Mapping[str, EmbedderEntry], options: dict[str, Any]) -> Any:
    stem, _, given = whole_name(name).partition("?")
    family, _, model = stem.partition(":")
    entry = entries.get(family)
    if entry is None:
        raise _unknown_of_pictures(name)
    kind = _load(family, entry)
    accepted = inspect.signature(kind).parameters
    needs_model = entry.file or ("model" in accepted and accepted["model"].default is inspect.Parameter.empty)
    if needs_model and not (model or options.get("model")):
        what = "FILE" if entry.file else "MODEL"
        raise BadEmbedderOption(family, "model", f"which {what.lower()}? {family}:{what} names it")
    if model and "model" not in accepted:
        raise UnknownEmbedder(name, sorted(entries), [family])
    options = {key: _whole_path(value) if key in entry.paths else value for key, value in options.items()}
    for option, value in _options(name, given).items():
        if option == "model" or option not in accepted:
            raise BadEmbedderOption(name, option, "known: " + ", ".join(_named(accepted)))
        options.setdefault(option, value)
    try:
        return kind(**({"model": model} if model else {}), **options)
    except ModuleNotFoundError as error:
        raise EmbedderUnavailable(name, f"{entry.install} ({error})") from error


def _unknown_of_pictures(name: str) -> UnknownEmbedder:
    """Return the error of what embeds no pictures; a text tower goes by its name behind "caption:"."""
    families, towers = sorted(known_embedders()), {f"{_CAPTION}{tower}": tower for tower in known_text_embedders()}
    family, known = _family(name), [*families, *sorted(towers)]
    if family in towers.values():
        problem = f"{name!r} embeds words alone, such as those that are written about pictures"
        return UnknownEmbedder(name, known, [f"{_CAPTION}{name}"], problem)
    if name.startswith(_CAPTION):
        tower = name.removeprefix(_CAPTION)
        problem = f"{name!r} is for what is written about pictures, and embeds none; {tower!r} is the text embedder"
        return UnknownEmbedder(name, families, [], problem)
    close = difflib.get_close_matches(family, [*families, *towers.values()])
    captions = {tower: caption for caption, tower in towers.items()}
    return UnknownEmbedder(name, known, [captions.get(match, match) for match in close])


def _unknown_of_words(name: str, problem: str = "") -> UnknownEmbedder:
    """Return the error of what embeds no words."""
    known = sorted(each for each, entry in {**known_embedders(), **known_text_embedders()}.items() if entry.words)
    return UnknownEmbedder(name, known, [] if problem else difflib.get_close_matches(_family(name), known), problem)


def _family(name: str) -> str:
    return name.partition(":")[0].partition("?")[0]


def _options(name: str, given: str) -> dict[str, str]:
    """Read "option=value&option=value"."""
    pairs = [part.partition("=") for part in given.split("&") if part]
    for option, equals, _ in pairs:
        if not equals:
            raise BadEmbedderOption(name, option, "options are written ?option=value&option=value")
    return {option: value for option, _, value in pairs}


def _named(accepted: Mapping[str, inspect.Parameter]) -> list[str]:
    kinds = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [name for name, parameter in accepted.items() if parameter.kind in kinds and name != "model"] or ["none"]


def embedding_key(name: str) -> str:
    """Return the leaf of an embedder's field under `embedding`: [a-z0-9_]+, a different one for every name.

    Names of lower-case letters, digits and "+" stay readable; others get a hash, so that they cannot collide.

    Examples
    --------
    >>> embedding_key("histogram+hog")
    'histogram_hog'
    >>> embedding_key("keras:resnet50") != embedding_key("keras-resnet50")
    True
    """
    if re.fullmatch(r"[a-z0-9]+(\+[a-z0-9]+)*", name) and len(name) <= _LONGEST_KEY:
        return name.replace("+", "_")
    key = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:_LONGEST_KEY].strip("_")
    return f"{key or 'embedder'}_{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def _load(name: str, entry: EmbedderEntry) -> Callable[..., Embedder]:
    module, _, attribute = entry.target.partition(":")
    try:
        kind = import_module(module)
        for part in attribute.split("."):
            kind = getattr(kind, part)
    except Exception as error:
        # another package's code may fail in any way; whoever asks for it is told, nobody else
        raise EmbedderUnavailable(name, f"{entry.install} ({type(error).__name__}: {error})") from error
    if not callable(kind):
        raise EmbedderUnavailable(name, f"{entry.install} ({entry.target} is not a class)")
    return kind


def _points() -> Iterable[EntryPoint]:
    return entry_points(group=GROUP)


def _is_name(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9+_./-]*", name) is not None


def _is_target(target: str) -> bool:
    return re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", target) is not None
