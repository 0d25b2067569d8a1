"""Errors in OpenAI's shape."""

from __future__ import annotations

from typing import Any

import grpc
from aiohttp import web

from amira_core import errors
from amira_gateway.web.failures import http_status, retry_headers

_CODES: dict[grpc.StatusCode, str] = {
    grpc.StatusCode.UNAUTHENTICATED: "invalid_api_key",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "rate_limit_exceeded",
}
_OF_SERVERS = 500


def error_body(error: errors.AmiraError) -> dict[str, Any]:
    """``{"message", "type", "param", "code"}``; the code is OpenAI's where it has one, else the reason."""
    status = http_status(error)
    code = _CODES.get(error.status, error.reason.lower())
    if isinstance(error, errors.UnknownModelError):
        code = "model_not_found"
    if error.status is grpc.StatusCode.RESOURCE_EXHAUSTED:
        kind = "requests"
    else:
        kind = "server_error" if status >= _OF_SERVERS else "invalid_request_error"
    return {"message": error.message, "type": kind, "param": None, "code": code}


def refusal(error: errors.AmiraError) -> web.Response:
    """The answer to a request that cannot be served."""
    headers = retry_headers(error)
    if error.retry_after_ms is not None:
        headers["Retry-After-Ms"] = str(error.retry_after_ms)
    return web.json_response({"error": error_body(error)}, status=http_status(error), headers=headers)
