"""Parts of documents that are changed by compare-and-set: their tokens, and what a computation relied on."""
