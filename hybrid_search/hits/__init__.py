"""What is found: legs fused into one ranking, hits with their scores and evidence, and how they are shown."""
