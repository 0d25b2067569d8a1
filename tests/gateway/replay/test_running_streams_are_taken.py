"""A decoder that refuses new streams for its load takes those that run: the gateway says which they are."""

from __future__ import annotations

from typing import Any

from amira_core import errors
from tests.gateway.scripted import ScriptedDecoder, audio, config, finish, pattern, running, until


def refusing_new_ones(decoder: ScriptedDecoder) -> None:
    async def refuse(call: object, request: Any) -> None:
        if request.WhichOneof("request") == "config" and not request.HasField("resume"):
            raise errors.NoCapacityError("This decoder keeps up with no more.")

    decoder.hook = refuse


async def test_a_stream_that_has_said_nothing_yet_is_taken_by_a_decoder_that_is_busy() -> None:
    async with running(replicas=2) as stack:
        first, second = stack.decoders
        refusing_new_ones(second)
        call = stack.open()
        await call.write(config())
        assert (await call.read()).HasField("session")
        await call.write(audio(pattern(3_200)))
        await until(lambda: bool(first.calls[0].audio))
        assert not first.calls[0].requests[0].HasField("resume")  # a new one
        await stack.decoder_servers[0].stop(0)
        await call.write(audio(pattern(3_200)))
        await call.done_writing()
        answer = await finish(call)
        assert answer.error is None
        assert answer.finals == ["6400 bytes"]
        assert second.calls[-1].requests[0].HasField("resume")


async def test_new_streams_are_refused_by_it() -> None:
    async with running(replicas=2) as stack:
        for decoder in stack.decoders:
            refusing_new_ones(decoder)
        call = stack.open()
        await call.write(config())
        assert isinstance((await finish(call)).error, errors.NoCapacityError)
        openings = [decoder.calls[0].requests[0] for decoder in stack.decoders]
        assert not any(opening.HasField("resume") for opening in openings)
