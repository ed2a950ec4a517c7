"""Pictures that a caller hands over go in: one, or many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hybrid_search.errors import BulkError, ImageUnreadable
from hybrid_search.images import place_of
from hybrid_search.ingest.input_items import Item, is_several, read_item, read_items
from hybrid_search.ingest.many_pictures import add_pictures
from hybrid_search.ingest.one_picture import add_picture

if TYPE_CHECKING:
    from hybrid_search.ingest.report import IngestOptions, IngestReport, Progress
    from hybrid_search.query.index_state import IndexState


def add(
    index: IndexState,
    image: Any,
    *,
    id: str | None,
    metadata: Mapping[str, object] | None,
    options: IngestOptions,
    progress: Callable[[Progress], None] | None,
) -> str | IngestReport:
    """Add one picture, or many; see `HybridIndex.add`."""
    index.check_open()
    if is_several(image):
        if id is not None:
            raise BulkError([(id, "an id is one picture's; give each its own as {'path': …, 'id': …}")])
        return _add_many(index, image, metadata, options, progress=progress)
    item = _with(metadata, read_item(image))
    place = place_of(item.image)
    if place and place in index.pending:
        index.refresh()
    chosen = item.id if id is None else id
    embedders, limits = index.current_embedders(), index.limits
    added = add_picture(index.backend, embedders, item.image, id=chosen, metadata=item.metadata, limits=limits)
    index.pending.add(place)
    return added


def _add_many(
    index: IndexState,
    images: Any,
    metadata: Mapping[str, object] | None,
    options: IngestOptions,
    *,
    progress: Callable[[Progress], None] | None,
) -> IngestReport:
    index.see_own_writes()
    items: Iterator[Item | ImageUnreadable] = (_with(metadata, each) for each in read_items(images))
    # what a generator gives may be written over when it is asked for the next
    ahead = isinstance(images, Sequence) or hasattr(images, "columns") or hasattr(images, "dtype")
    total = len(images) if hasattr(images, "__len__") else None
    embedders = index.current_embedders()
    return add_pictures(index.backend, embedders, items, options=options, ahead=ahead, total=total, progress=progress)


def _with(metadata: Mapping[str, object] | None, item: Any) -> Any:
    """Return an item with what is said of all pictures; what is said of it alone wins."""
    if not metadata or isinstance(item, ImageUnreadable):
        return item
    return replace(item, metadata={**metadata, **item.metadata})
