"""The same conversations over a socket and within the process: both sides must see the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import get_args

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amira.decoder.v1 import decoder_pb2, decoder_pb2_grpc
from amira.trace.v1 import trace_pb2, trace_pb2_grpc
from amira_core import errors
from amira_core.rpc.health import is_serving
from amira_core.rpc.status import from_rpc_error
from tests.core.in_process.talk import REFUSAL, Ending, Script, Scripted, Seen, Step, converse, served

Play = Callable[[Script], tuple[Seen, Seen]]


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


class Pair:
    """A servicer at either transport, on one event loop."""

    async def start(self) -> None:
        self.stack = AsyncExitStack()
        self.servicers = Scripted(), Scripted()
        addresses = "127.0.0.1:0", "in-process:scripted"
        self.channels = [
            await self.stack.enter_async_context(served(address, servicer))
            for address, servicer in zip(addresses, self.servicers, strict=True)
        ]

    async def both(self, play: Callable[[grpc.aio.Channel, Scripted], Awaitable[object]]) -> list[object]:
        pairs = zip(self.channels, self.servicers, strict=True)
        return [await play(channel, servicer) for channel, servicer in pairs]


@pytest.fixture(scope="module")
def pair(runner: asyncio.Runner) -> Iterator[Pair]:
    pair = Pair()
    runner.run(pair.start())
    yield pair
    runner.run(pair.stack.aclose())


def scripts() -> st.SearchStrategy[Script]:
    steps: st.SearchStrategy[list[Step]] = st.lists(st.sampled_from(get_args(Step)), max_size=12)
    return st.builds(
        Script,
        steps=steps,
        ending=st.sampled_from(get_args(Ending)),
        ends_at=st.integers(0, 14),
        half_close_at=st.integers(0, 14),
        metadata=st.sampled_from([(), (("amira-session-id", "0" * 32), ("other", "x"))]),
        size=st.sampled_from([0, 1, 3200, 40_000]),
    )


@settings(max_examples=120, deadline=None)
@given(script=scripts())
def test_both_sides_see_the_same(runner: asyncio.Runner, pair: Pair, script: Script) -> None:
    if script.ending == "caller cancels":  # a call that is cancelled at once may not even begin
        script = Script((*script.steps, "ask", "answer"), "caller cancels", metadata=script.metadata)
    wire, inside = runner.run(pair.both(lambda channel, servicer: converse(channel, servicer, script)))
    assert isinstance(wire, Seen)
    assert isinstance(inside, Seen)
    if script.ending == "caller cancels":  # its last message may be overtaken by the cancellation
        wire.asked, inside.asked = wire.asked[:-1], inside.asked[: len(wire.asked) - 1]
    assert inside == wire


@pytest.mark.parametrize("ending", ["return", "refuse"])
def test_a_unary_call(runner: asyncio.Runner, pair: Pair, ending: Ending) -> None:
    async def ask(channel: grpc.aio.Channel, servicer: Scripted) -> object:
        servicer.follow(Script((), ending))
        stub = decoder_pb2_grpc.DecoderStub(channel)
        try:
            return (await stub.Describe(decoder_pb2.DescribeRequest(), timeout=60)).slots_total
        except grpc.aio.AioRpcError as failure:
            error = from_rpc_error(failure, errors.DecoderLostError)
            return type(error), error.message, error.retry_after_ms

    wire, inside = runner.run(pair.both(ask))
    assert inside == wire
    assert inside == (7 if ending == "return" else (type(REFUSAL), REFUSAL.message, 1234))


def test_a_method_that_nobody_serves(runner: asyncio.Runner, pair: Pair) -> None:
    async def ask(channel: grpc.aio.Channel, _: Scripted) -> object:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await trace_pb2_grpc.TracesStub(channel).Keep(trace_pb2.KeepRequest(), timeout=60)
        return failure.value.code(), failure.value.details()

    wire, inside = runner.run(pair.both(ask))
    assert inside == wire


def test_health_is_asked_in_the_same_way(runner: asyncio.Runner, pair: Pair) -> None:
    async def ask(channel: grpc.aio.Channel, _: Scripted) -> object:
        return await is_serving(channel, 5)

    assert runner.run(pair.both(ask)) == [True, True]


@pytest.mark.parametrize("ending", get_args(Ending))
def test_every_ending_is_told_apart(runner: asyncio.Runner, pair: Pair, ending: Ending) -> None:
    """The property above would hold as well if nothing ever got through."""
    script = Script(("ask", "answer", "ask", "answer"), ending)
    _, inside = runner.run(pair.both(lambda channel, servicer: converse(channel, servicer, script)))
    assert isinstance(inside, Seen)
    codes = {
        "return": grpc.StatusCode.OK,
        "refuse": grpc.StatusCode.RESOURCE_EXHAUSTED,
        "abort": grpc.StatusCode.DATA_LOSS,
        "set code": grpc.StatusCode.ALREADY_EXISTS,
        "break": grpc.StatusCode.INTERNAL,
        "caller cancels": grpc.StatusCode.CANCELLED,
        "handler strays": grpc.StatusCode.INTERNAL,
    }
    assert inside.code is codes[ending]
    assert inside.asked[:2] == [b"\0" * 3, b"\2" * 3]
    assert inside.answered == [1, 3]
