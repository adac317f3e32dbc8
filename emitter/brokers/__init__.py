"""Destinations of records behind one port: Kafka, a log on disk, and refinement in front of either."""
