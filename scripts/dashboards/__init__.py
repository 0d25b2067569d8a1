"""Grafana dashboards, made from Python: `python scripts/generate_observability.py`."""
