"""Streams of every fate, one behind the other, and what their clients were told."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from amira.asr.v1 import config_pb2
from amira_client import AmiraClient, AmiraClientError, RecognitionStream, ServerError
from benchmarks.recordings import Recording, load
from benchmarks.systems.base import SAMPLE_RATE_HZ

_PIECE_BYTES = 3200
_PIECE_S = 0.1
_BYTES_PER_S = 32_000
_PAUSE_S = 0.2
_PATIENCE_S = 120.0


class Fate(StrEnum):
    """How a stream is to end. Names are those of the table."""

    ENDED = "ended"
    """END_OF_AUDIO, and every word awaited."""
    UNPACED = "unpaced"
    """The same, sent as fast as it is taken."""
    CUT_OFF = "cut off"
    """Its client dies in the middle: the call is cancelled without a word."""
    GARBAGE = "garbage"
    """Bytes that are no audio."""


SHARES = {Fate.ENDED: 0.65, Fate.UNPACED: 0.1, Fate.CUT_OFF: 0.2, Fate.GARBAGE: 0.05}


@dataclass
class Tally:
    """What came of the streams."""

    streams: Counter[str] = field(default_factory=Counter)
    """By fate."""
    refused: int = 0
    words: int = 0
    """Words that were compared with the first hearing of the same recording."""
    changed: list[str] = field(default_factory=list)
    """Recordings whose words were others the second time."""
    failures: list[str] = field(default_factory=list)
    """Statuses that no stream should end with."""
    audio_s: float = 0.0


class Load:
    """Plays recordings into a gateway. The first hearing of each says what its words are."""

    def __init__(
        self,
        client: AmiraClient,
        mortal: AmiraClient,
        recordings: Sequence[Recording],
        seed: int,
        longest_s: float = float("inf"),
    ) -> None:
        """Args:
        client: for streams that end.
        mortal: for those whose client dies; without resume, so that calls are cancelled without a word.
        recordings: what is played.
        seed: of the schedule.
        longest_s: of longer recordings only the beginning is played.
        """
        self.tally = Tally()
        self._client = client
        self._mortal = mortal
        self._recordings = recordings
        most = int(min(longest_s, 3600) * SAMPLE_RATE_HZ)
        self._audio = [load(recording.path)[:most].tobytes() for recording in recordings]
        self._words: dict[int, str] = {}
        self._seed = seed

    async def hear_all(self) -> None:
        """Every recording once, undisturbed. Raises ServerError."""
        for number in range(len(self._recordings)):
            self._words[number] = await self._listen(number, paced=False)

    async def run(self, worker: int, until_s: float) -> None:
        """One stream behind the other until the loop's clock shows `until_s`."""
        random_ = random.Random(f"{self._seed} {worker}")  # noqa: S311 - a schedule, not a secret
        now = asyncio.get_running_loop().time
        await asyncio.sleep(worker * _PAUSE_S)
        while now() < until_s:
            [fate] = random_.choices(list(SHARES), list(SHARES.values()))
            await self._play(fate, random_.randrange(len(self._recordings)), random_.random())
            await asyncio.sleep(_PAUSE_S)

    async def hurry(self, number: int, *, killed: bool) -> bool:
        """One stream as fast as it is taken; False: refused for want of a slot.

        A killed one has all of its audio on the way, and perhaps words, when its client dies.
        """
        try:
            async with asyncio.timeout(_PATIENCE_S):
                if killed:
                    await self._die(number)
                else:
                    await self._compare(number, paced=False)
        except ServerError as error:
            if error.reason == "NO_CAPACITY":
                self.tally.refused += 1
                return False
            self.tally.failures.append(error.reason)
        except (AmiraClientError, TimeoutError) as error:
            self.tally.failures.append(type(error).__name__)
        self.tally.streams["killed" if killed else "ended"] += 1
        return True

    async def _play(self, fate: Fate, number: int, where: float) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._meet(fate, number, where)
            self.tally.streams[fate] += 1
        except ServerError as error:
            if error.reason == "NO_CAPACITY":
                self.tally.refused += 1
            else:
                self.tally.failures.append(f"{fate}: {error.reason}")
        except (AmiraClientError, TimeoutError) as error:
            self.tally.failures.append(f"{fate}: {type(error).__name__}")

    async def _meet(self, fate: Fate, number: int, where: float) -> None:
        if fate is Fate.CUT_OFF:
            await self._cut_off(number, where)
        elif fate is Fate.GARBAGE:
            await self._garbage()
        else:
            await self._compare(number, paced=fate is Fate.ENDED)

    async def _compare(self, number: int, *, paced: bool) -> None:
        words = await self._listen(number, paced=paced)
        self.tally.words += len(words.split())
        if words != self._words[number]:
            self.tally.changed.append(self._recordings[number].path.name)

    async def _listen(self, number: int, *, paced: bool) -> str:
        async with self._client.stream(_config()) as stream:
            sending = asyncio.create_task(self._send(stream, self._audio[number], paced=paced))
            try:
                finals = [
                    response.result.alternatives[0].text
                    async for response in stream
                    if response.result.is_final and response.result.alternatives
                ]
                await sending
            finally:
                sending.cancel()
        self.tally.audio_s += len(self._audio[number]) / _BYTES_PER_S
        return " ".join(finals)

    async def _cut_off(self, number: int, where: float) -> None:
        audio = self._audio[number]
        async with self._mortal.stream(_config()) as stream:
            await self._send(stream, audio[: int(len(audio) * where) // 2 * 2], paced=True, end=False)

    async def _die(self, number: int) -> None:
        async with self._mortal.stream(_config()) as stream:
            await self._send(stream, self._audio[number], paced=False, end=False)
            async for response in stream:
                if response.HasField("session"):
                    return

    async def _garbage(self) -> None:
        config = _config()
        config.encoding = config_pb2.AUDIO_ENCODING_FLAC
        try:
            async with self._client.stream(config) as stream:
                await stream.send(bytes(range(256)) * 40)
                await stream.end()
                async for _ in stream:
                    pass
        except ServerError as error:
            if error.reason != "MALFORMED_AUDIO":
                raise
        else:
            self.tally.failures.append("garbage: taken for audio")

    async def _send(self, stream: RecognitionStream, audio: bytes, *, paced: bool, end: bool = True) -> None:
        due = asyncio.get_running_loop().time()
        for start in range(0, len(audio), _PIECE_BYTES):
            if paced:
                due += _PIECE_S
                await asyncio.sleep(due - asyncio.get_running_loop().time())
            await stream.send(audio[start : start + _PIECE_BYTES])
        if end:
            await stream.end()


def _config() -> config_pb2.RecognitionConfig:
    return config_pb2.RecognitionConfig(
        encoding=config_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hz=16_000, interim_results=True
    )
