"""Telemetry of the service: log, metrics, health and traces."""
