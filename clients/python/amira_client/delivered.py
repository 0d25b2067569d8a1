"""What the user has got already: a server that goes on for another one says some of it again."""

from __future__ import annotations

from amira.asr.v1.result_pb2 import SpeechEvent, StreamingResult
from amira.asr.v1.speech_pb2 import StreamingRecognizeResponse


class Delivered:
    """Tells responses that are new from those that a replay repeats.

    Marks are not looked at: those that were echoed are not sent again.
    """

    def __init__(self) -> None:
        self._replays = False
        self._finals = 0
        self._events: set[tuple[int, SpeechEvent.Kind]] = set()
        self._interim_ns = -1
        self._repeated_to_ns = -1

    def rewind(self) -> None:
        """A new session begins at the last resume point."""
        self._replays = True
        self._repeated_to_ns = self._interim_ns

    def is_new(self, response: StreamingRecognizeResponse) -> bool:
        """Whether the user has yet to see this; they are taken to have seen it from now on."""
        kind = response.WhichOneof("response")
        if kind == "event":
            new = self._is_new_event(response.event)
        elif kind == "result" and response.result.is_final:
            new = self._is_new_final(response.result.segment_id)
        elif kind == "result":
            new = self._is_new_interim(response.result)
        else:
            return True
        return new or not self._replays

    def _is_new_event(self, event: SpeechEvent) -> bool:
        key = (event.segment_id, event.kind)
        if event.segment_id < self._finals or key in self._events:
            return False
        self._events.add(key)
        return True

    def _is_new_final(self, segment_id: int) -> bool:
        if segment_id < self._finals:
            return False
        self._finals = segment_id + 1
        self._events = {key for key in self._events if key[0] >= self._finals}
        return True

    def _is_new_interim(self, interim: StreamingResult) -> bool:
        processed_ns = interim.audio_processed.ToNanoseconds()
        if interim.segment_id < self._finals or processed_ns <= self._repeated_to_ns:
            return False
        self._interim_ns = max(self._interim_ns, processed_ns)
        return True
