"""Who makes a call, as far as the gateway needs to know."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Scope(StrEnum):
    """What a key or token may be used for."""

    RECOGNIZE = "recognize"
    """Speech to words; includes DESCRIBE, since clients ask for the limits before they send."""

    DESCRIBE = "describe"
    """Models, limits and the protocol itself (reflection)."""

    ADMIN = "admin"
    """Every method, those of later versions too."""


class Limits(BaseModel):
    """Bounds for a tenant or a key; None: unbounded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_streams: int | None = Field(default=None, ge=1)
    """Calls at once."""

    audio_s_per_minute: float | None = Field(default=None, gt=0)
    """Seconds of audio per minute, all calls together: 60 is one stream at the speed of speech."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose call it is. Never holds the key or token itself.

    Attributes:
        tenant: who is answerable for the calls; limits are counted per tenant.
        key_id: which key, or which subject of a token; for the audit log.
        scopes: what is allowed.
        key_limits: bounds of this key alone, besides its tenant's.
    """

    tenant: str
    key_id: str
    scopes: frozenset[Scope]
    key_limits: Limits = field(default_factory=Limits)

    def may(self, scope: Scope) -> bool:
        """Whether a method that needs `scope` is allowed."""
        if scope in self.scopes or Scope.ADMIN in self.scopes:
            return True
        return scope is Scope.DESCRIBE and Scope.RECOGNIZE in self.scopes


ANYBODY = Identity("", "", frozenset(Scope))
"""Every caller, where neither keys nor tokens are set up."""
