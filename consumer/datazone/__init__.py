"""Lineage for Amazon DataZone: events under the names by which it knows tables, posted within its limits."""
