"""Lineage questions to a graph: resolve a name, walk, answer. It reads and never writes; all readers import it."""
