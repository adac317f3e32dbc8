"""Sender of records in the background: an outbox, a sender, and a summary of what became of them."""
