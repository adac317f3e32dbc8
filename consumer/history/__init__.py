"""What the graph was at a moment, and what changed between two."""
