"""Traces: one per stream, through every service, over OTLP. Off, and not even imported, without an endpoint."""
