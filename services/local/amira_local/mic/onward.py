"""From one stream to the next, where a server lets none be longer than so: the transcript goes on."""

from __future__ import annotations

from collections import deque

from amira.asr.v1.result_pb2 import StreamingResult
from amira_client import StreamingRecognizeResponse

_SAMPLE_BYTES = 2


class Onward:
    """What a stream has yet to take, and where it stands in all that was said."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._pieces: deque[bytes] = deque()
        self._confirmed = 0  # samples of the present stream; the pieces begin there
        self._before = 0  # samples of the streams before
        self._segments_before = 0
        self._segments = 0

    def sent(self, piece: bytes) -> None:
        """Keeps a piece until the server has it."""
        self._pieces.append(piece)

    def heard(self, response: StreamingRecognizeResponse) -> None:
        """Forgets what the server has by now."""
        surplus = response.received_offset - self._confirmed
        while surplus > 0 and self._pieces:
            piece = self._pieces.popleft()
            samples = len(piece) // _SAMPLE_BYTES
            if samples > surplus:
                self._pieces.appendleft(piece[surplus * _SAMPLE_BYTES :])
                samples = surplus
            surplus -= samples
            self._confirmed += samples

    @property
    def progressed(self) -> bool:
        """Whether the present stream has taken anything."""
        return self._confirmed > 0

    def next_stream(self) -> list[bytes]:
        """What the next stream begins with; it counts as sent."""
        self._before += self._confirmed
        self._confirmed = 0
        self._segments_before += self._segments
        self._segments = 0
        return list(self._pieces)

    def placed(self, result: StreamingResult) -> StreamingResult:
        """A result with the times and the number that it has in the whole."""
        self._segments = max(self._segments, result.segment_id + 1)
        if not self._before:
            return result
        placed = StreamingResult()
        placed.CopyFrom(result)
        placed.segment_id += self._segments_before
        shift_ns = self._before * 1_000_000_000 // self._sample_rate_hz
        words = [word for reading in placed.alternatives for word in reading.words]
        times = [time for word in words for time in (word.start, word.end)]
        for time in (placed.segment_start, placed.audio_processed, *times):
            time.FromNanoseconds(time.ToNanoseconds() + shift_ns)
        return placed
