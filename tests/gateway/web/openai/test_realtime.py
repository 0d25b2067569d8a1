"""OpenAI's realtime transcription, by its own unmodified client."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import openai
import pytest
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.exceptions import InvalidStatus

from tests.gateway.access.door import add_key
from tests.gateway.scripted import until
from tests.support.spoken import WORDS, Gateway, Spoken, clip

TRANSCRIPTION = "conversation.item.input_audio_transcription"
PCM = {"type": "audio/pcm", "rate": 24_000}
MANUAL = {"type": "transcription", "audio": {"input": {"turn_detection": None}}}


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{gateway.http}/v1", api_key="any") as made:
        yield made


def connect(client: openai.AsyncOpenAI) -> Any:
    return client.realtime.connect(extra_query={"intent": "transcription"})


async def say(connection: AsyncRealtimeConnection, audio: bytes, size: int = 9_601) -> None:
    """Sends audio in pieces that end in the middle of a sample."""
    for start in range(0, len(audio), size):
        piece = base64.b64encode(audio[start : start + size]).decode()
        await connection.input_audio_buffer.append(audio=piece)


async def receive(connection: AsyncRealtimeConnection, until_kind: str) -> list[Any]:
    """All events up to the first of a kind."""
    events = []
    async with asyncio.timeout(120):
        while not events or events[-1].type != until_kind:
            events.append(await connection.recv())
    return events


async def test_turns_that_the_server_detects(client: openai.AsyncOpenAI) -> None:
    silence = bytes(2 * 48_000)
    async with connect(client) as connection:
        [created] = await receive(connection, "session.created")
        assert created.session.type == "transcription"
        transcription = {"model": "gpt-4o-transcribe", "language": "en"}
        sound = {
            "format": PCM,
            "transcription": transcription,
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 600},
            "noise_reduction": {"type": "near_field"},
        }
        await connection.session.update(session={"type": "transcription", "audio": {"input": sound}})
        [updated] = await receive(connection, "session.updated")
        assert updated.session.audio.input.turn_detection.silence_duration_ms == 600
        assert updated.session.audio.input.noise_reduction is None
        await say(connection, clip(4, 24_000).tobytes() + silence)
        first = await receive(connection, f"{TRANSCRIPTION}.completed")
        await say(connection, clip(4, 24_000).tobytes() + silence)
        second = await receive(connection, f"{TRANSCRIPTION}.completed")
    kinds = [event.type for event in first if not event.type.endswith("delta")]
    assert kinds == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        f"{TRANSCRIPTION}.completed",
    ]
    completed = first[-1]
    assert completed.transcript.startswith(WORDS)
    deltas = [event.delta for event in first if event.type == f"{TRANSCRIPTION}.delta"]
    assert "".join(deltas).split()[:3] == WORDS.split()[:3]
    by_kind = {event.type: event for event in first}
    started = by_kind["input_audio_buffer.speech_started"]
    stopped = by_kind["input_audio_buffer.speech_stopped"]
    assert 0 <= started.audio_start_ms < stopped.audio_end_ms <= 4_200
    assert {event.item_id for event in first if hasattr(event, "item_id")} == {completed.item_id}
    assert completed.usage.type == "duration"
    committed = [event for event in second if event.type == "input_audio_buffer.committed"]
    assert [event.previous_item_id for event in committed] == [completed.item_id]
    assert "cold hearted" in second[-1].transcript


async def test_turns_that_the_client_commits(client: openai.AsyncOpenAI) -> None:
    async with connect(client) as connection:
        session = {**MANUAL, "include": ["item.input_audio_transcription.logprobs"]}
        await connection.session.update(session=session)
        await receive(connection, "session.updated")
        await say(connection, clip(4, 24_000).tobytes())
        await connection.input_audio_buffer.commit()
        events = await receive(connection, f"{TRANSCRIPTION}.completed")
        kinds = [event.type for event in events]
        assert not [kind for kind in kinds if kind.startswith("input_audio_buffer.speech")]
        assert events[-1].transcript.startswith(WORDS)
        assert "".join(entry.token for entry in events[-1].logprobs) == events[-1].transcript
        await say(connection, bytes(48_000))  # nobody speaks
        await connection.input_audio_buffer.commit()
        assert (await receive(connection, f"{TRANSCRIPTION}.completed"))[-1].transcript == ""


async def test_what_is_cleared_is_not_transcribed(client: openai.AsyncOpenAI) -> None:
    async with connect(client) as connection:
        await connection.session.update(session=MANUAL)
        await say(connection, clip(4, 24_000).tobytes())
        await connection.input_audio_buffer.clear()
        await receive(connection, "input_audio_buffer.cleared")
        await say(connection, bytes(48_000))
        await connection.input_audio_buffer.commit()
        assert (await receive(connection, f"{TRANSCRIPTION}.completed"))[-1].transcript == ""


@pytest.mark.parametrize(("kind", "name"), [("audio/pcmu", "g711_ulaw"), ("audio/pcma", "g711_alaw")])
async def test_telephone_audio_and_the_beta(gateway: Gateway, kind: str, name: str) -> None:
    audio = g711(clip(4, 8_000), kind)
    headers = {"OpenAI-Beta": "realtime=v1"}
    url = f"{gateway.ws}/v1/realtime?intent=transcription"
    async with aiohttp.ClientSession() as http, http.ws_connect(url, headers=headers) as ws:
        assert (await ws.receive_json())["type"] == "transcription_session.created"
        session = {"input_audio_format": name, "turn_detection": None}
        await ws.send_json({"type": "transcription_session.update", "session": session})
        assert (await ws.receive_json())["session"]["input_audio_format"] == name
        encoded = base64.b64encode(audio).decode()
        await ws.send_json({"type": "input_audio_buffer.append", "audio": encoded})
        await ws.send_json({"type": "input_audio_buffer.commit"})
        events = []
        while not events or events[-1]["type"] != f"{TRANSCRIPTION}.completed":
            events.append(await ws.receive_json())
    assert events[1]["type"] == "conversation.item.created"
    assert events[-1]["transcript"].startswith("unless to be rather")


def g711(samples: np.ndarray[Any, Any], kind: str) -> bytes:
    """8-bit companded samples, by the definition of the curve: nearest of all 256 values."""
    codes = np.arange(256)
    if kind == "audio/pcmu":
        flipped = ~codes & 0xFF
        size = (((flipped & 15) << 3) + 132 << (flipped >> 4 & 7)) - 132
        values = np.where(flipped & 128, -size, size)
    else:
        flipped = codes ^ 0x55
        exponent, mantissa = flipped >> 4 & 7, (flipped & 15) << 4
        size = np.where(exponent, (mantissa + 264) << np.maximum(exponent - 1, 0), mantissa + 8)
        values = np.where(flipped & 128, size, -size)
    order = np.argsort(values)
    places = np.searchsorted(values[order], samples).clip(0, 255)
    return bytes(order[places].astype(np.uint8))


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({"type": "response.create"}, "transcription sessions"),
        ({"type": 5}, "transcription sessions"),
        ({"type": "input_audio_buffer.append"}, "base64"),
        ({"type": "input_audio_buffer.append", "audio": "?"}, "base64"),
        ({"type": "input_audio_buffer.commit"}, "Nothing to commit"),
        ({"type": "session.update", "session": []}, "session"),
        ({"type": "session.update", "session": {"type": "realtime"}}, "transcription"),
        ({"type": "transcription_session.update", "session": {"input_audio_format": "mp3"}}, "format"),
        *(
            ({"type": "session.update", "session": {"audio": {"input": sound}}}, says)
            for sound, says in (
                ({"format": {"type": "audio/pcm", "rate": 16_000}}, "24000"),
                ({"format": {"type": []}}, "format"),
                ({"turn_detection": {"type": "none"}}, "turn_detection"),
                ({"turn_detection": {"type": "semantic_vad", "eagerness": "most"}}, "turn_detection"),
                ({"turn_detection": {"silence_duration_ms": -1}}, "silence_duration_ms"),
                ({"turn_detection": {"silence_duration_ms": 99_999}}, "silence_after_speech"),
                ({"transcription": {"language": "fr"}}, "fr"),
                ({"transcription": {"model": "nothing"}}, "nothing"),
                ({"transcription": {"model": 5}}, "model"),
                ({"transcription": {"keywords": "word"}}, "keywords"),
            )
        ),
    ],
)
async def test_what_cannot_be_done_is_said_and_the_session_goes_on(
    gateway: Gateway, event: dict[str, Any], says: str
) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{gateway.ws}/v1/realtime?intent=transcription") as ws,
    ):
        await ws.receive_json()
        await ws.send_json({**event, "event_id": "mine"})
        answer = await ws.receive_json()
        assert answer["type"] == "error"
        assert answer["error"]["event_id"] == "mine"
        assert says in answer["error"]["message"]
        await ws.send_json({"type": "session.update", "session": {"type": "transcription"}})
        assert (await ws.receive_json())["type"].endswith("session.updated")


async def test_messages_that_are_no_events(gateway: Gateway) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{gateway.ws}/v1/realtime?intent=transcription") as ws,
    ):
        await ws.receive_json()
        for content in ("no json", "[]", "[" * 100_000, b"\x00"):
            await (ws.send_str(content) if isinstance(content, str) else ws.send_bytes(content))
            assert (await ws.receive_json())["error"]["type"] == "invalid_request_error"


async def test_the_format_stays_once_audio_has_come(client: openai.AsyncOpenAI, gateway: Gateway) -> None:
    async with connect(client) as connection:
        await receive(connection, "session.created")
        await say(connection, bytes(9_600))
        await until(lambda: gateway.speech.admission.streams == 1)
        sound: Any = {"format": {"type": "audio/pcmu"}}
        await connection.session.update(session={"type": "transcription", "audio": {"input": sound}})
        [refused] = await receive(connection, "error")
        assert "connect anew" in refused.error.message
        changes: Any = {"turn_detection": {"type": "semantic_vad"}, "transcription": {"keywords": ["a"]}}
        await connection.session.update(session={"type": "transcription", "audio": {"input": changes}})
        [updated] = await receive(connection, "session.updated")
        assert updated.session.audio.input.turn_detection.type == "semantic_vad"
    await until(lambda: len(gateway.speech.admission) == 0)


async def test_keys_limits_and_drain(spoken: Spoken, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    key = add_key(keys)
    with spoken.gateway(idle_timeout_s=0.5) as impatient:
        async with (
            openai.AsyncOpenAI(base_url=f"{impatient.http}/v1", api_key="any") as client,
            connect(client) as connection,  # nothing is said for too long
        ):
            assert (await receive(connection, "error"))[-1].error.code == "idle_timeout"
    with spoken.gateway(api_keys_file=str(keys)) as gateway:
        url = f"{gateway.http}/v1"
        async with openai.AsyncOpenAI(base_url=url, api_key="wrong") as stranger:
            with pytest.raises(InvalidStatus, match="401"):
                await connect(stranger).enter()
        async with openai.AsyncOpenAI(base_url=url, api_key=key) as client:
            async with connect(client) as connection:
                await say(connection, bytes(9_600))
                await until(lambda: gateway.speech.admission.streams == 1)
                await asyncio.to_thread(spoken.drain, gateway, 0.1)
                assert (await receive(connection, "error"))[-1].error.code == "draining"
            with pytest.raises(InvalidStatus, match="503"):
                await connect(client).enter()


async def flood(ws: aiohttp.ClientWebSocketResponse) -> None:
    while True:
        await ws.send_str(json.dumps({"type": "nothing", "event_id": "x" * 10_000}))


async def test_a_client_that_does_not_read_holds_up_nobody_but_itself(gateway: Gateway) -> None:
    """It is answered for each message; the answers wait in its own connection, and so do its messages."""
    async with aiohttp.ClientSession() as http:
        ws = await http.ws_connect(f"{gateway.ws}/v1/realtime?intent=transcription")
        flooding = asyncio.create_task(flood(ws))
        await asyncio.wait([flooding], timeout=1.5)
        assert not flooding.done()  # it waits
        flooding.cancel()
        async with http.get(f"{gateway.http}/healthz") as answer:
            assert answer.status == 200
        ws._response.connection.transport.abort()  # type: ignore[union-attr]  # as a network that breaks
    await until(lambda: len(gateway.speech.admission) == 0)
