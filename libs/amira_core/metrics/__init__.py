"""Metrics: declared in schema.py, kept with prometheus_client, served by each service over HTTP."""
