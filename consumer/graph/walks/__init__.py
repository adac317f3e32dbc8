"""The form of a graph in which walks along lineage read it."""
