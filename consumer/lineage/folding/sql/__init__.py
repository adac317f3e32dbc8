"""The SQL of an event: names and statements of its text, and names that are no tables."""
