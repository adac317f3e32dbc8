"""Checks of the systems in the settings; each finding is one that a person can act on."""
