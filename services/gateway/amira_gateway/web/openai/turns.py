"""Segments as the items of a realtime conversation.

With turn detection each segment is an item. Without, clients commit what they have sent: a FLUSH and a mark
follow it through the session, and what comes back before the mark is the item's. A `clear` does the same,
and what comes back is dropped.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from amira.asr.v1 import result_pb2
from amira_core.subtitles import seconds
from amira_gateway.web.openai.answers import joined, logprobs

_TRANSCRIPTION = "conversation.item.input_audio_transcription"

Event = dict[str, Any]


@dataclass(slots=True)
class Item:
    """What was said in one turn."""

    id: str = field(default_factory=lambda: f"item_{uuid.uuid4().hex}")
    bests: list[result_pb2.Alternative] = field(default_factory=list)
    audio_s: float = 0.0
    told: bool = False


class Turns:
    """One session's items, in order."""

    def __init__(self, *, beta: bool) -> None:
        self.detected = True
        """Whether the server says when a turn has ended."""
        self.logprobs = False
        self._beta = beta
        self._open: Item | None = None
        self._awaited: deque[Item | None] = deque()
        self._previous: str | None = None
        self._told_words = 0

    # -- what the client does ------------------------------------------------------------------

    def commit(self) -> Iterator[Event]:
        """The client ends a turn: a FLUSH and a mark go into the session."""
        item = self._take_open()
        self._awaited.append(item)
        yield from self._committed(item)

    def clear(self) -> None:
        """The client does not want what it sent: a FLUSH and a mark go into the session."""
        self._open = None
        self._awaited.append(None)

    # -- what the session says -----------------------------------------------------------------

    def marked(self) -> Iterator[Event]:
        """The mark of the oldest `commit` or `clear` came back."""
        item = self._awaited.popleft()
        if item is not None:
            yield self._completed(item)

    def event(self, event: result_pb2.SpeechEvent) -> Iterator[Event]:
        """Speech began or ended."""
        if not self.detected or self._awaited:
            return
        at_ms = round(seconds(event.offset) * 1000)
        if event.kind == result_pb2.SpeechEvent.KIND_SPEECH_START:
            item_id = self._current().id
            yield {"type": "input_audio_buffer.speech_started", "audio_start_ms": at_ms, "item_id": item_id}
        else:
            item = self._current()
            yield {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": at_ms, "item_id": item.id}
            yield from self._committed(item)

    def result(self, result: result_pb2.StreamingResult) -> Iterator[Event]:
        """Words. Those that are told are not taken back: what is still likely to change waits."""
        item = self._awaited[0] if self._awaited else self._current()
        words = result.alternatives[0].text.split()
        if item is not None:
            settled = words if result.is_final else words[: result.stable_words]
            yield from self._delta(item, settled[self._told_words :])
            self._told_words = max(self._told_words, len(settled))
        if not result.is_final:
            return
        self._told_words = 0
        if item is None:
            return
        item.bests.append(result.alternatives[0])
        item.audio_s += seconds(result.audio_processed) - seconds(result.segment_start)
        if self.detected and not self._awaited:
            yield self._completed(self._take_open())

    # -- events --------------------------------------------------------------------------------

    def _delta(self, item: Item, words: list[str]) -> Iterator[Event]:
        if not words:
            return
        text = " ".join(words)
        delta = f" {text}" if item.told else text
        item.told = True
        yield {"type": f"{_TRANSCRIPTION}.delta", "item_id": item.id, "content_index": 0, "delta": delta}

    def _committed(self, item: Item) -> Iterator[Event]:
        previous, self._previous = self._previous, item.id
        yield {"type": "input_audio_buffer.committed", "item_id": item.id, "previous_item_id": previous}
        content = [{"type": "input_audio", "transcript": None}]
        message = {
            "id": item.id,
            "object": "realtime.item",
            "type": "message",
            "role": "user",
            "status": "completed",
            "content": content,
        }
        kinds = ("created",) if self._beta else ("added", "done")
        for kind in kinds:
            yield {"type": f"conversation.item.{kind}", "item": message, "previous_item_id": previous}

    def _completed(self, item: Item) -> Event:
        return {
            "type": f"{_TRANSCRIPTION}.completed",
            "item_id": item.id,
            "content_index": 0,
            "transcript": joined(item.bests),
            "usage": {"type": "duration", "seconds": round(item.audio_s, 3)},
            **({"logprobs": logprobs(item.bests)} if self.logprobs else {}),
        }

    def _current(self) -> Item:
        if self._open is None:
            self._open = Item()
        return self._open

    def _take_open(self) -> Item:
        item, self._open = self._current(), None
        return item
