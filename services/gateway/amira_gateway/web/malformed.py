"""Requests that are hardly HTTP: refused in few words, and never quoted in the log."""

from __future__ import annotations

import logging

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

_log = structlog.get_logger(__name__)


@web.middleware
async def refuse_undecodable(request: web.Request, handler: Handler) -> web.StreamResponse:
    """400 where the target or a header is not UTF-8: aiohttp has such bytes as halves of characters, which
    nothing that answers, logs or forwards them can write. Or where a WebSocket's key is not ASCII."""
    try:
        for text in (request.raw_path, *request.headers.values()):
            text.encode()
        request.headers.get("Sec-WebSocket-Key", "").encode("ascii")
    except UnicodeEncodeError:
        return web.json_response({"error": _NOT_TEXT}, status=400)
    return await handler(request)


_NOT_TEXT = {
    "code": "INVALID_ARGUMENT",
    "reason": "INVALID_REQUEST",
    "message": "The request's target or a header is not UTF-8, or Sec-WebSocket-Key is not ASCII.",
}


def protocol_log() -> logging.Logger:
    """For aiohttp's server, which quotes what it cannot parse: keys, or whatever a stranger wants to have
    written. Such requests are counted and named by their kind instead; its other errors are logged."""
    logger = logging.getLogger("amira_gateway.web.protocol")
    if not logger.filters:
        logger.addFilter(_without_quotes)
    return logger


def _without_quotes(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if not isinstance(error, HttpProcessingError):
        return True
    _log.info("malformed_request", kind=type(error).__name__)
    return False
