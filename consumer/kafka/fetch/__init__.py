"""Record batches from their bytes: parsed in bounded memory, and skipped where they can't be parsed."""
