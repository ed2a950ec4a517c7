"""What an index offers about duplicates: one lookup, and the groups of the whole collection."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from hybrid_search.hits.evidence import Tier

if TYPE_CHECKING:
    from hybrid_search.backends import Backend
    from hybrid_search.duplicates.compare.judge import Judge
    from hybrid_search.duplicates.compare.pixels import PixelStore
    from hybrid_search.duplicates.model import DuplicateGroup
    from hybrid_search.embedders import Embedder
    from hybrid_search.hits.hits import Hits
    from hybrid_search.images import ImageLike, Limits
    from hybrid_search.query.filters import Filter

__all__ = ["FindsDuplicates"]

Folder = str | os.PathLike[str]


class FindsDuplicates(ABC):
    """The part of `HybridIndex` that deals with duplicates."""

    _backend: Backend
    _key: str
    _limits: Limits

    @property
    @abstractmethod
    def embedder(self) -> Embedder:
        """What turns pictures into vectors."""

    @abstractmethod
    def _see_own_writes(self) -> None: ...

    @cached_property
    def _pixels(self) -> PixelStore:
        from hybrid_search.duplicates.compare.pixels import PixelStore

        return PixelStore(limits=self._limits)

    def _judge(self, tiers: Collection[Tier] | None, max_distance: float | None, *, check_pixels: bool) -> Judge:
        from hybrid_search.duplicates.compare.judge import Judge

        return Judge(
            tiers=tiers, max_distance=max_distance, check_pixels=check_pixels, limits=self._limits, store=self._pixels
        )

    def find_duplicates(
        self,
        image: ImageLike,
        *,
        max_distance: float | None = None,
        tiers: Collection[Tier] | None = None,
        filter: Filter | None = None,
        k: int = 100,
        check_pixels: bool = True,
    ) -> Hits:
        """Tell whether a picture is already here: its copies, the surest first.

        Each hit names its `tier` and its `evidence`. Where a stored file can be read its pixels are compared; nothing
        is a duplicate that only looks alike. Pictures whose files have all vanished are none, unless `filter` names
        `missing`.

        Parameters
        ----------
        image : path, URL, bytes, file object, PIL image or ndarray
            The picture asked about; it may be stored itself, and is then found first.
        max_distance : float, optional
            Signature distance, in (0, 1), up to which signatures agree; 0.36 by default.
        tiers : collection of str, optional
            Of "bytes", "pixels", "near", "transformed", "edited", "more", "unsure", "similar", those wanted; by default
            the first six, which are duplicates.
        filter : str or mapping, optional
            Exact conditions on the stored pictures, such as `taken_at:<2015 AND NOT camera.make:canon`.
        k : int
            Hits wanted at most.
        check_pixels : bool
            Whether pixels are compared; without, signatures alone decide, and no file is read.

        Raises
        ------
        TierUnavailable
            When "edited" is asked for and OpenCV is not installed.
        QueryError
            When a tier is not known, or a number is out of its range.
        ImageUnreadable, ImageTooLarge
            When `image` cannot be decoded.

        Returns
        -------
        Hits
            Their scores are whole numbers by tier plus one minus the distance within it.

        Examples
        --------
        >>> import numpy as np
        >>> from hybrid_search import HybridIndex
        >>> picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8).repeat(6, 0).repeat(6, 1)
        >>> with HybridIndex(embedder="histogram+hog") as index:
        ...     id = index.add(picture)
        ...     [(hit.id == id, hit.tier) for hit in index.find_duplicates(picture)]
        [(True, 'bytes')]
        """
        from hybrid_search.duplicates.lookup import Lookup, find_duplicates

        self._see_own_writes()
        judge = self._judge(tiers, max_distance, check_pixels=check_pixels)
        lookup = Lookup(self._backend, judge, self._key, lambda: self.embedder, self._limits)
        return find_duplicates(lookup, image, filter=filter, k=k)

    def duplicate_groups(
        self,
        *,
        max_distance: float | None = None,
        tiers: Collection[Tier] | None = None,
        filter: Filter | None = None,
        between: tuple[Folder, Folder] | None = None,
        reference: Sequence[Folder] = (),
        reviewed: bool = False,
        save: bool = True,
        check_pixels: bool = True,
        progress: Callable[[int, int], None] | None = None,
    ) -> Iterator[DuplicateGroup]:
        """Give the groups of copies in the whole index, the largest picture of each first.

        Only pictures that are new since the last run are compared with all; a run that was cut short goes on where it
        was. Every member matches its group's representative, so that small changes never chain.

        Parameters
        ----------
        max_distance, tiers, check_pixels
            As for `find_duplicates`.
        filter : str or mapping, optional
            Pictures that do not match it take no part.
        between : pair of paths, optional
            Two folders: files of the second are sought among those of the first.
        reference : sequence of paths
            Folders whose pictures represent their groups and are not compared with each other.
        reviewed : bool
            Whether groups that a person has dealt with come back too.
        save : bool
            Whether what is found is kept in the index: the next run is quicker, and searches collapse by group.
        progress : callable, optional
            Called with how many pictures have been compared, and of how many.

        Raises
        ------
        MappingMismatch
            When the index was made before groups were kept in it; `backends.transfer.migrate` brings it up to date.
        TierUnavailable, QueryError
            As for `find_duplicates`.

        Examples
        --------
        >>> from hybrid_search import HybridIndex
        >>> with HybridIndex(embedder="histogram+hog") as index:
        ...     list(index.duplicate_groups())
        []
        """
        from hybrid_search.document.definition import field_types
        from hybrid_search.duplicates.collect.collection import duplicate_groups
        from hybrid_search.query.filters import parse_filter

        self._see_own_writes()
        judge = self._judge(tiers, max_distance, check_pixels=check_pixels)
        clauses = parse_filter(filter, field_types(self._backend.definition()))
        yield from duplicate_groups(
            self._backend,
            self._key,
            judge=judge,
            tiers=judge.tiers,
            max_distance=max_distance,
            filter={"bool": {"filter": list(clauses)}} if clauses else None,
            save=save,
            reviewed=reviewed,
            between=between,
            reference=reference,
            progress=progress,
        )
