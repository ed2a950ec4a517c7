"""The types of spelling: a word that an index knows, and what was typed with such words in the place of others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NearWord:
    """A word of an index that is spelt nearly like one that was typed.

    Parameters
    ----------
    word : str
        As it is written in a picture's texts, tags or names.
    edits : int
        Letters that were added, left out, changed, or swapped with the next.
    pictures : int
        About how many pictures hold it.
    """

    word: str
    edits: int
    pictures: int


@dataclass(frozen=True)
class Correction:
    """A text in which words of the index stand for words that it does not know.

    Parameters
    ----------
    typed : str
        The words that are not in the index, as they were typed: "gardn".
    meant : str
        What stands in their place: "garden".
    text : str
        The whole text, corrected.
    searched : bool
        Whether the hits are those of this text; else it is a suggestion.

    Examples
    --------
    >>> str(Correction("gardn", "garden", "garden 2019"))
    'did you mean "garden"? (gardn is not in this index)'
    >>> str(Correction("gardn", "garden", "garden 2019", searched=True))
    'searched garden; gardn is not in this index'
    """

    typed: str
    meant: str
    text: str
    searched: bool = False

    def __str__(self) -> str:
        if self.searched:
            return f"searched {self.meant}; {self.typed} is not in this index"
        return f'did you mean "{self.meant}"? ({self.typed} is not in this index)'
