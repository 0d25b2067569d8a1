"""Decoders that take or refuse streams as they are told, over real gRPC, and a client that opens streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import grpc

from amira.decoder.v1 import decoder_pb2, decoder_pb2_grpc
from amira_core import errors
from amira_core.rpc.call import DuplexCall
from amira_core.rpc.server import RpcServer
from amira_core.rpc.status import from_rpc_error
from amira_core.security.transport import Transport
from amira_gateway.replicas.replica import Replica
from amira_gateway.replicas.settings import ReplicaSettings

Request, Response = decoder_pb2.DecodeRequest, decoder_pb2.DecodeResponse
Call = DuplexCall[Request, Response]

QUICK = ReplicaSettings(breaker_open_s=0.2, accept_timeout_s=30, lookup_interval_s=0.05, health_timeout_s=30)
IMPATIENT = replace(QUICK, accept_timeout_s=2.0)
STAYS_OPEN = replace(QUICK, breaker_open_s=600)


class Decoder(decoder_pb2_grpc.DecoderServicer):
    """Takes every stream and echoes its features, unless told otherwise."""

    def __init__(self) -> None:
        self.refusal: errors.AmiraError | None = None
        """What streams are refused with."""
        self.answering = asyncio.Event()
        """Cleared: streams wait for their answer."""
        self.answering.set()
        self.streams = 0
        """Running."""
        self.asked = 0
        """Streams that were ever tried here."""
        self.most_at_once = 0

    async def Decode(self, request_iterator: Any, context: Any) -> None:  # type: ignore[override]  # noqa: N802
        self.asked += 1
        self.streams += 1
        self.most_at_once = max(self.most_at_once, self.streams)
        try:
            await context.read()
            await self.answering.wait()
            if self.refusal is not None:
                raise self.refusal
            await context.write(Response(accepted=decoder_pb2.StreamAccepted(slot=self.asked)))
            while (request := await context.read()) is not grpc.aio.EOF:
                await context.write(Response(decoded_frames=len(request.features)))
        finally:
            self.streams -= 1


class Server:
    """A decoder on a port, which can be stopped and started again."""

    def __init__(self, host: str = "127.0.0.1", transport: Transport | None = None) -> None:
        self.decoder = Decoder()
        self.host, self.port = host, 0
        self._transport = transport
        self._server: RpcServer | None = None

    @property
    def target(self) -> str:
        return f"{self.host}:{self.port}"

    async def start(self) -> None:
        server = RpcServer(f"{self.host}:{self.port}", "amira.decoder.v1.Decoder", transport=self._transport)
        decoder_pb2_grpc.add_DecoderServicer_to_server(self.decoder, server.grpc)
        self.port = await server.start()
        self._server = server
        await self.ready(True)

    async def ready(self, ready: bool) -> None:
        assert self._server is not None
        await self._server.set_ready(ready)

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(0)
            self._server = None


@asynccontextmanager
async def servers(
    count: int, host: str = "127.0.0.1", transport: Transport | None = None
) -> AsyncIterator[list[Server]]:
    """Decoders on free ports."""
    running = [Server(host, transport) for _ in range(count)]
    try:
        for server in running:
            await server.start()
        yield running
    finally:
        for server in running:
            await server.stop()


def targets(*running: Server) -> str:
    return ",".join(server.target for server in running)


async def open_decode(replica: Replica) -> tuple[Replica, Call]:
    """Opens a stream, as the gateway does."""
    stub: Any = decoder_pb2_grpc.DecoderStub(replica.channel)
    call: Call = DuplexCall(replica.track(stub.Decode()))
    try:
        await call.write(Request())
        accepted = await call.read()
        assert accepted is not None
        assert accepted.HasField("accepted")
    except grpc.aio.AioRpcError as failure:
        raise from_rpc_error(failure, errors.DecoderLostError) from failure
    except BaseException:
        call.cancel()
        raise
    return replica, call


async def echoes(call: Call) -> bool:
    """Whether a stream still works."""
    await call.write(Request(features=b"abc"))
    answer = await call.read()
    return answer is not None and answer.decoded_frames == 3


async def finish(call: Call) -> None:
    """Ends a stream as a client does that has what it wants."""
    await call.done_writing()
    assert await call.read() is None


async def until(condition: Callable[[], bool]) -> None:
    """Waits for something that nobody announces; TimeoutError after 90 s."""
    async with asyncio.timeout(90):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.005)
