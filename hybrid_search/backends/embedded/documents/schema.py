"""An index definition to a tantivy schema: which columns and term lists each mapped field gets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybrid_search.backends.embedded.documents.analysis import Analysis
from hybrid_search.backends.embedded.documents.mapping_fields import REALS, Field, Fields

if TYPE_CHECKING:
    import tantivy

ID, SEQUENCE, PRESENT, SOURCE, LARGE = "_id", "_sequence", "_present", "_source", "_large"
"""Own fields: the id, the number of the write, names of the fields that a document has, its JSON in parts.

Earlier versions kept large parts as terms; they are still read, and nothing is written there.
"""
EVERY = "*"
"""The name among the present fields that every document has."""


class Schema:
    """Fields, analysers and the tantivy schema of one index definition.

    A field `f` has the tantivy field `f`, and besides: `f#max`, the largest of several values (`f` itself has the
    smallest first), `f#keyed` for "key NUL value" of a flattened field, `f#lat` and `f#lon` of a geo_point, `f#row`
    for the row of a dense_vector.

    Parameters
    ----------
    definition : mapping
        `{"settings": …, "mappings": …}`.
    """

    def __init__(self, definition: Mapping[str, Any]) -> None:
        from tantivy import SchemaBuilder

        self.fields = Fields(definition.get("mappings", {}))
        self.analysis = Analysis(definition.get("settings", {}))
        self._with_maximum = {
            field.name for field in self.fields if field.kind in ("keyword", "boolean", "date") or field.numeric
        }
        self.texts = tuple(field for field in self.fields if field.kind == "text" and field.indexed)
        builder = SchemaBuilder()
        builder.add_text_field(ID, stored=True, tokenizer_name="raw", index_option="basic")
        builder.add_text_field(PRESENT, tokenizer_name="raw", index_option="basic")
        builder.add_unsigned_field(SEQUENCE, indexed=True, fast=True)
        builder.add_bytes_field(SOURCE, stored=True)
        builder.add_text_field(LARGE, stored=True, tokenizer_name="raw", index_option="basic")
        for field in self.fields:
            self._add(builder, field)
        self.tantivy = builder.build()

    def new_index(self, folder: Path | None) -> tantivy.Index:
        """Make an empty tantivy index, in memory when there is no folder."""
        from tantivy import Index

        return Index(self.tantivy) if folder is None else Index(self.tantivy, str(folder))

    def register(self, index: tantivy.Index) -> None:
        """Give a tantivy index the analysers of the text fields; needed after each opening."""
        for name in {analyzer_name(field) for field in self.fields if field.kind == "text"}:
            index.register_tokenizer(name, self.analysis.analyzer(name))

    def has_maximum(self, column: str) -> bool:
        """Tell whether a tantivy field has a companion for the largest of several values."""
        return column in self._with_maximum

    def _add(self, builder: tantivy.SchemaBuilder, field: Field) -> None:
        name, kind, fast = field.name, field.kind, field.columnar
        if kind == "text":
            if field.indexed:
                self.analysis.analyzer(analyzer_name(field))
                builder.add_text_field(name, tokenizer_name=analyzer_name(field), index_option="position")
        elif kind == "keyword":
            self.analysis.normalizer(field.options.get("normalizer"))
            for column in (name, f"{name}#max"):
                builder.add_text_field(column, fast=fast, tokenizer_name="raw", index_option="basic")
        elif kind == "flattened":
            builder.add_text_field(name, fast=fast, tokenizer_name="raw", index_option="basic")
            builder.add_text_field(f"{name}#keyed", tokenizer_name="raw", index_option="basic")
        elif kind == "geo_point":
            builder.add_float_field(f"{name}#lat", indexed=True, fast=True)
            builder.add_float_field(f"{name}#lon", indexed=True, fast=True)
        elif kind == "dense_vector":
            builder.add_unsigned_field(f"{name}#row", indexed=True, fast=True)
        else:
            add = builder.add_float_field if kind in REALS else builder.add_integer_field
            for column in (name, f"{name}#max"):
                add(column, indexed=True, fast=True)


def analyzer_name(field: Field) -> str:
    """Return the name of a text field's analyser."""
    return str(field.options.get("analyzer", "standard"))
