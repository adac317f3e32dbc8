"""Commands that answer from a graph."""
