"""Options that a caller gives a channel win over those that all channels share."""

from __future__ import annotations

import grpc
import pytest

from amira_core.rpc.channel import open_channel
from amira_core.rpc.options import MAX_MESSAGE_BYTES
from tests.core.security.echo import call, echo


async def test_a_callers_options_win() -> None:
    async with echo(None, options=[("grpc.max_receive_message_length", 4 * MAX_MESSAGE_BYTES)]) as target:
        content = bytes(MAX_MESSAGE_BYTES + 1)
        async with open_channel(target) as common:
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await call(common, content)
            assert failure.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        async with open_channel(target, [("grpc.max_send_message_length", -1)]) as sending:
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await call(sending, content)  # now it is the answer that is too large
            assert "Sent message larger" in (failure.value.details() or "")
