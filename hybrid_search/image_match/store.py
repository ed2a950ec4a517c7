"""image-match's store of pictures to be found by signature, as an index of hybrid-search."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from hybrid_search.backends import Action
from hybrid_search.document.document import FileFacts, build_source, file_fields, metadata_fields
from hybrid_search.document.picture import prepare, read_picture
from hybrid_search.errors import BulkError, ImageUnreadable, IndexNotFound, QueryError
from hybrid_search.hits.hits import Hit, read_hits
from hybrid_search.image_match.generator import ImageSignature, refuse_others
from hybrid_search.image_match.nested_metadata import KEPT_PATH, keep, kept_metadata, translate
from hybrid_search.images import DEFAULT_LIMITS, Limits, place_of, read_source
from hybrid_search.index import HybridIndex
from hybrid_search.ingest.caption_embedding import CaptionEmbedding
from hybrid_search.ingest.picture_embedding import PictureEmbedding
from hybrid_search.ingest.pipeline import check_name
from hybrid_search.query.body import build_body
from hybrid_search.query.query import SignatureLeg, make_query
from hybrid_search.signature.goldberg import norm, word_tokens
from hybrid_search.signature.orientations import turned_signatures

if TYPE_CHECKING:
    from hybrid_search.backends.elasticsearch import Server
    from hybrid_search.embedders import Embedder
    from hybrid_search.images import ImageLike

_FARTHEST = 1 - 1e-9  # a signature leg takes distances below 1


class SignatureES:
    """image-match's store of signatures, in an index that all of hybrid-search can use as well.

    Parameters
    ----------
    es : str, Path, HybridIndex, Elasticsearch client or None
        URL of a server or folder of an embedded index; an open index, which stays open; a client, of which only the
        addresses are taken (credentials come from `server`, environment or configuration file); None for memory.
    index : str
        The index's name; it is made when there is none.
    doc_type, timeout : str
        Ignored: servers know no types any more, and `server` says how long they may take.
    size : int
        Results at most; a plain attribute, to be changed at any time.
    k, N, n_grid, crop_percentile : int, int, int, (int, int)
        Only image-match's own defaults are taken.
    distance_cutoff : float
        Results are nearer than this; a plain attribute too.
    embedder : str or Embedder, optional
        What a new index is made with: by default "histogram+hog", the quickest; for signatures none is needed.
    fields : mapping of str to str, optional
        Names inside `metadata` that also fill a field of hybrid-search: `{"description": "caption"}`.
    server : Server, optional
        Credentials and options for a URL.
    limits : Limits
        The largest picture that is accepted.

    Raises
    ------
    QueryError
        When a parameter is not one of the defaults.
    MappingMismatch
        When the index of that name is not one of hybrid-search, such as one that image-match made.

    Examples
    --------
    >>> from PIL import Image
    >>> tile = Image.effect_mandelbrot((96, 64), (-3, -2.5, 2, 2.5), 50)
    >>> with SignatureES(None) as ses:
    ...     id = ses.add_image("a fractal", img=tile, metadata={"kind": {"art": True}})
    ...     [(hit["path"], hit["dist"], hit["metadata"]) for hit in ses.search_image(tile)]
    [('a fractal', 0.0, {'kind': {'art': True}})]
    """

    def __init__(
        self,
        es: Any,
        index: str = "images",
        doc_type: str = "image",
        timeout: str | float = "10s",
        size: int = 100,
        k: int = 16,
        N: int = 63,
        n_grid: int = 9,
        crop_percentile: tuple[int, int] = (5, 95),
        distance_cutoff: float = 0.45,
        *,
        embedder: str | Embedder | None = None,
        fields: Mapping[str, str] | None = None,
        server: Server | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        refuse_others(k=k, N=N, n_grid=n_grid, crop_percentile=crop_percentile)
        if not distance_cutoff >= 0:
            raise QueryError(f"distance_cutoff is 0 or more (got {distance_cutoff})")
        self.size, self.distance_cutoff = size, distance_cutoff
        self.gis = ImageSignature()
        self._owned = not isinstance(es, HybridIndex)
        self._index = _opened(_location(es), index, embedder, server) if self._owned else es
        self._backend, self._definition = self._index.backend, self._index.backend.definition()
        self._fields, self._limits = dict(fields or {}), limits
        self._unseen = False

    @property
    def hybrid(self) -> HybridIndex:
        """The index itself, with all that hybrid-search can do; it sees what was added so far."""
        self._see_own_writes()
        return self._index

    def add_image(
        self,
        path: str | os.PathLike[str],
        img: ImageLike | None = None,
        bytestream: bool = False,
        metadata: Any = None,
        refresh_after: bool = False,
    ) -> str:
        """Add a picture under a new id; adding the same again makes a second entry, see `delete_duplicates`.

        Parameters
        ----------
        path : str
            The picture's path or URL, or any name for `img`; results carry it as it was given.
        img : path, URL, bytes, file object, PIL image or ndarray, optional
            The picture itself.
        bytestream : bool
            Not needed: bytes are the picture, text is its path or URL.
        metadata : optional
            Anything that JSON can hold; results carry it, and `pre_filter` finds its values.
        refresh_after : bool
            Make it visible to others at once; searches of this object see it in any case.

        Returns
        -------
        str
            The new id.

        Raises
        ------
        ImageUnreadable, ImageTooLarge
            When the picture cannot be decoded.
        MappingMismatch
            When `metadata` is not JSON, or a value named by `fields` does not fit its field.
        """
        name, embedders = _name(path), self._index.filling()
        embedding = PictureEmbedding(embedders.for_images())
        place = name if img is not None else place_of(path)
        # taken before the picture is read, lest a change go unseen
        files = [FileFacts(place) if img is not None else _facts(place)] if place else []
        read = read_picture(
            read_source(path if img is None else img, limits=self._limits),
            min_side=embedding.min_side,
            described=keep(name, metadata, self._fields),
            limits=self._limits,
        )
        ((vectors, labels),) = embedding.embed([embedding.ready(read.prepared.image)])
        vectors |= CaptionEmbedding(embedders.for_captions()).vectors(read.metadata.fields)
        return self._insert(build_source(read, files=files, embeddings=vectors, labels=labels), refresh_after)

    def insert_single_record(self, rec: Mapping[str, Any], refresh_after: bool = False) -> str:
        """Add a record of an index that image-match made, without the picture: `path`, `signature` and `metadata`.

        It is found by its signature alone: there is no embedding, no size and no thumbnail, and its sha256 is that of
        its id.

        Returns
        -------
        str
            The new id.

        Raises
        ------
        BadVector
            When the signature has another length than 648.
        MappingMismatch
            As `add_image`.
        """
        name, values = _name(rec["path"]), np.asarray(rec["signature"], np.int8)
        described = keep(name, rec.get("metadata"), self._fields)
        source = {
            "indexed_at": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "signature_norm": norm(values),
            "words": list(word_tokens(values)),
            **({"signature": values} if values.any() else {}),
            **metadata_fields(described),
            **{field: value for field, value in file_fields([FileFacts(name)]).items() if value is not None},
        }
        return self._insert(source, refresh_after)

    def search_image(
        self,
        path: ImageLike,
        all_orientations: bool = False,
        bytestream: bool = False,
        pre_filter: Any = None,
    ) -> list[dict[str, Any]]:
        """Find the pictures whose signature is nearer than `distance_cutoff`, the nearest first.

        Parameters
        ----------
        path : path, URL, bytes, file object, PIL image or ndarray
        all_orientations : bool
            Search for all sixteen: four turns, mirrored or not, negative or not.
        bytestream : bool
            Not needed: bytes are the picture, text is its path or URL.
        pre_filter : mapping or list of mappings, optional
            Elasticsearch filter clauses; see docs/image-match.md for the names that they may use.

        Returns
        -------
        list of dict
            At most `size`, each with `id`, `score` (1 − dist), `dist`, `path` and `metadata`.

        Raises
        ------
        ImageUnreadable, ImageTooLarge
            When the picture cannot be decoded.
        BadFilter, UnknownField
            When the filter cannot be used.
        """
        source = read_source(path, limits=self._limits)
        prepared = prepare(source, min_side=self._index.embedder.min_side, limits=self._limits)
        # the pixels are turned, not the signature: image-match promises a distance below 0.05
        wanted = list(turned_signatures(prepared.image)) if all_orientations else [prepared.signature]
        nearest: dict[str, Hit] = {}
        for hit in self._hits([each for each in wanted if each.any()], translate(pre_filter)):
            known = nearest.get(hit.id)
            if known is None or _dist(hit) < _dist(known):
                nearest[hit.id] = hit
        near = [hit for hit in nearest.values() if _dist(hit) < self.distance_cutoff]
        return [_result(hit) for hit in sorted(near, key=lambda hit: (_dist(hit), hit.id))][: self.size]

    def delete_duplicates(self, path: str | os.PathLike[str]) -> int:
        """Delete all entries that were added under this path but the oldest; returns how many. Files stay."""
        self._see_own_writes()
        same = {"term": {f"exif.{KEPT_PATH}": _name(path)}}
        found = [(source["indexed_at"], id) for id, source in self._backend.scan(same, fields=("indexed_at",))]
        return self._index.delete([id for _, id in sorted(found)[1:]]) if len(found) > 1 else 0

    def close(self) -> None:
        """Release the index, unless it was given open; calling it twice is harmless."""
        self._see_own_writes()
        if self._owned:
            self._index.close()

    def __enter__(self) -> SignatureES:
        """Return itself; it is closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _insert(self, source: dict[str, Any], refresh: bool) -> str:
        id = uuid4().hex
        made_up = {} if "sha256" in source else {"sha256": sha256(id.encode()).hexdigest()}
        (outcome,) = self._backend.bulk([Action("create", id, {**source, **made_up})])
        if outcome.error is not None:
            raise BulkError([(outcome.id, outcome.error)])
        self._unseen = True
        if refresh:
            self._see_own_writes()
        return id

    def _see_own_writes(self) -> None:
        if self._unseen:
            self._unseen = False
            self._index.refresh()

    def _hits(self, signatures: Sequence[NDArray[np.int8]], filter: Any) -> Iterator[Hit]:
        if not signatures or self.distance_cutoff <= 0:
            return
        self._see_own_writes()
        reach = min(self.distance_cutoff, _FARTHEST)
        legs = [SignatureLeg(each, reach) for each in signatures]
        asked = {"filter": filter, "k": self.size, "collapse_duplicates": False}  # each entry is a result of its own
        queries = [make_query(self._definition, signature=leg, **asked) for leg in legs]
        fields = {"_source": {"includes": ["path", "signature_norm", "exif"]}}
        bodies = [{**build_body(query), **fields} for query in queries]
        for query, body, response in zip(queries, bodies, self._backend.msearch(bodies), strict=True):
            yield from read_hits(response, query, body)


