"""Alerts: lineage changes and failed runs, judged by rules, folded under their cause and delivered to channels."""
