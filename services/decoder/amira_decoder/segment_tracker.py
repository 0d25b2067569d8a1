"""From hypotheses to results: one stream's segments, on the search thread.

    chunk decoded ──► best hypothesis ──► endpoint? ──no──► interim (if it changed)
                                             └────yes───► final, next segment

Encoder frames count from the segment's start; a segment's start in the stream is known in feature
frames of real audio, so silence that was only padded in never shifts a time.
"""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.duration_pb2 import Duration

from amira.asr.v1 import result_pb2, speech_pb2
from amira.decoder.v1 import decoder_pb2
from amira_decoder import metrics
from amira_decoder.controls import Control, End, Flush, MarkPassed, Update
from amira_decoder.frame_buffer import FRAME_MS
from amira_decoder.model.tokens import TokenTable
from amira_decoder.results.endpoint import EndpointRules
from amira_decoder.results.stability import StabilityTracker
from amira_decoder.results.word_messages import WordMessages, duration
from amira_decoder.results.words import Word, confidence_of, text_of, words_of
from amira_decoder.search.base import Search
from amira_decoder.search.hotwords import HotwordAutomaton
from amira_decoder.search.hypothesis import Hypothesis


@dataclass(frozen=True, slots=True)
class TrackerOptions:
    """What one stream asked for."""

    endpoint: EndpointRules
    hotwords: HotwordAutomaton | None
    interim_results: bool
    word_times: bool
    max_alternatives: int
    segment_id: int = 0
    """The first segment's id; not 0 where the stream goes on for another decoder."""
    segment_start_frame: int = 0
    """Where it begins."""


