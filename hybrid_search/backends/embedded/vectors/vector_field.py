"""All vectors of one dense_vector field: rows are the truth, codes and graph are derived from them.

Files in the field's folder: `rows.bin` (float16 or int8), `codes.bin` (8-bit codes of float rows), `committed.json`
(how many rows count, of which identity), `graph.usearch`. The protocol between the one writer and any readers:

1. The writer appends rows and codes behind the committed ones. No reader looks there.
2. `flush` syncs both files to the disk and then replaces `committed.json`; only then may documents that name the new
   rows be committed. So whoever sees a document can see its rows: a reader calls `refresh` *after* it has reopened the
   documents.
3. After a crash the writer finds rows that were not committed (they do not count and are overwritten) or rows that
   were committed while their documents were not: `truncate` takes those back. Rows below that never change.
4. The graph is replaced as a whole and names the identity of its rows, how many it covers, and a checksum. One that
   does not fit is ignored; rows that it does not cover are scanned. Who has the old one open keeps it until `refresh`.

A search takes the graph or the scan, whichever was measured to be cheaper, and the graph only where it was measured to
find 99.5 % of the nearest. A filter makes the graph look deeper, in proportion to what it takes away; if too few of
what the graph surely finds pass, or if the query is unlike the rows, the scan answers. Scores are always computed from
the rows.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybrid_search.backends.embedded.documents.mapping_fields import Field
from hybrid_search.backends.embedded.documents.tantivy_documents import vector_kind
from hybrid_search.backends.embedded.index_folder import Folder
from hybrid_search.backends.embedded.vectors.hnsw_graph import HnswGraph, grow, open_graph, stamp
from hybrid_search.backends.embedded.vectors.row_lengths import RowLengths
from hybrid_search.backends.embedded.vectors.vector_scan import Kind, RowSnapshot, best, exact, merge, scan, work
from hybrid_search.backends.embedded.vectors.vector_store import Store
from hybrid_search.backends.embedded.vectors.vector_validation import checked
from hybrid_search.errors import IndexCorrupt

_GRAPH_STEP = 4096
"""Rows that are scanned beside the graph before it grows; chosen, not measured."""
_GRAPH_LIMIT = 16384
"""Rows that are added before the graph is saved; chosen, not measured."""
_GRAPH_SHARE = 8
"""One in so many of the rows that it has, where that is more than either; chosen, not measured."""
_MASK_SLACK = 1.25
"""So many times what passes on average is asked for: near a query fewer may pass; chosen."""
_BYTE_ERROR = 1e-4
"""More than single precision takes from the cosine of bytes, whose sums are whole numbers."""

RowScores = tuple[NDArray[np.int64], NDArray[np.float64]]


class VectorField:
    """All vectors of one dense_vector field, without knowledge of documents.

    Searches may run in several threads while one thread appends.

    Parameters
    ----------
    folder : Path or None
        Where the files are, made by a writer when absent; None keeps everything in memory.
    dims : int
        Numbers in a vector.
    element_type : {"float", "byte"}
        float is stored as float16, byte as int8.
    similarity : {"dot_product", "l2_norm", "cosine"}
        dot_product of float demands unit length.
    graph : bool
        Whether to keep a graph when there are enough rows; without, searches are exact (Elasticsearch's `flat`).
    writable : bool
        Whether rows will be appended; the caller sees to it that there is one writer.
    graph_from : int
        Bytes that a scan must read before a graph is worth its making.

    Raises
    ------
    IndexCorrupt
        When the files are of other vectors, or shorter than what was committed.
    FormatTooNew
        When a newer version of this library wrote them.

    Examples
    --------
    >>> field = VectorField(None, dims=2, element_type="float", similarity="dot_product", graph=False, writable=True)
    >>> field.append([[1, 0], [0, 1], [0.6, 0.8]]).tolist()
    [0, 1, 2]
    >>> rows, scores = field.search([0, 1], k=2, num_candidates=10)
    >>> rows.tolist(), scores.round(3).tolist()
    ([1, 2], [1.0, 0.9])
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        dims: int,
        element_type: Literal["float", "byte"],
        similarity: Literal["dot_product", "l2_norm", "cosine"],
        graph: bool,
        writable: bool,
        graph_from: int = 128 << 20,
    ) -> None:
        self._kind = Kind(dims, element_type, similarity)
        self._store = Store(folder, kind=self._kind, writable=writable)
        self._graph_path = None if folder is None else folder / "graph.usearch"
        self._graph_from = graph_from if graph else None
        self._graph: HnswGraph | None = None
        self._graph_known = False
        self._lengths = RowLengths()
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._store)

    def append(self, vectors: ArrayLike) -> NDArray[np.int64]:
        """Append vectors and return their row numbers; searches of this object see them at once.

        Parameters
        ----------
        vectors : (n, dims) or (dims,) numbers

        Raises
        ------
        BadVector
            When the length is wrong, a number is not finite or does not fit, or a length must be 1 and is not.
        StorageFull
            When the disk is full; none of the vectors is appended.
        """
        values = checked(vectors, kind=self._kind)
        start = self._store.append(values)
        return np.arange(start, start + len(values), dtype=np.int64)

    def flush(self) -> None:
        """Make all rows durable; to be called before documents that name them are committed. Raises StorageFull."""
        self._store.flush()

    def truncate(self, rows: int) -> None:
        """Drop the rows from this one on, which no committed document names; raises IndexCorrupt when it is too far."""
        with self._lock:
            graph = self._opened_graph()
            if graph is not None and graph.covered > rows:
                if self._graph_path is not None:
                    self._graph_path.unlink(missing_ok=True)
                self._graph = None
            self._store.truncate(rows)

    def read(self, rows: ArrayLike) -> NDArray[Any]:
        """Return vectors, (n, dims) float32 or int8; float ones to the precision of float16."""
        snapshot = self._store.snapshot()
        wanted = self._existing(rows, len(snapshot))
        return snapshot.rows[wanted].astype(np.float32 if self._kind.element_type == "float" else np.int8)

    def search(
        self,
        query: ArrayLike,
        *,
        k: int,
        num_candidates: int,
        mask: NDArray[np.bool_] | None = None,
        min_score: float | None = None,
    ) -> RowScores:
        """Return the k nearest rows, best first, ties by row.

        Parameters
        ----------
        query : (dims,) numbers
        k : int
            Rows wanted; fewer come only when fewer are allowed or score enough.
        num_candidates : int
            Rows that the graph looks at, at least; more where fewer are known not to do.
        mask : (rows,) bool
            Which rows are allowed; those behind its end are not. None allows all.
        min_score : float
            The lowest score wanted.

        Returns
        -------
        rows : (k,) int64
        scores : (k,) float64
            Elasticsearch's: (1 + s) / 2 for the dot product s of floats and the cosine s of bytes, 1 / (1 + d²) for
            l2_norm.

        Raises
        ------
        BadVector
            As for `append`.
        """
        asked = checked(query, kind=self._kind, single=True)[0]
        snapshot = self._store.snapshot(None if mask is None else min(len(mask), len(self._store)))
        if mask is not None:
            mask = mask[: len(snapshot)]
        allowed = len(snapshot) if mask is None else int(np.count_nonzero(mask))
        k = min(k, allowed)
        if k < 1:
            return self._scored((np.empty(0, dtype=np.int64), np.empty(0)), min_score)
        found = self._by_graph(snapshot, asked, k=k, num_candidates=num_candidates, mask=mask, allowed=allowed)
        if found is None:
            rows = None if mask is None or allowed == len(snapshot) else np.flatnonzero(mask)
            if rows is None and min_score is not None and self._kind.similarity == "cosine":
                least = 2.0 * min_score - 1.0
                rows = self._lengths.candidates(snapshot, self._store.sums, asked, least=least)
            found = _by_scan(snapshot, asked, rows, k, min_score)
        return self._scored(found, min_score)

    def search_rows(self, query: ArrayLike, rows: ArrayLike, *, k: int, min_score: float | None = None) -> RowScores:
        """Return the k nearest of the given rows, exactly; `rows` are distinct, in any order. Else as `search`."""
        asked = checked(query, kind=self._kind, single=True)[0]
        snapshot = self._store.snapshot()
        found = _by_scan(snapshot, asked, self._existing(rows, len(snapshot)), k, min_score)
        return self._scored(found, min_score)

    def refresh(self) -> None:
        """See what the writer has flushed since, and its newest graph; a reader calls it after reopening documents."""
        self._store.refresh()
        with self._lock:
            if self._graph_path is None or self._graph is None or stamp(self._graph_path) != self._graph.stamp:
                self._graph_known = self._graph_path is None

    def sync_graph(self, *, mask: NDArray[np.bool_] | None = None) -> None:
        """Let the graph catch up with the rows, when it is worth it.

        One call adds at most 16,384 rows, or an eighth of the graph; the time of all calls together grows with the rows
        as that of making the graph at once. A graph that was found useless is left until there are twice as many rows.

        Parameters
        ----------
        mask : (rows,) bool
            Which rows documents name; the others are left out. A graph that is mostly dead rows is made anew.

        Raises
        ------
        StorageFull
            When there is no space for it; everything else stays usable.
        BackendError
            When the field was opened for reading.
        """
        self._store.demand_writable()
        snapshot = self._store.snapshot()
        if self._graph_from is None or len(snapshot) * self._kind.dims < self._graph_from:
            return
        graph = self._opened_graph()
        alive = np.ones(len(snapshot), dtype=bool)
        if mask is not None:
            alive[: len(mask)] = mask[: len(alive)]
        if graph is not None and np.count_nonzero(alive[: graph.covered]) * 2 < graph.keys:
            graph = None
        covered = 0 if graph is None else graph.covered
        if len(snapshot) - covered < _due(graph):
            return
        upto = min(len(snapshot), covered + max(_GRAPH_LIMIT, covered // _GRAPH_SHARE))
        added = covered + np.flatnonzero(alive[covered:upto])
        if not len(added):
            return
        grown = grow(
            graph, self._store.snapshot(upto), identity=self._store.identity, rows=added, path=self._graph_path
        )
        with self._lock:
            self._graph, self._graph_known = grown, True

    def stats(self) -> dict[str, int]:
        """Return the counts `rows` and `graph_rows`, and the sizes `bytes` (in all) and `graph_bytes`."""
        graph = self._opened_graph()
        graph_bytes = 0 if graph is None else graph.bytes()
        return {
            "rows": len(self._store),
            "bytes": self._store.bytes() + graph_bytes,
            "graph_rows": 0 if graph is None else graph.keys,
            "graph_bytes": graph_bytes,
        }

    def close(self) -> None:
        """Release the files; rows that were not flushed are lost."""
        self._store.close()
        with self._lock:
            self._graph, self._graph_known = None, True

    def _opened_graph(self) -> HnswGraph | None:
        with self._lock:
            if not self._graph_known and self._graph_from is not None and self._graph_path is not None:
                self._graph = open_graph(self._graph_path, kind=self._kind, identity=self._store.identity)
            self._graph_known = True
            return self._graph

    def _by_graph(
        self,
        snapshot: RowSnapshot,
        query: NDArray[Any],
        *,
        k: int,
        num_candidates: int,
        mask: NDArray[np.bool_] | None,
        allowed: int,
    ) -> RowScores | None:
        if self._graph_from is None or work(len(snapshot), allowed) * self._kind.dims < self._graph_from:
            return None
        graph = self._opened_graph()
        if graph is None:
            return None
        depth = k if allowed == len(snapshot) else int(np.ceil(_MASK_SLACK * k * len(snapshot) / allowed))
        expansion = graph.calibration.expansion(depth)
        if expansion == 0:
            return None
        expansion = max(expansion, num_candidates)
        tail = max(0, len(snapshot) - graph.covered)
        cost = graph.calibration.expansion_s * expansion + graph.calibration.row_s * tail
        if cost >= graph.calibration.row_s * work(len(snapshot), allowed):
            return None
        rows = graph.nearest(query, expansion)
        rows = rows[rows < len(snapshot)]
        closeness = exact(snapshot, query, rows)
        if not graph.calibration.covers(closeness):
            return None
        if mask is not None:
            if np.count_nonzero(mask[rows[: graph.calibration.depth(expansion)]]) < k:
                return None
            rows, closeness = rows[mask[rows]], closeness[mask[rows]]
        behind = graph.covered + np.arange(tail)
        if mask is not None:
            behind = behind[mask[behind]]
        return merge([(rows, closeness), _by_scan(snapshot, query, behind, k)], k)

    def _scored(self, found: RowScores, min_score: float | None) -> RowScores:
        rows, closeness = found
        scores = self._kind.scores(closeness)
        if min_score is not None:
            rows, scores = rows[scores >= min_score], scores[scores >= min_score]
        return rows, scores

    def _existing(self, rows: ArrayLike, count: int) -> NDArray[np.int64]:
        wanted = np.asarray(rows, dtype=np.int64).reshape(-1)
        if len(wanted) and not (0 <= int(wanted.min()) and int(wanted.max()) < count):
            raise IndexCorrupt(
                self._store.location, f"row {int(wanted.max()):,} was asked for, there are {count:,}; refresh first"
            )
        return wanted


def _due(graph: HnswGraph | None) -> int:
    """Rows that the graph must be behind before it is worth the work of loading and saving it."""
    if graph is None:
        return 1
    useful = graph.calibration.shallow > 0
    return max(_GRAPH_STEP, graph.covered // _GRAPH_SHARE if useful else graph.covered)


def _by_scan(
    snapshot: RowSnapshot, query: NDArray[Any], rows: NDArray[np.int64] | None, k: int, min_score: float | None = None
) -> RowScores:
    quick = scan(snapshot, query, rows=rows)
    if min_score is not None and snapshot.kind.similarity == "cosine":
        # what is scanned of bytes is exact to 1e-6; of signatures a handful are near enough, and others need no score
        near = np.flatnonzero(quick >= 2.0 * min_score - 1.0 - _BYTE_ERROR)
        rows, quick = near if rows is None else rows[near], quick[near]
    return best(snapshot, query, rows, quick, k)


def open_vectors(field: Field, folder: Folder | None) -> VectorField:
    """Return the vectors of a dense_vector field of an index, to be written by who holds the lock of its folder."""
    kind = vector_kind(field)
    return VectorField(
        None if folder is None else folder.vectors(field.name),
        dims=kind.dims,
        element_type=kind.element_type,
        similarity=kind.similarity,
        graph="flat" not in str(field.options.get("index_options", {}).get("type", "hnsw")),
        writable=folder is None or folder.locked,
    )
