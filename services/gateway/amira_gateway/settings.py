"""The gateway's settings, from environment variables prefixed AMIRA_GATEWAY_."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from amira_core.settings import ServiceSettings


class GatewaySettings(ServiceSettings):
    """Everything that can be set. Environment: AMIRA_GATEWAY_<FIELD IN CAPITALS>."""

    model_config = SettingsConfigDict(env_prefix="AMIRA_GATEWAY_")

    listen: str = "127.0.0.1:50051"
    """Address to serve on; port 0 picks a free one."""

    frontend_target: str = "127.0.0.1:50061"
    """gRPC target of the frontends. With `dns:///name:port` streams go round all addresses of the name."""

    decoder_target: str = "127.0.0.1:50071"
    """gRPC target of the decoders. With `dns:///name:port` streams go round all addresses of the name."""

    max_streams: int = Field(default=128, ge=1)
    """Streams and unary calls at once; more are refused at once with RESOURCE_EXHAUSTED."""

    buffer_audio_s: float = Field(default=5.0, gt=0)
    """Audio held per stream before its client is slowed down."""

    max_message_audio_bytes: int = Field(default=1024 * 1024, ge=1024, le=4_000_000)
    """Most audio in one message of a stream."""

    max_unary_audio_s: float = Field(default=60.0, gt=0)
    """Longest recording that Recognize takes."""

    idle_timeout_s: float = Field(default=60.0, gt=0)
    """A stream whose client sends nothing for this long is ended."""

    client_stall_timeout_s: float = Field(default=20.0, gt=0)
    """A stream whose client takes no result for this long, while one is due, is ended."""

    service_timeout_s: float = Field(default=30.0, gt=0)
    """A frontend or decoder that shows no sign of life for this long, while it has work, counts as lost."""

    drain_timeout_s: float = Field(default=10.0, ge=0)
    """How long running streams may go on after SIGTERM before they end with UNAVAILABLE."""
