"""CLIP's tokenizer from its list of merges, for models that bring no `tokenizer.json`.

A. Radford et al., "Learning transferable visual models from natural language supervision", 2021: byte pairs over
lower-case text, "</w>" at the end of each word, a start and an end token. `tokenizers` does the work; a vocabulary is
what the list implies: 256 bytes, the same at the end of a word, one token for each merge, start, end.
"""

from __future__ import annotations

import gzip
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from hybrid_search.errors import WeightsMissing

START, END = "<|startoftext|>", "<|endoftext|>"
MERGES = 49152 - 256 - 2
"""How many lines of the published list are used; it has more."""
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def clip_tokenizer(path: Path) -> Any:
    """Return the `tokenizers.Tokenizer` of a list of merges, start and end tokens added; it neither cuts nor fills.

    Parameters
    ----------
    path : Path
        "bpe_simple_vocab_16e6.txt.gz" as CLIP published it, or transformers' "merges.txt" with "vocab.json" beside it.

    Raises
    ------
    WeightsMissing
        When it cannot be read, or is no list of merges.
    """
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    merges = _merges(path)
    vocabulary = _vocabulary(path, merges)
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, end_of_word_suffix="</w>", unk_token=END))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip(), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, vocabulary[START]), (END, vocabulary[END])]
    )
    return tokenizer


@lru_cache(maxsize=1)
def byte_letters() -> tuple[str, ...]:
    """Return the letter that stands for each byte, in the order in which CLIP numbers them.

    Bytes that print stand for themselves, and come first; the others take letters from U+0100 on (as in GPT-2).

    Examples
    --------
    >>> letters = byte_letters()
    >>> letters[0], letters[64], letters.index("Ġ") - 188
    ('!', 'a', 32)
    """
    printing = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printing]
    return (*map(chr, printing), *(chr(256 + number) for number in range(len(others))))


def _merges(path: Path) -> list[tuple[str, str]]:
    try:
        raw = path.read_bytes()
        lines = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8").split("\n")
    except (OSError, EOFError, ValueError) as error:
        raise WeightsMissing(str(path), f"cannot be read ({error}); bring it again") from error
    merges = [pair for line in lines[1 : MERGES + 1] if len(pair := tuple(line.split())) == 2]
    if not merges:
        raise WeightsMissing(str(path), "is no list of merges; bring it again")
    return [(first, second) for first, second in merges]


def _vocabulary(path: Path, merges: list[tuple[str, str]]) -> dict[str, int]:
    written = path.with_name("vocab.json")
    if path.name == "merges.txt" and written.is_file():
        known: dict[str, int] = json.loads(written.read_text(encoding="utf-8"))
        return known
    letters = byte_letters()
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *map("".join, merges), START, END]
    return {token: number for number, token in enumerate(tokens)}
