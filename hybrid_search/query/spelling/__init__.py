"""Words that an index does not know: what they were probably meant to be, and which language they are of."""
