"""Client channels between Amira's services."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc

from amira_core.rpc.options import CHANNEL_OPTIONS


def open_channel(target: str, options: Sequence[tuple[str, Any]] = ()) -> grpc.aio.Channel:
    """A channel with the options that both ends of a hop agree on, and `options`. Connects on first use."""
    return grpc.aio.insecure_channel(target, options=[*CHANNEL_OPTIONS, *options])
