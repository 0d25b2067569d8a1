"""Whole conversations: speech in, through a real recognizer, speech out."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import jiwer
import numpy as np

from amira_client import AmiraClient, AudioEncoding, RecognitionConfig
from demo.assistant.language.understanding import Understanding
from demo.assistant.server import AssistantServer
from tests.demo.assistant.speech import RATE_HZ, in_pieces, spoken

_PATIENCE_S = 60


class Caller:
    """What a page does."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.audio: dict[int, bytes] = {}
        self.order: list[str] = []
        """The kinds of all messages, and `audio N`, as they came."""
        self.house: dict[str, Any] = {}
        """Lights and timers as last told."""

    async def tell(self, kind: str, **fields: object) -> None:
        await self._socket.send_json({"kind": kind, **fields})

    async def hear(self, *texts: str, silence_s: float = 1.2) -> None:
        """The microphone hears them."""
        for text in texts:
            for piece in in_pieces(spoken(text, silence_s)):
                await self._socket.send_bytes(piece)

    async def send(self, data: str | bytes) -> None:
        await (self._socket.send_str(data) if isinstance(data, str) else self._socket.send_bytes(data))

    async def until(self, kind: str, **fields: object) -> dict[str, Any]:
        """The next message of the kind with these fields; all before it are passed over."""
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                received = await self._socket.receive()
                if received.type is aiohttp.WSMsgType.BINARY:
                    (number,) = struct.unpack_from("<I", received.data)
                    self.audio[number] = self.audio.get(number, b"") + received.data[4:]
                    self.order.append(f"audio {number}")
                    continue
                assert received.type is aiohttp.WSMsgType.TEXT, received
                message: dict[str, Any] = json.loads(received.data)
                self.order.append(message["kind"])
                if message["kind"] == "house":
                    self.house = message
                if message["kind"] == kind and all(message[name] == value for name, value in fields.items()):
                    return message

    async def answer(self) -> dict[str, Any]:
        """The next answer, whole, and played to its end."""
        answer = await self.until("answer")
        await self.until("answer-end", number=answer["number"])
        await self.tell("played", number=answer["number"])
        return answer


@asynccontextmanager
async def calling(assistant: AssistantServer, *, microphone: bool = True) -> AsyncIterator[Caller]:
    """A page whose microphone is on."""
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{assistant.url}conversation") as socket:
        caller = Caller(socket)
        if microphone:
            await caller.tell("listen", rate_hz=RATE_HZ)
            await caller.until("listening")
        yield caller


async def words_in(audio: bytes, client: AmiraClient) -> str:
    """What the recognizer hears in an answer."""
    config = RecognitionConfig(encoding=AudioEncoding.AUDIO_ENCODING_LINEAR16, sample_rate_hz=RATE_HZ)
    padded = audio + bytes(RATE_HZ)
    return (await client.transcribe(padded, config)).text


async def test_a_spoken_command_gets_a_spoken_answer(assistant: AssistantServer, client: AmiraClient) -> None:
    async with calling(assistant) as caller:
        await caller.hear("Hey Amira, set a timer for ten minutes.")
        await caller.until("phase", phase="awake")
        final = await caller.until("heard", final=True)
        understood = await caller.until("understood")
        answer = await caller.answer()
        while not caller.house["timers"]:
            await caller.until("house")
    assert final["meant"]
    assert understood["sentence"] == "set a timer for ten minutes"
    assert 1.5 < understood["end"] < 3.5  # where the speech ended
    assert answer["text"] == "Timer set for 10 minutes."
    assert [timer["name"] for timer in caller.house["timers"]] == ["10 minute timer"]
    samples = np.frombuffer(caller.audio[answer["number"]], "<i2")
    assert 1.0 < len(samples) / answer["rate_hz"] < 4.0
    assert np.abs(samples).max() > 3000
    said = await words_in(samples.tobytes(), client)
    assert jiwer.wer("timer set for ten minutes", said) <= 0.4, said


async def test_speech_stops_the_answer_and_is_the_next_command(assistant: AssistantServer) -> None:
    async with calling(assistant) as caller:
        await caller.hear("Hey Amira!")
        await caller.until("heard", final=True)
        await caller.hear("What can you do?")
        answer = await caller.until("answer")
        await caller.until("answer-end")  # it plays for twenty seconds, and has not been played
        await caller.hear("Turn on the kitchen light.")
        stopped = await caller.until("stop-answer")
        before = len(caller.order)
        await caller.until("understood", sentence="turn on the kitchen light")
        last = await caller.answer()
        while not any(light["on"] for light in caller.house["lights"]):
            await caller.until("house")
    assert stopped["number"] == answer["number"]
    assert f"audio {answer['number']}" not in caller.order[before:]
    assert last["text"] == "The kitchen light is on."
    assert [light["name"] for light in caller.house["lights"] if light["on"]] == ["kitchen light"]


