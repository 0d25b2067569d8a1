"""The microphone's way to the recognizer, and the recognizer's way back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from amira_client import AmiraClient, AmiraClientError, RecognitionConfig, RecognitionStream, StreamingResult
from demo.assistant.silence import TrailingSilence

_log = structlog.get_logger(__name__)

_SAMPLE_BYTES = 2
_ENOUGH_SILENCE_S = 0.3
"""After a command that is whole; the recognizer waits for 0.5 s, in whole chunks, and then looks ahead."""

OnResult = Callable[[StreamingResult], Awaitable[None]]
OnProblem = Callable[[str], Awaitable[None]]
IsWhole = Callable[[str], bool]


class Hearing:
    """One stream for each time that the microphone is on.

    Args:
        client: the recognizer.
        is_whole: whether words are a command from beginning to end; called in a thread.
        on_result: gets all results; one at a time.
        on_problem: told why there will be no more of them.
    """

    def __init__(
        self, client: AmiraClient, is_whole: IsWhole, on_result: OnResult, on_problem: OnProblem
    ) -> None:
        self._client = client
        self._is_whole = is_whole
        self._on_result = on_result
        self._on_problem = on_problem
        self._stream: RecognitionStream | None = None
        self._reading: asyncio.Task[None] | None = None
        self._rate_hz = 1
        self._heard_bytes = 0
        self._silence = TrailingSilence(16_000)
        self._open_command: str | None = None

    @property
    def heard_s(self) -> float:
        """How much audio there was since the microphone is on."""
        return self._heard_bytes / (_SAMPLE_BYTES * self._rate_hz)

    async def start(self, config: RecognitionConfig) -> None:
        """Opens a stream of 16-bit PCM, in place of the one before."""
        await self.stop()
        self._rate_hz, self._heard_bytes, self._open_command = config.sample_rate_hz, 0, None
        self._silence = TrailingSilence(config.sample_rate_hz)
        self._stream = self._client.stream(config)
        self._reading = asyncio.create_task(self._read(self._stream), name="assistant-words")

    async def stop(self) -> None:
        """What is left is not wanted any more."""
        stream, self._stream = self._stream, None
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        if stream is not None:
            await stream.aclose()

    async def take(self, pcm: bytes) -> None:
        """The next audio; waits while the server is behind. What is not whole samples is nothing."""
        stream = self._stream
        if stream is None or len(pcm) % _SAMPLE_BYTES:
            return
        self._heard_bytes += len(pcm)
        self._silence.add(pcm)
        with suppress(AmiraClientError):  # its reader says so
            await stream.send(pcm)
            await self._end_turn_early(stream)

    async def flush(self) -> None:
        """The final now."""
        if self._stream is not None:
            with suppress(AmiraClientError):  # its reader says so
                await self._stream.flush()

    def command_so_far(self, text: str | None) -> None:
        """What the open segment has of a command: it may be whole before the recognizer can know."""
        self._open_command = text

    async def _end_turn_early(self, stream: RecognitionStream) -> None:
        if self._open_command is None or self._silence.seconds < _ENOUGH_SILENCE_S:
            return
        command, self._open_command = self._open_command, None
        if await asyncio.to_thread(self._is_whole, command):
            await stream.flush()

    async def _read(self, stream: RecognitionStream) -> None:
        try:
            async for response in stream:
                if response.HasField("result"):
                    await self._on_result(response.result)
        except AmiraClientError as error:
            await self._on_problem(str(error))
        except Exception:  # noqa: BLE001 - whoever speaks into it must hear of it
            _log.exception("hearing_failed")
            await self._on_problem("The assistant failed: its log says why.")
