"""An HTTP request as a call at the door."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import web

from amira_gateway.access import CallRecord, trace_id

_KEY_PROTOCOLS = ("amira.key.", "openai-insecure-api-key.")
"""Browsers cannot set headers on a WebSocket; they offer the key or token as one more subprotocol."""

_KEY_FOLLOWS = ("token", "bearer")
"""The same as Deepgram's clients do it: the subprotocol that follows these is the key."""


def record_of(request: web.Request, method: str) -> CallRecord:
    """For the audit log; `method` is the path's pattern, which holds nothing that a client made up."""
    peer = request.transport.get_extra_info("peername") if request.transport else None
    address = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else ""
    return CallRecord(f"{request.method} {method}", address, trace_id(request.headers.get("traceparent")))


def credentials_of(request: web.Request) -> list[tuple[str, str | bytes]]:
    """Key or token, as gRPC metadata would have it."""
    named = [
        (name.lower(), _bearer(value))
        for name, value in request.headers.items()
        if name.lower() in ("authorization", "x-api-key")
    ]
    return [*named, *(("x-api-key", key) for key in _offered_keys(request))]


def _bearer(value: str) -> str:
    """`Token KEY`, which is what Deepgram's clients send, means `Bearer KEY`."""
    scheme, _, secret = value.partition(" ")
    return f"Bearer {secret}" if scheme.lower() == "token" else value


def _offered_keys(request: web.Request) -> Iterator[str]:
    before = ""
    for protocol in offered_protocols(request):
        prefix = next((prefix for prefix in _KEY_PROTOCOLS if protocol.startswith(prefix)), None)
        if prefix is not None:
            yield protocol.removeprefix(prefix)
        elif before in _KEY_FOLLOWS:
            yield protocol
        before = protocol


def offered_protocols(request: web.Request) -> Iterator[str]:
    """The subprotocols that a WebSocket's client offers, in its order."""
    for header in request.headers.getall("Sec-WebSocket-Protocol", []):
        yield from filter(None, (protocol.strip() for protocol in header.split(",")))
