"""Record batches from their bytes: parsed in bounded memory, and passed over where they can't be parsed."""
