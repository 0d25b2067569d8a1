"""Words with times and confidences, from a hypothesis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from amira_decoder.model.tokens import TokenTable
from amira_decoder.search.hypothesis import Hypothesis


@dataclass(frozen=True, slots=True)
class Word:
    """One word. Times count from the segment's start."""

    text: str
    start_ms: int
    """Begin of the encoder frame in which the word's first token came out."""
    end_ms: int
    """End of the encoder frame in which its last token came out; never after the next word's start."""
    confidence: float
    """Geometric mean of its tokens' probabilities, in [0, 1]."""


def words_of(hypothesis: Hypothesis, tokens: TokenTable, frame_ms: int) -> list[Word]:
    """Cuts a hypothesis into words; `frame_ms` is the duration of an encoder frame.

    Tokens without letters (`<unk>`) make no word of their own.
    """
    words: list[Word] = []
    spans = tokens.word_spans(hypothesis.tokens)
    frames = hypothesis.frames
    for number, (begin, end) in enumerate(spans):
        text = tokens.text_of(hypothesis.tokens[begin:end])
        if not text:
            continue
        end_frame = frames[end - 1] + 1
        if number + 1 < len(spans):
            end_frame = min(end_frame, frames[spans[number + 1][0]])
        confidence = _geometric_mean(hypothesis.log_probs[begin:end])
        words.append(Word(text, frames[begin] * frame_ms, end_frame * frame_ms, confidence))
    return words


def text_of(words: Sequence[Word]) -> str:
    """The words, separated by single spaces."""
    return " ".join(word.text for word in words)


def confidence_of(hypothesis: Hypothesis) -> float | None:
    """Geometric mean of all tokens' probabilities, in [0, 1]; None where there are no tokens."""
    return _geometric_mean(hypothesis.log_probs) if hypothesis.log_probs else None


def _geometric_mean(log_probs: Sequence[float]) -> float:
    return min(1.0, math.exp(sum(log_probs) / len(log_probs)))
