"""What can be set about traces: OpenTelemetry's own variables where there is one, ours for the rest."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

Sampler = Literal[
    "always_on", "always_off", "traceidratio",
    "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
]  # fmt: skip

_RATIOS = {"always_on": 1.0, "always_off": 0.0}


class TracingSettings(BaseSettings):
    """The same for all services of an installation. Environment: the fields' names in capitals.

    What else OpenTelemetry knows holds as well: OTEL_EXPORTER_OTLP_HEADERS, _CERTIFICATE, _TIMEOUT and
    _COMPRESSION, OTEL_BSP_*, OTEL_RESOURCE_ATTRIBUTES.
    """

    model_config = SettingsConfigDict(frozen=True, use_attribute_docstrings=True)

    otel_exporter_otlp_endpoint: str = ""
    """Where traces go, by OTLP over gRPC: `http://host:4317`, with TLS `https://...`. Empty: no tracing."""

    otel_exporter_otlp_traces_endpoint: str = ""
    """The same for traces alone; wins."""

    otel_sdk_disabled: bool = False
    """Turns tracing off though there is an endpoint."""

    otel_traces_sampler: Sampler = "parentbased_traceidratio"
    """Which traces are exported. `parentbased_...`: a client that sends a `traceparent` decides by it."""

    otel_traces_sampler_arg: float = Field(1.0, ge=0, le=1)
    """Share of the traces that `traceidratio` takes."""

    amira_trace_slow_ms: int = Field(1000, ge=1)
    """A stream with a result later than this (StreamLag.server_latency) is exported though not sampled."""

    amira_trace_kept_per_s: float = Field(10.0, ge=0)
    """Most streams a second that are exported for having failed, been slow or moved; 0: none is."""

    amira_trace_hold_s: float = Field(10.0, gt=0, le=600)
    """How long a service holds the spans of a stream that is over, should the gateway still want them."""

    amira_trace_held_spans: int = Field(10_000, ge=0)
    """Most spans held so in a process, 5 kB each; beyond that they are dropped."""

    @property
    def endpoint(self) -> str:
        """Where to export to, with its scheme; empty: nowhere."""
        if self.otel_sdk_disabled:
            return ""
        endpoint = self.otel_exporter_otlp_traces_endpoint or self.otel_exporter_otlp_endpoint
        return endpoint if "://" in endpoint or not endpoint else f"http://{endpoint}"

    @property
    def heeds_parent(self) -> bool:
        """Whether a caller's decision holds."""
        return self.otel_traces_sampler.startswith("parentbased_")

    @property
    def ratio(self) -> float:
        """Share of the traces that are sampled, of those that nobody has decided on."""
        name = self.otel_traces_sampler.removeprefix("parentbased_")
        return _RATIOS.get(name, self.otel_traces_sampler_arg)
