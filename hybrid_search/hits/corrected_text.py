"""A text that no picture holds all words of: searched as it was meant where that is clear, else with a suggestion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from hybrid_search.query.spelling.corrections import propose
from hybrid_search.query.spelling.foreign_text import foreign_text

if TYPE_CHECKING:
    from hybrid_search.hits.hits import Hits
    from hybrid_search.query.index_state import IndexState
    from hybrid_search.query.options import SearchOptions

Found = tuple["Hits", bool]
"""Hits, and whether one of them holds every word that was asked."""


def corrected(
    index: IndexState, text: str | None, *, options: SearchOptions, hits: Hits, again: Callable[[str], Found]
) -> Hits:
    """Return the hits of what was meant, or those that there are with what may have been meant.

    Where nothing is found and nothing was probably meant, they say of which language the text is.

    What was meant is searched only where it is clear, and where a picture holds every word of it.

    Parameters
    ----------
    index : IndexState
    text : str or None
        As typed; no picture holds every word of it.
    options : SearchOptions
    hits : Hits
        Of the text.
    again : callable
        Searches another text.
    """
    if not isinstance(text, str):
        return hits
    proposal = None if options.get("literal") else propose(index, text, found=bool(hits))
    if proposal is None:
        return hits if hits else replace(hits, foreign=foreign_text(text, index.embedders.specs))
    if proposal.clear:
        meant, holds = again(proposal.correction.text)
        if holds:
            return replace(meant, did_you_mean=(replace(proposal.correction, searched=True),))
    return replace(hits, did_you_mean=(proposal.correction,))
