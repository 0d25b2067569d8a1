"""Settings of admission by load."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class LoadSettings(BaseSettings):
    """Part of DecoderSettings."""

    model_config = SettingsConfigDict(frozen=True, use_attribute_docstrings=True, extra="forbid")

    target_load: float = Field(default=0.6, ge=0, le=1)
    """Share of its time that the decoder may need for its streams: beyond it new ones are refused with
    NO_CAPACITY although slots are free, so that those that run keep their latency. Streams that go on here
    after a loss elsewhere are taken as long as there are slots. 0: slots alone decide."""

    untried_streams: int = Field(default=8, ge=1)
    """Streams, beyond as many as are being decoded, that may begin within two seconds: by then they have
    shown what they cost. More at once are refused with NO_CAPACITY."""
