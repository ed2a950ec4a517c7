"""Duplicates in an open index: one lookup, and the groups of the whole collection."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from hybrid_search.document.definition import field_types
from hybrid_search.duplicates.collect.collection import Folder, duplicate_groups
from hybrid_search.duplicates.compare.judge import Judge
from hybrid_search.duplicates.compare.pixels import PixelStore
from hybrid_search.duplicates.lookup import Lookup, find_duplicates
from hybrid_search.query.filters import parse_filter

if TYPE_CHECKING:
    from hybrid_search.duplicates.model import DuplicateGroup
    from hybrid_search.embedders import Embedder
    from hybrid_search.hits.evidence import Tier
    from hybrid_search.hits.hits import Hits
    from hybrid_search.images import ImageLike
    from hybrid_search.query.filters import Filter
    from hybrid_search.query.index_state import IndexState


class DuplicateFinder:
    """Finds the duplicates of one open index; pixels that were read for one question are kept for the next.

    Parameters
    ----------
    index : IndexState
    """

    def __init__(self, index: IndexState) -> None:
        self._index = index
        self._pixels = PixelStore(limits=index.limits)

    def find(
        self,
        image: ImageLike,
        *,
        max_distance: float | None,
        tiers: Collection[Tier] | None,
        filter: Filter | None,
        k: int,
        check_pixels: bool,
    ) -> Hits:
        """Return the stored copies of one picture; see `HybridIndex.find_duplicates`."""
        index = self._index
        index.see_own_writes()
        judge = self._judge(tiers, max_distance, check_pixels=check_pixels)

        def embedder() -> Embedder:
            index.follow()
            return index.embedders.image()

        lookup = Lookup(index.backend, judge, index.key, embedder, index.limits)
        return find_duplicates(lookup, image, filter=filter, k=k)

    def groups(
        self,
        *,
        max_distance: float | None,
        tiers: Collection[Tier] | None,
        filter: Filter | None,
        between: tuple[Folder, Folder] | None,
        reference: Sequence[Folder],
        reviewed: bool,
        save: bool,
        check_pixels: bool,
        progress: Callable[[int, int], None] | None,
    ) -> Iterator[DuplicateGroup]:
        """Give the groups of copies in the whole index; see `HybridIndex.duplicate_groups`."""
        index = self._index
        index.see_own_writes()
        judge = self._judge(tiers, max_distance, check_pixels=check_pixels)
        clauses = parse_filter(filter, field_types(index.backend.definition()))
        yield from duplicate_groups(
            index.backend,
            index.key,
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

    def _judge(self, tiers: Collection[Tier] | None, max_distance: float | None, *, check_pixels: bool) -> Judge:
        limits, store = self._index.limits, self._pixels
        return Judge(tiers=tiers, max_distance=max_distance, check_pixels=check_pixels, limits=limits, store=store)
