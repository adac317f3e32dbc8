"""Commands that fill a graph."""
