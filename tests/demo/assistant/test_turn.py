"""Whose turn it is: wake phrase, commands, pauses, keys, interruptions, echoes."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from demo.assistant.turn import (
    JOIN_S,
    PATIENCE_S,
    Action,
    HeardWord,
    Phase,
    Slept,
    StopAnswer,
    Turn,
    Understand,
    Woke,
)
from demo.assistant.wake import WakePhrase

WAKE = WakePhrase()


def words(text: str, start_s: float = 1.0) -> list[HeardWord]:
    """Half a second each."""
    return [
        HeardWord(word, start_s + 0.5 * at, start_s + 0.5 * at + 0.4) for at, word in enumerate(text.split())
    ]


def heard(
    turn: Turn, *texts: str, final: bool = True, segment: int = 0, now: float = 2.0, start_s: float = 1.0
) -> list[Action]:
    return turn.heard(segment, [words(text, start_s) for text in texts], final, now)


def answering(text: str = "The kitchen light is on.", heard_s: float = 10.0) -> Turn:
    turn = Turn(WAKE)
    turn.answering(text, heard_s)
    return turn


def test_speech_without_the_wake_phrase_is_nothing() -> None:
    turn = Turn(WAKE)
    assert heard(turn, "turn on", final=False) == []
    assert heard(turn, "turn on the kitchen light") == []
    assert turn.phase is Phase.ASLEEP
    assert not turn.is_meant(0)


def test_wake_phrase_and_command_in_one_breath() -> None:
    turn = Turn(WAKE)
    assert heard(turn, "hey amira", final=False) == [Woke()]
    assert turn.command_in(0, words("hey amira turn on")) == "turn on"
    assert heard(turn, "hey amira turn on", final=False) == []  # it wakes up once
    (action,) = heard(
        turn, "hey amira turn on the light", "hey amira turn of the light", "pay emmira turn on"
    )
    assert action == Understand(("turn on the light", "turn of the light", "turn on"), 3.9, True)


def test_a_final_alone_will_do() -> None:
    woke, action = heard(Turn(WAKE), "hey amira stop")
    assert woke == Woke()
    assert isinstance(action, Understand)


def test_the_command_may_follow_later() -> None:
    turn = Turn(WAKE)
    assert heard(turn, "hey amira", "hey amirara", "turn on") == [Woke()]
    assert turn.phase is Phase.AWAKE
    assert turn.tick(2.0 + PATIENCE_S - 0.1) == []
    (action,) = heard(turn, "what time is it", segment=1, now=8.0)
    assert isinstance(action, Understand)
    assert action.readings == ("what time is it",)


def test_nobody_says_anything() -> None:
    turn = Turn(WAKE)
    heard(turn, "hey amira")
    assert turn.tick(2.0 + PATIENCE_S) == [Slept()]
    assert turn.phase is Phase.ASLEEP
    assert heard(turn, "turn on the light", segment=1, now=20) == []


def test_who_speaks_slowly_is_waited_for() -> None:
    turn = Turn(WAKE)
    heard(turn, "hey amira")
    heard(turn, "set a", final=False, segment=1, now=8)
    assert turn.tick(2 + PATIENCE_S) == []
    assert len(heard(turn, "set a timer", segment=1, now=14)) == 1


def test_a_reading_without_the_phrase_is_not_looked_at_where_another_has_it() -> None:
    *_, action = heard(Turn(WAKE), "hey amira stop", "hail mary a stop")
    assert isinstance(action, Understand)
    assert action.readings == ("stop",)


def test_an_unfinished_command_is_joined_with_its_rest() -> None:
    turn = Turn(WAKE)
    *_, first = heard(turn, "hey amira set a timer for", "hey amira set the timer for")
    assert isinstance(first, Understand)
    turn.hold(first, 3.0)
    (joined,) = heard(turn, "ten minutes", segment=1, now=4.0)
    assert isinstance(joined, Understand)
    assert joined.readings[0] == "set a timer for ten minutes"
    assert joined.readings[-1] == "ten minutes"  # somebody may have begun anew


def test_an_unfinished_command_without_rest_is_answered() -> None:
    turn = Turn(WAKE)
    *_, first = heard(turn, "hey amira set a timer for")
    assert isinstance(first, Understand)
    turn.hold(first, 3.0)
    assert turn.tick(3.0 + JOIN_S - 0.1) == []
    (action,) = turn.tick(3.0 + JOIN_S)
    assert action == Understand(first.readings, first.end_s, may_wait=False)
    turn.done(6.0)
    assert turn.tick(99.0) == []


def test_speech_stops_the_answer_and_is_the_next_command() -> None:
    turn = answering()
    assert heard(turn, "turn off", final=False, start_s=11) == [StopAnswer()]
    assert turn.phase is Phase.AWAKE
    turn.silenced(12.0)
    assert heard(turn, "turn off all", final=False, start_s=11) == []
    (action,) = heard(turn, "turn off all lights", start_s=11)
    assert isinstance(action, Understand)
    assert action.readings[0] == "turn off all lights"


def test_the_answers_own_words_do_not_stop_it() -> None:
    turn = answering()
    for text in ("the", "the kitchen", "the kitchen light is", "kitchen like is on"):
        assert heard(turn, text, final=False, start_s=10.5) == []
    assert heard(turn, "the kitchen light is on", start_s=10.5) == []
    assert turn.phase is Phase.ANSWERING


def test_an_echo_may_go_over_into_a_command() -> None:
    turn = answering()
    assert heard(turn, "the kitchen light what", final=False, start_s=10.5) == [StopAnswer()]
    turn.silenced(12.0)
    (action,) = heard(turn, "the kitchen light what time is it", start_s=10.5)
    assert isinstance(action, Understand)
    assert action.readings == ("what time is it", "the kitchen light what time is it")


def test_the_echo_of_an_answers_end_is_heard_after_it() -> None:
    turn = answering()
    turn.silenced(12.0)
    turn.done(3.0, listen=True)
    assert heard(turn, "light is on", start_s=11) == []
    (action,) = heard(turn, "light on", segment=1, start_s=14)  # by now it is somebody's
    assert isinstance(action, Understand)


def test_words_from_before_the_answer_do_not_stop_it() -> None:
    assert heard(answering(), "what else", start_s=8) == []


def test_a_breath_does_not_stop_it() -> None:
    assert heard(answering(), "a", final=False, start_s=11) == []


def test_the_wake_phrase_during_an_answer_stops_it_too() -> None:
    turn = answering()
    assert heard(turn, "hey amira", final=False, start_s=11) == [StopAnswer()]
    (action,) = heard(turn, "hey amira what time is it", start_s=11)
    assert isinstance(action, Understand)
    assert action.readings == ("what time is it",)


def test_after_an_answer_the_wake_phrase_is_wanted_again() -> None:
    turn = answering()
    turn.silenced(12.0)
    turn.done(5.0)
    assert turn.phase is Phase.ASLEEP
    assert heard(turn, "turn on the light", start_s=20) == []


def test_while_the_key_is_down_pauses_do_not_end_a_command() -> None:
    turn = Turn(WAKE)
    assert turn.talk(True, 1.0) == [Woke()]
    assert turn.talk(True, 1.0) == []  # keys repeat
    assert turn.command_in(0, words("what is")) is None  # only the key ends it
    assert heard(turn, "what is twelve", now=2) == []
    assert turn.tick(99.0) == []
    assert turn.talk(False, 100.0) == []
    (action,) = heard(turn, "times seven", segment=1, now=101)
    assert isinstance(action, Understand)
    assert action.readings[0] == "what is twelve times seven"


def test_when_the_key_comes_up_after_the_last_word_was_final() -> None:
    turn = Turn(WAKE)
    turn.talk(True, 1.0)
    assert heard(turn, "stop") == []
    turn.talk(False, 3.0)
    (action,) = turn.tick(3.0 + JOIN_S)
    assert isinstance(action, Understand)
    assert action.readings == ("stop",)


def test_the_key_stops_the_answer() -> None:
    assert answering().talk(True, 1.0) == [StopAnswer(), Woke()]


def test_another_microphone_begins_anew() -> None:
    turn = Turn(WAKE)
    heard(turn, "hey amira", final=False)
    turn.microphone_on()
    assert not turn.is_meant(0)


TEXTS = st.sampled_from(
    ["", "a", "hey amira", "hey amira stop", "turn on the light", "the kitchen light is on"]
)
STEPS = st.one_of(
    st.tuples(st.just("heard"), st.integers(0, 3), st.lists(TEXTS, min_size=1, max_size=3), st.booleans()),
    st.tuples(st.just("talk"), st.booleans()),
    st.tuples(st.sampled_from(["tick", "answering", "silenced", "done", "listen", "microphone_on"])),
)


@example([("answering",), ("heard", 0, [""], False), ("heard", 0, ["hey amira stop", "", "a"], True)])
@given(st.lists(STEPS, max_size=30))
def test_whatever_happens_answers_are_stopped_once_and_commands_are_words(
    steps: list[tuple[object, ...]],
) -> None:
    turn, now, plays = Turn(WAKE), 0.0, False
    for step in steps:
        now += 1
        actions: list[Action] = []
        match step:
            case ("heard", int(segment), list(texts), bool(final)):
                actions = turn.heard(segment, [words(text, now) for text in texts], final, now)
            case ("talk", bool(pressed)):
                actions = turn.talk(pressed, now)
            case ("tick",):
                actions = turn.tick(now)
            case ("answering",):
                turn.answering("The kitchen light is on.", now)
                plays = True
            case ("silenced",):
                turn.silenced(now)
            case ("done",) | ("listen",):
                turn.done(now, listen=step == ("listen",))
                plays = False
            case ("microphone_on",):
                turn.microphone_on()
        for action in actions:
            if isinstance(action, StopAnswer):
                assert plays
                plays = False
            if isinstance(action, Understand):
                assert action.readings
                assert all(reading.strip() for reading in action.readings)
        assert (turn.phase is Phase.ANSWERING) == plays
