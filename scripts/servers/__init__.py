"""A real Elasticsearch on a development machine: what `scripts/elasticsearch` is made of, standard library only."""
