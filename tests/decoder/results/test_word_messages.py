"""Messages of words that are sent again and again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from amira.asr.v1 import result_pb2
from amira_decoder.results.word_messages import WordMessages, duration
from amira_decoder.results.words import Word

START_MS = 1000
words_strategy = st.lists(
    st.builds(Word, st.sampled_from("ab"), st.just(0), st.sampled_from([40, 80, 400]), st.just(0.5)),
    max_size=4,
)


def times(message: result_pb2.Word) -> tuple[int, int]:
    return message.start.ToMilliseconds(), message.end.ToMilliseconds()


@given(st.lists(words_strategy, max_size=8))
def test_messages_are_as_if_built_anew(interims: list[list[Word]]) -> None:
    """Words change, go and come; the audio behind them grows."""
    kept = WordMessages(START_MS)
    for number, words in enumerate(interims):
        decoded_ms = START_MS + 40 * (number + 1)
        assert kept.of(words, decoded_ms) == WordMessages(START_MS).of(words, decoded_ms)


def test_times_end_with_the_audio_until_there_is_more() -> None:
    messages, word = WordMessages(START_MS), Word("a", 40, 400, 0.5)
    assert [times(m) for m in messages.of([word], START_MS + 320)] == [(1040, 1320)]
    assert [times(m) for m in messages.of([word], START_MS + 640)] == [(1040, 1400)]


def test_words_that_stay_are_not_built_anew() -> None:
    messages, words = WordMessages(0), [Word("a", 0, 40, 0.5), Word("b", 40, 80, 0.5)]
    before, after = messages.of(words, 320), messages.of([words[0], Word("c", 40, 120, 0.5)], 320)
    assert after[0] is before[0]
    assert after[1].text == "c"


def test_duration() -> None:
    assert duration(61_234).ToMilliseconds() == 61_234
