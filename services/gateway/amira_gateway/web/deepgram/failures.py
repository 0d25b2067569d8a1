"""Errors in Deepgram's shape."""

from __future__ import annotations

import uuid

from aiohttp import web

from amira_core import errors
from amira_gateway.web.failures import http_status, retry_headers

_CODES = {
    400: "Bad Request",
    401: "INVALID_AUTH",
    403: "INSUFFICIENT_PERMISSIONS",
    404: "NOT_FOUND",
    413: "PAYLOAD_TOO_LARGE",
    429: "TOO_MANY_REQUESTS",
    503: "SERVICE_UNAVAILABLE",
}
_BAD_REQUEST, _OF_SERVERS = 400, 500
_POLICY_CLOSE, _FAILED_CLOSE = 1008, 1011


def refusal(error: errors.AmiraError) -> web.Response:
    """The answer to a request that cannot be served."""
    status = http_status(error)
    request_id = str(uuid.uuid4())
    body = {
        "err_code": _CODES.get(status, error.reason),
        "err_msg": error.message,
        "reason": error.reason,
        "request_id": request_id,
    }
    return web.json_response(
        body, status=status, headers={"dg-request-id": request_id, **retry_headers(error)}
    )


def close_of(error: errors.AmiraError) -> tuple[int, str]:
    """Close code and reason: NET-0001 for a client that went silent, DATA-0000 for what is no audio."""
    if isinstance(error, errors.IdleTimeoutError):
        return _FAILED_CLOSE, "NET-0001"
    if _BAD_REQUEST <= http_status(error) < _OF_SERVERS:
        audio = isinstance(error, (errors.MalformedAudioError, errors.UnknownEncodingError))
        return _POLICY_CLOSE, "DATA-0000" if audio else error.reason
    return _FAILED_CLOSE, error.reason
