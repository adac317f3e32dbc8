"""Commands that serve a graph to other programs."""
