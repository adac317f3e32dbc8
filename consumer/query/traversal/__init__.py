"""Answers that follow lineage upstream or downstream."""
