"""Broken and hostile messages to a service over real gRPC.

    python -m fuzz.messages [--inputs 20000] [--seed 0] [--service decoder] [--target 127.0.0.1:50071]

Without a target the service is started for it, and at the end it must hold no stream or slot. Whatever
comes, a call ends soon, with results or with a status that blames the request; INTERNAL, UNKNOWN and
UNAVAILABLE blame the server. A conversation that breaks this is named by its number, and the same seed and
number make it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any

import grpc
import typer

from amira_core.rpc.call import DuplexCall
from amira_core.rpc.channel import open_channel
from fuzz.conversations import SERVICES, Conversation, make_conversation
from fuzz.servers import SERVERS

SERVER_AT_FAULT = {
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DATA_LOSS,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.UNKNOWN,
}

ANOTHER_MODEL = "This decoder cuts the stream's audio in another way"
"""What a decoder says to a point of return that is none of its own: the gateway tries the next one."""


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
        if code in SERVER_AT_FAULT and not details.startswith(ANOTHER_MODEL):
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
        address = target or await stack.enter_async_context(SERVERS[service]())
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
    service: Annotated[str, typer.Option(help=f"{', '.join(SERVICES)}.")] = "frontend",
    target: Annotated[str, typer.Option(help="A running service; default: one of its own.")] = "",
    hang_s: Annotated[
        float, typer.Option(help="A call that takes longer hangs; bombs are long to decode.")
    ] = 120,
) -> None:
    """Prints how the calls ended. Exit status: 1 if the server is to blame for any end."""
    if service not in SERVICES:
        raise typer.BadParameter(f"name one of {', '.join(SERVICES)}")
    numbers = range(inputs) if only is None else range(only, only + 1)
    if not asyncio.run(_run(target, service, seed, numbers, hang_s)):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
