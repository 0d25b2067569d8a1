"""What every service reads from its environment, and where it listens: files of deploy/ are held to it."""

from __future__ import annotations

from pathlib import Path

from amira.asr.v1 import speech_pb2
from amira_core.rpc import health
from amira_core.settings import ServiceSettings
from amira_core.tracing.settings import TracingSettings
from amira_decoder.settings import DecoderSettings
from amira_encoder.options import EncoderOptions
from amira_frontend.settings import FrontendSettings
from amira_gateway.adapters import google, riva
from amira_gateway.settings import GatewaySettings
from amira_triton.settings import TritonSettings

SETTINGS: dict[str, type[ServiceSettings]] = {
    "gateway": GatewaySettings,
    "frontend": FrontendSettings,
    "decoder": DecoderSettings,
    "triton": TritonSettings,
}

METRICS_PORTS = {"gateway": 50052, "frontend": 50062, "decoder": 50072, "triton": 50083}
"""Where the images' services serve their own metrics; on a laptop nothing does, so there is no default."""

WEB_PORTS = {"gateway": 50053}
"""Where deployed gateways serve WebSockets and HTTP; without a setting they do not."""

PUBLIC_SERVICES = [
    speech_pb2.DESCRIPTOR.services_by_name["Speech"].full_name,
    *google.SERVICES_V1,
    google.SERVICE_V2,
    riva.SERVICE,
    health.SERVICE_NAME,
]
"""gRPC services of the gateway that balancers let through: not reflection, which is for its operator."""

OF_OTHERS = {
    "NUMBA_CACHE_DIR", "OMP_NUM_THREADS", "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONUNBUFFERED",
    "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES",
}  # fmt: skip
"""Variables that something other than Amira reads."""


def known_variables(service: str) -> set[str]:
    """All that means something to `service` in its environment."""
    settings = SETTINGS[service]
    prefix = settings.model_config.get("env_prefix", "")
    own = {f"{prefix}{field}".upper() for field in settings.model_fields}
    tracing = {field.upper() for field in TracingSettings.model_fields}
    encoder = set(EncoderOptions(Path("any")).to_environment()) if service == "triton" else set()
    return own | tracing | encoder | OF_OTHERS


def listening_ports(service: str) -> set[int]:
    """Every port that a service's container listens on."""
    settings = SETTINGS[service]()
    addresses = [
        value
        for name, value in settings.model_dump().items()
        if (name == "listen" or name.endswith("_address")) and value
    ]
    off_by_default = {ports[service] for ports in (METRICS_PORTS, WEB_PORTS) if service in ports}
    return {int(address.rpartition(":")[2]) for address in addresses} | off_by_default
