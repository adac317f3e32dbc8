"""The command line `headwater`: it parses, calls and prints."""
