"""docs/api.md is what the docstrings say now."""

from __future__ import annotations

import hybrid_search
from scripts.api_page import NAMES, PAGE, page


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python scripts/api_page.py"


def test_every_public_name_is_there() -> None:
    assert set(NAMES) == set(hybrid_search.__all__)
    text = PAGE.read_text(encoding="utf-8")
    for heading in ("## HybridIndex\n", "### HybridIndex.update\n", "### Hits.to_pandas\n", "### Hit.image\n"):
        assert heading in text
    assert "- `metadata` (mapping): Fields as `add` takes them; None takes a field away. Tags" in text
    assert "`hit`" not in text and ">>>" not in text and "Hits.count" not in text
