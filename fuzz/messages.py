"""Broken and hostile messages to a service over real gRPC.

    python -m fuzz.messages [--inputs 20000] [--seed 0] [--service gateway --target 127.0.0.1:50051]

Without a target a frontend is started for it. Whatever comes, a call ends soon, with results or with a
status that blames the request; INTERNAL, UNKNOWN and UNAVAILABLE blame the server. A conversation that
breaks this is named by its number, and the same seed and number make it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import grpc
import typer

from amira.frontend.v1 import frontend_pb2_grpc
from amira_core.rpc.call import DuplexCall
from amira_core.rpc.channel import open_channel
from amira_core.rpc.server import RpcServer
from amira_frontend.server import FrontendServicer
from amira_frontend.settings import FrontendSettings
from amira_frontend.warmup import warm_up
from fuzz.conversations import SERVICES, Conversation, make_conversation

SERVER_AT_FAULT = {
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DATA_LOSS,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.UNKNOWN,
}


@contextlib.asynccontextmanager
async def frontend() -> AsyncIterator[str]:
    """A frontend on a free port; its address. At the end no stream may be left in it."""
    warm_up()
    server = RpcServer("127.0.0.1:0", "amira.frontend.v1.Frontend")
    servicer = FrontendServicer(FrontendSettings())
    frontend_pb2_grpc.add_FrontendServicer_to_server(servicer, server.grpc)
    port = await server.start()
    await server.set_ready(True)
    try:
        yield f"127.0.0.1:{port}"
        async with asyncio.timeout(10):
            while servicer.streams:  # noqa: ASYNC110 - the servicer has no event for it
                await asyncio.sleep(0.01)
    finally:
        await server.stop(0)


async def fuzz(
    target: str, service: str, seed: int, numbers: range, *, calls: int = 8, hang_s: float = 120
) -> tuple[Counter[str], list[tuple[int, str]]]:
    """Holds conversations `numbers`, `calls` at a time; how they ended, and those that are findings."""
    statuses, found, left = Counter[str](), list[tuple[int, str]](), iter(numbers)
    async with open_channel(target) as channel, asyncio.TaskGroup() as group:
        for _ in range(calls):
            group.create_task(_hold_all(channel, service, seed, left, hang_s, statuses, found))
    return statuses, sorted(found)


async def _hold_all(
    channel: grpc.aio.Channel,
    service: str,
    seed: int,
    left: Iterator[int],
    hang_s: float,
    statuses: Counter[str],
    found: list[tuple[int, str]],
) -> None:
    for number in left:
        conversation = make_conversation(service, seed, number)
        try:
            async with asyncio.timeout(hang_s):
                code, details = await _hold(channel, conversation)
        except TimeoutError:
            code, details = grpc.StatusCode.DEADLINE_EXCEEDED, f"no end after {hang_s:g} s"
        statuses[code.name] += 1
        if code in SERVER_AT_FAULT:
            found.append((number, f"{conversation.method.path}: {code.name}: {details}"))


async def _hold(channel: grpc.aio.Channel, conversation: Conversation) -> tuple[grpc.StatusCode, str]:
    """Sends all messages and reads to the end, at once."""
    method = conversation.method
    if method.more is None:
        return await _ask(channel.unary_unary(method.path), conversation.messages[0])
    call: DuplexCall[bytes, bytes] = DuplexCall(channel.stream_stream(method.path)())
    sending = asyncio.create_task(_send(call, conversation.messages))
    try:
        while await call.read() is not None:
            pass
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details() or ""
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    return grpc.StatusCode.OK, ""


async def _send(call: DuplexCall[bytes, bytes], messages: list[bytes]) -> None:
    for message in messages:
        if not await call.write(message):
            return
    await call.done_writing()


async def _ask(method: Any, message: bytes) -> tuple[grpc.StatusCode, str]:
    try:
        await method(message)
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details() or ""
    return grpc.StatusCode.OK, ""


async def _run(target: str, service: str, seed: int, numbers: range, hang_s: float) -> bool:
    """Prints what came of it; whether all is well."""
    begin = time.monotonic()
    async with contextlib.AsyncExitStack() as stack:
        address = target or await stack.enter_async_context(frontend())
        statuses, found = await fuzz(address, service, seed, numbers, hang_s=hang_s)
    speed = len(numbers) / (time.monotonic() - begin)
    print(f"{len(numbers)} conversations, seed {seed}: {speed:.0f} per second")
    for status, count in statuses.most_common():
        print(f"  {count:>8} {status}")
    for number, problem in found:
        print(f"conversation {number}: {problem}")
    print(f"findings: {len(found)}")
    return not found


def main(
    inputs: Annotated[int, typer.Option(min=1, help="How many conversations.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Other conversations for each number.")] = 0,
    only: Annotated[int | None, typer.Option(help="One conversation alone, by its number.")] = None,
    service: Annotated[str, typer.Option(help=f"{' or '.join(SERVICES)}.")] = "frontend",
    target: Annotated[str, typer.Option(help="A running service; default: a frontend of its own.")] = "",
    hang_s: Annotated[
        float, typer.Option(help="A call that takes longer hangs; bombs are long to decode.")
    ] = 120,
) -> None:
    """Prints how the calls ended. Exit status: 1 if the server is to blame for any end."""
    if service not in SERVICES or (service != "frontend" and not target):
        raise typer.BadParameter(f"name one of {', '.join(SERVICES)}, with a target for all but the frontend")
    numbers = range(inputs) if only is None else range(only, only + 1)
    if not asyncio.run(_run(target, service, seed, numbers, hang_s)):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
