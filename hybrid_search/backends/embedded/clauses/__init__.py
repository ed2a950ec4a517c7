"""Clauses of a body as tantivy queries, in the groups of Elasticsearch: compound, term, full text, range, geo."""
