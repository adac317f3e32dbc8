"""The graph as it was at a moment."""
