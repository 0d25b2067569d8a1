"""What another server must be sent to stand where the lost one stood: all since the last resume point."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from amira.asr.v1.config_pb2 import RecognitionConfig
from amira.asr.v1.speech_pb2 import (
    AudioChunk,
    ResumePoint,
    StreamingRecognizeRequest,
    UpdateConfig,
)


@dataclass(frozen=True, slots=True)
class _Entry:
    request: StreamingRecognizeRequest
    begin_byte: int
    end_byte: int

    @property
    def is_audio(self) -> bool:
        return self.request.HasField("audio")

    @property
    def control(self) -> str | None:
        kind: str | None = self.request.control.WhichOneof("control")
        return kind


class ReplayBuffer:
    """The requests of one stream, in order, each with its place in the audio.

    A new resume point drops what lies before it, and makes the settings that were changed there part of
    the config. Without resume points (formats with a header) everything is kept.
    """

    def __init__(self, config: RecognitionConfig, unit_bytes: int, most_bytes: int) -> None:
        """Args:
        config: of the stream.
        unit_bytes: bytes per unit of AudioChunk.offset.
        most_bytes: bound on what is kept; beyond it nothing can be replayed any more. 0: nothing is kept.
        """
        self._config = RecognitionConfig()
        self._config.CopyFrom(config)
        self._unit_bytes = unit_bytes
        self._most_bytes = most_bytes
        self._entries: deque[_Entry] = deque()
        self._kept_bytes = 0
        self._end_byte = 0
        self._point: ResumePoint | None = None
        self._dropped_controls = 0  # of the present session, all of them received
        self._replayable = most_bytes > 0

    @property
    def replayable(self) -> bool:
        """Whether all that a server needs is here."""
        return self._replayable

    def append(self, request: StreamingRecognizeRequest) -> None:
        """Gives audio its offset and keeps the request, which is about to be sent for the first time."""
        begin_byte = self._end_byte
        if request.HasField("audio"):
            request.audio.offset = begin_byte // self._unit_bytes
            self._end_byte += len(request.audio.content)
        elif request.control.HasField("keep_alive"):
            return
        if self._replayable:
            self._keep(_Entry(request, begin_byte, self._end_byte))

    def settle(self, point: ResumePoint) -> None:
        """The server has named a place where any other can go on."""
        self._point = point
        waiting: list[_Entry] = []
        while self._entries and self._is_settled(self._entries[0]):
            entry = self._entries.popleft()
            if entry.control == "mark":  # not echoed yet
                waiting.append(entry)
                continue
            self._kept_bytes -= entry.request.ByteSize()
            if not entry.is_audio:
                self._dropped_controls += 1
                if entry.control == "update_config":
                    _fold(entry.request.control.update_config, self._config)
        self._entries.extendleft(reversed(waiting))

    def mark_echoed(self) -> None:
        """The oldest mark came back: it is not sent again."""
        for index, entry in enumerate(self._entries):
            if entry.control == "mark":
                self._kept_bytes -= entry.request.ByteSize()
                self._dropped_controls += 1
                del self._entries[index]
                return

    def opening(self) -> StreamingRecognizeRequest:
        """The first message of a new session that goes on at the last resume point."""
        return StreamingRecognizeRequest(config=self._config, resume_point=self._point, resumable=True)

    def begin_session(self) -> list[StreamingRecognizeRequest]:
        """What follows :meth:`opening`."""
        self._dropped_controls = 0
        start_byte = self._point.audio_offset * self._unit_bytes if self._point else 0
        return self._from(start_byte, 0)

    def after(self, offset: int, controls: int) -> list[StreamingRecognizeRequest]:
        """What the present session lacks, of which so much audio and so many controls have arrived."""
        return self._from(offset * self._unit_bytes, controls - self._dropped_controls)

    def _keep(self, entry: _Entry) -> None:
        self._entries.append(entry)
        self._kept_bytes += entry.request.ByteSize()
        if self._kept_bytes > self._most_bytes:
            self._replayable = False
            self._entries.clear()

    def _is_settled(self, entry: _Entry) -> bool:
        assert self._point is not None
        start_byte = self._point.audio_offset * self._unit_bytes
        # A control that was sent just there is sent again: it may concern what follows.
        return entry.end_byte <= start_byte if entry.is_audio else entry.end_byte < start_byte

    def _from(self, start_byte: int, arrived_controls: int) -> list[StreamingRecognizeRequest]:
        requests = []
        for entry in self._entries:
            if entry.is_audio:
                if entry.end_byte > start_byte:
                    requests.append(self._cut(entry, start_byte))
            elif arrived_controls > 0:
                arrived_controls -= 1
            else:
                requests.append(entry.request)
        return requests

    def _cut(self, entry: _Entry, start_byte: int) -> StreamingRecognizeRequest:
        surplus = start_byte - entry.begin_byte
        if surplus <= 0:
            return entry.request
        content = entry.request.audio.content[surplus:]
        return StreamingRecognizeRequest(
            audio=AudioChunk(content=content, offset=start_byte // self._unit_bytes)
        )


def is_end(requests: Iterable[StreamingRecognizeRequest]) -> bool:
    """Whether END_OF_AUDIO is among them."""
    return any(request.control.HasField("end_of_audio") for request in requests)


def _fold(update: UpdateConfig, config: RecognitionConfig) -> None:
    """Makes a change of settings part of the config."""
    if update.HasField("hotwords"):
        config.hotwords.CopyFrom(update.hotwords)
    if update.HasField("endpoint"):
        config.endpoint.CopyFrom(update.endpoint)
    if update.HasField("interim_results"):
        config.interim_results = update.interim_results
