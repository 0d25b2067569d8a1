"""The session that log lines are about, in every service that works for it."""

from __future__ import annotations

import re
from typing import Final, Protocol

import structlog

_FIELD: Final = "session_id"
_HEADER: Final = "amira-session-id"
_ID: Final = re.compile(r"[0-9a-f]{32}")


class _Context(Protocol):
    def invocation_metadata(self) -> object: ...


def bind_session(session_id: str) -> None:
    """Lines of this task, and of those that it starts from now on, name the session."""
    structlog.contextvars.bind_contextvars(**{_FIELD: session_id})


def session_metadata() -> tuple[tuple[str, str], ...]:
    """For a call to another service: the session that this task works for, if it works for one."""
    session_id = structlog.contextvars.get_contextvars().get(_FIELD)
    return () if session_id is None else ((_HEADER, session_id),)


def adopt_session(context: _Context) -> None:
    """As :func:`bind_session`, with what the caller sent. For services behind the gateway alone:
    clients are not to say whose lines theirs are."""
    metadata = context.invocation_metadata()
    value = dict(metadata).get(_HEADER) if isinstance(metadata, tuple) else None
    if isinstance(value, str) and _ID.fullmatch(value):
        bind_session(value)
