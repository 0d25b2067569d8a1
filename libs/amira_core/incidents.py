"""Defects: everything to the log, an id and nothing else to the client."""

from __future__ import annotations

import uuid

import structlog

from amira_core.errors import AmiraError, InternalError
from amira_core.metrics.registry import counter
from amira_core.metrics.schema import Common

_log = structlog.get_logger(__name__)

_INCIDENTS = counter(Common.INCIDENTS)


def reported(error: BaseException, method: str) -> AmiraError:
    """What a caller of `method` is told of `error`, which may come alone in a group. A defect is logged."""
    if isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    if isinstance(error, AmiraError):
        return error
    return incident("unexpected_error", error, method=method)


def incident(event: str, error: BaseException, **fields: object) -> InternalError:
    """Logs a defect with its traceback; returns the error to tell the client, which names the log line."""
    _INCIDENTS.inc()
    incident_id = uuid.uuid4().hex[:12]
    _log.error(event, incident_id=incident_id, exc_info=error, **fields)
    return InternalError(f"Internal error, incident {incident_id}.")
