"""The consumer side: from records to facts, from facts to one graph."""
