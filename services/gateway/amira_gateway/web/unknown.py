"""Paths that are not served: vendors' clients have many more methods than this server."""

from __future__ import annotations

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from amira_core import errors
from amira_gateway.web.failures import status_body

_API = "/v1/"


@web.middleware
async def explain_unknown(request: web.Request, handler: Handler) -> web.StreamResponse:
    """404 under ``/v1/`` says what there is, where clients look for a message; 501 would be tried again."""
    unknown = request.match_info.http_exception
    if not (isinstance(unknown, web.HTTPNotFound) and request.path.startswith(_API)):
        return await handler(request)
    error = errors.UnsupportedMethodError(f"Not served here. There is {', '.join(_served(request.app))}.")
    return web.json_response({"error": status_body(error)}, status=unknown.status)


def _served(application: web.Application) -> list[str]:
    routes = (route for route in application.router.routes() if route.method != hdrs.METH_HEAD)
    named = ((route.resource.canonical, route.method) for route in routes if route.resource is not None)
    return [f"{method} {path}" for path, method in sorted(named) if path.startswith(_API)]
