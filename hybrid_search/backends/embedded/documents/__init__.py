"""The `_source` of documents: its fields, their values as tantivy keeps them, and documents read back."""
