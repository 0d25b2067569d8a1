"""A server that sends back what it gets, over TLS as each test wants it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc

from amira_core.rpc.server import RpcServer
from amira_core.security.client_tls import ClientTls
from amira_core.security.server_tls import ServerTls
from amira_core.security.transport import Transport
from tests.support.certificates import Authority, Pair

NAME = "test.Echo"


class Echo(grpc.GenericRpcHandler):
    """/test.Echo/One (unary) and /test.Echo/Many (bidirectional)."""

    def service(self, handler_call_details: Any) -> Any:
        async def one(request: bytes, context: Any) -> bytes:
            return request

        async def many(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
            async for request in requests:
                yield request

        return {
            f"/{NAME}/One": grpc.unary_unary_rpc_method_handler(one),
            f"/{NAME}/Many": grpc.stream_stream_rpc_method_handler(many),
        }.get(handler_call_details.method)


@asynccontextmanager
async def echo(
    pair: Pair | None, client_ca: Path | None = None, options: Sequence[tuple[str, Any]] = ()
) -> AsyncIterator[str]:
    """Yields the server's target."""
    tls = None if pair is None else ServerTls(pair.cert, pair.key, client_ca)
    server = RpcServer("127.0.0.1:0", NAME, transport=Transport(server=tls), options=options)
    server.grpc.add_generic_rpc_handlers((Echo(),))
    port = await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


def trusting(authority: Authority, pair: Pair | None = None, server_name: str = "") -> ClientTls:
    """A client's side."""
    if pair is None:
        return ClientTls(authority.ca, server_name=server_name)
    return ClientTls(authority.ca, pair.cert, pair.key, server_name)


async def call(channel: grpc.aio.Channel, content: bytes = b"hello") -> bytes:
    """The echo of `content`."""
    answer: bytes = await channel.unary_unary(f"/{NAME}/One")(content, timeout=60)
    return answer
