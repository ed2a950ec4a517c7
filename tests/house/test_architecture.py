"""The page of the architecture shows what is imported now."""

from __future__ import annotations

import pytest

from scripts import draw_architecture
from scripts.draw_architecture import PAGE, imports, page


def test_the_page_is_what_the_command_draws() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "run python scripts/draw_architecture.py"


def test_a_step_that_is_gone_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draw_architecture, "PICTURE_IN", ("index:HybridIndex.take_in",))
    with pytest.raises(ValueError, match=r"index:HybridIndex\.take_in is on the page, but not in the package"):
        page(PAGE.read_text(encoding="utf-8"))


def test_what_is_imported_for_types_alone_is_no_arrow() -> None:
    assert "hits.hits" in imports("hits.search")
    assert "query.index_state" not in imports("hits.search")
