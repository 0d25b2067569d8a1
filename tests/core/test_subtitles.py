"""Words to cues: nothing lost, nothing too long, ended where people breathe."""

from __future__ import annotations

import itertools
import re

from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st

from amira.asr.v1.result_pb2 import Alternative, StreamingResult, Word
from amira_core.subtitles import cues, final_cues, segment_cues, srt, srt_block, vtt, wrap


def at(second: float) -> Duration:
    duration = Duration()
    duration.FromMilliseconds(round(second * 1000))
    return duration


def said(
    text: str, *, start_s: float = 0.0, word_s: float = 0.3, gaps: dict[int, float] | None = None
) -> list[Word]:
    """Words one after the other; `gaps`: seconds of silence before the word of that number."""
    words = []
    for number, word in enumerate(text.split()):
        start_s += (gaps or {}).get(number, 0.0)
        words.append(Word(text=word, start=at(start_s), end=at(start_s + word_s)))
        start_s += word_s
    return words


@given(
    st.lists(
        st.tuples(st.text("abc,.", min_size=1, max_size=100), st.floats(0.01, 9), st.floats(0, 2.5)),
        max_size=40,
    )
)
def test_no_word_is_lost_and_no_cue_is_too_much(given_words: list[tuple[str, float, float]]) -> None:
    words, now = [], 0.0
    for text, word_s, gap_s in given_words:
        words.append(Word(text=text, start=at(now + gap_s), end=at(now + gap_s + word_s)))
        now += gap_s + word_s
    shown = segment_cues(words, now + 5)
    assert " ".join(cue.text for cue in shown) == " ".join(word.text for word in words)
    for cue in shown:
        if " " in cue.text:
            assert len(cue.text) <= 84
            assert cue.end_s - cue.start_s <= 7.001
        assert cue.start_s < cue.end_s
    for cue, following in itertools.pairwise(shown):
        assert cue.end_s <= following.start_s + 0.001


def test_a_long_sentence_is_parted_in_the_middle_not_after_its_last_word_but_one() -> None:
    words = said(
        "there once lived a man of no great fortune who had never in all his life left the town of his birth"
    )
    first, second = segment_cues(words)
    assert abs(len(first.text) - len(second.text)) < 10


def test_a_breath_and_a_full_stop_are_better_places_than_the_middle() -> None:
    text = "he was not an ill disposed young man unless to be rather cold hearted and rather selfish is so"
    breath = segment_cues(said(text, gaps={8: 0.4}))
    assert next(cue.text for cue in breath).endswith("young man")
    stop = segment_cues(said(text.replace("to be", "to be.")))
    assert next(cue.text for cue in stop).endswith("to be.")


def test_a_pause_ends_a_cue_and_a_short_cue_stays_while_there_is_time() -> None:
    shown = segment_cues(said("yes no", gaps={1: 1.5}), 2.2)
    assert [(cue.start_s, cue.end_s, cue.text) for cue in shown] == [(0.0, 1.0, "yes"), (1.8, 2.2, "no")]


def test_a_final_without_word_times_is_one_cue() -> None:
    final = StreamingResult(
        is_final=True, segment_start=at(1), audio_processed=at(3), alternatives=[Alternative(text="he was")]
    )
    assert [(cue.start_s, cue.end_s, cue.text) for cue in final_cues(final)] == [(1.0, 3.0, "he was")]
    assert final_cues(StreamingResult(is_final=True)) == []


def test_files() -> None:
    segments = [said("one two"), said("<unk> & so --> on", start_s=3661.5)]
    assert srt(cues(segments)).startswith("1\n00:00:00,000 --> 00:00:00,600\none two\n\n2\n01:01:01,500 --> ")
    page = vtt(cues(segments))
    assert page.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:00.600\none two\n\n01:01:01.500 --> ")
    assert page.count("-->") == 2
    assert "&lt;unk&gt; &amp; so --&gt; on" in page


def test_long_cues_are_shown_in_two_lines() -> None:
    text = "he was not an ill disposed young man unless to be rather cold hearted"
    lines = wrap(text).split("\n")
    assert " ".join(lines) == text
    assert max(map(len, lines)) <= 42
    assert wrap("short") == "short"
    assert wrap("x" * 60) == "x" * 60
    (cue,) = segment_cues(said(text, word_s=0.2))
    assert re.fullmatch(r"7\n.* --> .*\n.+\n.+\n\n", srt_block(7, cue, wrapped=True))