class SegmentTracker:
    """Follows one stream from segment to segment. Not thread-safe: lives on the search thread."""

    def __init__(
        self, search: Search, tokens: TokenTable, encoder_frame_ms: int, options: TrackerOptions
    ) -> None:
        self.search = search
        self._tokens = tokens
        self._encoder_frame_ms = encoder_frame_ms
        self._options = options
        self._endpoint = options.endpoint
        self._interim_results = options.interim_results
        self._hotwords = options.hotwords
        self._segment_id = options.segment_id
        self._decoded_frames = options.segment_start_frame
        self._speech_started = False
        self._open_segment()

    def chunk_decoded(self, best: Hypothesis, end_frame: int) -> list[decoder_pb2.DecodeResponse]:
        """Takes the best hypothesis after a chunk that ends at `end_frame` of the real audio."""
        self._decoded_frames = end_frame
        responses = []
        if not self._speech_started and self._words(best):
            self._speech_started = True
            responses.append(self._speech_start(self._words(best)))
        trailing_frames = best.trailing_blank_frames(self.segment.num_frames)
        reason = self._endpoint.reached(self.segment.num_frames, trailing_frames, self._encoder_frame_ms)
        if reason is not None:
            return responses + self._finish_segment(reason.value)
        if self._interim_results and best.tokens:
            responses += self._interim(best)
        return responses

    def chunk_warmed_up(self, end_frame: int) -> None:
        """Takes note of a chunk that is not searched: the segment begins behind it."""
        self._decoded_frames = end_frame
        self._open_segment()

    def apply(self, control: Control, end_frame: int) -> list[decoder_pb2.DecodeResponse]:
        """Carries out a control that lies at `end_frame` or before."""
        self._decoded_frames = end_frame
        if isinstance(control, Flush):
            return self._finish_segment("flush")
        if isinstance(control, End):
            return self._finish_segment("end", goes_on=False)
        if isinstance(control, MarkPassed):
            mark = speech_pb2.Mark(id=control.mark_id)
            return [decoder_pb2.DecodeResponse(mark=mark, decoded_frames=end_frame)]
        self._update(control)
        return []

    def _update(self, update: Update) -> None:
        if update.endpoint is not None:
            self._endpoint = update.endpoint
        if update.interim_results is not None:
            self._interim_results = update.interim_results
        if update.replace_hotwords:
            self._hotwords = update.hotwords

    def _open_segment(self) -> None:
        self.segment = self.search.start_segment(self._hotwords)
        self._segment_start_frame = self._decoded_frames
        self._speech_started = False
        self._stability = StabilityTracker()
        self._last_interim: tuple[str, int] | None = None
        self._settled_words: list[Word] | None = None
        self._word_messages = WordMessages(self._segment_start_frame * FRAME_MS)
        self._read: tuple[object, ...] = ()
        self._read_words: list[Word] = []

    def _interim(self, best: Hypothesis) -> list[decoder_pb2.DecodeResponse]:
        words = self._words(best)
        if words is self._settled_words:
            return []
        estimate = self._stability.update(words, self.segment.num_frames * self._encoder_frame_ms)
        # Stable words stay so while nothing changes.
        self._settled_words = words if estimate.stable_words == len(words) else None
        shown = (text_of(words), estimate.stable_words)
        if shown == self._last_interim:
            return []
        self._last_interim = shown
        metrics.INTERIMS.inc()
        alternative = self._alternative(best, words)
        return [self._result([alternative], False, estimate.stability, estimate.stable_words)]

    def _finish_segment(self, ended_by: str, *, goes_on: bool = True) -> list[decoder_pb2.DecodeResponse]:
        """The segment's final, if anything was said; says that another decoder can go on from here."""
        responses: list[decoder_pb2.DecodeResponse] = []
        was_open = self.segment.num_frames > 0
        if was_open:
            readings = self.search.n_best(self.segment, self._options.max_alternatives)
            words = [self._words(reading) for reading in readings]
            if self._speech_started or words[0]:
                responses = self._final(readings, words)
            metrics.segment_ended(ended_by, len(words[0]) if responses else None)
        if responses:
            self._segment_id += 1
        self._open_segment()
        if was_open and goes_on:
            if not responses:
                responses.append(decoder_pb2.DecodeResponse(decoded_frames=self._decoded_frames))
            responses[-1].resume.segment_id = self._segment_id
            responses[-1].resume.segment_start_frame = self._segment_start_frame
        return responses

    def _final(self, readings: list[Hypothesis], words: list[list[Word]]) -> list[decoder_pb2.DecodeResponse]:
        best_words = words[0]
        responses = [] if self._speech_started else [self._speech_start(best_words)]
        end_ms = best_words[-1].end_ms if best_words else 0
        responses.append(self._event(result_pb2.SpeechEvent.KIND_SPEECH_END, end_ms))
        alternatives = [self._alternative(r, w) for r, w in zip(readings, words, strict=True)]
        responses.append(self._result(alternatives, True, 1.0, len(best_words)))
        return responses

    def _words(self, hypothesis: Hypothesis) -> list[Word]:
        read = (hypothesis.tokens, hypothesis.frames, hypothesis.log_probs)
        if read != self._read:
            self._read = read
            self._read_words = words_of(hypothesis, self._tokens, self._encoder_frame_ms)
        return self._read_words

    def _in_stream(self, segment_ms: int) -> Duration:
        """A time from the segment's start as one from the stream's start, never beyond the decoded audio."""
        return duration(
            min(self._segment_start_frame * FRAME_MS + segment_ms, self._decoded_frames * FRAME_MS)
        )

    def _alternative(self, hypothesis: Hypothesis, words: list[Word]) -> result_pb2.Alternative:
        alternative = result_pb2.Alternative(text=text_of(words), confidence=confidence_of(hypothesis))
        if self._options.word_times:
            alternative.words.extend(self._word_messages.of(words, self._decoded_frames * FRAME_MS))
        return alternative

    def _result(
        self,
        alternatives: list[result_pb2.Alternative],
        is_final: bool,
        stability: float,
        stable_words: int,
    ) -> decoder_pb2.DecodeResponse:
        return decoder_pb2.DecodeResponse(
            result=result_pb2.StreamingResult(
                segment_id=self._segment_id,
                is_final=is_final,
                alternatives=alternatives,
                stability=stability,
                stable_words=stable_words,
                audio_processed=duration(self._decoded_frames * FRAME_MS),
                segment_start=duration(self._segment_start_frame * FRAME_MS),
            ),
            decoded_frames=self._decoded_frames,
        )

    def _speech_start(self, words: list[Word]) -> decoder_pb2.DecodeResponse:
        return self._event(result_pb2.SpeechEvent.KIND_SPEECH_START, words[0].start_ms if words else 0)

    def _event(self, kind: result_pb2.SpeechEvent.Kind, segment_ms: int) -> decoder_pb2.DecodeResponse:
        offset = self._in_stream(segment_ms)
        return decoder_pb2.DecodeResponse(
            event=result_pb2.SpeechEvent(kind=kind, offset=offset, segment_id=self._segment_id),
            decoded_frames=self._decoded_frames,
        )
