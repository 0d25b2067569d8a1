"""The frontend's settings, from environment variables prefixed AMIRA_FRONTEND_."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from amira_core.settings import ServiceSettings


class FrontendSettings(ServiceSettings):
    """Everything that can be set. Environment: AMIRA_FRONTEND_<FIELD IN CAPITALS>."""

    model_config = SettingsConfigDict(env_prefix="AMIRA_FRONTEND_")

    listen: str = "127.0.0.1:50061"
    """Address to serve on; port 0 picks a free one."""

    max_streams: int = Field(default=256, ge=1)
    """Streams at once; more are refused at once with RESOURCE_EXHAUSTED."""

    time_slice_ms: float = Field(default=2.0, gt=0)
    """How long one stream's audio is worked on before the other streams get their turn."""

    stall_timeout_s: float = Field(default=60.0, gt=0)
    """A stream whose gateway takes no features for this long is ended."""

    drain_timeout_s: float = Field(default=10.0, ge=0)
    """How long running streams may go on after SIGTERM before they end with UNAVAILABLE."""
