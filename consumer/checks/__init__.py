"""Checks of the systems that the settings name, each with a finding that a person can act on."""
