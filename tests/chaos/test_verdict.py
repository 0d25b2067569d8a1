"""Every deviation from the undisturbed stream is found and named."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chaos.load import Failure
from chaos.verdict import StreamVerdict, judge
from tests.chaos.made_up import (
    SCRIPT,
    Response,
    event,
    good_stream,
    mark,
    recording,
    result,
    segment,
    session,
)

SAID = ["he", "was", "not", "an", "ill", "disposed", "young", "man"]

Change = Callable[[list[Response]], list[Response]]


def verdict(responses: list[Response]) -> StreamVerdict:
    return judge(SCRIPT, recording(good_stream()), recording(responses))


def test_an_equal_stream_is_clean() -> None:
    found = verdict(good_stream())
    assert found.clean
    assert found.words == 14


def test_fewer_or_other_interims_are_no_difference() -> None:
    stream = good_stream()
    del stream[2]
    assert verdict(stream).clean


def test_a_lost_segment_is_lost_words_and_more() -> None:
    stream = good_stream()
    found = verdict(stream[:1] + stream[6:])
    assert found.changes.lost == SAID
    assert "final of segment 0 is missing" in found.problems


def test_a_segment_told_twice_is_doubled_words_and_more() -> None:
    stream = good_stream()
    found = verdict(stream[:6] + stream[1:])
    assert found.changes.doubled == SAID
    assert "final of segment 0 came again" in found.problems
    assert "2 SPEECH_START of segment 0" in found.problems
    assert any("behind the final of segment 0" in problem for problem in found.problems)


def test_segments_in_the_wrong_order_are_found() -> None:
    text = "unless to be rather cold hearted"
    stream = [session(), *segment(1, text), mark("a"), *segment(0, "he was"), mark("b")]
    wanted = [session(), *segment(0, "he was"), mark("a"), *segment(1, text), mark("b")]
    found = judge(SCRIPT, recording(wanted), recording(stream))
    assert found.changes.moved
    assert "final of segments are out of order: 1, 0" in found.problems
    assert any("goes back from 15.00 s to 2.00 s" in problem for problem in found.problems)


def replace(place: int, *responses: Response) -> Change:
    return lambda stream: stream[:place] + list(responses) + stream[place + 1 :]


def numbered(*numbers: int) -> Change:
    def change(stream: list[Response]) -> list[Response]:
        for response, number in zip(stream, numbers, strict=False):
            response.sequence = number
        return stream

    return change


def arrived(*offsets: int) -> Change:
    def change(stream: list[Response]) -> list[Response]:
        for response, offset in zip(stream, offsets, strict=False):
            response.received_offset = offset
        return stream

    return change


def test_numbers_without_gaps_are_clean() -> None:
    stream = arrived(0, 100, 100, 200)(numbered(*range(1, 20))(good_stream()))
    assert verdict(stream).clean


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (replace(0), "0 session messages instead of one"),
        (replace(0, session(), session()), "2 session messages instead of one"),
        (lambda stream: [stream[1], stream[0], *stream[2:]], "the session message is not the first one"),
        (replace(1), "event SPEECH_START 0 at 1.00 s is missing"),
        (replace(1), "a result of segment 0 before its SPEECH_START"),
        (replace(1, event(0, 1), event(0, 1)), "2 SPEECH_START of segment 0"),
        (replace(4), "segment 0: no SPEECH_END before its final"),
        (replace(4, event(0, 4.04, end=True)), "event SPEECH_END 0 at 4.04 s came and should not"),
        (replace(4, event(0, 4, end=True), event(0, 4, end=True)), "event SPEECH_END 0 at 4.00 s came again"),
        (replace(1, event(0, 4, end=True)), "SPEECH_END of segment 0 before its SPEECH_START"),
        (numbered(9, 4), "response 4 behind response 9"),
        (numbered(1, 2, 2), "response 2 behind response 2"),
        (arrived(0, 100, 90), "received_offset goes back from 100 to 90"),
        (replace(6), "mark a is missing"),
        (replace(6, mark("a"), mark("a")), "mark a came again"),
        (replace(6, mark("c")), "mark c came and should not"),
        (lambda stream: [*stream[:6], mark("b"), *stream[7:12], mark("a")], "marks are out of order: b, a"),
        (replace(3, result(0, "he", 1.5)), "interim of segment 0 at 1.50 s goes back from 2.00 s to 1.50 s"),
        (replace(6, result(0, "he", 6)), "interim of segment 0 at 6.00 s behind the final of segment 0"),
        (
            replace(5, result(0, "he was not an ill disposed young man", 5, final=True, word_s=1.04)),
            "segment 0: 'he' at 1.04 s to 1.12 s instead of 1.00 s to 1.08 s and 7 more",
        ),
        (
            replace(5, result(0, "he was not an ill disposed young man", 5.32, final=True, word_s=1)),
            "segment 0: audio_processed is 5.32 s instead of 5.00 s",
        ),
        (
            replace(11, result(1, "unless to be rather cold hearted", 15, final=True, word_s=1)),
            "final of segment 1 at 15.00 s: 'unless' begins before the word before it",
        ),
    ],
)  # fmt: skip
def test_each_deviation_is_named(change: Change, problem: str) -> None:
    found = verdict(change(good_stream()))
    assert problem in found.problems
    assert not found.clean


def test_changed_words_in_a_final_are_found_and_not_called_lost() -> None:
    stream = replace(5, result(0, "he was not an ill disposed young fan", 5, final=True, word_s=1))(
        good_stream()
    )
    found = verdict(stream)
    assert found.changes.changed == ["man -> fan"]
    assert not found.changes.lost
    assert not found.clean


def test_of_a_failed_stream_only_what_came_is_compared() -> None:
    broken = recording(good_stream()[:8])
    broken.failure = Failure(12.0, "UNAVAILABLE", "DECODER_LOST", "The decoder is gone.")
    found = judge(SCRIPT, recording(good_stream()), broken)
    assert found.failure == "UNAVAILABLE DECODER_LOST after 12.0 s: The decoder is gone."
    assert found.undelivered == 6
    assert not found.changes
    assert not found.problems
    assert not found.clean


def test_words_lost_before_a_stream_failed_are_lost() -> None:
    broken = recording(
        [session(), *good_stream()[1:5], result(0, "he was not an ill", 5, final=True, word_s=1)]
    )
    broken.failure = Failure(12.0, "UNAVAILABLE", "", "gone")
    assert judge(SCRIPT, recording(good_stream()), broken).changes.lost == ["disposed", "young", "man"]


def test_a_stream_refused_at_its_start_is_a_failure_and_nothing_else() -> None:
    refused = recording([])
    refused.failure = Failure(0.1, "RESOURCE_EXHAUSTED", "NO_CAPACITY", "full")
    found = judge(SCRIPT, recording(good_stream()), refused)
    assert (found.undelivered, found.problems) == (14, [])
