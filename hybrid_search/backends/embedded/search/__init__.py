"""A `_search` body answered: its matches, their order, its kNN legs and its aggregations."""
