"""The wake phrase, and the assistant's own voice, by their sounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.assistant.echo import without_echo
from demo.assistant.language.distance import costs_within, distance
from demo.assistant.language.sounds import ALPHABET, sounds_of
from demo.assistant.silence import TrailingSilence
from demo.assistant.wake import WakePhrase

WAKE = WakePhrase()


@pytest.mark.parametrize(
    ("heard", "end"),
    [
        ("hey amira", 2), ("pay emmira", 2), ("hey a mirror", 3), ("hey mira what time is it", 2),
        ("so hey amira stop", 3), ("hay a meera", 3), ("hey amira hey amira", 2),
    ],
)  # fmt: skip
def test_it_is_heard(heard: str, end: int) -> None:
    assert WAKE.end_in(heard.split()) == end


@pytest.mark.parametrize(
    "heard", ["", "hey", "hey you", "a mirror", "america", "the admiral", "hey miranda", "they admire it"]
)
def test_other_words_are_not_it(heard: str) -> None:
    assert WAKE.end_in(heard.split()) is None


def test_another_phrase_can_be_chosen_but_not_a_short_one() -> None:
    assert WakePhrase("okay computer").end_in(["o", "kay", "computer", "lights", "off"]) == 3
    with pytest.raises(ValueError, match="too short"):
        WakePhrase("hey")


Sounds = st.lists(st.integers(0, len(ALPHABET) - 1), max_size=12).map(lambda some: np.array(some, np.int8))


@given(Sounds, Sounds)
def test_distances_are_symmetric_and_zero_for_the_same(one: np.ndarray, other: np.ndarray) -> None:
    assert distance(one, one) == 0
    assert distance(one, other) == pytest.approx(distance(other, one), abs=1e-5)
    assert distance(one, other) >= 0


@given(Sounds, Sounds, Sounds)
def test_a_part_costs_nothing_and_a_part_never_more_than_the_whole(
    before: np.ndarray, part: np.ndarray, after: np.ndarray
) -> None:
    whole = np.concatenate([before, part, after])
    assert costs_within(part, whole)[-1] == pytest.approx(0, abs=1e-5)
    assert costs_within(before, part)[-1] <= distance(before, part) + 1e-5


def test_nothing_has_no_sound() -> None:
    assert len(sounds_of("")) == len(sounds_of("   ")) == 0


ANSWER = "Timer set for 10 minutes. The kitchen light is on."


@pytest.mark.parametrize(
    ("heard", "echoed"),
    [
        ("timer set for ten minutes", 5), ("timmer set for ten minuts the kitchen light", 8),
        ("kitchen light is on", 4), ("the kitchen light is on what time is it", 5),
        ("what time is it", 0), ("turn off the bedroom lights", 0), ("stop", 0), ("", 0),
    ],
)  # fmt: skip
def test_an_echo_is_known_by_its_words(heard: str, echoed: int) -> None:
    assert without_echo(heard.split(), ANSWER) == echoed


def tone(seconds: float, level: float, rate_hz: int = 16_000) -> bytes:
    time = np.arange(int(seconds * rate_hz)) / rate_hz
    samples = level * np.sin(2 * np.pi * 300 * time) + 0.003 * np.random.default_rng(0).standard_normal(
        time.size
    )
    return bytes((32767 * samples).astype("<i2").tobytes())


def test_silence_is_what_follows_the_last_loud_sound() -> None:
    silence = TrailingSilence(16_000)
    silence.add(tone(0.5, 0))
    assert silence.seconds == pytest.approx(0.5)
    silence.add(tone(1, 0.2))
    assert silence.seconds == 0
    for piece in np.array_split(np.frombuffer(tone(0.4, 0), np.int16), 7):  # whatever the pieces
        silence.add(piece.tobytes())
    assert silence.seconds == pytest.approx(0.4, abs=0.021)


def test_a_noisy_room_becomes_the_new_silence() -> None:
    silence = TrailingSilence(16_000)
    silence.add(tone(0.5, 0))
    silence.add(tone(12, 0.05))
    assert silence.seconds > 0
