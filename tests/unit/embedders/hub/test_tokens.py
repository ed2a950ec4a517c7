"""Texts as tokens: numbers worked out by hand on tiny vocabularies."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer as Plain
from tokenizers import models, pre_tokenizers

from hybrid_search.embedders.hub.clip_bpe import byte_letters, clip_tokenizer
from hybrid_search.embedders.hub.tokenizer import TextRules, Tokenizer, canonical, text_rules
from hybrid_search.errors import WeightsMissing
from tests.support.tiny_models import merges_file, word_tokenizer, write_json

# letters "!" to "~" have the numbers 0 to 93, 256 more at the end of a word; merges follow from 512 on
DO, DOG_END, RE, RED_END, START, END = 512, 513, 514, 515, 516, 517


def letter(sign: str, *, last: bool = False) -> int:
    return ord(sign) - ord("!") + (256 if last else 0)


def ids(path: Path, text: str) -> list[int]:
    return list(clip_tokenizer(path).encode(text).ids)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dog", [DOG_END]),
        ("A Dog", [letter("a", last=True), DOG_END]),
        # "do g</w>" is only merged at the end of a word
        ("dogs", [DO, letter("g"), letter("s", last=True)]),
        ("  red\n\tdog ", [RED_END, DOG_END]),
        ("dog's", [DOG_END, letter("'"), letter("s", last=True)]),
        # digits stand alone, other signs together
        ("12!?", [letter("1", last=True), letter("2", last=True), letter("!"), letter("?", last=True)]),
        ("red dog.", [RED_END, DOG_END, letter(".", last=True)]),
        # é is the bytes C3 A9; letters U+00A1 to U+00AC have numbers from 94, U+00AE to U+00FF from 106 on
        ("é", [106 + 0xC3 - 0xAE, 94 + 0xA9 - 0xA1 + 256]),
        ("", []),
    ],
)
def test_clips_numbers_by_hand(text: str, expected: list[int], tmp_path: Path) -> None:
    path = merges_file(tmp_path / "bpe_simple_vocab_16e6.txt.gz")
    assert ids(path, text) == [START, *expected, END]


def test_letters_stand_for_all_bytes_once() -> None:
    letters = byte_letters()
    assert len(set(letters)) == 256
    assert letters[letters.index("Ġ")] == chr(256 + 32), "a space is the 33rd byte that does not print"
    assert all(not sign.isspace() for sign in letters)


def test_the_published_list_gives_clips_numbers_of_start_and_end(tmp_path: Path) -> None:
    # of the 262,145 lines of the real file 48,894 count: 512 + 48,894 = 49,406
    path = tmp_path / "bpe_simple_vocab_16e6.txt.gz"
    letters = byte_letters()
    pairs = [f"{first} {second}" for first in letters for second in letters][:50_000]
    path.write_bytes(gzip.compress("\n".join(["#version", *pairs]).encode()))
    assert ids(path, "") == [49406, 49407]


def test_merges_of_transformers_take_their_numbers_from_the_vocabulary(tmp_path: Path) -> None:
    vocabulary = {"d": 0, "o": 1, "g</w>": 2, "do": 3, "dog</w>": 9, "<|startoftext|>": 20, "<|endoftext|>": 21}
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    (tmp_path / "merges.txt").write_text("#version: 0.2\nd o\ndo g</w>\n")
    assert ids(tmp_path / "merges.txt", "dog") == [20, 9, 21]


@pytest.mark.parametrize(
    "content", [b"", b"no gzip", gzip.compress(b"#version\n", mtime=0), gzip.compress(b"#v\nd o\n", mtime=0)[:-9]]
)
def test_damaged_lists_are_told(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bpe_simple_vocab_16e6.txt.gz"
    path.write_bytes(content)
    with pytest.raises(WeightsMissing, match=r"16e6.txt.gz: .*bring it again"):
        clip_tokenizer(path)


def test_filling_and_cutting_of_rclips_list(tmp_path: Path) -> None:
    path = merges_file(tmp_path / "bpe_simple_vocab_16e6.txt.gz")
    tokens = Tokenizer(path, rules=TextRules(length=5), family="clip")
    rows, mask = tokens.rows(["dog", "dog red dog red dog", "&lt;"])
    # open_clip fills with 0, keeps the end, and reads entities
    assert rows.tolist() == [
        [START, DOG_END, END, 0, 0],
        [START, DOG_END, RED_END, DOG_END, END],
        [START, letter("<", last=True), END, 0, 0],
    ]
    assert mask.tolist() == [[1, 1, 1, 0, 0], [1] * 5, [1, 1, 1, 0, 0]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A Dog, on the beach!", "a dog on the beach"),
        ("new_york", "new york"),
        ("it's  \n 5\tp.m.", "its 5 pm"),
        ("ÉTÉ «là»", "été «là»"),
        ("?!", ""),
    ],
)
def test_canonical_texts(text: str, expected: str) -> None:
    assert canonical(text) == expected
    assert canonical(canonical(text)) == expected


def test_siglip_is_filled_with_one_to_64(tmp_path: Path) -> None:
    numbers = word_tokenizer(tmp_path / "tokenizer.json", specials=("<pad>", "</s>"), template="$A </s>", lower=False)
    rules = text_rules([], family="siglip", length=None)
    assert (rules.length, rules.fixed, rules.clean) == (64, True, "canonical")
    rows, _ = Tokenizer(tmp_path / "tokenizer.json", rules=rules, family="siglip").rows(["A red DOG!", "dog " * 99])
    assert rows[0].tolist() == [numbers["a"], numbers["red"], numbers["dog"], 1, *[1] * 60]
    assert rows[1].tolist() == [numbers["dog"]] * 63 + [1]


@pytest.mark.parametrize(
    ("typed", "known"), [("cafe\u0301", "caf\u00e9"), ("it\u2019s", "it's"), ("\u201cdog\u201d", '"dog"')]
)
def test_accents_apart_and_curled_quotes_are_what_models_were_trained_on(
    typed: str, known: str, tmp_path: Path
) -> None:
    plain = Plain(models.WordLevel({"<unk>": 0, "</s>": 1, known: 2}, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    plain.save(str(tmp_path / "tokenizer.json"))
    for family in ("clip", "siglip"):
        rules = TextRules(64, clean="lower", fill="</s>")
        rows, _ = Tokenizer(tmp_path / "tokenizer.json", rules=rules, family=family).rows([typed])
        assert rows[0].tolist() == [2] + [1] * 63


def settings(folder: Path, tokenizer: dict[str, object], **config: object) -> list[Path]:
    write_json(folder / "config.json", **config)
    write_json(folder / "tokenizer_config.json", **tokenizer)
    return [folder / "config.json", folder / "tokenizer_config.json"]


@pytest.mark.parametrize(
    ("family", "tokenizer", "config", "length", "expected"),
    [
        (
            "clip",
            {"pad_token": "<|endoftext|>", "model_max_length": 77},
            {},
            None,
            (77, True, "<|endoftext|>", "plain"),
        ),
        ("clip", {"pad_token": {"content": "!"}}, {}, None, (77, True, "!", "plain")),
        ("clip", {}, {"text_config": {"max_position_embeddings": 64}}, None, (64, True, "", "plain")),
        ("clip", {}, {"text_cfg": {"context_length": 40}}, 77, (77, True, "", "plain")),
        ("clip", {"model_max_length": 8192}, {}, None, (8192, False, "", "plain")),
        ("clip", {"model_max_length": 1e30}, {}, None, (77, True, "", "plain")),
        (
            "siglip",
            {"tokenizer_class": "SiglipTokenizer", "pad_token": "</s>"},
            {},
            None,
            (64, True, "</s>", "canonical"),
        ),
        ("clip", {"tokenizer_class": "SiglipTokenizer", "pad_token": "</s>"}, {}, 64, (64, True, "</s>", "canonical")),
        ("siglip", {"tokenizer_class": "GemmaTokenizer", "pad_token": "<pad>"}, {}, None, (64, True, "<pad>", "lower")),
        ("clip", {}, {"text_cfg": {"tokenizer_kwargs": {"clean": "canonicalize"}}}, 64, (64, True, "", "canonical")),
    ],
)
def test_rules_are_read(
    family: str,
    tokenizer: dict[str, object],
    config: dict[str, object],
    length: int | None,
    expected: tuple[object, ...],
    tmp_path: Path,
) -> None:
    rules = text_rules(settings(tmp_path, tokenizer, **config), family=family, length=length)
    assert (rules.length, rules.fixed, rules.fill, rules.clean) == expected


def test_the_side_and_the_token_of_filling_are_those_of_the_files(tmp_path: Path) -> None:
    numbers = word_tokenizer(tmp_path / "tokenizer.json", specials=("<s>", "<pad>"), template="<s> $A")
    said = settings(tmp_path, {"padding_side": "left", "pad_token": "<pad>"})
    rules = text_rules(said, family="clip", length=4)
    rows, mask = Tokenizer(tmp_path / "tokenizer.json", rules=rules, family="clip").rows(["dog"])
    assert rows.tolist() == [[1, 1, 0, numbers["dog"]]] and mask.tolist() == [[0, 0, 1, 1]]


def test_long_models_fill_to_the_longest_only(tmp_path: Path) -> None:
    word_tokenizer(tmp_path / "tokenizer.json", specials=("<pad>",), template="$A")
    rules = TextRules(length=512, fixed=False, fill="<pad>")
    tokens = Tokenizer(tmp_path / "tokenizer.json", rules=rules, family="clip")
    assert tokens.rows(["dog", "a red dog"])[0].shape == (2, 3)
    assert tokens.rows(["dog " * 600])[0].shape == (1, 512)
    assert tokens.rows([])[0].shape == (0, 512)


def test_a_filling_token_that_is_not_there_is_told(tmp_path: Path) -> None:
    word_tokenizer(tmp_path / "tokenizer.json", specials=("<s>",), template="<s> $A")
    with pytest.raises(WeightsMissing, match=r"has no token '<pad>'"):
        Tokenizer(tmp_path / "tokenizer.json", rules=TextRules(length=4, fill="<pad>"), family="clip")


@pytest.mark.parametrize("content", ["", "{}", "[1"])
def test_damaged_tokenizers_are_told(content: str, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(WeightsMissing, match=r"tokenizer.json: cannot be read .*; bring it again"):
        Tokenizer(tmp_path / "tokenizer.json", rules=TextRules(length=4), family="clip")
