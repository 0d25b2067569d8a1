"""A servicer that follows a script, at either end of either transport, and what both sides saw of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import grpc

from amira.decoder.v1 import decoder_pb2, decoder_pb2_grpc
from amira_core import errors
from amira_core.rpc.call import DuplexCall
from amira_core.rpc.channel import open_channel
from amira_core.rpc.server import RpcServer

Request, Response = decoder_pb2.DecodeRequest, decoder_pb2.DecodeResponse
Step = Literal["ask", "answer"]
Ending = Literal["return", "refuse", "abort", "set code", "break", "caller cancels", "handler strays"]

SERVICE = "amira.decoder.v1.Decoder"
REFUSAL = errors.NoCapacityError("All taken: try later.", retry_after_ms=1234)


@dataclass(frozen=True)
class Script:
    """Who sends when, and how it ends. After `half_close_at` steps the caller sends no more."""

    steps: Sequence[Step]
    ending: Ending = "return"
    ends_at: int = 1000
    half_close_at: int = 1000
    metadata: tuple[tuple[str, str], ...] = ()
    size: int = 3


@dataclass
class Seen:
    """What there was to be observed."""

    asked: list[bytes] = field(default_factory=list)
    """By the servicer."""
    answered: list[int] = field(default_factory=list)
    """By the caller."""
    eof: bool = False
    """Whether the servicer was told that no more comes, by a caller that did not cancel."""
    metadata: tuple[tuple[str, str], ...] = ()
    handler: str = ""
    code: grpc.StatusCode | None = None
    details: str | None = None
    trailing: dict[str, str | bytes] = field(default_factory=dict)


class Scripted(decoder_pb2_grpc.DecoderServicer):
    """Decode follows the script."""

    def __init__(self) -> None:
        self.script = Script(())
        self.seen = Seen()
        self.over = asyncio.Event()

    def follow(self, script: Script) -> Seen:
        self.script, self.seen, self.over = script, Seen(), asyncio.Event()
        return self.seen

    async def Decode(self, request_iterator: Any, context: Any) -> None:  # type: ignore[override]  # noqa: N802
        sent = dict(context.invocation_metadata())
        self.seen.metadata = tuple((key, sent[key]) for key, _ in self.script.metadata)
        try:
            await self._converse(context)
            self.seen.handler = "ended"
        except asyncio.CancelledError:
            self.seen.handler = "cancelled"
            raise
        finally:
            self.over.set()

    async def Describe(self, request: Any, context: Any) -> decoder_pb2.DescribeResponse:  # noqa: N802
        if self.script.ending == "refuse":
            raise REFUSAL
        return decoder_pb2.DescribeResponse(slots_total=7)

    async def _converse(self, context: Any) -> None:
        for number, step in enumerate(self.script.steps):
            if number == self.script.ends_at:
                break
            if step == "answer":
                await context.write(Response(decoded_frames=number))
            elif number < self.script.half_close_at:
                await self._read(context)
        if self.script.ending == "caller cancels":
            while True:
                await self._read(context)
        await self._end(context)

    async def _read(self, context: Any) -> None:
        request = await context.read()
        if isinstance(request, Request):
            self.seen.asked.append(request.features)
            return
        for _ in range(3):  # over the wire a cancelled call looks half-closed at first
            await asyncio.sleep(0)
        self.seen.eof = self.script.ending != "caller cancels"
        await asyncio.sleep(0.01)

    async def _end(self, context: Any) -> None:
        ending = self.script.ending
        context.set_trailing_metadata((("answer", "yes"),))
        if ending == "refuse":
            raise REFUSAL
        if ending == "abort":
            await context.abort(grpc.StatusCode.DATA_LOSS, "gone", (("why", "because"),))
        if ending == "set code":
            context.set_code(grpc.StatusCode.ALREADY_EXISTS)
            context.set_details("there")
        if ending == "break":
            raise ValueError("a defect")
        if ending == "handler strays":
            raise asyncio.CancelledError


@asynccontextmanager
async def served(address: str, servicer: decoder_pb2_grpc.DecoderServicer) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to `servicer`, behind all that every server has."""
    server = RpcServer(address, SERVICE)
    decoder_pb2_grpc.add_DecoderServicer_to_server(servicer, server.grpc)
    port = await server.start()
    await server.set_ready(True)
    target = address if address.startswith("in-process:") else f"127.0.0.1:{port}"
    try:
        async with open_channel(target) as channel:
            yield channel
    finally:
        await server.stop(0)


async def converse(channel: grpc.aio.Channel, servicer: Scripted, script: Script) -> Seen:
    """Plays the caller's part."""
    seen = servicer.follow(script)
    stub = decoder_pb2_grpc.DecoderStub(channel)
    call: DuplexCall[Request, Response] = DuplexCall(stub.Decode(metadata=script.metadata))
    try:
        await _play(call, script, seen)
        seen.code = grpc.StatusCode.OK
    except grpc.aio.AioRpcError as failure:
        seen.code, seen.details = failure.code(), failure.details()
        seen.trailing = dict(failure.trailing_metadata())
    except asyncio.CancelledError:
        seen.code = grpc.StatusCode.CANCELLED
    async with asyncio.timeout(60):
        await servicer.over.wait()
    if seen.code is grpc.StatusCode.INTERNAL:  # has an id of its own each time
        seen.details, seen.trailing = None, {}
    return seen


async def _play(call: DuplexCall[Request, Response], script: Script, seen: Seen) -> None:
    for number, step in enumerate(script.steps):
        if number == script.ends_at and script.ending == "caller cancels":
            break
        if number == script.half_close_at:
            await call.done_writing()
        if step == "ask" and number < script.half_close_at:
            await call.write(Request(features=bytes([number % 256]) * script.size))
        elif step == "answer" and not await _hear(call, seen):
            return
    if script.ending == "caller cancels":
        await call.write(Request(features=b"x"))
        call.cancel()
    while await _hear(call, seen):
        pass


async def _hear(call: DuplexCall[Request, Response], seen: Seen) -> bool:
    response = await call.read()
    if response is not None:
        seen.answered.append(response.decoded_frames)
    return response is not None
