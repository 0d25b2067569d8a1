"""What is known of the call that the present task works for; set by the interceptor.

A context variable: tasks that a handler starts see the record of their call without being handed it.
"""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass, field

from amira_gateway.access.identity import Identity
from amira_gateway.access.tenants import Tenants


@dataclass(slots=True)
class CallRecord:
    """Filled while the call runs, for the audit log."""

    method: str
    peer: str
    trace_id: str = ""
    identity: Identity | None = None
    tenants: Tenants | None = None
    audio_s: float = 0.0
    session_id: str = ""
    began_at: float = field(default_factory=time.monotonic)


CURRENT: ContextVar[CallRecord | None] = ContextVar("amira_call", default=None)


def current_identity() -> Identity | None:
    """Whose call the present task works for; None outside of a call."""
    record = CURRENT.get()
    return None if record is None else record.identity


def note_session(session_id: str) -> None:
    """Puts the session's id into the audit log's line."""
    if (record := CURRENT.get()) is not None:
        record.session_id = session_id


def heard(seconds: float) -> None:
    """Counts audio that the call's client sent.

    Raises:
        TenantLimitError: far more than the tenant may send; the call must end with it.
    """
    record = CURRENT.get()
    if record is None:
        return
    record.audio_s += seconds
    if record.tenants is not None and record.identity is not None:
        record.tenants.heard(record.identity, seconds)
