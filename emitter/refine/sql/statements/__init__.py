"""Statements: how a text is prepared and read, and what each statement writes."""
