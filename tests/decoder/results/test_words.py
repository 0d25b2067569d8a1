"""Words from hypotheses."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amira_decoder.model import TokenTable
from amira_decoder.results import Word, confidence_of, text_of, words_of
from amira_decoder.search import Hypothesis

TABLE = TokenTable(("<blk>", "<unk>", "▁the", "▁c", "at", "▁"), 0)
THE, C, AT, MARK, UNK = 2, 3, 4, 5, 1


def test_words_with_times_and_confidence() -> None:
    hypothesis = Hypothesis((THE, C, AT), (3, 10, 12), (math.log(0.5), math.log(0.9), math.log(0.4)), -3)
    words = words_of(hypothesis, TABLE, 40)
    assert words == [
        Word("the", 120, 160, pytest.approx(0.5)),  # type: ignore[arg-type]  # compares like a float
        Word("cat", 400, 520, pytest.approx(0.6)),  # type: ignore[arg-type]  # compares like a float
    ]
    assert text_of(words) == "the cat"
    assert confidence_of(hypothesis) == pytest.approx((0.5 * 0.9 * 0.4) ** (1 / 3))


def test_nothing_said() -> None:
    assert words_of(Hypothesis(), TABLE, 40) == []
    assert text_of([]) == ""
    assert confidence_of(Hypothesis()) is None


def test_word_that_begins_in_the_middle() -> None:
    """After a cut at the longest segment the first token need not start a word."""
    words = words_of(Hypothesis((AT, THE), (0, 1), (-0.1, -0.1)), TABLE, 40)
    assert [word.text for word in words] == ["at", "the"]


def test_tokens_without_letters_make_no_words() -> None:
    words = words_of(Hypothesis((UNK, THE, MARK, C, UNK, AT), (0, 1, 2, 3, 4, 5), (-1.0,) * 6), TABLE, 40)
    assert [(word.text, word.start_ms, word.end_ms) for word in words] == [("the", 40, 80), ("cat", 120, 240)]


@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 9), st.floats(-30, 0)), max_size=30),
    st.integers(10, 80),
)
def test_words_never_overlap(steps: list[tuple[int, int, float]], frame_ms: int) -> None:
    frame, frames = -1, []
    for _, gap, _ in steps:
        frame += gap
        frames.append(frame)
    hypothesis = Hypothesis(tuple(t for t, _, _ in steps), tuple(frames), tuple(p for _, _, p in steps))
    words = words_of(hypothesis, TABLE, frame_ms)
    assert all(" " not in word.text and word.text for word in words)
    assert all(word.start_ms < word.end_ms and 0 <= word.confidence <= 1 for word in words)
    assert all(one.end_ms <= other.start_ms for one, other in itertools.pairwise(words))
    assert text_of(words) == TABLE.decode(hypothesis.tokens)
