"""What the settings of all services have in common."""

from __future__ import annotations

from pydantic_settings import BaseSettings, SettingsConfigDict

from amira_core.logs import LogFormat, LogLevel


class ServiceSettings(BaseSettings):
    """Base of each service's settings. Values come from the environment, prefixed per service.

    Each field's docstring is its documentation: units are in the names, defaults suit a laptop.
    """

    model_config = SettingsConfigDict(frozen=True, use_attribute_docstrings=True, extra="forbid")

    log_level: LogLevel = "info"
    """Least severe level that is logged."""

    log_format: LogFormat = "json"
    """`json` for machines, `text` for people."""
