"""The outermost frame of a request: each protocol refuses in its own words."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from amira_core import errors
from amira_core.incidents import reported
from amira_gateway.session.client import ClientGoneError
from amira_gateway.web.failures import http_status, retry_headers, status_body

Refusal = Callable[[errors.AmiraError], web.Response]


def guarded(handler: Handler, refusal: Refusal) -> Handler:
    """`handler`, with `refusal` as the answer where it raises an AmiraError or fails."""

    async def guard(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException:
            raise
        except (ClientGoneError, ConnectionError):
            return web.Response(status=499)  # nobody reads it
        except Exception as error:  # noqa: BLE001 - the outermost frame of a request: nothing may pass
            return refusal(reported(error, request.path))

    return guard


def amira_refusal(error: errors.AmiraError) -> web.Response:
    """As Amira's own WebSocket says it."""
    return web.json_response(
        {"error": status_body(error)}, status=http_status(error), headers=retry_headers(error)
    )
