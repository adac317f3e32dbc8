"""Configuration: OpenLineage's file and variables, the transport's settings, and secrets kept out of messages."""
