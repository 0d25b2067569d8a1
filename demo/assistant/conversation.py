"""One page's conversation: microphone to recognizer, words to command, command to answer, answer to sound."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, suppress
from typing import Protocol

import structlog

from amira_client import AmiraClient, AmiraClientError, StreamingResult
from demo.assistant import messages
from demo.assistant.hearing import Hearing
from demo.assistant.intents.house import NOT_UNDERSTOOD, House
from demo.assistant.language.understanding import Understanding, Understood
from demo.assistant.recognition import config_for, readings_of
from demo.assistant.turn import Action, Phase, Slept, StopAnswer, Turn, Understand, Woke
from demo.assistant.voice import RATE_HZ, Voice
from demo.assistant.wake import WakePhrase

_log = structlog.get_logger(__name__)

_TICK_S = 0.1
_SAMPLE_BYTES = 2
_UNPLAYED_S = 5.0
"""A page that says nothing for so long after an answer's end will say nothing more."""
_SPOKEN_CHARACTERS_PER_S = 10
"""The browser's voice, at its slowest: how long it takes is known to the page alone."""
_MOST_MISSES = 2
"""After so many commands in a row that were not understood the wake phrase is wanted again."""


class Page(Protocol):
    """The other end."""

    async def tell(self, kind: str, **fields: object) -> None:
        """A message. What the page does not get any more is lost without an error."""

    async def play(self, audio: bytes) -> None:
        """A piece of an answer."""


