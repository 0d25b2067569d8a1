"""Words as they are sent. An interim repeats those before it, whose messages are not built anew."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.duration_pb2 import Duration

from amira.asr.v1 import result_pb2
from amira_decoder.results.words import Word


class WordMessages:
    """Those of one segment, which begins `segment_start_ms` into the stream."""

    def __init__(self, segment_start_ms: int) -> None:
        self._start_ms = segment_start_ms
        self._words: list[Word] = []
        self._messages: list[result_pb2.Word] = []

    def of(self, words: Sequence[Word], decoded_ms: int) -> list[result_pb2.Word]:
        """The messages of `words`, with times in the stream, none beyond the audio decoded so far."""
        same = 0
        for known, word in zip(self._words, words, strict=False):
            if known != word:
                break
            same += 1
        messages = self._messages[:same] + [self._message(word, decoded_ms) for word in words[same:]]
        # A time that was cut off at the end of the audio may be another one with the next chunk.
        cut_off = (at for at, word in enumerate(words) if self._start_ms + word.end_ms > decoded_ms)
        kept = next(cut_off, len(words))
        self._words, self._messages = list(words[:kept]), messages[:kept]
        return messages

    def _message(self, word: Word, decoded_ms: int) -> result_pb2.Word:
        return result_pb2.Word(
            text=word.text,
            start=duration(min(self._start_ms + word.start_ms, decoded_ms)),
            end=duration(min(self._start_ms + word.end_ms, decoded_ms)),
            confidence=word.confidence,
        )


def duration(milliseconds: int) -> Duration:
    """Milliseconds as a protobuf Duration."""
    return Duration(seconds=milliseconds // 1000, nanos=milliseconds % 1000 * 1_000_000)
