"""Lineage and whole graphs as text: trees, JSON, Mermaid, DOT, Neptune's load format. It reads and never writes."""
