"""From the client into a queue that is bounded in seconds of audio."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from amira.asr.v1 import speech_pb2
from amira_core.aio.weighted_queue import WeightedQueue
from amira_gateway import metrics
from amira_gateway.access import Place
from amira_gateway.session.inlet import Inlet
from amira_gateway.session.lag import LagTracker
from amira_gateway.session.protocol import Audio, ClientProtocol, Configured, Ended, Event, KeptAlive, Ordered
from amira_gateway.settings import GatewaySettings

# Controls weigh something too, or a flood of them would fill the memory.
_CONTROL_WEIGHT_S = 0.02
_CONTROL_BYTES_PER_S = 32_000


@dataclass(frozen=True, slots=True)
class Piece:
    """Audio for the frontend, and the monotonic time at which its (newest) message came."""

    content: bytes
    arrived_at: float


Queued = Piece | Ordered | Ended


def weight_s(control: Ordered | Ended) -> float:
    """What a control counts for in a queue, in seconds of audio."""
    if isinstance(control, Ended):
        return 0.0
    return _CONTROL_WEIGHT_S + control.control.ByteSize() / _CONTROL_BYTES_PER_S


class Intake:
    """Reads one client. A full queue stops the reading, and grpc's flow control slows the client down."""

    def __init__(self, inlet: Inlet, settings: GatewaySettings, lag: LagTracker, place: Place) -> None:
        self._inlet = inlet
        self._keeps_sessions = settings.resume_window_s > 0
        self._lag = lag
        self._place = place
        self._protocol = ClientProtocol(settings.max_message_audio_bytes)
        self._queue: WeightedQueue[Queued] = WeightedQueue(settings.buffer_audio_s)
        self._taking = asyncio.Lock()
        self.cut = False
        """Whether the audio was ended here rather than by the client."""
        self.configured: asyncio.Future[Configured] = asyncio.get_running_loop().create_future()
        """Done once the config has come."""
        self.waiting_since: float | None = None
        """Monotonic time since when a message of the client is awaited; None while none is due."""

    @property
    def has_audio(self) -> bool:
        """Whether the client has sent any audio."""
        return self._protocol.has_audio

    @property
    def offset(self) -> int:
        """Where the audio that has not come yet begins, counted as AudioChunk.offset."""
        return self._protocol.offset

    @property
    def controls(self) -> int:
        """Controls that have come, KEEP_ALIVE aside."""
        return self._protocol.controls

    @property
    def resumable(self) -> bool:
        """Whether the session is kept for its client when the call is lost."""
        return self._keeps_sessions and self.configured.done() and self.configured.result().resumable

    @property
    def idle_since(self) -> float | None:
        """Monotonic time since when a client that is there sends nothing; None while none is due."""
        if self.waiting_since is None or self._inlet.attached_since is None:
            return None
        return max(self.waiting_since, self._inlet.attached_since)

    @property
    def weight_s(self) -> float:
        """What waits in the queue, in seconds of audio."""
        return self._queue.weight

    async def run(self) -> None:
        """Returns when the client has half-closed. Raises what ClientProtocol does."""
        request: speech_pb2.StreamingRecognizeRequest | None
        while True:
            # Once the audio has ended a client that says nothing is not idle, it waits.
            self.waiting_since = None if self._protocol.ended else time.monotonic()
            request = await self._inlet.read()
            self.waiting_since = None
            if request is not None:
                metrics.RECEIVED.inc()
            async with self._taking:
                if not self.cut:
                    await self._accept(request)
            if request is None:
                return

    async def end(self) -> None:
        """Takes the audio to be complete, behind the message that is being taken.

        What the client still sends is read and thrown away. Does nothing where the client has ended the
        audio. The config must have come.
        """
        async with self._taking:
            if not self._protocol.ended:
                self.cut = True
                await self._accept(None)

    async def _accept(self, request: speech_pb2.StreamingRecognizeRequest | None) -> None:
        event = self._protocol.half_close() if request is None else self._protocol.accept(request)
        if event is not None:
            await self._take(event, time.monotonic())

    async def _take(self, event: Event, now: float) -> None:
        if isinstance(event, Audio):
            await self._take_audio(event.content, now)
        elif isinstance(event, Ordered):
            if isinstance(event.control, speech_pb2.Flush):
                self._lag.closed(now)
            await self._queue.put(event, weight_s(event))
        elif isinstance(event, Ended):
            self._inlet.may_be_lost = False
            self._lag.closed(now)
            await self._queue.put(event, weight_s(event))
        elif isinstance(event, Configured):
            self._lag.begins_at(event.beginning.audio_s)
            self.configured.set_result(event)
            self._inlet.may_be_lost = self.resumable
        else:
            assert isinstance(event, KeptAlive)  # arriving is all it is for

    async def _take_audio(self, content: bytes, now: float) -> None:
        if not content:
            return
        shape = self.configured.result().shape
        if shape.is_pcm:
            self._lag.arrived(shape.seconds(self._protocol.audio_bytes), now)
            self.heard()
        for piece in shape.cut(content):
            await self._queue.put(Piece(piece, now), shape.seconds(len(piece)))

    def heard(self) -> None:
        """Counts what has come against the tenant's limits. Raises TenantLimitError."""
        self._place.heard(self._lag.heard_s)

    async def next(self) -> Queued:
        """What comes next, audio together with the audio that waits behind it, up to one piece.

        Calls cost per message, not per byte; what already waits is not delayed by travelling together.
        """
        item = await self._queue.get()
        return await self._with_followers(item) if isinstance(item, Piece) else item

    async def _with_followers(self, first: Piece) -> Piece:
        most = self.configured.result().shape.piece_bytes
        parts = [first.content]
        size = len(first.content)
        arrived_at = first.arrived_at
        while isinstance(following := self._queue.peek(), Piece):
            size += len(following.content)
            if size > most:
                break
            parts.append(following.content)
            arrived_at = following.arrived_at
            await self._queue.get()
        return Piece(b"".join(parts), arrived_at)