async def test_its_own_voice_does_not_stop_it_and_is_no_command(assistant: AssistantServer) -> None:
    async with calling(assistant) as caller:
        await caller.tell("say", text="set a timer for ten minutes")
        answer = await caller.until("answer")
        await caller.until("answer-end")
        echo = np.frombuffer(caller.audio[answer["number"]], "<i2") // 4
        for piece in in_pieces(np.concatenate([echo, np.zeros(RATE_HZ, np.int16)])):
            await caller.send(piece)
        heard = await caller.until("heard", final=True)
        await caller.tell("played", number=answer["number"])
        await caller.until("phase", phase="asleep")
    assert "minutes" in heard["words"]
    assert not heard["meant"]
    assert "stop-answer" not in caller.order
    assert caller.order.count("understood") == 1  # what was typed


async def test_who_talks_to_others_gets_no_answer(assistant: AssistantServer) -> None:
    async with calling(assistant) as caller:
        await caller.hear("Turn on the kitchen light.")
        heard = await caller.until("heard", final=True)
        await caller.tell("say", text="hello")
        answer = await caller.until("answer")
    assert not heard["meant"]
    assert answer["text"].startswith("Hello")


async def test_a_pause_within_a_command(assistant: AssistantServer) -> None:
    async with calling(assistant) as caller:
        await caller.hear("Hey Amira, set a timer for", "twenty minutes.")
        understood = await caller.until("understood")
    assert understood["sentence"] == "set a timer for twenty minutes"


async def test_while_the_button_is_held_no_wake_phrase_is_needed(assistant: AssistantServer) -> None:
    async with calling(assistant) as caller:
        await caller.tell("talk", pressed=True)
        await caller.until("phase", phase="awake")
        await caller.hear("What is twelve times seven?", silence_s=0.3)
        await caller.until("heard")
        await caller.tell("talk", pressed=False)
        answer = await caller.answer()
    assert answer["text"] == "12 times 7 is 84."


async def test_what_is_not_understood_may_be_said_again_without_the_wake_phrase(
    assistant: AssistantServer,
) -> None:
    async with calling(assistant) as caller:
        await caller.tell("say", text="the quick brown fox")
        sorry = await caller.answer()
        await caller.until("phase", phase="awake")
        await caller.hear("What is twelve times seven?")
        answer = await caller.answer()
        await caller.until("phase", phase="asleep")
    assert sorry["text"] == "Sorry, I did not understand that."
    assert answer["text"] == "12 times 7 is 84."


async def test_timers_speak_up_by_themselves_on_all_pages(assistant: AssistantServer) -> None:
    async with calling(assistant, microphone=False) as one, calling(assistant, microphone=False) as other:
        await one.tell("say", text="set a timer for one second")
        await one.answer()
        for caller in (one, other):
            await caller.until("answer", text="Your 1 second timer is done.")
        await other.tell("toggle", light="desk lamp")
        house = await one.until("house", timers=[])
        while not any(light["on"] for light in house["lights"]):
            house = await one.until("house")
    assert [light["on"] for light in house["lights"]] == [False, False, False, True]
    assert house["timers"] == []


async def test_the_browsers_voice(assistant: AssistantServer) -> None:
    async with calling(assistant, microphone=False) as caller:
        await caller.tell("voice", browser=True)
        await caller.tell("say", text="hello")
        answer = await caller.until("answer")
        await caller.tell("played", number=answer["number"])
        await caller.until("phase", phase="awake")  # it asked something
    assert not answer["spoken"]
    assert caller.audio == {}


NONSENSE = [
    "", "null", "{", "[" * 5000, '{"kind": "fly"}', '{"kind": "say"}', '{"kind": "say", "text": ""}',
    '{"kind": "say", "text": "x", "more": 1}', '{"kind": "listen", "rate_hz": 1}',
]  # fmt: skip


async def test_messages_that_nobody_understands(assistant: AssistantServer) -> None:
    async with calling(assistant, microphone=False) as caller:
        for message in NONSENSE:
            await caller.send(message)
            assert "does not know this message" in (await caller.until("problem"))["text"], message
        await caller.tell("toggle", light="no such light")
        await caller.tell("cancel-timer", number=77)
        await caller.tell("played", number=77)
        await caller.send(b"audio without a microphone")
        await caller.tell("say", text="hello")
        await caller.answer()


async def test_without_a_recognizer_it_says_so_and_typing_works(understanding: Understanding) -> None:
    async with (
        AmiraClient("127.0.0.1:1") as nobody,
        AssistantServer(nobody, understanding) as assistant,
        calling(assistant, microphone=False) as caller,
    ):
        await caller.tell("listen", rate_hz=RATE_HZ)
        problem = await caller.until("problem")
        await caller.tell("say", text="hello")
        await caller.answer()
    assert "127.0.0.1:1" in problem["text"]


async def test_pages_that_go_leave_nothing_behind(assistant: AssistantServer) -> None:
    tasks = len(asyncio.all_tasks())
    for _ in range(3):
        async with calling(assistant) as caller:
            await caller.hear("Hey Amira, what can you do?")
            await caller.until("answer")
    async with asyncio.timeout(_PATIENCE_S):
        while len(asyncio.all_tasks()) > tasks:  # noqa: ASYNC110 - they end by themselves
            await asyncio.sleep(0.05)
