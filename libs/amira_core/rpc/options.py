"""gRPC options that both ends of every hop must agree on, each with its reason."""

from __future__ import annotations

MAX_MESSAGE_BYTES = 4 * 1024 * 1024

_KEEPALIVE: list[tuple[str, int]] = [
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
]

_FLOW_CONTROL: list[tuple[str, int]] = [
    # The bandwidth probe grows the window to 4 MiB, 130 s of audio, before anyone is told to slow
    # down; without it the window stays at 64 KiB, 2 s.
    ("grpc.http2.bdp_probe", 0),
]

SERVER_OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.so_reuseport", 0),  # a second server on the port must fail, not share it
    # Clients ping every 30 s; the default (300 s) would end a stream on which the server has nothing to say
    # after two and a half minutes, with "too many pings".
    ("grpc.http2.min_ping_interval_without_data_ms", 20_000),
    *_KEEPALIVE,
    *_FLOW_CONTROL,
]

CHANNEL_OPTIONS: list[tuple[str, int]] = [
    # Connections are not shared with other channels, nor are another channel's failures and pauses:
    # a server that took over a stopped one's port counted as unreachable.
    ("grpc.use_local_subchannel_pool", 1),
    # A service that comes back is found again within two seconds (grpc would wait up to two minutes).
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    *_KEEPALIVE,
    *_FLOW_CONTROL,
]
