"""Texts as a network takes them: cleaned, cut into tokens, and filled to the length that its files state."""

from __future__ import annotations

import html
import string
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.embedders.hub.clip_bpe import END, clip_tokenizer
from hybrid_search.embedders.hub.recipe_files import read_json
from hybrid_search.errors import WeightsMissing

_LONGEST = 8192
"""Lengths above this stand for "any" in files of transformers."""
_SHORT = 128
"""Texts of models that could read more tokens than this are not all filled to the end."""
_STRAIGHT = str.maketrans({"‘": "'", "’": "'", "ʼ": "'", "“": '"', "”": '"'})
"""Quotes as ftfy has them, which CLIP and open_clip clean captions with; phones type the others."""
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True)
class TextRules:
    """What the files say of texts.

    Parameters
    ----------
    length : int
        Tokens of a text at most; longer ones are cut.
    fixed : bool
        Shorter ones are filled to that length, which keeps a text's vector independent of the texts beside it;
        otherwise to the longest of the batch.
    fill : str
        The token that fills; empty when the files do not name it.
    clean : {"canonical", "lower", "plain"}
        Lower case without punctuation, lower case, or as it is; spaces are made one each time.
    left : bool
        Fill at the left.
    """

    length: int
    fixed: bool = True
    fill: str = ""
    clean: str = "plain"
    left: bool = False


def text_rules(settings: Sequence[Path], *, family: str, length: int | None) -> TextRules:
    """Return what a model's files say of texts, and what its family does where they are silent.

    Parameters
    ----------
    settings : sequence of Path
        The files, nearest first.
    family : str
        "clip" or "siglip".
    length : int, optional
        Tokens that the graph takes, where it takes a fixed number; it has the last word.
    """
    config, tokenizer, special = (
        _first(settings, "config.json"),
        _first(settings, "tokenizer_config.json"),
        _first(settings, "special_tokens_map.json"),
    )
    said = config.get("text_cfg") or config.get("text_config") or config
    lengths = (length, said.get("context_length"), said.get("max_position_embeddings"), _limit(tokenizer))
    usual = 64 if family == "siglip" else 77
    fill = tokenizer.get("pad_token") or special.get("pad_token") or ""
    most = int(next((each for each in lengths if each), usual))
    return TextRules(
        length=most,
        fixed=length is not None or family == "siglip" or most <= _SHORT,
        fill=str(fill.get("content", "") if isinstance(fill, dict) else fill),
        clean=_cleaning(said, tokenizer, family),
        left=tokenizer.get("padding_side") == "left",
    )


def canonical(text: str) -> str:
    """Return a text as SigLIP was trained on it: lower case, no punctuation, one space between words.

    X. Zhai et al., "Sigmoid loss for language image pre-training", 2023 (`canonicalize_text` of big_vision).

    Examples
    --------
    >>> canonical("  A dog, on the_beach! ")
    'a dog on the beach'
    """
    return " ".join(text.replace("_", " ").translate(_NO_PUNCTUATION).lower().split())


class Tokenizer:
    """Turns texts into rows of numbers.

    Parameters
    ----------
    vocabulary : Path
        "tokenizer.json", or CLIP's list of merges.
    rules : TextRules
        See there.
    family : str
        "clip" or "siglip".

    Raises
    ------
    WeightsMissing
        When the vocabulary cannot be read, or lacks the token that fills.
    """

    def __init__(self, vocabulary: Path, *, rules: TextRules, family: str) -> None:
        self.rules = rules
        # SigLIP was trained without a mask: it looks at the filling too
        self._masks = family != "siglip"
        self._tokenizer = _load(vocabulary)
        # open_clip and rclip, whose file this is, do so twice; transformers and immich do not
        self._unescapes = vocabulary.suffix != ".json"
        number, token = self._fill(vocabulary, family)
        self._tokenizer.enable_padding(
            length=rules.length if rules.fixed else None,
            pad_id=number,
            pad_token=token,
            direction="left" if rules.left else "right",
        )
        # the start and the end token are kept: only what stands between them is cut
        self._tokenizer.enable_truncation(max_length=rules.length)

    def rows(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the numbers of the tokens and which of them are to be looked at, each (n, tokens) int64."""
        encoded = self._tokenizer.encode_batch([self._cleaned(text) for text in texts])
        shape = len(texts), len(encoded[0].ids) if encoded else self.rules.length
        ids = np.array([each.ids for each in encoded], np.int64).reshape(shape)
        if not self._masks:
            return ids, np.ones(shape, np.int64)
        return ids, np.array([each.attention_mask for each in encoded], np.int64).reshape(shape)

    def _cleaned(self, text: str) -> str:
        text = unicodedata.normalize("NFC", text).translate(_STRAIGHT)
        if self.rules.clean == "canonical":
            return canonical(text)
        if self._unescapes:
            text = html.unescape(html.unescape(text))
        text = " ".join(text.split())
        return text.lower() if self.rules.clean == "lower" else text

    def _fill(self, vocabulary: Path, family: str) -> tuple[int, str]:
        """Return the number and the name of the token that fills."""
        if self.rules.fill:
            number = self._tokenizer.token_to_id(self.rules.fill)
            if number is None:
                raise WeightsMissing(str(vocabulary), f"has no token {self.rules.fill!r}, with which texts are filled")
            return int(number), self.rules.fill
        if written := self._tokenizer.padding:
            return int(written["pad_id"]), str(written["pad_token"])
        if family == "siglip":
            # any other filling moves SigLIP's vectors: it looks at all 64 tokens
            return 1, str(self._tokenizer.id_to_token(1) or "</s>")
        number = self._tokenizer.token_to_id(END)
        return (int(number), END) if number is not None and vocabulary.suffix == ".json" else (0, "!")


def _load(vocabulary: Path) -> Any:
    if vocabulary.suffix != ".json":
        return clip_tokenizer(vocabulary)
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(str(vocabulary))
    except Exception as error:
        # `tokenizers` raises plain exceptions, for absent files and for wrong ones
        raise WeightsMissing(str(vocabulary), f"cannot be read ({error}); bring it again") from error


def _first(settings: Sequence[Path], name: str) -> Mapping[str, Any]:
    return next((read_json(path) for path in settings if path.name == name), {})


def _limit(tokenizer: Mapping[str, Any]) -> int | None:
    limit = tokenizer.get("model_max_length")
    return int(limit) if isinstance(limit, int | float) and 0 < limit <= _LONGEST else None


def _cleaning(said: Mapping[str, Any], tokenizer: Mapping[str, Any], family: str) -> str:
    told = (said.get("tokenizer_kwargs") or {}).get("clean")
    if told:
        return {"canonicalize": "canonical", "lower": "lower"}.get(str(told), "plain")
    kind = str(tokenizer.get("tokenizer_class", ""))
    if kind.startswith("Siglip2") or (family == "siglip" and kind.startswith("Gemma")):
        return "lower"
    if kind.startswith("Siglip") or family == "siglip":
        return "canonical"
    return "lower" if tokenizer.get("do_lower_case") is True else "plain"
