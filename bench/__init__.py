"""Benchmarks: `python -m bench`, ratios in one run, against what the drivers and servers can do at most."""
