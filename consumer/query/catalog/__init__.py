"""Answers about datasets themselves: properties, search, exposures, versions."""
