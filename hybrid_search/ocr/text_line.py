"""One line of text inside a picture: what it says, how sure that is, and where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TextLine:
    """A line as it was read.

    Parameters
    ----------
    text : str
        Not empty.
    confidence : float
        Mean probability of its characters, in [0, 1].
    left, top, width, height : float
        The upright box around it, in fractions of the upright frame, in [0, 1].

    Examples
    --------
    >>> line = TextLine("Total 12.50", 0.98, left=0.1, top=0.8, width=0.5, height=0.04)
    >>> TextLine.from_json(line.to_json()) == line
    True
    """

    text: str
    confidence: float
    left: float
    top: float
    width: float
    height: float

    def to_json(self) -> dict[str, Any]:
        """Return the line as one entry of the document's `text_lines`."""
        edges = {name: round(getattr(self, name), 4) for name in ("left", "top", "width", "height")}
        return {"text": self.text, "confidence": round(self.confidence, 4), **edges}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> TextLine:
        """Read one entry of the document's `text_lines`."""
        return cls(**entry)


def text_fields(lines: tuple[TextLine, ...], *, read_by: str) -> dict[str, Any]:
    """Return the fields of a document whose picture was read; without lines they say only that it was.

    Examples
    --------
    >>> text_fields((), read_by="reader/1")
    {'text_read_by': 'reader/1'}
    """
    held = {"text_in_picture": [line.text for line in lines], "text_lines": [line.to_json() for line in lines]}
    return {**(held if lines else {}), "text_read_by": read_by}
