"""Channels: where alerts are delivered to, one adapter for each kind of receiver."""
