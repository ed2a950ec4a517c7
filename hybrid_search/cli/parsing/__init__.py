"""What people type: options, words with a minus, sums, and from names to the things themselves."""
