"""What the client has already: a replay brings some of it again."""

from __future__ import annotations

from amira.asr.v1 import result_pb2
from amira.decoder.v1 import decoder_pb2


class Delivered:
    """Tells the responses of one stream that are new from those that a replay repeats.

    A replay starts at the beginning of the open segment and finds what the first run found, in the
    same order. Marks are not looked at: those that were echoed are not sent again.
    """

    def __init__(self) -> None:
        self._finals = 0
        self._events: set[tuple[int, result_pb2.SpeechEvent.Kind]] = set()
        self._interim_ns = -1
        self._repeated_to_ns = -1

    def rewind(self) -> None:
        """A replay begins."""
        self._repeated_to_ns = self._interim_ns

    def is_new(self, response: decoder_pb2.DecodeResponse) -> bool:
        """Whether the client has yet to see this; it is taken to have seen it from now on."""
        kind = response.WhichOneof("response")
        if kind == "event":
            return self._is_new_event(response.event)
        if kind != "result":
            return True
        if response.result.is_final:
            return self._is_new_final(response.result.segment_id)
        return self._is_new_interim(response.result)

    def _is_new_event(self, event: result_pb2.SpeechEvent) -> bool:
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

    def _is_new_interim(self, interim: result_pb2.StreamingResult) -> bool:
        processed_ns = interim.audio_processed.ToNanoseconds()
        if interim.segment_id < self._finals or processed_ns <= self._repeated_to_ns:
            return False
        self._interim_ns = processed_ns
        return True
