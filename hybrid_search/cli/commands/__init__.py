"""One module for each command, or each part of a large one, by the name that is typed."""
