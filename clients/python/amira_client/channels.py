"""A channel to each server, over TLS or not, through a proxy or not."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from amira.asr.v1.speech_pb2_grpc import SpeechStub
from amira_client.access import Peer, Tls
from amira_client.servers import Server, Servers

Options = list[tuple[str, int | str]]

_OPTIONS: Options = [
    # A connection of its own, with none of another client's failures.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.max_send_message_length", 64 * 1024 * 1024),
    # Pings find a dead connection; the server allows one per 20 s.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # A server that comes back is found again within two seconds (grpc would wait up to two minutes).
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Without it the window grows to minutes of audio before a busy server can slow us down.
    ("grpc.http2.bdp_probe", 0),
]


def open_channels(
    peers: Sequence[Peer], credentials: grpc.ChannelCredentials | None, tls: Tls | None, proxy: bool | str
) -> Servers:
    """Does not connect yet. Needs an event loop. Raises ValueError for a proxy that is no address."""
    options = _OPTIONS + _proxy_options(proxy)
    if tls is not None and tls.server_name:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    return Servers([_server(peer, credentials, options) for peer in peers])


def _proxy_options(proxy: bool | str) -> Options:
    """True: as the environment says. gRPC ignores a proxy that it does not understand."""
    if isinstance(proxy, bool):
        return [] if proxy else [("grpc.enable_http_proxy", 0)]
    if not proxy.startswith("http://") or len(proxy) == len("http://"):
        raise ValueError(f"proxy must be http://[user:password@]host:port, not {_without_password(proxy)!r}")
    return [("grpc.http_proxy", proxy)]


def _without_password(proxy: str) -> str:
    return proxy.rpartition("@")[2]


def _server(peer: Peer, credentials: grpc.ChannelCredentials | None, options: Options) -> Server:
    channel = (
        grpc.aio.insecure_channel(peer.target, options=options)
        if credentials is None
        else grpc.aio.secure_channel(peer.target, credentials, options=options)
    )
    return Server(peer, channel, SpeechStub(channel))
