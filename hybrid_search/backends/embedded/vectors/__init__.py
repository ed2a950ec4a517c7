"""The vectors of a field: append-only rows, their int8 codes, the scan over them, and the HNSW graph."""
