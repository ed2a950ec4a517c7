"""Documents of one commit, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from hybrid_search.backends.embedded.documents.schema import ID, SEQUENCE
from hybrid_search.backends.embedded.documents.source_filter import SourceFilter
from hybrid_search.backends.embedded.documents.tantivy_documents import read_source, with_vectors
from hybrid_search.backends.embedded.error_translation import reading
from hybrid_search.backends.embedded.snapshot import Snapshot
from hybrid_search.backends.embedded.writer import stored_rows

if TYPE_CHECKING:
    import tantivy

_PAGE = 1000
"""Documents that are looked up at once; chosen, not measured."""


def pages(
    snapshot: Snapshot,
    matching: tantivy.Query,
    *,
    fields: Sequence[str] | None,
    location: str,
    read_vector: Callable[[str, int], Any] | None,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Stream (id, `_source`) of every match in the order of writing.

    Parameters
    ----------
    snapshot : Snapshot
    matching : tantivy.Query
    fields : sequence of str or None
        Dotted names; None means all.
    location : str
        Name of the index in messages.
    read_vector : callable or None
        dense_vector field and row to its vector; None leaves vectors out.
    """
    wanted = SourceFilter(True if fields is None else list(fields))
    for address in addresses(snapshot, matching, location=location):
        with reading(location):
            native = snapshot.searcher.doc(address)
            source = wanted.apply(read_source(native, wanted=wanted.may_want))
            if read_vector is not None:
                rows = stored_rows(snapshot, address)
                chosen = {name: row for name, row in rows.items() if fields is None or wanted.may_want(name)}
                source = with_vectors(source, chosen, read=read_vector)
        yield str(native.get_first(ID)), source


def addresses(snapshot: Snapshot, matching: tantivy.Query, *, location: str) -> Iterator[tantivy.DocAddress]:
    """Stream where the matches of one commit are, in the order of writing."""
    from tantivy import FieldType, Occur, Query

    after = -1
    while True:
        later = Query.range_query(snapshot.schema.tantivy, SEQUENCE, FieldType.Unsigned, after + 1, None)
        both = Query.boolean_query([(Occur.Must, matching), (Occur.Must, later)])
        with reading(location):
            page = snapshot.ordered(both, SEQUENCE, limit=_PAGE)
        for sequence, address in page:
            yield address
            after = sequence
        if len(page) < _PAGE:
            return
