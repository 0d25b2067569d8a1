"""Calls that no server takes just now: they wait as the server advises, for as long as they may."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

import pytest

from amira_client import (
    AmiraClient,
    AudioEncoding,
    RecognitionConfig,
    Retrying,
    ServerError,
    UnreachableError,
)
from amira_core import errors
from amira_local.ports import free_ports
from tests.support.speech_server import Requests, Responses, ScriptedSpeech, count_bytes, session

PCM = RecognitionConfig(encoding=AudioEncoding.AUDIO_ENCODING_LINEAR16, sample_rate_hz=16000)
ADVISED_MS = 30


def refusing(times: int, make: Callable[[], errors.AmiraError]) -> tuple[list[float], object]:
    """A script that refuses so often, with the moments at which it was asked."""
    asked: list[float] = []

    async def script(server: ScriptedSpeech, requests: Requests) -> Responses:
        asked.append(asyncio.get_running_loop().time())
        if len(asked) <= times:
            raise make()
        async for response in count_bytes(server, requests):
            yield response

    return asked, script


def full() -> errors.AmiraError:
    return errors.NoCapacityError("All places are taken.", retry_after_ms=ADVISED_MS)


async def transcribe(client: AmiraClient) -> str:
    async with client.stream(PCM) as stream:
        for _ in range(40):  # more than waits to be sent
            await stream.send(bytes(320))
        await stream.end()
        return [r.result.alternatives[0].text async for r in stream if r.result.is_final][-1]


async def test_a_stream_waits_as_advised_and_loses_no_audio(server: ScriptedSpeech) -> None:
    asked, server.script = refusing(3, full)  # type: ignore[assignment]
    async with AmiraClient(server.target, retry=True) as client:
        assert await transcribe(client) == f"{40 * 320} bytes"
    assert len(asked) == 4
    assert all(later - earlier >= ADVISED_MS / 1000 for earlier, later in itertools.pairwise(asked))


async def test_without_retries_a_refusal_is_told_at_once(server: ScriptedSpeech) -> None:
    asked, server.script = refusing(1, full)  # type: ignore[assignment]
    async with AmiraClient(server.target) as client:
        with pytest.raises(ServerError) as raised:
            await transcribe(client)
    assert (raised.value.reason, len(asked)) == ("NO_CAPACITY", 1)


async def test_advice_that_is_too_long_to_follow_is_not_waited_for(server: ScriptedSpeech) -> None:
    def in_a_minute() -> errors.AmiraError:
        return errors.NoCapacityError("All places are taken.", retry_after_ms=60_000)

    asked, server.script = refusing(9, in_a_minute)  # type: ignore[assignment]
    async with AmiraClient(server.target, retry=Retrying(for_s=50)) as client:
        with pytest.raises(ServerError) as raised:
            await asyncio.wait_for(transcribe(client), 45)
    assert (raised.value.retry_after_s, len(asked)) == (60.0, 1)


async def test_what_no_retry_can_help_is_told_at_once(server: ScriptedSpeech) -> None:
    asked, server.script = refusing(9, lambda: errors.UnknownModelError("No such model."))  # type: ignore[assignment]
    async with AmiraClient(server.target, retry=True) as client:
        with pytest.raises(ServerError) as raised:
            await transcribe(client)
    assert (raised.value.reason, len(asked)) == ("UNKNOWN_MODEL", 1)


async def test_another_server_is_asked_before_any_pause(server: ScriptedSpeech) -> None:
    asked, server.script = refusing(9, full)  # type: ignore[assignment]
    async with ScriptedSpeech() as other, AmiraClient([server.target, other.target], retry=True) as client:
        assert await transcribe(client)
    assert len(asked) == 1


async def test_a_server_that_is_not_up_yet_is_waited_for() -> None:
    (port,) = free_ports(1)
    async with AmiraClient(f"127.0.0.1:{port}", retry=Retrying(for_s=60)) as client:
        waiting = [
            asyncio.create_task(transcribe(client)),
            asyncio.create_task(client.capabilities()),
        ]
        await asyncio.sleep(0.2)
        assert not any(task.done() for task in waiting)
        late = ScriptedSpeech()
        late._server.address = f"127.0.0.1:{port}"
        async with late:
            text, capabilities = await asyncio.gather(*waiting)
    assert text == f"{40 * 320} bytes"
    assert capabilities.server_version == "scripted"


async def test_time_runs_out() -> None:
    async with AmiraClient("127.0.0.1:1", retry=Retrying(for_s=0.3)) as client:
        for attempt in (transcribe(client), client.capabilities(), client.recognize(bytes(2), PCM)):
            with pytest.raises(UnreachableError):
                await asyncio.wait_for(attempt, 60)


async def test_closing_ends_the_waiting(server: ScriptedSpeech) -> None:
    asked, server.script = refusing(10**6, full)  # type: ignore[assignment]
    async with AmiraClient(server.target, retry=Retrying(for_s=1e6)) as client:
        async with client.stream(PCM) as stream:
            await stream.send(bytes(320))
            while len(asked) < 3:  # noqa: ASYNC110 - a script of the server counts
                await asyncio.sleep(0.01)
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("amira-")]


class Busy(ScriptedSpeech):
    """Refuses the first unary calls."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.left = times

    async def Recognize(self, request: object, context: object) -> object:  # noqa: N802
        self.left -= 1
        if self.left >= 0:
            raise full()
        return await super().Recognize(request, context)  # type: ignore[arg-type]


async def test_unary_calls_wait_as_advised_too() -> None:
    async with Busy(2) as server:
        async with AmiraClient(server.target) as client:
            with pytest.raises(ServerError, match="places are taken"):
                await client.recognize(bytes(320), PCM)
        async with AmiraClient(server.target, retry=True) as client:
            assert (await client.recognize(bytes(320), PCM)).results


async def test_a_full_server_is_passed_over_by_unary_calls() -> None:
    async with Busy(9) as full_one, ScriptedSpeech() as other:
        async with AmiraClient([full_one.target, other.target]) as client:
            assert (await client.recognize(bytes(320), PCM)).results
        assert full_one.left == 8


async def test_a_stream_that_had_begun_is_not_begun_anew_by_retries(server: ScriptedSpeech) -> None:
    async def end_early(server: ScriptedSpeech, requests: Requests) -> Responses:
        yield session()
        raise full()

    server.script = end_early
    async with AmiraClient(server.target, retry=True) as client:
        with pytest.raises(ServerError) as raised:
            await transcribe(client)
    assert raised.value.reason == "NO_CAPACITY"
