"""The services behind the gateway: their replicas, and how a stream is opened at one of them."""

from __future__ import annotations

import asyncio

import grpc

from amira.decoder.v1 import decoder_pb2, decoder_pb2_grpc
from amira.frontend.v1 import frontend_pb2, frontend_pb2_grpc
from amira_core import errors
from amira_core.rpc.status import from_rpc_error
from amira_gateway.replicas.fullness import Fullness
from amira_gateway.replicas.opening import open_on_any
from amira_gateway.replicas.replica import Replica
from amira_gateway.replicas.replica_set import ReplicaSet
from amira_gateway.replicas.settings import ReplicaSettings
from amira_gateway.service_call import ServiceCall

_DESCRIBE_TIMEOUT_S = 5.0

FrontendCall = ServiceCall[frontend_pb2.ExtractRequest, frontend_pb2.ExtractResponse]
DecoderCall = ServiceCall[decoder_pb2.DecodeRequest, decoder_pb2.DecodeResponse]


class Services:
    """The frontends and the decoders. Connects on first use and by itself again."""

    def __init__(
        self, frontend_targets: str, decoder_targets: str, settings: ReplicaSettings | None = None
    ) -> None:
        """Raises ValueError when targets cannot be read."""
        settings = settings or ReplicaSettings()
        self.frontends = ReplicaSet("frontend", frontend_targets, settings)
        self.decoders = ReplicaSet("decoder", decoder_targets, settings)
        self.fullness = Fullness()
        """Of the decoders: they are who refuses."""

    async def run(self) -> None:
        """Keeps the replicas current; never returns."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.frontends.run())
            tasks.create_task(self.decoders.run())

    async def describe(self) -> decoder_pb2.DescribeResponse:
        """What a decoder runs. Raises DecoderLostError."""

        async def ask(replica: Replica) -> decoder_pb2.DescribeResponse:
            stub = decoder_pb2_grpc.DecoderStub(replica.channel)
            try:
                return await stub.Describe(decoder_pb2.DescribeRequest(), timeout=_DESCRIBE_TIMEOUT_S)
            except grpc.aio.AioRpcError as failure:
                raise from_rpc_error(failure, errors.DecoderLostError) from failure

        return await open_on_any(self.decoders, ask)

    async def unhealthy(self) -> list[str]:
        """Names of the services of which no replica says SERVING now."""
        sets = (self.frontends, self.decoders)
        missing = await asyncio.gather(*(replicas.unhealthy() for replicas in sets))
        return [replicas.service for replicas, none in zip(sets, missing, strict=True) if none]

    async def close(self) -> None:
        """Cancels what runs and closes the channels."""
        await self.frontends.close()
        await self.decoders.close()


async def begin_extract(replica: Replica, opening: frontend_pb2.ExtractRequest) -> FrontendCall:
    """Opens a stream at a frontend; it has taken it when the first barrier comes back. Raises AmiraError."""
    stub = frontend_pb2_grpc.FrontendStub(replica.channel)
    stream = replica.open(stub.Extract, "amira.frontend.v1.Frontend/Extract")
    call: FrontendCall = ServiceCall(stream, replica, errors.FrontendLostError)
    try:
        await call.write(opening)
        await call.write(frontend_pb2.ExtractRequest(barrier=0))
        first = await call.read()
        if first is None or first.WhichOneof("response") != "barrier":
            raise call.lost("The frontend did not take the stream.")
    except BaseException:
        call.cancel()
        raise
    return call


async def begin_decode(
    replica: Replica, opening: decoder_pb2.DecodeRequest
) -> tuple[DecoderCall, decoder_pb2.StreamAccepted]:
    """Opens a stream at a decoder, which lends it a slot. Raises AmiraError."""
    stub = decoder_pb2_grpc.DecoderStub(replica.channel)
    stream = replica.open(stub.Decode, "amira.decoder.v1.Decoder/Decode")
    call: DecoderCall = ServiceCall(stream, replica, errors.DecoderLostError)
    try:
        await call.write(opening)
        first = await call.read()
        if first is None or first.WhichOneof("response") != "accepted":
            raise call.lost("The decoder did not accept the stream.")
    except BaseException:
        call.cancel()
        raise
    return call, first.accepted
