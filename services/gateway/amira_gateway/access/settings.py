"""The gateway's settings of who may come in."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class AccessSettings(BaseSettings):
    """Without key file and JWKS file everybody may come in, and the log says so."""

    model_config = SettingsConfigDict(frozen=True, use_attribute_docstrings=True, extra="forbid")

    api_keys_file: str = ""
    """File of API keys, as `amira keys` writes it; read again when it changes. Calls then need a key."""

    jwks_file: str = ""
    """Public keys (JWKS) of the issuer of tokens; read again when it changes. Calls then need a token."""

    jwt_issuer: str = ""
    """The `iss` that tokens must have. Needed with `jwks_file`."""

    jwt_audience: str = ""
    """The `aud` that tokens must have. Needed with `jwks_file`."""

    jwt_leeway_s: float = Field(default=30.0, ge=0, le=300)
    """By how much the issuer's clock and this one may differ."""

    jwt_tenant_claim: str = "tenant"
    """The claim of a token that names its tenant."""

    tenant_max_streams: int = Field(default=0, ge=0)
    """Calls at once per tenant of whom the key file says nothing, on this gateway; 0: no limit."""

    tenant_audio_s_per_minute: float = Field(default=0.0, ge=0)
    """Seconds of audio per minute for each such tenant, on this gateway; 0: no limit."""

    unary_read_timeout_s: float = Field(default=30.0, gt=0)
    """A unary request that has not come whole by then is refused."""
