"""Home Assistant's protocol, by the unmodified `wyoming` package that Home Assistant speaks it with."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong

from tests.gateway.access.door import add_key
from tests.gateway.scripted import until
from tests.support.spoken import WORDS, Gateway, Spoken, clip

FORMAT = {"rate": 16_000, "width": 2, "channels": 1}
LISTEN = {"wyoming_listen": "127.0.0.1:0"}


def connect(gateway: Gateway) -> AsyncTcpClient:
    return AsyncTcpClient("127.0.0.1", gateway.wyoming_port)


async def say(client: AsyncTcpClient, audio: bytes, wishes: Transcribe | None = None) -> None:
    await client.write_event((wishes or Transcribe(language="en")).event())
    await client.write_event(AudioStart(**FORMAT).event())
    for start in range(0, len(audio), 2_047):  # in the middle of samples
        piece = audio[start : start + 2_047]
        await client.write_event(AudioChunk(audio=piece, **FORMAT).event())
    await client.write_event(AudioStop().event())


async def answers(client: AsyncTcpClient, last: str) -> list[Event]:
    events: list[Event] = []
    async with asyncio.timeout(60):
        while not events or events[-1].type not in (last, "error"):
            event = await client.read_event()
            assert event is not None, events
            events.append(event)
    return events


async def test_what_is_offered(gateway: Gateway) -> None:
    async with connect(gateway) as client:
        await client.write_event(Describe().event())
        [event] = await answers(client, "info")
        [program] = Info.from_event(event).asr
        assert program.installed
        assert program.supports_transcript_streaming
        [model] = program.models
        assert model.languages == ["en"]
        await client.write_event(Ping("here").event())
        assert Pong.from_event((await answers(client, "pong"))[0]).text == "here"
        await say(client, clip().tobytes(), Transcribe(name=model.name, language="en"))
        assert Transcript.from_event((await answers(client, "transcript"))[-1]).text.startswith(WORDS)


async def test_utterances_one_after_the_other(gateway: Gateway) -> None:
    async with connect(gateway) as client:
        for _ in range(2):
            await say(client, clip().tobytes(), Transcribe(transcript_terms=["cold hearted"]))
            events = await answers(client, "transcript-stop")
            assert TranscriptStart.is_type(events[0].type)
            assert TranscriptStop.is_type(events[-1].type)
            text = Transcript.from_event(events[-2]).text
            assert text.startswith(WORDS)
            chunks = [event for event in events if TranscriptChunk.is_type(event.type)]
            assert "".join(TranscriptChunk.from_event(chunk).text for chunk in chunks) == text


async def test_silence_has_no_words(gateway: Gateway) -> None:
    async with connect(gateway) as client:
        await say(client, bytes(32_000))
        assert Transcript.from_event((await answers(client, "transcript"))[-1]).text == ""


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([Transcribe(language="fr").event(), AudioStart(**FORMAT).event()], "BAD_SETTING"),
        ([Transcribe(name="nothing").event(), AudioStart(**FORMAT).event()], "UNKNOWN_MODEL"),
        ([AudioStart(rate=16_000, width=3, channels=1).event()], "UNKNOWN_ENCODING"),
        ([AudioStart(rate=0, width=2, channels=1).event()], "BAD_SAMPLE_RATE"),
        ([AudioStart(rate=16_000, width=2, channels=99).event()], "BAD_CHANNELS"),
        ([Event("audio-start", {"rate": [], "width": None})], "BAD_SAMPLE_RATE"),
        (
            [AudioStart(**FORMAT).event(), AudioChunk(8_000, 2, 1, bytes(20)).event()],
            "INVALID_REQUEST",
        ),
        ([Event("audio-chunk", {}, bytes(2_000_000))], "MESSAGE_TOO_LARGE"),
    ],
)
async def test_what_cannot_be_done_is_said(gateway: Gateway, events: list[Event], code: str) -> None:
    async with connect(gateway) as client:
        for event in events:
            await client.write_event(event)
        error = Error.from_event((await answers(client, "error"))[-1])
        assert error.code == code
        assert error.text
    await until(lambda: len(gateway.speech.admission) == 0)


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"[1]\n",
        b"\xff\n",
        b"{" * 70_000 + b"\n",
        b"[" * 60_000 + b"\n",
        b'{"type": "ping", "data_length": -1}\n',
        b'{"type": "ping", "data_length": "5"}\n',
        b'{"type": "ping", "data_length": 999999999}\n',
        b'{"type": "ping", "data_length": 2}\n[]',
        b'{"type": "ping", "data": [5]}\n',
    ],
)
async def test_garbage_is_refused(gateway: Gateway, garbage: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.wyoming_port)
    writer.write(garbage)
    async with asyncio.timeout(60):
        assert json.loads(await reader.readline())["type"] == "error"
        await reader.read()
    writer.close()
    await writer.wait_closed()


async def test_a_client_that_leaves_frees_its_place(gateway: Gateway) -> None:
    async with connect(gateway) as client:
        await client.write_event(AudioStart(**FORMAT).event())
        await client.write_event(AudioChunk(audio=bytes(6_400), **FORMAT).event())
        await until(lambda: gateway.speech.admission.streams == 1)
    await until(lambda: len(gateway.speech.admission) == 0)


async def test_keys_limits_silence_and_drain(spoken: Spoken, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    add_key(keys)
    with spoken.gateway(api_keys_file=str(keys), **LISTEN) as closed:
        for event in (Describe().event(), AudioStart(**FORMAT).event()):
            async with connect(closed) as client:
                await client.write_event(event)
                assert Error.from_event((await answers(client, "error"))[0]).code == "UNAUTHENTICATED"
    with spoken.gateway(idle_timeout_s=1, **LISTEN) as gateway:
        async with connect(gateway) as client:
            assert Error.from_event((await answers(client, "error"))[0]).code == "IDLE_TIMEOUT"
        gateway.speech.admission.max_streams = 0
        async with connect(gateway) as client:
            await client.write_event(AudioStart(**FORMAT).event())
            assert Error.from_event((await answers(client, "error"))[0]).code == "NO_CAPACITY"
        gateway.speech.admission.max_streams = 8
        async with connect(gateway) as client:
            await client.write_event(AudioStart(**FORMAT).event())
            await client.write_event(AudioChunk(audio=clip().tobytes(), **FORMAT).event())
            await until(lambda: gateway.speech.admission.streams == 1)
            draining = asyncio.create_task(asyncio.to_thread(spoken.drain, gateway, 100))
            await client.write_event(AudioStop().event())
            assert Transcript.from_event((await answers(client, "transcript"))[-1]).text.startswith(WORDS)
            await draining
            await client.write_event(AudioStart(**FORMAT).event())
            assert Error.from_event((await answers(client, "error"))[-1]).code == "DRAINING"
