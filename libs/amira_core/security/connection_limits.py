"""Bounds on what one connection, and all of them together, can hold without doing any work."""

from __future__ import annotations

HANDSHAKE_TIMEOUT_S = 10.0

CONNECTION_LIMITS: list[tuple[str, int]] = [
    # TCP, TLS and the first HTTP/2 settings must be done by then; grpc would wait two minutes.
    ("grpc.server_handshake_timeout_ms", int(HANDSHAKE_TIMEOUT_S * 1000)),
    # The next connection is closed at once: each costs a descriptor and memory.
    ("grpc.max_allowed_incoming_connections", 4096),
    # Calls of one connection beyond this wait in the client; a gateway has one per stream that it serves.
    ("grpc.max_concurrent_streams", 2048),
    # A connection without a call for this long is closed; clients open it again by themselves.
    ("grpc.max_connection_idle_ms", 10 * 60 * 1000),
    # Headers: above 8 KiB refused more and more often, above 16 KiB always (grpc's own defaults, made ours).
    ("grpc.max_metadata_size", 8 * 1024),
    ("grpc.absolute_max_metadata_size", 16 * 1024),
]
