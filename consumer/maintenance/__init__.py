"""Maintenance of a graph: reconcile and prune, page by page, under a lease."""
