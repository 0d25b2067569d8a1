"""An HTTP request as a call at the door."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import web

from amira_gateway.access import CallRecord, trace_id

KEY_PROTOCOL = "amira.key."
"""Browsers cannot set headers on a WebSocket; they offer the key or token as one more subprotocol."""


def record_of(request: web.Request, method: str) -> CallRecord:
    """For the audit log; `method` is the path's pattern, which holds nothing that a client made up."""
    peer = request.transport.get_extra_info("peername") if request.transport else None
    address = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else ""
    return CallRecord(f"{request.method} {method}", address, trace_id(request.headers.get("traceparent")))


def credentials_of(request: web.Request) -> list[tuple[str, str | bytes]]:
    """Key or token, as gRPC metadata would have it."""
    named = [
        (name.lower(), value)
        for name, value in request.headers.items()
        if name.lower() in ("authorization", "x-api-key")
    ]
    offered = [
        ("x-api-key", protocol.removeprefix(KEY_PROTOCOL))
        for protocol in offered_protocols(request)
        if protocol.startswith(KEY_PROTOCOL)
    ]
    return [*named, *offered]


def offered_protocols(request: web.Request) -> Iterator[str]:
    """The subprotocols that a WebSocket's client offers, in its order."""
    for header in request.headers.getall("Sec-WebSocket-Protocol", []):
        yield from filter(None, (protocol.strip() for protocol in header.split(",")))
