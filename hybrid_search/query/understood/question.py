"""What a question to an open index means, by the vocabulary that this index has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hybrid_search.query.text import MAX_CHARACTERS
from hybrid_search.query.understood.model import Understanding

if TYPE_CHECKING:
    from hybrid_search.query.index_state import IndexState
    from hybrid_search.query.options import SearchOptions


_EXAMPLES = ("image", "like", "unlike", "vector", "vector_query")


def understanding(index: IndexState, text: str | None, options: SearchOptions) -> Understanding:
    """Return what is meant by the text of a question; with `literal`, its words."""
    if not isinstance(text, str) or not text.strip() or options.get("literal") or len(text) > MAX_CHARACTERS:
        # what is no text, or too long, is refused where words are read
        return Understanding(text)  # type: ignore[arg-type]
    # those who search without words need no readers of dates and names
    from hybrid_search.query.understood.text_parts import understand

    meant = understand(text, index.vocabulary())
    if any(options.get(name) is not None for name in _EXAMPLES):
        # beside an example, "red" says where to go from there
        meant = replace(meant, parts=tuple(part for part in meant.parts if not part.colour))
    # what leads away needs something to lead away from
    return meant if meant.words or options.get("unlike") is None else Understanding(text)
