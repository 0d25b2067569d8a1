"""The dated prices that costs are made of."""

from __future__ import annotations

import datetime
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

DEFAULT = Path(__file__).with_name("prices.toml")


class _Priced(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    date: datetime.date
    page: str
    """Where the vendor says it."""


class Machine(_Priced):
    """A cloud machine."""

    cores: int = Field(gt=0)
    """Physical ones: hyper-threads share theirs."""
    usd_per_hour: float = Field(gt=0)


class HostedService(_Priced):
    """Somebody else's recognition, by the minute."""

    usd_per_minute: float = Field(gt=0)


class Prices(BaseModel):
    """Everything in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    machines: list[Machine]
    services: list[HostedService]


def read_prices(path: Path = DEFAULT) -> Prices:
    """Raises OSError, or ValueError (what is wrong with the file)."""
    return Prices.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
