"""The audit log: one line per call, let in or refused. Never what was said, never a key or token."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import structlog

from amira_gateway.access.call_record import CallRecord

_log = structlog.get_logger(__name__)

_REFUSALS_PER_S = 20
_TRACE = re.compile(r"^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$")


class AuditLog:
    """Writes the lines; a flood of refused calls gets twenty a second, and a count of the others."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._second = 0
        self._written = 0
        self._left_out = 0

    def ended(self, record: CallRecord, status: str) -> None:
        """A call that was let in has ended; `status` is OK, a reason or a gRPC status."""
        if record.refused:
            self.refused(record, status, "The tenant is at its limit.")
        else:
            _log.info("audit", decision="accepted", status=status, **_fields(record))

    def refused(self, record: CallRecord, status: str, message: str) -> None:
        """A call that was not let in."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._written = second, 0
        if self._written >= _REFUSALS_PER_S:
            self._left_out += 1
            return
        self._written += 1
        left_out, self._left_out = self._left_out, 0
        more = {"not_logged_before": left_out} if left_out else {}
        _log.warning("audit", decision="refused", status=status, message=message, **_fields(record), **more)


def _fields(record: CallRecord) -> dict[str, object]:
    identity = record.identity
    return {
        "tenant": identity.tenant if identity else "",
        "key_id": identity.key_id if identity else "",
        "peer": record.peer,
        "method": record.method,
        "audio_s": round(record.audio_s, 3),
        "duration_s": round(time.monotonic() - record.began_at, 3),
        "session_id": record.session_id,
        "trace_id": record.trace_id,
    }


def trace_id(traceparent: object) -> str:
    """The trace's id in a `traceparent` header (W3C); empty when there is none."""
    match = _TRACE.match(traceparent) if isinstance(traceparent, str) else None
    return match.group(1) if match else ""
