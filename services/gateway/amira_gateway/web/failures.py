"""Errors to HTTP statuses, bodies and WebSocket close codes: the only place where they meet."""

from __future__ import annotations

from typing import Any

import grpc

from amira_core import errors

HTTP_STATUS: dict[grpc.StatusCode, int] = {
    grpc.StatusCode.OK: 200,
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.UNKNOWN: 500,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.OUT_OF_RANGE: 413,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DATA_LOSS: 500,
}
"""As google.rpc.code's comments have it; OUT_OF_RANGE is only used for messages that are too large. Total
over grpc.StatusCode; a test fails when grpc grows one."""

NORMAL_CLOSE = 1000
_PRIVATE_CLOSE_CODES = 4000


def http_status(error: errors.AmiraError) -> int:
    """The HTTP status of an error."""
    return HTTP_STATUS[error.status]


def close_code(error: errors.AmiraError) -> int:
    """The WebSocket close code of an error: 4000 and its HTTP status, as 4429 or 4503."""
    return _PRIVATE_CLOSE_CODES + http_status(error)


def status_body(error: errors.AmiraError | None) -> dict[str, Any]:
    """What a client is told, as JSON: ``code`` (a gRPC status), ``reason`` and ``message``, and where
    a retry can help, ``retryAfterMs``. None: all went well."""
    if error is None:
        return {"code": grpc.StatusCode.OK.name}
    body: dict[str, Any] = {"code": error.status.name, "reason": error.reason, "message": error.message}
    if error.retry_after_ms is not None:
        body["retryAfterMs"] = error.retry_after_ms
    return body


def retry_headers(error: errors.AmiraError) -> dict[str, str]:
    """``Retry-After`` in whole seconds, where a retry can help."""
    if error.retry_after_ms is None:
        return {}
    return {"Retry-After": str(max(1, -(-error.retry_after_ms // 1000)))}
