"""What cannot be texts is refused by everything that embeds texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid_search.embedders.registry import get_text_embedder
from hybrid_search.embedders.text_arguments import given_texts
from hybrid_search.errors import QueryError

WRONG: list[tuple[Any, str]] = [
    ("abc", r"a list of texts, such as \['a dog'\] \(got 'abc'\)"),
    (b"abc", r"got b'abc'"),
    (3, r"got 3\)"),
    ([None], "number 0 of 1 is None"),
    (["a dog", 3], "number 1 of 2 is 3"),
    ([b"a dog"], "number 0 of 1 is b'a dog'"),
    (["a dog", ["a boat"]], "number 1 of 2 is "),
]


@pytest.mark.parametrize(("texts", "said"), WRONG)
@pytest.mark.parametrize("family", ["minilm", "lite+minilm", "glove", "word2vec"])
def test_what_is_no_list_of_texts_is_refused(family: str, texts: Any, said: str, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text(("1 2\n" if family == "word2vec" else "") + "dog 1 2\n")
    name = f"{family}:{tmp_path / 'words.txt'}" if family in ("glove", "word2vec") else family
    embedder = get_text_embedder(name)
    with pytest.raises(QueryError, match=rf"^embed_texts takes .*{said}"):
        embedder.embed_texts(texts)
    if hasattr(embedder, "unknown"):
        with pytest.raises(QueryError, match=said):
            embedder.unknown(texts)


def test_any_texts_in_a_row_will_do() -> None:
    assert given_texts(text for text in ("a", "b")) == ["a", "b"] == given_texts(np.array(["a", "b"]))
    assert given_texts([]) == []
