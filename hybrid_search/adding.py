"""What an index offers to who has pictures at hand: one or many go in, and what is said of them changes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from hybrid_search.embedding_changes import HoldsEmbeddings
from hybrid_search.errors import BulkError, ImageUnreadable

if TYPE_CHECKING:
    from hybrid_search.images import ImageLike
    from hybrid_search.ingest import IngestOptions, IngestReport, Item, Progress

    One = ImageLike | Mapping[str, object]
    Many = Iterable[One | tuple[ImageLike, Mapping[str, object] | None]]

__all__ = ["Adds"]


class Adds(HoldsEmbeddings):
    """The part of `HybridIndex` that takes pictures which a caller hands over."""

    _pending: set[str]

    @abstractmethod
    def _check_open(self) -> None: ...

    @abstractmethod
    def refresh(self) -> None:
        """Make everything written so far durable, and visible to other readers."""

    @overload
    def add(  # type: ignore[overload-overlap]  # a path or bytes are iterable too, and one picture
        self, image: One, *, id: str | None = None, metadata: Mapping[str, object] | None = None
    ) -> str: ...

    @overload
    def add(
        self,
        image: Many,
        *,
        id: None = None,
        metadata: Mapping[str, object] | None = None,
        batch_size: int = 32,
        workers: int | None = None,
        on_error: Literal["collect", "raise"] = "collect",
        progress: Callable[[Progress], None] | None = None,
    ) -> IngestReport: ...

    def add(
        self,
        image: One | Many,
        *,
        id: str | None = None,
        metadata: Mapping[str, object] | None = None,
        batch_size: int = 32,
        workers: int | None = None,
        on_error: Literal["collect", "raise"] = "collect",
        progress: Callable[[Progress], None] | None = None,
    ) -> str | IngestReport:
        """Add one picture, or many, or replace them; searches of this object see them at once.

        Others see one picture after `refresh` or `close`, many when the call has ended. Many are read side by side,
        embedded together and written together, which is quicker than one call for each. A generator is asked for
        pictures as they are needed, so that any number may come.

        Parameters
        ----------
        image : path, URL, bytes, file object, PIL image, ndarray or mapping; or an iterable of these
            One picture; its path, or the URL that it came from, becomes the document's `path`. A mapping has it as
            `image` or `path`, perhaps an `id`, and its fields: `{"path": "cat.jpg", "caption": "a cat"}`.
            Many pictures: a list, a generator or another iterable of these and of (picture, metadata) pairs, an array
            of four axes, or a pandas or polars data frame with a column `path` or `image` and columns of fields, where
            NaN says nothing.
        id : str, optional
            The document's id, of one picture; by default the sha256 of the picture's bytes.
        metadata : mapping, optional
            Fields by dotted name, such as `{"caption": "a cat", "camera.make": "Canon"}`; they win over the file's own.
            A name below `extra.` makes an own field: `{"extra.price": 12.5}`. Of many pictures, what holds for all
            that do not say otherwise.
        batch_size : int
            Pictures embedded together, of many.
        workers : int, optional
            Threads that read and decode many; by default one for each processor.
        on_error : {"collect", "raise"}
            List those of many that cannot be used in the report, or stop at the first.
        progress : callable, optional
            Called with a `Progress` after each of many.

        Returns
        -------
        str or IngestReport
            Of one picture its id. Of many the report: how many are new, which `failed` and why, and `ids`, those of
            all in their order, None for one that failed.

        Raises
        ------
        ImageUnreadable, ImageTooLarge
            When one picture cannot be decoded.
        MappingMismatch
            When `metadata`, or a column, names no field that describes a picture, or a value does not fit its field.

        Examples
        --------
        >>> from PIL import Image
        >>> from hybrid_search import HybridIndex
        >>> with HybridIndex(embedder="histogram+hog") as index:
        ...     pictures = ({"image": Image.new("RGB", (64, 64), name), "extra.ink": name} for name in ("red", "blue"))
        ...     report = index.add(pictures)
        ...     report.added, index.search(filter="extra.ink:blue").ids() == [report.ids[1]]
        (2, True)
        """
        from hybrid_search.ingest import IngestOptions, add_picture, place_of
        from hybrid_search.ingest.input_items import is_several, read_item

        self._check_open()
        if is_several(image):
            if id is not None:
                raise BulkError([(id, "an id is one picture's; give each its own as {'path': …, 'id': …}")])
            options = IngestOptions(batch_size=batch_size, workers=workers, on_error=on_error, limits=self._limits)
            return self._add_many(image, metadata, options, progress=progress)
        item = _with(metadata, read_item(image))
        place = place_of(item.image)
        if place and place in self._pending:
            self.refresh()
        chosen = item.id if id is None else id
        embedders, limits = self.filling(), self._limits
        added = add_picture(self._backend, embedders, item.image, id=chosen, metadata=item.metadata, limits=limits)
        self._pending.add(place)
        return added

    def _add_many(
        self,
        images: Any,
        metadata: Mapping[str, object] | None,
        options: IngestOptions,
        *,
        progress: Callable[[Progress], None] | None,
    ) -> IngestReport:
        from hybrid_search.ingest import add_pictures
        from hybrid_search.ingest.input_items import read_items

        self._see_own_writes()
        items: Iterator[Item | ImageUnreadable] = (_with(metadata, each) for each in read_items(images))
        # what a generator gives may be written over when it is asked for the next
        ahead = isinstance(images, Sequence) or hasattr(images, "columns") or hasattr(images, "dtype")
        total = len(images) if hasattr(images, "__len__") else None
        return add_pictures(
            self._backend, self.filling(), items, options=options, ahead=ahead, total=total, progress=progress
        )

    def update(self, id: str | Path, metadata: Mapping[str, object]) -> None:
        """Change what is said of a stored picture; fields that are not named stay, and so do its vectors.

        It holds as long as the file and what lies beside it stay as they are: a file whose sidecars or captions
        change is described by these again.

        Parameters
        ----------
        id : str or Path
            The document's id, or the path of its picture.
        metadata : mapping
            Fields as `add` takes them; None takes a field away. Tags are replaced, not added to. With a position go the
            names of its place, with a moment its offset.

        Raises
        ------
        DocumentNotFound
            When there is no such document.
        MappingMismatch
            When a name is no field that describes a picture, or a value does not fit its field.

        Examples
        --------
        >>> from PIL import Image
        >>> from hybrid_search import HybridIndex
        >>> with HybridIndex(embedder="histogram+hog") as index:
        ...     id = index.add(Image.new("RGB", (64, 64), "red"), metadata={"caption": "a square"})
        ...     index.update(id, {"title": "Red", "caption": None})
        ...     index.get(id).source["title"], "caption" in index.get(id).source
        ('Red', False)
        """
        from hybrid_search.ingest.update import update_document

        self._see_own_writes()
        found, _ = self._asker.find(id)
        update_document(self._backend, self.filling(), found, metadata)
        self._pending.add("")


def _with(metadata: Mapping[str, object] | None, item: Any) -> Any:
    """Return an item with what is said of all pictures; what is said of it alone wins."""
    if not metadata or isinstance(item, ImageUnreadable):
        return item
    return replace(item, metadata={**metadata, **item.metadata})
