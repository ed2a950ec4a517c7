"""A document's JSON to a tantivy document, checked field by field, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid_search.backends.embedded.documents.field_lengths import Lengths, filled
from hybrid_search.backends.embedded.documents.index_values import (
    boolean,
    date,
    flat_values,
    keyword,
    number,
    point,
    term_fits,
    vector,
)
from hybrid_search.backends.embedded.documents.mapping_fields import Field
from hybrid_search.backends.embedded.documents.schema import (
    EVERY,
    ID,
    LARGE,
    PRESENT,
    SEQUENCE,
    SOURCE,
    Schema,
    analyzer_name,
)
from hybrid_search.backends.embedded.vectors.vector_validation import checked
from hybrid_search.document.search_fields import LATER, composed, search_fields
from hybrid_search.errors import BadVector

if TYPE_CHECKING:
    import tantivy

_LARGE_FROM = 256
"""Characters of JSON of a part that is kept apart, so that who does not want it need not parse it; chosen."""
_PLAIN = {str, int, float, bool, type(None)}
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
# json.loads looks for the encoding and for white space first, which takes longer than a small document itself.
_decode = json.JSONDecoder().raw_decode
_MAX_ID = 512
"""Bytes, as with Elasticsearch."""
_SHORT = 1_000
"""Characters of a term that is not too long, whatever they are."""


class RefusedDocument(ValueError):
    """A document does not fit the mapping; the message names the field."""


@dataclass
class PreparedDocument:
    """A document whose every value has been checked.

    Parameters
    ----------
    id : str
    source : dict
        JSON fields without vectors.
    parts : dict
        Top-level field to its JSON text.
    columns : dict
        tantivy field to its values.
    texts : dict
        Text field to its values.
    vectors : dict
        dense_vector field to its numbers, None where the vector is taken away.
    present : set
        Names of the fields and objects that the document has.
    """

    id: str
    source: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    columns: dict[str, list[Any]] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)
    vectors: dict[str, Any] = field(default_factory=dict)
    present: set[str] = field(default_factory=set)

    def put(self, name: str, values: list[Any]) -> None:
        """Add values of a tantivy field."""
        self.columns.setdefault(name, []).extend(values)


def prepare(id: str, source: Mapping[str, Any], schema: Schema) -> PreparedDocument:
    """Check a document against the mapping.

    Raises
    ------
    RefusedDocument
        When the id, a field's name or a value does not fit.
    """
    if not isinstance(id, str) or not 1 <= len(id.encode("utf-8", "surrogatepass")) <= _MAX_ID:
        raise RefusedDocument(f"an id has 1 to {_MAX_ID} bytes, got {id!r:.60}")
    document = PreparedDocument(id)
    document.source = _walk(document, "", composed(source), schema)
    for name, value in search_fields(source).items():
        for target in schema.fields.targets(name) or ():
            _index(document, target, value, schema)
    try:
        id.encode("utf-8")
        document.parts = {key: _encode(value) for key, value in document.source.items()}
    except (TypeError, ValueError) as error:
        raise RefusedDocument(f"not JSON: {error}") from error
    return document


def _walk(document: PreparedDocument, prefix: str, source: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in source.items():
        name = f"{prefix}{key}"
        if "\0" in key:
            raise RefusedDocument(f"field {name!r}: a name must not contain NUL")
        container = schema.fields.container(name)
        targets = schema.fields.targets(name)
        if container == "object" and value is not None:
            inner = _object(document, name, value, schema)
            if inner or not value:
                kept[key] = inner
        elif targets is not None and targets[0].kind == "dense_vector":
            _take_vector(document, targets[0], value)
        elif targets is not None:
            kept[key] = _plain(value)
            for target in targets:
                _index(document, target, value, schema)
        elif container is None and name in LATER:
            continue
        elif container is None and schema.fields.strict:
            raise RefusedDocument(f"field {name!r}: the mapping is strict and does not have it")
        else:
            kept[key] = _plain(value)
    return kept


def _object(document: PreparedDocument, name: str, value: Any, schema: Schema) -> Any:
    if isinstance(value, (list, tuple)):
        return [_object(document, name, item, schema) for item in value]
    if not isinstance(value, Mapping):
        raise RefusedDocument(f"field {name!r}: expected an object, got {type(value).__name__}")
    return _walk(document, f"{name}.", value, schema)


def _take_vector(document: PreparedDocument, target: Field, value: Any) -> None:
    if value is None:
        document.vectors[target.name] = None
        return
    try:
        document.vectors[target.name] = checked(vector(target, value), kind=vector_kind(target))[0]
    except (BadVector, ValueError, TypeError) as error:
        raise RefusedDocument(f"field {target.name!r}: {error}") from error


def _index(document: PreparedDocument, target: Field, value: Any, schema: Schema) -> None:
    if not target.indexed and not target.columnar:
        return
    try:
        if target.kind == "geo_point":
            found = _index_point(document, target, value)
        elif target.kind == "flattened":
            found = _index_flattened(document, target, value)
        elif target.kind == "text":
            texts = [keyword(item) for item in _scalars(value)]
            found = bool(texts)
            if found:
                document.texts.setdefault(target.name, []).extend(texts)
        else:
            found = _index_scalars(document, target, value, schema)
    except (ValueError, TypeError) as error:
        raise RefusedDocument(f"field {target.name!r}: {error}") from error
    if found:
        parts = target.name.split(".")
        document.present.update(".".join(parts[: end + 1]) for end in range(len(parts)))


def _index_scalars(document: PreparedDocument, target: Field, value: Any, schema: Schema) -> bool:
    values: list[Any]
    if target.kind == "keyword":
        values = _terms(target, value, schema)
    elif target.kind == "boolean":
        values = [boolean(item) for item in _scalars(value)]
    elif target.kind == "date":
        values = [date(target, item) for item in _scalars(value)]
    else:
        values = [number(target, item) for item in _scalars(value)]
    document.put(target.name, values)
    return bool(values)


def _terms(target: Field, value: Any, schema: Schema) -> list[str]:
    terms = [keyword(item) for item in _scalars(value)]
    if (name := target.options.get("normalizer")) is not None:
        normal = schema.analysis.normalizer(name)
        terms = [normal(term) for term in terms]
    limit = target.options.get("ignore_above")
    # of long lists no term is looked at alone where all are short
    if max(map(len, terms), default=0) <= min(_SHORT, _SHORT if limit is None else limit):
        return terms
    return [term for term in terms if term_fits(term, limit)]


def _index_point(document: PreparedDocument, target: Field, value: Any) -> bool:
    if value is None or value == []:
        return False
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    lat, lon = point(value)
    if f"{target.name}#lat" in document.columns:
        raise ValueError("the embedded backend keeps one point per document")
    document.put(f"{target.name}#lat", [lat])
    document.put(f"{target.name}#lon", [lon])
    return True


def _index_flattened(document: PreparedDocument, target: Field, value: Any) -> bool:
    limit = target.options.get("ignore_above")
    pairs = [
        (key, text)
        for key, text in flat_values(value, depth_limit=target.options.get("depth_limit", 20))
        if term_fits(text, limit)
    ]
    document.put(target.name, [text for _, text in pairs])
    document.put(f"{target.name}#keyed", [f"{key}\0{text}" for key, text in pairs if term_fits(f"{key}\0{text}", None)])
    return bool(pairs)


def _scalars(value: Any) -> Iterator[Any]:
    if not isinstance(value, (list, tuple, np.ndarray)):
        if value is not None:
            yield value
        return
    for item in value:
        if type(item) is str:
            yield item
        else:
            yield from _scalars(item)


def _plain(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [inner if type(inner) in _PLAIN else _plain(inner) for inner in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return value


def vector_kind(target: Field) -> Any:
    """Return what a VectorField must know of a dense_vector field: dims, element type and similarity."""
    from hybrid_search.backends.embedded.vectors.vector_scan import Kind

    similarity, element_type = target.options.get("similarity", "cosine"), target.options.get("element_type", "float")
    if similarity == "cosine" and element_type == "float":
        similarity = "dot_product"
    return Kind(target.options["dims"], element_type, similarity)


def to_tantivy(
    document: PreparedDocument, schema: Schema, *, sequence: int, rows: Mapping[str, int], lengths: Lengths
) -> tantivy.Document:
    """Return the tantivy document of a prepared one.

    Parameters
    ----------
    document : PreparedDocument
    schema : Schema
    sequence : int
        Number of the write.
    rows : mapping
        dense_vector field to the row of its vector.
    lengths : Lengths
        Averages of the text fields, which the document joins.
    """
    native = filled(_absent(document, schema, lengths))
    native.add_text(ID, document.id)
    native.add_unsigned(SEQUENCE, sequence)
    native.add_text(PRESENT, EVERY)
    for name in {*document.present, *rows}:
        native.add_text(PRESENT, name)
    for name, row in rows.items():
        native.add_unsigned(f"{name}#row", row)
    _add_texts(native, document, schema, lengths)
    for name, values in document.columns.items():
        _add_column(native, name, values, schema)
    _add_source(native, document.parts)
    return native


def _absent(document: PreparedDocument, schema: Schema, lengths: Lengths) -> dict[str, int]:
    """Return how many filler tokens each text field gets that the document does not have."""
    names = [target.name for target in schema.texts if target.name not in document.texts]
    return {name: tokens for name in names if (tokens := lengths.fill(name))}


def _add_texts(native: tantivy.Document, document: PreparedDocument, schema: Schema, lengths: Lengths) -> None:
    for target in schema.texts:
        texts = document.texts.get(target.name, ())
        if not texts:
            continue
        analyzer = schema.analysis.analyzer(analyzer_name(target))
        lengths.add(target.name, sum(len(analyzer.analyze(text)) for text in texts))
        for text in texts:
            native.add_text(target.name, text)


def _add_column(native: tantivy.Document, name: str, values: list[Any], schema: Schema) -> None:
    adders: dict[type, Callable[[str, Any], None]] = {
        str: native.add_text,
        int: native.add_integer,
        float: native.add_float,
    }
    distinct = sorted(set(values))
    for value in distinct:
        adders[type(value)](name, value)
    if len(distinct) > 1 and schema.has_maximum(name):
        adders[type(distinct[-1])](f"{name}#max", distinct[-1])
        native.add_text(PRESENT, f"{name}#max")


def _add_source(native: tantivy.Document, parts: Mapping[str, str]) -> None:
    small = {key: text for key, text in parts.items() if len(text) < _LARGE_FROM}
    native.add_bytes(SOURCE, ("{" + ",".join(f"{_encode(key)}:{text}" for key, text in small.items()) + "}").encode())
    for key, text in parts.items():
        if key not in small:
            native.add_bytes(SOURCE, f"{key}\0{text}".encode())


def read_source(native: tantivy.Document, *, wanted: Callable[[str], bool] | None = None) -> dict[str, Any]:
    """Return the JSON fields of a stored document; of large top-level ones only those that are wanted."""
    small, *large = (bytes(part).decode() for part in native.get_all(SOURCE) or [b"{}"])
    source: dict[str, Any] = _decode(small)[0]
    for part in (*large, *native.get_all(LARGE)):
        end = part.index("\0")
        if wanted is None or wanted(part[:end]):
            source[part[:end]] = _decode(part, end + 1)[0]
    return source


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return `old` with the fields of `new`: objects merged deeply, everything else replaced."""
    result = dict(old)
    for key, value in new.items():
        before = result.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            result[key] = merged(before, value)
        else:
            result[key] = value
    return result


def with_vectors(
    source: Mapping[str, Any], rows: Mapping[str, int], *, read: Callable[[str, int], Any]
) -> dict[str, Any]:
    """Return a document with its vectors where the mapping has them, as arrays."""
    whole = dict(source)
    for name, row in rows.items():
        inner = whole
        *parents, leaf = name.split(".")
        for parent in parents:
            inner[parent] = dict(inner.get(parent) or {})
            inner = inner[parent]
        inner[leaf] = read(name, row)
    return whole
