"""What browsers want to be told before a page from elsewhere may call over HTTP and read the answer (CORS).

Which origins these are, ``origins.py`` says, for WebSockets as for this: pages of other origins are refused
there, and are told nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from amira_core import errors
from amira_gateway.web.guard import amira_refusal
from amira_gateway.web.origins import ANY, Origins

_PATHS = "/v1/"
_ANSWER_HOLDS_S = 600
_READABLE = "Retry-After, Retry-After-Ms, X-Request-Id, dg-request-id, amira-ignored"
"""Headers of answers that pages may read beyond the usual ones: when to try again, ids for the operator's
log, and what of a request had no effect."""


class CrossOrigin:
    """Two hooks for an aiohttp application."""

    def __init__(self, origins: Origins) -> None:
        self._origins = origins

    async def allow(self, request: web.Request, response: web.StreamResponse) -> None:
        """A signal's receiver: whatever is answered, refusals too, a page that may call may read."""
        if not request.path.startswith(_PATHS) or isinstance(response, web.WebSocketResponse):
            return
        response.headers.add(hdrs.VARY, hdrs.ORIGIN)
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None:
            return
        if self._origins.names(origin):
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            # A client certificate, or the cookie of a proxy in front. Never where everybody may come.
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS] = "true"
        elif self._origins.allows_any:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = ANY
        else:
            return
        response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _READABLE

    def middleware(self) -> Middleware:
        """Answers what a browser asks, without the key, before it sends a page's request: what it may be."""

        @web.middleware
        async def answer_preflight(request: web.Request, handler: Handler) -> web.StreamResponse:
            missing = request.match_info.http_exception
            asked = request.method == hdrs.METH_OPTIONS and request.path.startswith(_PATHS)
            if not (asked and isinstance(missing, web.HTTPMethodNotAllowed)):
                return await handler(request)
            try:
                self._origins.check(request)
            except errors.PermissionDeniedError as error:
                return amira_refusal(error)
            return _may(request, missing.allowed_methods)

        return answer_preflight


def _may(request: web.Request, methods: Iterable[str]) -> web.Response:
    headers = {
        hdrs.ALLOW: ", ".join(sorted(methods)),
        hdrs.ACCESS_CONTROL_ALLOW_METHODS: ", ".join(sorted(methods)),
        hdrs.ACCESS_CONTROL_MAX_AGE: str(_ANSWER_HOLDS_S),
    }
    wanted = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS)
    if wanted:  # vendors' clients send many of their own; what one may do, its protocol decides
        headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = wanted
    return web.Response(status=204, headers=headers)
