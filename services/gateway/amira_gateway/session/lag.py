"""How far a stream's words are behind its audio.

Two figures, both defined in protos/amira/asr/v1/result.proto (StreamLag):

audio
    Audio received minus audio decoded. PCM is counted here, byte by byte; for FLAC, WAV and Opus only
    the frontend knows how long the bytes are, so its `received_samples` count, and bytes that it has
    not looked at yet do not.

server latency
    A decoder's response with ``decoded_frames = n`` was possible as soon as the encoder had the frames
    up to ``n + look_ahead``, and the last of those frames needs audio a little beyond its own 10 ms
    (a 25 ms window around its middle). :class:`LagTracker` keeps, for recent messages, where their
    audio ended and when they arrived; the first message that reaches that far completed the chunk, and
    the latency is the time since its arrival. A chunk that was completed by FLUSH or END_OF_AUDIO
    (which pad with silence) counts from the arrival of that. Messages within 10 ms of audio share an
    entry, and entries older than the newest decoded chunk are forgotten, so the memory is bounded.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

SAMPLE_RATE_HZ = 16_000
FRAME_S = 0.01
_WINDOW_REACH_S = 0.0075  # a 25 ms window around the middle of a 10 ms frame
_MAX_ENTRIES = 8192  # over a minute of 10 ms messages; more than this behind, the figure is a lower bound


@dataclass(frozen=True, slots=True)
class _Arrival:
    audio_end_s: float
    time_s: float
    closes: bool


class LagTracker:
    """One stream's figures. Times (`now`, results) are of one monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._received_s = 0.0
        self._decoded_s = 0.0
        self._began_s = 0.0
        self._look_ahead_s = 0.0
        self._forwarded_at: float | None = None
        self._arrivals: deque[_Arrival] = deque(maxlen=_MAX_ENTRIES)

    @property
    def behind_s(self) -> float:
        """Audio received but not yet decoded, in seconds; never negative."""
        return max(0.0, self._received_s - self._decoded_s)

    @property
    def heard_s(self) -> float:
        """Audio received in this session, in seconds."""
        return self._received_s - self._began_s

    def begins_at(self, audio_s: float) -> None:
        """The stream began at another gateway, which had `audio_s` seconds before what comes here."""
        self._received_s = self._decoded_s = self._began_s = audio_s

    def accepted(self, look_ahead_s: float) -> None:
        """What the model needs beyond a chunk."""
        self._look_ahead_s = look_ahead_s

    def arrived(self, total_s: float, now: float) -> None:
        """PCM came: `total_s` seconds since the start of the stream."""
        self._received_s = total_s
        self._remember(total_s, now)

    def forwarded(self, arrived_at: float) -> None:
        """Audio of unknown length, which came at `arrived_at`, went to the frontend."""
        self._forwarded_at = arrived_at

    def extracted(self, received_samples: int) -> None:
        """The frontend found audio of unknown length to reach this far (16 kHz).

        It is taken to be that of the message forwarded last.
        """
        if self._forwarded_at is not None:
            self._received_s = max(self._received_s, received_samples / SAMPLE_RATE_HZ)
            self._remember(self._received_s, self._forwarded_at)

    def closed(self, now: float) -> None:
        """FLUSH or END_OF_AUDIO came: what there is can be decoded without look-ahead."""
        self._arrivals.append(_Arrival(self._received_s, now, True))

    def decoded(self, frames: int) -> float | None:
        """The decoder has come to `frames`; returns when the audio that this needed was complete."""
        self._decoded_s = max(self._decoded_s, frames * FRAME_S)
        needed_s = self._decoded_s + self._look_ahead_s + _WINDOW_REACH_S
        # The last one is the best there is to say when none reaches that far.
        while len(self._arrivals) > 1 and not self._completes(self._arrivals[0], needed_s):
            self._arrivals.popleft()
        return self._arrivals[0].time_s if self._arrivals and frames > 0 else None

    def _completes(self, arrival: _Arrival, needed_s: float) -> bool:
        if arrival.closes:
            # The last frame may be rounded up from half a frame of audio.
            return arrival.audio_end_s + FRAME_S >= self._decoded_s
        return arrival.audio_end_s >= needed_s

    def _remember(self, audio_end_s: float, now: float) -> None:
        last = self._arrivals[-1] if self._arrivals else None
        if last is None or last.closes or audio_end_s - last.audio_end_s >= FRAME_S:
            self._arrivals.append(_Arrival(audio_end_s, now, False))
