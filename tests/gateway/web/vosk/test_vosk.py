"""Vosk's protocol, as the test client of vosk-server speaks it: a message, its answer, the next message."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from tests.gateway.access.door import add_key
from tests.gateway.scripted import until
from tests.support.spoken import WORDS, Gateway, Spoken, clip

PIECE_BYTES = 6_400


async def recognize(socket: ClientConnection, audio: bytes, **config: Any) -> list[dict[str, Any]]:
    """All answers, the one to `eof` last."""
    await socket.send(json.dumps({"config": config}))
    answers = []
    for start in range(0, len(audio), PIECE_BYTES):
        await socket.send(audio[start : start + PIECE_BYTES])
        answers.append(json.loads(await socket.recv()))
    await socket.send('{"eof" : 1}')
    answers.append(json.loads(await socket.recv()))
    return answers


def texts(answers: list[dict[str, Any]]) -> str:
    return " ".join(answer["text"] for answer in answers if answer.get("text"))


async def test_one_answer_to_each_message(gateway: Gateway) -> None:
    async with connect(f"{gateway.ws}/vosk") as socket:
        answers = await recognize(socket, clip(12).tobytes(), sample_rate=16_000)
        with pytest.raises(websockets.ConnectionClosedOK):
            await socket.recv()
    assert texts(answers).startswith(WORDS)
    assert all(set(answer) <= {"partial", "text"} for answer in answers)
    assert "text" in answers[-1]


async def test_words_and_telephone_rates(gateway: Gateway) -> None:
    async with connect(f"{gateway.ws}/vosk") as socket:
        answers = await recognize(socket, clip(4, 8_000).tobytes(), words=True)  # 8 kHz is Vosk's default
    [last] = [answer for answer in answers if "text" in answer]
    assert "to be rather cold hearted" in last["text"]
    assert [word["word"] for word in last["result"]] == last["text"].split()
    times = [time for word in last["result"] for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert all(0 < word["conf"] <= 1 for word in last["result"])


async def test_alternatives_and_phrases(gateway: Gateway) -> None:
    async with connect(f"{gateway.ws}/vosk") as socket:
        wishes = {"sample_rate": 16_000.0, "max_alternatives": 3, "phrase_list": ["cold hearted"]}
        answers = await recognize(socket, clip().tobytes(), **wishes)
    readings = answers[-1]["alternatives"]
    assert 1 < len(readings) <= 3
    assert readings[0]["text"].startswith(WORDS)
    confidences = [reading["confidence"] for reading in readings]
    assert all(0 < confidence <= 1 for confidence in confidences)


async def test_no_audio_has_no_words(gateway: Gateway) -> None:
    async with connect(f"{gateway.ws}/vosk") as socket:
        assert await recognize(socket, b"", sample_rate=16_000) == [{"text": ""}]


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (["no json"], "INVALID_REQUEST"),
        (["[1]"], "INVALID_REQUEST"),
        (['{"config": 5}'], "INVALID_REQUEST"),
        (['{"config": {"sample_rate": "fast"}}'], "BAD_SETTING"),
        (['{"config": {"sample_rate": 5}}', b"\0\0"], "BAD_SAMPLE_RATE"),
        (['{"config": {"max_alternatives": 99}}', b"\0\0"], "BAD_SETTING"),
        ([b"\0\0", '{"config": {"sample_rate": 16000}}'], "CONFIG_REPEATED"),
    ],
)
async def test_what_cannot_be_used_ends_the_stream(
    gateway: Gateway, sent: list[str | bytes], reason: str
) -> None:
    async with connect(f"{gateway.ws}/vosk") as socket:
        for content in sent:
            await socket.send(content)
        await socket.wait_closed()
        assert (socket.close_code, socket.close_reason) == (4400, reason)
    await until(lambda: len(gateway.speech.admission) == 0)


async def test_a_client_that_leaves_frees_its_place(gateway: Gateway) -> None:
    async with connect(f"{gateway.ws}/vosk") as socket:
        await socket.send(bytes(PIECE_BYTES))
        await until(lambda: gateway.speech.admission.streams == 1)
    await until(lambda: len(gateway.speech.admission) == 0)


async def test_keys(spoken: Spoken, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    key = add_key(keys)
    with spoken.gateway(api_keys_file=str(keys)) as gateway:
        with pytest.raises(websockets.InvalidStatus, match="401"):
            await connect(f"{gateway.ws}/vosk")
        headers = {"Authorization": f"Bearer {key}"}
        async with connect(f"{gateway.ws}/vosk", additional_headers=headers) as socket:
            assert texts(await recognize(socket, clip().tobytes(), sample_rate=16_000)).startswith(WORDS)