class Conversation:
    """``await conversation.run(incoming)`` until the page is gone."""

    def __init__(
        self,
        client: AmiraClient,
        understanding: Understanding,
        house: House,
        voice: Voice,
        wake: WakePhrase,
        page: Page,
    ) -> None:
        self._client = client
        self._understanding = understanding
        self._house = house
        self._voice = voice
        self._wake = wake
        self._page = page
        self._turn = Turn(wake)
        self._one_at_a_time = asyncio.Lock()
        self._hearing = Hearing(client, understanding.is_whole, self._heard, self._problem)
        self._speaking: asyncio.Task[None] | None = None
        self._browser_speaks = False
        self._answer = 0
        self._answer_text = ""
        self._play_until: float | None = None
        self._listen_after = False
        self._misses = 0
        self._announcements: list[str] = []
        self._house_changed = asyncio.Event()

    async def run(self, incoming: AsyncIterator[messages.FromPage | bytes]) -> None:
        """Ends with the page. Raises what is wrong with the program itself."""
        self._house.watch(self, self._house_changed.set, self._announcements.append)
        self._house_changed.set()
        ticking = asyncio.create_task(self._tick(), name="assistant-tick")
        listening = asyncio.create_task(self._listen_to(incoming), name="assistant-page")
        try:
            done, _ = await asyncio.wait((ticking, listening), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._house.unwatch(self)
            await _end(ticking, listening, self._speaking)
            await self._hearing.stop()

    # From the page

    async def _listen_to(self, incoming: AsyncIterator[messages.FromPage | bytes]) -> None:
        async for message in incoming:
            if isinstance(message, bytes):
                await self._hearing.take(message)
            else:
                async with self._one_at_a_time:
                    await self._take(message)

    async def _take(self, message: messages.FromPage) -> None:
        match message:
            case messages.Listen():
                await self._listen(message.rate_hz)
            case messages.Rest():
                await self._hearing.stop()
            case messages.Talk():
                await self._act(self._turn.talk(message.pressed, _now()))
                if not message.pressed:
                    await self._hearing.flush()
            case messages.Say():
                await self._typed(message.text)
            case messages.UseVoice():
                self._browser_speaks = message.browser
            case messages.Played():
                if message.number == self._answer:
                    await self._played()
            case messages.Toggle():
                with suppress(KeyError):
                    self._house.toggle(message.light)
            case messages.CancelTimer():
                self._house.cancel_timer(message.number)

    async def _typed(self, text: str) -> None:
        words = text.lower().split()
        command = " ".join(words[self._wake.end_in(words) or 0 :])
        if self._turn.phase is Phase.ANSWERING:
            await self._stop_answer()
        await self._page.tell("heard", segment=-1, words=text.split(), stable=99, final=True, meant=True)
        await self._understand(Understand((command,), 0.0, False))

    async def _listen(self, rate_hz: int) -> None:
        try:
            config = await config_for(self._client, rate_hz, self._wake.phrase)
        except AmiraClientError as error:
            await self._problem(str(error))
            return
        self._turn.microphone_on()
        await self._hearing.start(config)
        await self._page.tell("listening")

    # From the recognizer

    async def _heard(self, result: StreamingResult) -> None:
        async with self._one_at_a_time:
            readings = readings_of(result)
            actions = self._turn.heard(result.segment_id, readings, result.is_final, _now())
            command = None if result.is_final else self._turn.command_in(result.segment_id, readings[0])
            self._hearing.command_so_far(command)
            await self._page.tell(
                "heard",
                segment=result.segment_id,
                words=[word.text for word in readings[0]],
                stable=result.stable_words,
                final=result.is_final,
                meant=self._turn.is_meant(result.segment_id),
            )
            await self._act(actions)

    async def _problem(self, text: str) -> None:
        await self._page.tell("problem", text=text)

    async def _tick(self) -> None:
        while True:
            async with self._one_at_a_time:
                await self._act(self._turn.tick(_now()))
                if self._play_until is not None and _now() > self._play_until:
                    await self._played()
                if self._announcements and self._turn.phase is Phase.ASLEEP:
                    await self._speak(self._announcements.pop(0))
                if self._house_changed.is_set():
                    self._house_changed.clear()
                    await self._page.tell("house", **self._house.state())
            await asyncio.sleep(_TICK_S)

    # What is to be done

    async def _act(self, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case Woke() | Slept():
                    await self._tell_phase()
                case StopAnswer():
                    await self._stop_answer()
                case Understand():
                    await self._understand(action)

    async def _understand(self, said: Understand) -> None:
        began = time.perf_counter()
        found = await asyncio.to_thread(self._understanding.understand, said.readings)
        thinking_ms = 1000 * (time.perf_counter() - began)
        if found.command is None and found.unfinished and said.may_wait:
            self._turn.hold(said, _now())
            return
        await self._page.tell(
            "understood", heard=said.readings[0], sentence=found.command and found.command.text,
            cost=round(found.cost, 3), end=said.end_s, thinking=round(thinking_ms, 1),
        )  # fmt: skip
        await self._answer_to(found)

    async def _answer_to(self, found: Understood) -> None:
        command = found.command
        text = NOT_UNDERSTOOD if command is None else self._house.execute(command, self._answer_text)
        self._misses = self._misses + 1 if text == NOT_UNDERSTOOD else 0
        again = text.endswith("?") or 0 < self._misses < _MOST_MISSES
        if text:
            await self._speak(text, listen=again)
        else:
            self._turn.done(_now())
            await self._tell_phase()

    async def _speak(self, text: str, *, listen: bool = False) -> None:
        await _end(self._speaking)
        self._answer += 1
        self._answer_text, self._listen_after = text, listen
        self._play_until = None
        self._turn.answering(text, self._hearing.heard_s)
        await self._page.tell(
            "answer", number=self._answer, text=text, rate_hz=RATE_HZ, spoken=not self._browser_speaks
        )
        if self._browser_speaks:
            self._play_until = _now() + len(text) / _SPOKEN_CHARACTERS_PER_S + _UNPLAYED_S
        else:
            self._speaking = asyncio.create_task(self._play(text, self._answer), name="assistant-voice")

    async def _play(self, text: str, number: int) -> None:
        began, samples = _now(), 0
        try:
            async with aclosing(self._voice.speak(text)) as pieces:
                async for pcm in pieces:
                    samples += len(pcm) // _SAMPLE_BYTES
                    await self._page.play(messages.answer_audio(number, pcm))
        except Exception:  # noqa: BLE001 - the conversation goes on, in writing
            _log.exception("speech_failed")
            await self._page.tell("problem", text="The answer could not be spoken: the log says why.")
        self._play_until = began + samples / RATE_HZ + _UNPLAYED_S
        await self._page.tell("answer-end", number=number)

    async def _stop_answer(self) -> None:
        self._turn.silenced(self._hearing.heard_s)
        self._play_until = None
        await self._page.tell("stop-answer", number=self._answer)
        await _end(self._speaking)
        await self._tell_phase()

    async def _played(self) -> None:
        self._play_until = None
        self._turn.silenced(self._hearing.heard_s)
        if self._turn.phase is Phase.ANSWERING:
            self._turn.done(_now(), listen=self._listen_after)
            await self._tell_phase()

    async def _tell_phase(self) -> None:
        await self._page.tell("phase", phase=self._turn.phase)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _end(*tasks: asyncio.Task[None] | None) -> None:
    """Cancels them and waits, whatever they ended with."""
    running = [task for task in tasks if task is not None and task is not asyncio.current_task()]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
