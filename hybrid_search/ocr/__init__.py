"""Text inside pictures: found by a detector, read by a recogniser, kept as lines with their places."""
