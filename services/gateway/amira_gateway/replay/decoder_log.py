"""What another decoder must be sent: frames and controls since the last point of return."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from amira.asr.v1 import config_pb2, speech_pb2
from amira.decoder.v1 import decoder_pb2

FRAMES_PER_S = 100
FRAME_BYTES = 4 * 80
"""80 bins, float32."""


@dataclass(frozen=True, slots=True)
class _Entry:
    request: decoder_pb2.DecodeRequest
    begin_frame: int
    end_frame: int


class DecoderLog:
    """The log of one stream towards decoders.

    A decoder names a :class:`ResumePoint` whenever it has closed a segment. Everything before it is
    dropped, but for settings that were changed: those go into the config of the next opening message.
    """

    def __init__(
        self,
        config: config_pb2.RecognitionConfig,
        most_s: float,
        begin_at: decoder_pb2.ResumePoint | None = None,
    ) -> None:
        """`most_s` bounds the frames that are kept, in seconds of audio.

        `begin_at`: the stream began at another gateway and goes on there.
        """
        self._config = config_pb2.RecognitionConfig()
        self._config.CopyFrom(config)
        self._most_frames = round(most_s * FRAMES_PER_S)
        self._entries: deque[_Entry] = deque()
        self._frames = begin_at.first_frame if begin_at else 0
        self._resume = begin_at
        self._opened_at: decoder_pb2.ResumePoint | None = None
        self._pinned = False
        self._replayable = True
        self._runs = False

    @property
    def replayable(self) -> bool:
        """False once more than `most_s` had to be kept."""
        return self._replayable

    def append(self, request: decoder_pb2.DecodeRequest) -> None:
        """Notes features, a control or the end."""
        begin_frame = self._frames
        self._frames += len(request.features) // FRAME_BYTES
        if not self._replayable:
            return
        self._entries.append(_Entry(request, begin_frame, self._frames))
        if self._frames - self._entries[0].begin_frame > self._most_frames:
            self._replayable = False
            self._entries.clear()

    def settled(self, resume: decoder_pb2.ResumePoint) -> None:
        """The decoder has closed a segment: what lies before `resume` is done with."""
        self._resume = resume
        if not self._pinned:
            self._drop_settled()

    def mark_returned(self) -> None:
        """The oldest mark was echoed: it is not asked for again."""
        for index, entry in enumerate(self._entries):
            if entry.request.WhichOneof("request") == "mark":
                del self._entries[index]
                return

    def opening(self) -> decoder_pb2.DecodeRequest:
        """The config as it is in force at the point of return, and that point.

        A stream that runs has one, be it the start: decoders take it in although they refuse new ones.
        """
        self.unpin()  # of an earlier attempt
        self._pinned = True
        self._opened_at = self._resume
        resume = decoder_pb2.ResumePoint() if self._runs and not self._resume else self._resume
        return decoder_pb2.DecodeRequest(config=self._config, resume=resume)

    def replay(self) -> list[decoder_pb2.DecodeRequest]:
        """Frames from the point of return on (cut where they begin before it) and the controls among them."""
        self._runs = True
        first_frame = self._opened_at.first_frame if self._opened_at else 0
        requests = [_cut(entry, first_frame) for entry in self._entries]
        self.unpin()
        return requests

    def unpin(self) -> None:
        """Nothing will follow the last opening message."""
        self._pinned = False
        self._drop_settled()

    def _drop_settled(self) -> None:
        if self._resume is None:
            return
        while self._entries and self._is_settled(self._entries[0], self._resume.first_frame):
            request = self._entries.popleft().request
            if request.WhichOneof("request") == "update_config":
                _fold(request.update_config, self._config)

    @staticmethod
    def _is_settled(entry: _Entry, first_frame: int) -> bool:
        if entry.request.WhichOneof("request") == "features":
            return entry.end_frame <= first_frame
        return entry.end_frame < first_frame


def _cut(entry: _Entry, first_frame: int) -> decoder_pb2.DecodeRequest:
    surplus = first_frame - entry.begin_frame
    if surplus <= 0 or entry.request.WhichOneof("request") != "features":
        return entry.request
    return decoder_pb2.DecodeRequest(features=entry.request.features[surplus * FRAME_BYTES :])


def _fold(update: speech_pb2.UpdateConfig, config: config_pb2.RecognitionConfig) -> None:
    """Makes a change of settings part of the config."""
    if update.HasField("hotwords"):
        config.hotwords.CopyFrom(update.hotwords)
    if update.HasField("endpoint"):
        config.endpoint.CopyFrom(update.endpoint)
    if update.HasField("interim_results"):
        config.interim_results = update.interim_results
