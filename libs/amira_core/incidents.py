"""Defects: everything to the log, an id and nothing else to the client."""

from __future__ import annotations

import uuid

import structlog

from amira_core.errors import InternalError

_log = structlog.get_logger(__name__)


def incident(event: str, error: BaseException, **fields: object) -> InternalError:
    """Logs a defect with its traceback; returns the error to tell the client, which names the log line."""
    incident_id = uuid.uuid4().hex[:12]
    _log.error(event, incident_id=incident_id, exc_info=error, **fields)
    return InternalError(f"Internal error, incident {incident_id}.")
