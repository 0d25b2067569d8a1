"""What the settings of all services have in common."""

from __future__ import annotations

from typing import Self, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from amira_core.logs import LogFormat, LogLevel
from amira_core.security.tls_settings import TlsSettings

SettingsT = TypeVar("SettingsT", bound=BaseSettings)


class BadSettingsError(Exception):
    """A service cannot start with these settings; the message names the variables and what is wrong."""


class ServiceSettings(TlsSettings):
    """Base of each service's settings. Values come from the environment, prefixed per service.

    Each field's docstring is its documentation: units are in the names, defaults suit a laptop.
    """

    model_config = SettingsConfigDict(frozen=True, use_attribute_docstrings=True, extra="forbid")

    log_level: LogLevel = "info"
    """Least severe level that is logged."""

    log_format: LogFormat = "json"
    """`json` for machines, `text` for people."""

    log_repeats_per_minute: int = Field(default=600, ge=0)
    """Most lines a minute of any one event; how many more there were is said afterwards. 0: no bound."""

    metrics_address: str = ""
    """`host:port` to serve Prometheus metrics on, over HTTP without TLS, at `/metrics`; empty: nowhere."""

    @property
    def own_metrics_address(self) -> str:
        """Where this process serves its metrics."""
        return self.metrics_address

    @classmethod
    def load(cls) -> Self:
        """The settings that the environment holds. Raises BadSettingsError."""
        return load_settings(cls)


def load_settings(settings_type: type[SettingsT]) -> SettingsT:
    """The settings that the environment holds. Raises BadSettingsError."""
    try:
        return settings_type()
    except ValidationError as error:
        prefix = settings_type.model_config.get("env_prefix", "")
        problems = (_describe(prefix, problem["loc"], problem["msg"]) for problem in error.errors())
        raise BadSettingsError("bad settings: " + "; ".join(problems)) from error


def _describe(prefix: str, location: tuple[int | str, ...], problem: str) -> str:
    # Without the value: it may be a secret that landed in the wrong variable.
    return f"{prefix}{'.'.join(map(str, location)).upper()}: {problem}"
