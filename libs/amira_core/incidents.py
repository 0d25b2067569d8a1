"""Defects: everything to the log, an id and nothing else to the client."""

from __future__ import annotations

import uuid

import structlog

from amira_core.errors import InternalError
from amira_core.metrics.registry import counter
from amira_core.metrics.schema import Common

_log = structlog.get_logger(__name__)

_INCIDENTS = counter(Common.INCIDENTS)


def incident(event: str, error: BaseException, **fields: object) -> InternalError:
    """Logs a defect with its traceback; returns the error to tell the client, which names the log line."""
    _INCIDENTS.inc()
    incident_id = uuid.uuid4().hex[:12]
    _log.error(event, incident_id=incident_id, exc_info=error, **fields)
    return InternalError(f"Internal error, incident {incident_id}.")
