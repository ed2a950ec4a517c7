"""One picture as one document: what a picture gives, its fields, and what an index is made of."""
