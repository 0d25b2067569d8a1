"""A node and separate services: the same words, times, events and marks; and the limits of each part hold."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import soundfile

from amira.asr.v1 import config_pb2
from amira_client import AmiraClient
from amira_client.errors import ServerError
from tests.conftest import ROOT
from tests.node.composed import composed

T = TypeVar("T")

CLIP = ROOT / "demo" / "speech" / "sense-and-sensibility.flac"
CONFIG = config_pb2.RecognitionConfig(
    encoding=config_pb2.AUDIO_ENCODING_LINEAR16,
    sample_rate_hz=16_000,
    interim_results=True,
    word_times=True,
)
SECONDS = 8
FLUSH_AT, MARK_AT = 31, 53
"""Messages of 100 ms, neither where a chunk ends."""


def pcm() -> bytes:
    samples, _ = soundfile.read(CLIP, dtype="int16", frames=16_000 * SECONDS)
    return bytes(samples.tobytes())


def lasting(response: Any) -> Any:
    """What a response says that does not depend on when it was said."""
    kind = response.WhichOneof("response")
    if kind == "result":
        result = response.result
        return (
            kind,
            result.is_final,
            result.segment_id,
            result.audio_processed.ToMilliseconds(),
            [
                (best.text, [(word.text, word.start.ToMilliseconds()) for word in best.words])
                for best in result.alternatives
            ],
        )
    if kind == "event":
        return kind, response.event.kind, response.event.offset.ToMilliseconds()
    return (kind, response.mark.id) if kind == "mark" else kind


async def hear(client: AmiraClient, offset: int = 0) -> list[Any]:
    """All that a stream is told but for interims: a client that sends faster than it reads misses some."""
    said = []
    audio = pcm()[offset:]
    async with client.stream(CONFIG) as stream:

        async def read() -> None:
            async for response in stream:
                if not response.HasField("result") or response.result.is_final:
                    said.append(lasting(response))

        reading = asyncio.create_task(read())
        try:
            for number, begin in enumerate(range(0, len(audio), 3200)):
                await stream.send(audio[begin : begin + 3200])
                if number == FLUSH_AT:
                    await stream.flush()
                if number == MARK_AT:
                    await stream.mark("here")
            await stream.end()
        finally:  # a refusal ends both
            await reading
    return said


async def heard_by_all(model_dir: Path, *, in_process: bool) -> list[list[Any]]:
    async with composed(model_dir, in_process=in_process) as client:
        alone = await hear(client)
        together = await asyncio.gather(*(hear(client, offset=320 * 7 * lane) for lane in range(6)))
        return [alone, *together]


async def test_a_node_says_what_separate_services_say(model_dir: Path) -> None:
    inside = await heard_by_all(model_dir, in_process=True)
    apart = await heard_by_all(model_dir, in_process=False)
    finals = [[said for said in each if said[0] == "result"] for each in inside]
    assert all(len(each) >= 2 for each in finals), "the flush and the end each end a segment"
    assert all(("mark", "here") in each for each in inside)
    assert inside[0] == inside[1], "the company that a stream has changes nothing"
    assert inside == apart


async def test_each_parts_limit_holds_and_a_stream_that_is_left_frees_all_it_held(model_dir: Path) -> None:
    async with composed(model_dir, in_process=True, max_streams=2, frontend_streams=1) as client:
        async with client.stream(CONFIG) as first:
            await first.send(pcm()[:3200])
            assert (await anext(aiter(first))).HasField("session")
            with pytest.raises(ServerError, match="streams of this frontend are taken"):
                await refused(client)
            async with asyncio.timeout(60):
                while "streams of this server" not in await refusals(client, 4):
                    pass  # one had left before the next came
            await first.end()
            async for _ in first:
                pass
        for _ in range(5):
            await once_free(lambda: leave_in_mid_stream(client))
        assert await once_free(lambda: hear(client)), "the places are free again"


async def leave_in_mid_stream(client: AmiraClient) -> None:
    async with client.stream(CONFIG) as stream:
        await stream.send(pcm()[:64_000])
        await anext(aiter(stream))


async def refusals(client: AmiraClient, streams: int) -> str:
    """What so many at once are told. All are waited for: one left behind could yet be taken, and stay."""
    told = await asyncio.gather(*(refused(client) for _ in range(streams)), return_exceptions=True)
    assert all(isinstance(error, ServerError) and error.reason == "NO_CAPACITY" for error in told)
    return " ".join(map(str, told))


async def refused(client: AmiraClient) -> None:
    async with client.stream(CONFIG) as stream:
        await stream.send(pcm()[:3200])
        async for _ in stream:
            pass


async def once_free(work: Callable[[], Awaitable[T]]) -> T:
    """Tries again while a stream that has ended is still on its way out."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await work()
            except ServerError as error:
                if error.reason != "NO_CAPACITY":
                    raise
                await asyncio.sleep(0.02)
