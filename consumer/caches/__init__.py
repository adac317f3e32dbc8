"""Caches within a number of bytes or of entries, for what many batches have in common."""
