"""Rules: from changes and runs to findings, one module for each question that a rule answers."""
