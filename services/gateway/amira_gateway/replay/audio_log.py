"""What another frontend must be sent: audio whose frames have not come back for sure, and the barriers in it.

PCM: frames depend on a short stretch of samples only, so a new frontend starts at a whole second and
its frames are those of the old one as soon as its resampler has settled (protos: AudioFormat.first_sample).
Formats with a header can only be read from their beginning: all bytes are kept, up to a limit.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from amira.frontend.v1 import frontend_pb2
from amira_gateway.replay.decoder_log import FRAMES_PER_S
from amira_gateway.session.audio import AudioShape

_FRAME_REACH_S = 0.0175
"""From a frame's begin to the end of its window: 25 ms around the middle of its 10 ms."""

SETTLE_S = 1
"""After this long the frames of a frontend that started in mid-stream are those of one that did not."""


@dataclass(frozen=True, slots=True)
class _Entry:
    request: frontend_pb2.ExtractRequest
    begin_byte: int
    end_byte: int


class AudioLog:
    """The log of one stream towards frontends."""

    def __init__(
        self,
        audio_format: frontend_pb2.AudioFormat,
        shape: AudioShape,
        most_bytes: int,
        first_frame: int = 0,
    ) -> None:
        """`most_bytes` bounds what is kept of a format with a header.

        `first_frame`: the first one that is wanted; the audio begins where that has settled (PCM only).
        """
        self._format = audio_format
        self._shape = shape
        self._most_bytes = most_bytes
        self._entries: deque[_Entry] = deque()
        self._frames = first_frame
        self._start_s = settled_s(first_frame)
        self._bytes = self._start_byte
        self._pinned = False
        self._replayable = True
        self._chunks: frontend_pb2.Chunks | None = None
        self._chunk_frame = first_frame
        self._flushes = 0  # sent, and not yet back

    def cut_by(self, window_frames: int, chunk_frames: int) -> None:
        """What the decoder needs for a chunk: frontends are told at their opening. 0: not known."""
        if chunk_frames:
            self._chunks = frontend_pb2.Chunks(window_frames=window_frames, chunk_frames=chunk_frames)

    def is_worth_sending(self, held_bytes: int) -> bool:
        """Whether `held_bytes` more PCM may complete a chunk: a frontend can do nothing with less.

        In doubt it is: where the decoder's cutting is not known, or not yet (behind a FLUSH), and for formats
        whose bytes cannot be counted.
        """
        if self._chunks is None or not self._shape.is_pcm or self._flushes:
            return True
        frames = next_chunk_at(self._frames - self._chunk_frame, self._chunks) + self._chunk_frame
        # What resampling needs beyond this only makes it earlier than need be.
        return self._shape.seconds(self._bytes + held_bytes) >= (frames - 1) / FRAMES_PER_S + _FRAME_REACH_S

    @property
    def replayable(self) -> bool:
        """False once a format with a header has more than `most_bytes`."""
        return self._replayable

    def append(self, request: frontend_pb2.ExtractRequest) -> None:
        """Notes audio, a barrier or the end."""
        begin_byte = self._bytes
        self._bytes += len(request.audio)
        self._flushes += request.chunk_begins
        if not self._shape.is_pcm and self._bytes > self._most_bytes:
            self._replayable = False
            self._entries.clear()
        if self._replayable:
            self._entries.append(_Entry(request, begin_byte, self._bytes))

    def new_frames(self, features: frontend_pb2.Features, frame_bytes: int) -> bytes | None:
        """Takes what a frontend sent; returns the frames that are new, None if some are missing."""
        surplus = self._frames - features.first_frame
        if surplus < 0:
            return None
        self._frames = max(self._frames, features.first_frame + len(features.frames) // frame_bytes)
        if not self._pinned:
            self._drop_settled()
        return features.frames[surplus * frame_bytes :]

    def barrier_returned(self) -> None:
        """The oldest barrier came back: it is not sent again."""
        for index, entry in enumerate(self._entries):
            if entry.request.WhichOneof("request") == "barrier":
                if entry.request.chunk_begins:
                    self._chunk_frame = self._frames
                    self._flushes -= 1
                del self._entries[index]
                return

    def opening(self) -> frontend_pb2.ExtractRequest:
        """The format, and where the audio that follows begins."""
        self.unpin()  # of an earlier attempt
        self._pinned = True
        audio_format = frontend_pb2.AudioFormat()
        audio_format.CopyFrom(self._format)
        if self._shape.is_pcm:
            audio_format.first_sample = self._start_s * self._format.sample_rate_hz
        if self._chunks is not None:
            audio_format.chunks.CopyFrom(self._chunks)
            audio_format.chunks.first_frame = self._chunk_frame
        return frontend_pb2.ExtractRequest(format=audio_format)

    def replay(self) -> list[frontend_pb2.ExtractRequest]:
        """Audio from that place on and the barriers that have not come back."""
        requests = [_cut(entry, self._start_byte) for entry in self._entries]
        self.unpin()
        return requests

    def unpin(self) -> None:
        """Nothing will follow the last opening message."""
        self._pinned = False
        self._drop_settled()

    @property
    def _start_byte(self) -> int:
        return self._start_s * self._format.sample_rate_hz * self._shape.unit_bytes

    def _drop_settled(self) -> None:
        start_s = settled_s(self._frames)
        if not self._shape.is_pcm or start_s <= self._start_s:
            return
        self._start_s = start_s
        while self._entries and self._entries[0].end_byte <= self._start_byte:
            self._entries.popleft()


def next_chunk_at(frames: int, chunks: frontend_pb2.Chunks) -> int:
    """How many frames complete a chunk that `frames` do not; both counted from the first chunk's begin."""
    if frames < chunks.window_frames:
        return chunks.window_frames
    return frames + chunks.chunk_frames - (frames - chunks.window_frames) % chunks.chunk_frames


def settled_s(frame: int) -> int:
    """Where audio must begin, in whole seconds, for a frontend to give `frame` as if it had all before."""
    return max(0, frame // FRAMES_PER_S - SETTLE_S)


def _cut(entry: _Entry, start_byte: int) -> frontend_pb2.ExtractRequest:
    surplus = start_byte - entry.begin_byte
    if surplus <= 0 or entry.request.WhichOneof("request") != "audio":
        return entry.request
    return frontend_pb2.ExtractRequest(audio=entry.request.audio[surplus:])
