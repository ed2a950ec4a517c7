"""What is asked, checked: words, vectors, signature, filters and facets of one search, and the body it is sent as."""
