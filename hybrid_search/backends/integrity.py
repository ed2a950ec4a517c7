"""What a look at all files of an index found, and what a repair made of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Damage:
    """One file that is lost or is not as it was written.

    Parameters
    ----------
    file : str
        Its path within the index.
    reason : str
        What is wrong with it.
    affects : str
        What cannot be trusted any more.
    harmless : bool
        Whether answers are right without it.
    """

    file: str
    reason: str
    affects: str
    harmless: bool = False


@dataclass(frozen=True)
class IntegrityReport:
    """The outcome of a check.

    Parameters
    ----------
    location : str
    files, bytes : int
        How much was read and compared.
    damages : tuple of Damage
        Empty when all is sound; after a repair, what is still damaged.
    unsummed : tuple of str
        Files of an earlier version, which kept no checksums; the next write adds them.
    repaired : tuple of str
        What was done, a sentence each.
    incomplete : tuple of str
        Ids of documents that a repair kept without something that is computed from the picture.
    lost : int
        Documents that the repair could not read; `index` brings those back whose pictures are there.
    kept : str, optional
        Where the damaged files are.
    """

    location: str
    files: int
    bytes: int
    damages: tuple[Damage, ...] = ()
    unsummed: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()
    lost: int = 0
    kept: str | None = None
