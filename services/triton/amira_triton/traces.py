"""Triton's own spans: those of requests that carry a `traceparent`, which the decoder gives to few."""

from __future__ import annotations

from urllib.parse import urlsplit

from amira_core.settings import load_settings
from amira_core.tracing.settings import TracingSettings

_OTLP_GRPC_PORT = 4317
_OTLP_HTTP_PORT = 4318
_DELAY_MS = 1000


def trace_flags(otlp_http_endpoint: str) -> list[str]:
    """Flags that turn tracing on, none where it is off.

    Args:
        otlp_http_endpoint: `http://host:port`; empty: the standard port of the host that the other services'
            traces go to, if those go to its standard port.

    Raises:
        BadSettingsError: what the environment says about traces cannot be read.
    """
    endpoint = load_settings(TracingSettings).endpoint
    if not endpoint:
        return []
    base = otlp_http_endpoint or _beside(endpoint)
    if not base:
        return []
    return [
        "--trace-config=mode=opentelemetry",
        "--trace-config=level=TIMESTAMPS",
        "--trace-config=rate=0",  # no request but those with a traceparent
        f"--trace-config=opentelemetry,url={base.rstrip('/')}/v1/traces",
        "--trace-config=opentelemetry,resource=service.name=amira-triton",
        "--trace-config=opentelemetry,resource=service.namespace=amira",
        f"--trace-config=opentelemetry,bsp_schedule_delay={_DELAY_MS}",
    ]


def _beside(endpoint: str) -> str:
    """OTLP over HTTP at the host of `endpoint`; empty if it is not at the port where that can be guessed."""
    parts = urlsplit(endpoint)
    if parts.port != _OTLP_GRPC_PORT:
        return ""
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{_OTLP_HTTP_PORT}"
