"""A microphone as an iterator."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from amira.asr.v1.config_pb2 import AudioEncoding, RecognitionConfig
from amira_client.errors import MicrophoneError, StreamStateError
from amira_client.microphone.devices import open_device
from amira_client.microphone.piece_queue import Piece, PieceQueue
from amira_client.microphone.source import CaptureStream, OpenCapture

PIECE_MS = 100
BUFFER_S = 30.0
SAMPLE_BYTES = 2
_SILENT_FOR_S = 5.0
_REMEMBERED_PIECES = 1200


@dataclass(frozen=True)
class Overrun:
    """Sound was lost: what follows does not join what came before.

    Attributes:
        lost_s: how much, in seconds; None where only the sound card knows, which was not served in time.
        at_s: where, in seconds of the sound handed out so far.
    """

    lost_s: float | None
    at_s: float


class Microphone:
    """LINEAR16 mono, in pieces of equal length, by ``with`` and ``for`` or ``async with`` and ``async for``.

    Iterating ends after :meth:`stop`, with what was heard until then. Up to `buffer_s` of sound waits for
    whoever is slow (a stream whose server is being replaced); beyond that new sound is lost, and
    `on_overrun` hears of it at its place in the sound.

    Args:
        device: number or (part of the) name, see :func:`input_devices`; None: the default one.
        sample_rate_hz: None: 16000 where the device can, else the device's own rate.
        piece_ms: length of a piece.
        buffer_s: most sound that waits to be taken.
        on_overrun: called while iterating, by whoever iterates.
        open_capture: what to open in place of a sound card, see :func:`playback`.

    Raises:
        ValueError: a piece without length, or a buffer that does not hold one.
    """

    def __init__(
        self,
        device: int | str | None = None,
        *,
        sample_rate_hz: int | None = None,
        piece_ms: int = PIECE_MS,
        buffer_s: float = BUFFER_S,
        on_overrun: Callable[[Overrun], None] | None = None,
        open_capture: OpenCapture = open_device,
    ) -> None:
        if piece_ms < 1:
            raise ValueError(f"piece_ms must be at least 1, not {piece_ms}")
        if not buffer_s * 1000 >= piece_ms:
            raise ValueError(f"buffer_s={buffer_s:g} does not hold a piece of {piece_ms} ms")
        self._device = device
        self._wanted_rate_hz = sample_rate_hz
        self._piece_ms = piece_ms
        self._buffer_s = buffer_s
        self._on_overrun = on_overrun
        self._open_capture = open_capture
        self._source: CaptureStream | None = None
        self._queue: PieceQueue | None = None
        self._taken_bytes = 0
        self._lost_bytes = 0
        self._overruns = 0
        self._heard: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED_PIECES)

    # -- what it is ----------------------------------------------------------------------------

    @property
    def sample_rate_hz(self) -> int:
        """Samples per second. Raises StreamStateError before the microphone is open."""
        return self._opened()[0].sample_rate_hz

    @property
    def taken_s(self) -> float:
        """How much sound was handed out."""
        return self._taken_bytes / self._bytes_per_s

    @property
    def waiting_s(self) -> float:
        """How much sound waits to be taken."""
        return self._opened()[1].queued_bytes / self._bytes_per_s

    @property
    def lost_s(self) -> float:
        """How much sound found no room."""
        return self._lost_bytes / self._bytes_per_s

    @property
    def overruns(self) -> int:
        """How often sound was lost."""
        return self._overruns

    def describe(self, config: RecognitionConfig | None = None) -> RecognitionConfig:
        """A copy of `config` with the sound's encoding, rate and channels filled in."""
        described = RecognitionConfig()
        if config is not None:
            described.CopyFrom(config)
        described.encoding = AudioEncoding.AUDIO_ENCODING_LINEAR16
        described.sample_rate_hz = self.sample_rate_hz
        described.channels = 1
        described.channel = 0
        return described

    def age_s(self, audio_s: float) -> float:
        """How long ago the sound at `audio_s` of what was handed out was heard: the delay of its words.

        Known for the last two minutes or so; of what is older, the age of the oldest that is known.
        """
        now, heard_at = time.monotonic(), 0.0
        if not self._heard:
            return 0.0
        for end_s, end_at in reversed(self._heard):
            heard_at = end_at - (end_s - audio_s)
            if end_s - self._piece_ms / 1000 <= audio_s:
                break
        return now - heard_at

    # -- life ----------------------------------------------------------------------------------

    def open(self) -> None:
        """Begins to listen; ``with`` does it. Raises MicrophoneError, StreamStateError when open already."""
        if self._source is not None:
            raise StreamStateError("The microphone is open already: every Microphone is for one use.")
        source = self._open_capture(
            device=self._device,
            sample_rate_hz=self._wanted_rate_hz,
            piece_ms=self._piece_ms,
            on_audio=self._hear,
            on_end=self._end,
        )
        most_bytes = int(self._buffer_s * source.sample_rate_hz) * SAMPLE_BYTES
        self._queue = PieceQueue(most_bytes)
        self._source = source
        try:
            source.start()
        except BaseException:
            source.close()
            raise

    def stop(self) -> None:
        """Listens no more; what was heard until now can still be taken. From any thread."""
        source, queue = self._opened()
        source.stop()
        queue.end()

    def close(self) -> None:
        """Gives the device back; who still iterates comes to the end. From any thread, more than once."""
        if self._source is not None and self._queue is not None:
            self._source.close()
            self._queue.end(discard=True)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        opening = asyncio.ensure_future(asyncio.to_thread(self.open))  # a sound card takes its time
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(lambda done: done.cancelled() or done.exception() or self.close())
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.close)

    # -- sound ---------------------------------------------------------------------------------

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        """The next piece. Raises MicrophoneError when the device fails or falls silent."""
        queue = self._opened()[1]
        while True:
            try:
                piece = queue.get(_SILENT_FOR_S)
            except TimeoutError:
                raise _no_sound() from None
            if piece is None:
                raise StopIteration
            if content := self._account(piece):
                return content

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """As :meth:`__next__`."""
        queue = self._opened()[1]
        while True:
            try:
                piece = await queue.get_async(_SILENT_FOR_S)
            except TimeoutError:
                raise _no_sound() from None
            if piece is None:
                raise StopAsyncIteration
            if content := self._account(piece):
                return content

    def _account(self, piece: Piece) -> bytes:
        if piece.lost_bytes or piece.source_lost:
            self._overruns += 1
            self._lost_bytes += piece.lost_bytes
            if self._on_overrun is not None:
                lost_s = piece.lost_bytes / self._bytes_per_s if piece.lost_bytes else None
                self._on_overrun(Overrun(lost_s, self.taken_s))
        self._taken_bytes += len(piece.content)
        if piece.content:
            self._heard.append((self.taken_s, piece.heard_at))
        return piece.content

    def _hear(self, content: bytes, source_lost: bool) -> None:
        """On the source's thread."""
        assert self._queue is not None, "it was started after it was opened"
        self._queue.put(content, source_lost)

    def _end(self, failure: Exception | None) -> None:
        """On the source's thread."""
        assert self._queue is not None, "it was started after it was opened"
        self._queue.end(failure)

    @property
    def _bytes_per_s(self) -> int:
        return self.sample_rate_hz * SAMPLE_BYTES

    def _opened(self) -> tuple[CaptureStream, PieceQueue]:
        if self._source is None or self._queue is None:
            raise StreamStateError("The microphone is not open: use it with `with` or `async with`.")
        return self._source, self._queue


def _no_sound() -> MicrophoneError:
    return MicrophoneError(
        f"The microphone has delivered nothing for {_SILENT_FOR_S:g} s: is it still plugged in, "
        "and may this program use it?"
    )
