"""What is known of the call that the present task works for; set by the interceptor.

A context variable: what a handler calls sees the record of its call without being handed it.
"""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass, field

from amira_gateway.access.identity import Identity
from amira_gateway.access.place import Place
from amira_gateway.access.tenants import Tenants


@dataclass(slots=True)
class CallRecord:
    """Filled while the call runs, for the audit log."""

    method: str
    peer: str
    trace_id: str = ""
    identity: Identity | None = None
    tenants: Tenants | None = None
    place: Place | None = None
    audio_before_s: float = 0.0
    refused: bool = False
    status: str = ""
    """How the call ended, where that does not follow from what its handler raised."""
    began_at: float = field(default_factory=time.monotonic)

    @property
    def audio_s(self) -> float:
        """Audio that came while this call served its session."""
        return 0.0 if self.place is None else self.place.audio_s - self.audio_before_s

    @property
    def session_id(self) -> str:
        """Of the session that the call serves; empty when there is none (yet)."""
        return "" if self.place is None else self.place.session_id


CURRENT: ContextVar[CallRecord | None] = ContextVar("amira_call", default=None)


def current_identity() -> Identity | None:
    """Whose call the present task works for; None outside of a call."""
    record = CURRENT.get()
    return None if record is None else record.identity


def take_place(session_id: str) -> Place:
    """A place among the streams of the present call's tenant, for a session, which must close it.

    It may outlive the call: a session holds it until its end.

    Raises:
        TenantLimitError: the tenant, or the key, is at its limit.
    """
    record = CURRENT.get()
    if record is None:
        return Place(session_id)
    try:
        place = Place(session_id, record.tenants, record.identity)
    except Exception:
        record.refused = True
        raise
    join(place)
    return place


def join(place: Place) -> None:
    """The present call goes on with the session that holds `place`."""
    record = CURRENT.get()
    if record is not None:
        record.place = place
        record.audio_before_s = place.audio_s
