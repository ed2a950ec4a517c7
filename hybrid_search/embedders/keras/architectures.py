"""The architectures of `keras.applications`, by snake-case names derived from Keras itself."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hybrid_search.errors import UnknownEmbedder


@dataclass(frozen=True)
class Architecture:
    """One architecture: its name, what builds it, and what brings pixels in [0, 255] into the range that it takes."""

    name: str
    build: Callable[..., Any]
    preprocess: Callable[[Any], Any]


def architectures(keras: Any) -> Mapping[str, Architecture]:
    """Return every architecture that this version of Keras has, by name.

    Parameters
    ----------
    keras : module
        What `load_keras` returns.
    """
    found = {}
    for title in dir(keras.applications):
        build = getattr(keras.applications, title)
        if title[0].isupper() and callable(build):
            module = getattr(keras.applications, build.__module__.rpartition(".")[2], None)
            if preprocess := getattr(module, "preprocess_input", None):
                found[snake_case(title)] = Architecture(snake_case(title), build, preprocess)
    return found


def find_architecture(keras: Any, name: str) -> Architecture:
    """Return an architecture by its name.

    Raises
    ------
    UnknownEmbedder
        When Keras has none of this name; it lists those there are.
    """
    known = architectures(keras)
    if name not in known:
        titles = [f"keras:{each}" for each in known]
        raise UnknownEmbedder(f"keras:{name}", titles, difflib.get_close_matches(f"keras:{name}", titles))
    return known[name]


def snake_case(title: str) -> str:
    """Return the name that a class of `keras.applications` has here.

    Examples
    --------
    >>> [snake_case(title) for title in ("VGG16", "ResNet50V2", "MobileNetV3Large", "ConvNeXtXLarge", "InceptionV3")]
    ['vgg16', 'resnet50_v2', 'mobilenet_v3_large', 'convnext_xlarge', 'inception_v3']
    """
    words = re.sub(r"[A-Z]+[a-z]*Ne(?:Xt|t)|VGG|XLarge", lambda match: match[0].capitalize(), title)
    return re.sub(r"(?<!^)(?=[A-Z])", "_", words).lower()
