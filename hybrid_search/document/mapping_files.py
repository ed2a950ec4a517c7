"""The JSON files of `mappings/`, wherever this code runs from: an installed package, or a checkout."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def mapping_text(*name: str) -> str:
    """Return the text of a file of `mappings/`.

    Parameters
    ----------
    *name : str
        Its path there, part by part.

    Examples
    --------
    >>> mapping_text("kibana", "images.ndjson")[:1]
    '{'
    """
    try:
        folder = resources.files("hybrid_search.mappings")
    except ModuleNotFoundError:
        # a checkout, which hides an installed package from who runs something in it, has them beside the code
        folder = Path(__file__).parent.parent.parent / "mappings"
    return folder.joinpath(*name).read_text(encoding="utf-8")
