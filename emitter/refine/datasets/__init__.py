"""Inputs, outputs and their facets of a refined event."""
