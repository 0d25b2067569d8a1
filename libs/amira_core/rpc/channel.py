"""Client channels between Amira's services."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc

from amira_core.rpc.in_process import InProcessChannel, in_process_name
from amira_core.rpc.options import CHANNEL_OPTIONS
from amira_core.security.client_tls import ClientTls
from amira_core.security.reloading_channel import ReloadingChannel
from amira_core.security.transport import current_transport

Options = Sequence[tuple[str, Any]]


def open_channel(
    target: str,
    options: Options = (),
    *,
    tls: ClientTls | None = None,
    interceptors: Sequence[grpc.aio.ClientInterceptor] | None = None,
) -> grpc.aio.Channel:
    """A channel with the options that both ends of a hop agree on, and `options`. Connects on first use.

    Args:
        target: gRPC target, or ``in-process:NAME``; the latter takes neither options nor interceptors.
        options: further grpc options; they win over the common ones.
        tls: what to check the other side against; None: as this process was configured
            (`configure_transport`), which is plaintext where it was not.
        interceptors: of unary calls; those of streams would change what a write means.
    """
    if (name := in_process_name(target)) is not None:
        return InProcessChannel(name)
    tls = tls or current_transport().client
    merged = {**dict(CHANNEL_OPTIONS), **dict(options)}
    if tls is None:
        return grpc.aio.insecure_channel(target, options=list(merged.items()), interceptors=interceptors)
    if tls.server_name:  # also where `options` have the name in the target: that is its default
        merged["grpc.ssl_target_name_override"] = tls.server_name

    def open_with(credentials: grpc.ChannelCredentials) -> grpc.aio.Channel:
        return grpc.aio.secure_channel(
            target, credentials, options=list(merged.items()), interceptors=interceptors
        )

    return ReloadingChannel(tls, open_with)
