"""Traces: one per stream, through every service, over OTLP. Off, and not imported, without an endpoint."""