def _location(es: Any) -> str | Path | None:
    """Return what `HybridIndex` takes for a location; of an Elasticsearch client its addresses."""
    nodes = getattr(getattr(es, "transport", None), "node_pool", None)
    return es if nodes is None else ",".join(node.base_url for node in nodes.all())


def _opened(
    location: str | Path | None, name: str, embedder: str | Embedder | None, server: Server | None
) -> HybridIndex:
    try:
        return HybridIndex(location, name=name, embedder=embedder, create=False, server=server)
    except IndexNotFound:
        return HybridIndex(location, name=name, embedder=embedder or "histogram+hog", server=server)


def _name(path: str | os.PathLike[str]) -> str:
    """Return a path as it was given, a URL without user and password."""
    if not isinstance(path, (str, os.PathLike)):
        raise ImageUnreadable(type(path).__name__, "path is a path, a URL or any name; the picture itself goes to img")
    name = os.fsdecode(path)
    check_name(name)
    return place_of(name) if "://" in name else name


def _facts(place: str) -> FileFacts:
    if "://" in place:
        return FileFacts(place)
    status = os.stat(place)
    return FileFacts(place, status.st_size, status.st_mtime_ns)


def _dist(hit: Hit) -> float:
    return 1.0 if hit.distance is None else hit.distance


def _result(hit: Hit) -> dict[str, Any]:
    kept = hit.source.get("exif") or {}
    return {
        "id": hit.id,
        "score": hit.score,
        "dist": _dist(hit),
        "path": kept.get(KEPT_PATH, hit.path),
        "metadata": kept_metadata(kept),
    }
