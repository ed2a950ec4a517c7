"""The front door: one object that holds an index and answers questions about its pictures.

What writes is imported by the methods that write: half of the start of a search would be readers of files.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, overload

from hybrid_search.backends import Action, Backend
from hybrid_search.backends.registry import open_backend, shown
from hybrid_search.document.document import Document
from hybrid_search.errors import IndexNotFound
from hybrid_search.hits.search import request, search
from hybrid_search.images import DEFAULT_LIMITS, Limits
from hybrid_search.ingest.labelling import TEMPLATE, Labelled, label_pictures
from hybrid_search.ingest.open_index import open_or_create
from hybrid_search.query.completions import suggest
from hybrid_search.query.options import with_signature

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from hybrid_search.backends.elasticsearch import Server
    from hybrid_search.backends.integrity import IntegrityReport
    from hybrid_search.document.index_embedders import EmbedderSet
    from hybrid_search.duplicates.finder import DuplicateFinder
    from hybrid_search.duplicates.model import DuplicateGroup
    from hybrid_search.embedders import Embedder, TextEmbedder
    from hybrid_search.hits.evidence import Tier
    from hybrid_search.hits.hits import Hits
    from hybrid_search.images import ImageLike
    from hybrid_search.ingest import IngestReport, Progress
    from hybrid_search.ingest.prune import Vanished
    from hybrid_search.ingest.text_reading import TextReport
    from hybrid_search.query.completions import Completion
    from hybrid_search.query.filters import Filter
    from hybrid_search.query.options import SearchOptions

    Folder = str | os.PathLike[str]
    Given = str | Embedder | TextEmbedder
    One = ImageLike | Mapping[str, object]
    Many = Iterable[One | tuple[ImageLike, Mapping[str, object] | None]]


class HybridIndex:
    """Pictures as documents, found by words, by example, by metadata and by near-identity in one query.

    Parameters
    ----------
    location : str or Path, optional
        Folder of an embedded index, or the URL of an Elasticsearch server; None keeps the index in memory.
    name : str
        The index's name at that location.
    embedder : str or Embedder, or a sequence of them, optional
        What turns pictures into vectors, the first by default in searches; "caption:NAME" turns what is written about
        them into vectors. By default those that the index was made with; for a new index "lite+minilm"
        where `minilm` has been fetched, else "lite".
    create : bool
        Make the index when there is none.
    limits : Limits
        The largest picture that is accepted.
    server : Server, optional
        Credentials and options for a URL; by default what environment and configuration file say.

    Raises
    ------
    IndexNotFound
        When there is no index and `create` is false.
    EmbedderMismatch
        When the index has no vectors of one of the embedders.

    Examples
    --------
    >>> from PIL import Image
    >>> with HybridIndex(embedder="histogram+hog") as index:
    ...     red = index.add(Image.new("RGB", (64, 64), "red"), metadata={"caption": "a red square"})
    ...     index.search("red square")[0].id == red
    True
    """

    def __init__(
        self,
        location: str | Path | None = None,
        *,
        name: str = "images",
        embedder: Given | Sequence[Given] | None = None,
        create: bool = True,
        limits: Limits = DEFAULT_LIMITS,
        server: Server | None = None,
    ) -> None:
        backend = open_backend(location, name=name, server=server)
        if not create and not backend.exists():
            raise IndexNotFound(shown(location) or backend.location, name)
        self._state = open_or_create(backend, embedder, limits=limits)

    # -- what it is made of --------------------------------------------------------------------------------------------

    @property
    def backend(self) -> Backend:
        """Where the documents live, as `hybrid_search.backends.transfer` takes it."""
        return self._state.backend

    @property
    def location(self) -> str:
        """Where the documents are."""
        return self._state.backend.location

    @property
    def embedder(self) -> Embedder:
        """The default embedder, loaded at its first use and checked against what the index was made with."""
        self._state.follow()
        return self._state.embedders.image()

    @property
    def embedders(self) -> tuple[str, ...]:
        """The names of all embedders that the index has now, the default first."""
        return self._state.current_embedders().names

    def filling(self) -> EmbedderSet:
        """Return the embedders that fill the index as it is now, for those who write into its backend."""
        return self._state.current_embedders()

    def info(self) -> dict[str, Any]:
        """Return facts about the index: location, documents, how many missing, bytes, embeddings, own fields, versions.

        `drift` names each difference from the index that this version would make; `migrate` ends them.
        """
        from hybrid_search.ingest.info import index_info

        self._state.see_own_writes()
        return index_info(self._state.backend)

    # -- writing -------------------------------------------------------------------------------------------------------

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
        from hybrid_search.ingest import IngestOptions
        from hybrid_search.ingest.add import add

        options = IngestOptions(batch_size=batch_size, workers=workers, on_error=on_error, limits=self._state.limits)
        return add(self._state, image, id=id, metadata=metadata, options=options, progress=progress)

    def add_folder(
        self,
        path: str | Path,
        *,
        captions: str | Path | None = None,
        include: str | Sequence[str] = (),
        exclude: str | Sequence[str] = (),
        hidden: bool = False,
        follow_symlinks: bool = False,
        batch_size: int = 32,
        workers: int | None = None,
        on_error: Literal["collect", "raise"] = "collect",
        accept_missing: bool = False,
        all_files: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> IngestReport:
        """Index every picture below a folder (or one file); unchanged files cost next to nothing.

        Parameters
        ----------
        path : str or Path
            The folder.
        captions : str or Path, optional
            CSV, TSV, JSON Lines or COCO JSON with a caption, tags or other fields for each picture.
        include, exclude : str or sequence of str
            Glob patterns; see `hybrid_search.ingest.folder_walk.walk`.
        hidden : bool
            Also files and folders whose name begins with a dot.
        follow_symlinks : bool
            Also folders that symbolic links lead to.
        batch_size : int
            Pictures embedded together.
        workers : int, optional
            Threads that read and decode; by default one for each processor.
        on_error : {"collect", "raise"}
            List unusable files in the report, or stop at the first.
        accept_missing : bool
            Mark vanished pictures also where all or nearly all of the folder are gone, as on a drive that is not
            mounted, or where the folder itself is; without it none is marked, and the report says how many were
            `withheld`.
        all_files : bool
            Also look into files whose names say nothing: without a suffix, or with an unknown one. Not with `include`.
        progress : callable, optional
            Called with a `Progress` after every file.

        Raises
        ------
        ImageUnreadable
            When the folder itself is not there, unless the index knows pictures of it and `accept_missing` is true.
        CaptionsUnreadable
            When the captions file cannot be used.
        """
        from hybrid_search.ingest import IngestOptions, add_folder

        options = IngestOptions(
            include=(include,) if isinstance(include, str) else tuple(include),
            exclude=(exclude,) if isinstance(exclude, str) else tuple(exclude),
            hidden=hidden,
            follow_symlinks=follow_symlinks,
            batch_size=batch_size,
            workers=workers,
            on_error=on_error,
            accept_missing=accept_missing,
            all_files=all_files,
            limits=self._state.limits,
        )
        return add_folder(self._state, path, captions=captions, options=options, progress=progress)

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

        update_document(self._state, id, metadata)

    def delete(self, ids: str | Iterable[str]) -> int:
        """Remove documents (never the pictures themselves); returns how many there were."""
        self._state.check_open()
        wanted = [ids] if isinstance(ids, str) else [str(id) for id in ids]
        outcomes = self._state.backend.bulk([Action("delete", id) for id in wanted])
        self._state.backend.refresh()
        return sum(outcome.status < 300 for outcome in outcomes)

    def prune(self, *, dry_run: bool = False, accept_missing: bool = False) -> Vanished:
        """Remove the documents of files that have vanished, and return them.

        Of documents that lie elsewhere too, the paths are let go at which nothing lies any more; they are `paths` of
        what is returned. What has come back since its folder was indexed last stays.

        Parameters
        ----------
        dry_run : bool
            Only return them.
        accept_missing : bool
            Remove them also where they are most of the index.

        Raises
        ------
        MostAreMissing
            When they are more than 20 and more than half of the index, and that was not accepted.
        """
        from hybrid_search.ingest.prune import prune

        self._state.see_own_writes()
        return prune(self._state.backend, dry_run=dry_run, accept_missing=accept_missing)

    def check(self, *, repair: bool = False) -> IntegrityReport:
        """Compare all files of the index with their checksums; with `repair`, mend what can be mended.

        An index that is too damaged to be opened is checked by its backend, `open_backend(…).check(repair=True)`.

        Returns
        -------
        IntegrityReport
            The damages, and what was done: `incomplete` documents were computed again where their pictures are there.
        """
        from hybrid_search.ingest.recompute import check_index

        return check_index(self._state, repair=repair)

    def label_pictures(
        self,
        classes: Sequence[str],
        *,
        template: str | Sequence[str] = TEMPLATE,
        threshold: float = 0.5,
        temperature: float | None = None,
        floor: float = 2.0,
        filter: Filter | None = None,
        embedder: str | None = None,
        write: bool = False,
    ) -> list[Labelled]:
        """Say which of some classes each stored picture shows, by an embedder that has vectors for words.

        Parameters
        ----------
        classes : sequence of str
            Names, such as "dog", "beach", "crowd".
        template : str or sequence of str
            The text of a class, with {} for its name.
        threshold : float
            Least probability of a label, in (0, 1].
        temperature, floor : float
            See `hybrid_search.ingest.labelling.probabilities`.
        filter : str or mapping, optional
            Only pictures that satisfy it.
        embedder : str, optional
            An embedder of the index; by default the first for pictures that has vectors for words.
        write : bool
            Also keep the labels in the documents, beside the embedder's own and in place of an earlier run's.

        Raises
        ------
        TextNotSupported
            When the embedder, or every one of the index, embeds pictures only.
        QueryError
            When a class, a template or a number cannot be used.

        Returns
        -------
        list of Labelled
            All pictures that have a vector of the embedder; those that show none of the classes without labels.
        """
        return label_pictures(
            self._state,
            classes,
            template=template,
            threshold=threshold,
            temperature=temperature,
            floor=floor,
            filter=filter,
            embedder=embedder,
            write=write,
        )

    def add_embedder(
        self,
        embedder: str | Embedder | TextEmbedder,
        *,
        again: bool = False,
        batch_size: int = 32,
        progress: Callable[[Progress], None] | None = None,
    ) -> IngestReport:
        """Give every stored picture a vector of another embedder, beside those that it has.

        Files are read again, but for `head:FILE` and `joint:FILE` where the index has the vectors that these map.

        The index can be searched and written meanwhile; a run that was interrupted goes on where it ended.

        Parameters
        ----------
        embedder : str, Embedder or TextEmbedder
            A name, such as "histogram+hog", or "caption:NAME" for what embeds the words about pictures by NAME.
        again : bool
            Compute the vectors of an embedder that the index has anew. Those of another version of it are removed
            before, so that vectors of two versions are never compared.
        batch_size : int
            Pictures, or texts, embedded together.
        progress : callable, optional
            Called with a `Progress` after every batch.

        Returns
        -------
        IngestReport
            `updated` pictures, how many of them `from_stored` vectors, and those that failed: whose files are away, or
            have other bytes now.

        Raises
        ------
        EmbedderMismatch
            When the index has vectors of another version of the embedder, and `again` is false.
        EmbedderError
            When the embedder cannot be loaded.

        Examples
        --------
        >>> from hybrid_search import HybridIndex
        >>> with HybridIndex(embedder="lite") as index:
        ...     report = index.add_embedder("histogram+hog")
        ...     index.embedders
        ('lite', 'histogram+hog')
        """
        from hybrid_search.ingest.embedder_changes import add_embedder

        return add_embedder(self._state, embedder, again=again, batch_size=batch_size, progress=progress)

    def read_text(
        self, *, again: bool = False, workers: int | None = None, progress: Callable[[Progress], None] | None = None
    ) -> TextReport:
        """Read the text inside every stored picture that was not read yet; words find it then, and `has:text` filters.

        A cheap look at a small size decides whether there is anything to read. The index can be searched and written
        meanwhile; a run that was interrupted goes on where it ended.

        Parameters
        ----------
        again : bool
            Also read pictures that another version of the reader has read.
        workers : int, optional
            Pictures read at once; by default one for each processor.
        progress : callable, optional
            Called with a `Progress` after every few pictures.

        Returns
        -------
        TextReport
            How many pictures were `read`, how many of them `with_text`, and those that failed: whose files are away, or
            have other bytes now. What was read is in the documents, as `text_in_picture` and, with boxes and
            confidence, `text_lines`.

        Raises
        ------
        PackageMissing
            When RapidOCR is not installed.
        MappingMismatch
            When the index was made by a version that read no text; `backends.transfer.migrate` brings it up to date.
        """
        from hybrid_search.ingest.text_reading import read_text_of

        return read_text_of(self._state, again=again, workers=workers, progress=progress)

    def drop_embedder(self, name: str, *, progress: Callable[[int, int], None] | None = None) -> int:
        """Remove an embedder and its vectors.

        Where it was the default, another of pictures takes its place, if possible one that has vectors for words.
        The next version of the index is built without them: searches go on meanwhile, writes are refused.

        Parameters
        ----------
        name : str
        progress : callable, optional
            Called with the number of documents that are done, and of all.

        Returns
        -------
        int
            How many documents there are.

        Raises
        ------
        EmbedderMismatch
            When the index has no vectors of it.
        MappingMismatch
            When it is the only embedder of pictures.
        """
        from hybrid_search.ingest.embedder_changes import drop_embedder

        return drop_embedder(self._state, name, progress=progress)

    def prefer_embedder(self, name: str) -> None:
        """Make an embedder of pictures the index's default: what searches use where none is named.

        Raises
        ------
        EmbedderMismatch
            When the index has no vectors of it.
        MappingMismatch
            When it embeds what is written about pictures.
        """
        from hybrid_search.ingest.embedder_changes import prefer_embedder

        prefer_embedder(self._state, name)

    def refresh(self) -> None:
        """Make everything written so far durable, and visible to other readers."""
        self._state.refresh()

    def close(self) -> None:
        """Refresh and release the index; calling it twice is harmless, anything else raises BackendError then."""
        self._state.close()

    # -- asking --------------------------------------------------------------------------------------------------------

    @with_signature
    def search(self, text: str | None = None, **options: Unpack[SearchOptions]) -> Hits:
        """Find pictures by any combination of words, an example, a stored picture, a vector and a filter.

        Parameters
        ----------
        text : str, optional
            Words for captions, titles, tags, labels, file names, places and cameras; "quoted phrases" must occur as
            they stand, a leading "-" excludes a word.
        image : path, URL, bytes, file object, PIL image or ndarray, optional
            A picture to find others by: alike (vector leg) and nearly identical (signature leg).
        like, unlike : str or sequence of str, optional
            Ids or paths of stored pictures to find others by, and to lead away from; none of them is among the hits.
            What else is asked + 0.75 · mean of the liked − 0.15 · mean of the unliked (see `feedback.rocchio`).
        vector : (dims,) array, or mapping of embedder to array, optional
            A vector of the embedder, in place of an image.
        vector_query : sequence of terms, optional
            A sum of words, pictures, stored pictures and vectors, such as `[("beach", 1), (Path("a.jpg"), 0.5),
            ("people", -1)]`; see `hybrid_search.query.vector_sum`. Words need an embedder that has vectors for them.
        colours : str, optional
            What colours a picture shall have, such as "red", "#c00" or "red,white": a fair share of each basic colour.
            Shades and their shares, "#c00:3,white:1", rank with an embedder of colours, such as "colour:lab".
        classes : mapping of class to float, optional
            "More dog, less grass": how far to move towards classes that the embedder knows, such as `{"dog": 2}`.
        embedder : str or sequence of str, optional
            The embedders of the index to search with, each a leg. By default the index's first for pictures; words also
            by the first that has vectors for them, and by all "caption:" embedders.
        filter : str or mapping, optional
            Exact conditions, in Lucene syntax such as `camera.make:canon AND iso:[400 TO *]`, or Elasticsearch filter
            clauses.
        k, offset : int
            Hits wanted, hits to pass over before them.
        num_candidates : int, optional
            Vectors examined by the approximate search, at least `k`.
        weights : mapping of leg to float, optional
            How much the legs "text", "vector" and "signature" count; 1 each by default. Several legs of vectors are
            "vector:lite" and so on.
        fusion : {"evidence", "rrf", "sum"}
            What speaks for a hit as one number in [0, 1], ranks fused as Σ weight / (60 + rank), or normalised scores
            added.
        sort : str or sequence of str, optional
            Fields such as "taken_at:desc" in place of the score.
        min_score : float or mapping of leg to float, optional
            Least score, or least score of a leg in its own unit.
        facets : sequence of str
            Fields to count values of, such as "camera.make" or "taken_at:year".
        collapse_duplicates : bool, optional
            Show nearly identical hits as one, with its copies; by default where hits are ranked, and not where a filter
            or an order lists all.
        everything : bool
            Also hits without evidence: words alone end where nothing resembles them any more.
        explain : bool
            Have every hit name the words and filters that it matched.
        missing : bool
            Also pictures whose files have all vanished; a filter on `missing` finds them too.
        literal : bool
            Search all words as words: otherwise "2019", "Canon" or "in Paris" are filters where the index has pictures
            that fit, and `Hits.understood` says what was taken for what.

        Raises
        ------
        EmptyQuery, UnknownField, UnknownClass, BadFilter, BadVector, TextNotSupported
            When the query cannot be run as it was asked.
        ImageUnreadable, ImageTooLarge
            When `image` cannot be decoded.
        LegUnavailable, EmbedderMismatch
            When an embedder cannot be loaded that `embedder` names, or that a picture, a sum or classes need, or when
            no leg is left. Else words are asked of the legs that can run, and `Hits.unavailable` says which could not.

        Returns
        -------
        Hits
            Best first.
        """
        return search(self._state, text, options)

    def request(self, text: str | None = None, **options: Unpack[SearchOptions]) -> dict[str, Any]:
        """Return the `_search` body that `search` would send for the same question, as JSON; nothing is sent.

        Warns of legs that cannot run, which `search` tells in `Hits.unavailable`.
        """
        return request(self._state, text, options)

    def suggest(self, prefix: str, *, k: int = 10) -> list[Completion]:
        """Return names in the index that go on as a prefix begins, while it is typed.

        A name fits from the start of any of its words: "uni" finds "New York University". Names that begin with the
        prefix come first, then those of more pictures, and file names where there is room. Case and accents make no
        difference. Of tags, people and so on, the 5,000 most frequent of each field are known.

        Parameters
        ----------
        prefix : str
            What has been typed; nothing is suggested for "".
        k : int
            How many names, at most.

        Examples
        --------
        >>> from PIL import Image
        >>> with HybridIndex(embedder="colour:lab") as index:
        ...     _ = index.add(Image.new("RGB", (32, 32)), metadata={"tags": ["garden", "Ostsee"]})
        ...     index.suggest("gar")
        [Completion(text='garden', kind='tag', pictures=1)]
        """
        self._state.see_own_writes()
        return suggest(prefix, index=self._state, k=k)

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
        DuplicatesError
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
        return self._duplicates.find(
            image,
            max_distance=max_distance,
            tiers=tiers,
            filter=filter,
            k=k,
            check_pixels=check_pixels,
        )

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
        DuplicatesError, QueryError
            As for `find_duplicates`.

        Examples
        --------
        >>> from hybrid_search import HybridIndex
        >>> with HybridIndex(embedder="histogram+hog") as index:
        ...     list(index.duplicate_groups())
        []
        """
        return self._duplicates.groups(
            max_distance=max_distance,
            tiers=tiers,
            filter=filter,
            between=between,
            reference=reference,
            reviewed=reviewed,
            save=save,
            check_pixels=check_pixels,
            progress=progress,
        )

    @cached_property
    def _duplicates(self) -> DuplicateFinder:
        from hybrid_search.duplicates.finder import DuplicateFinder  # comparing pictures takes long to import

        return DuplicateFinder(self._state)

    # -- reading -------------------------------------------------------------------------------------------------------

    def get(self, id: str | Path, *, vectors: bool = False) -> Document:
        """Return one document by its id, or by the path of its picture; with `vectors`, signature and embeddings too.

        Raises
        ------
        DocumentNotFound
            When there is none.
        """
        self._state.see_own_writes()
        return Document(*self._state.asker.find(id, vectors=vectors))

    def __len__(self) -> int:
        """Return the number of documents."""
        self._state.see_own_writes()
        return self._state.backend.count()

    def __contains__(self, named: object) -> bool:
        """Tell whether there is a document with this id, or of a picture at this path."""
        return isinstance(named, str | os.PathLike) and self._state.contains(os.fsdecode(named))

    def __iter__(self) -> Iterator[Document]:
        """Give all documents, in bounded memory and no particular order."""
        self._state.see_own_writes()
        for id, source in self._state.backend.scan():
            yield Document(id, source)

    def __repr__(self) -> str:
        """Name location and embedder."""
        return f"<HybridIndex {self.location}: {self._state.embedders.specs[self._state.key]}>"

    def __enter__(self) -> HybridIndex:
        """Return itself; the index is closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the index."""
        self.close()
