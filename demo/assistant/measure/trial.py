"""One recording through recognizer, wake phrase and grammar, as in a conversation."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from amira_client import AmiraClient, RecognitionConfig, RecognitionStream
from demo.assistant.language.command import Command
from demo.assistant.language.understanding import Understanding
from demo.assistant.recognition import readings_of
from demo.assistant.turn import Turn, Understand
from demo.assistant.wake import WakePhrase

_PIECE_BYTES = 9600


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    heard: str
    """The recognizer's first reading, whole."""
    woke: bool
    command: Command | None
    exact: bool
    """Whether the first reading is, word for word, a sentence of the grammar."""


class Trials:
    """Runs them, one after the other."""

    def __init__(self, client: AmiraClient, understanding: Understanding, wake: WakePhrase) -> None:
        self._client = client
        self._understanding = understanding
        self._wake = wake

    async def run(self, config: RecognitionConfig, pcm: bytes) -> Outcome:
        """Raises AmiraClientError."""
        turn = Turn(self._wake)
        asked: list[Understand] = []
        heard: list[str] = []
        woke = False
        async with self._client.stream(config) as stream:
            sending = asyncio.create_task(self._send(stream, pcm))
            async for response in stream:
                if not response.HasField("result"):
                    continue
                result = response.result
                readings = readings_of(result)
                actions = turn.heard(result.segment_id, readings, result.is_final, 0.0)
                woke = woke or bool(actions)
                asked += [action for action in actions if isinstance(action, Understand)]
                if result.is_final:
                    heard.append(" ".join(word.text for word in readings[0]))
            await sending
        return self._outcome(" ".join(heard), woke, asked)

    async def _send(self, stream: RecognitionStream, pcm: bytes) -> None:
        for start in range(0, len(pcm), _PIECE_BYTES):
            await stream.send(pcm[start : start + _PIECE_BYTES])
        await stream.end()

    def _outcome(self, heard: str, woke: bool, asked: list[Understand]) -> Outcome:
        if not asked:
            return Outcome(heard, woke, None, False)
        readings = asked[0].readings
        for action in asked[1:]:  # a pause within the command
            readings = tuple(f"{first} {then}" for first in readings for then in action.readings)[:6]
        found = self._understanding.understand(readings)
        exact = found.command is not None and found.command.text == readings[0]
        return Outcome(heard, woke, found.command, exact)
