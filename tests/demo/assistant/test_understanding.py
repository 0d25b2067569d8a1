"""What is misheard is understood, and what is no command is not."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.assistant.language.notation import Choice, Expression, Grammar, Reference, Sequence, Word, read
from demo.assistant.language.understanding import GRAMMAR, Understanding

ANY = read(GRAMMAR.read_text())

HEARD = [
    # By the recognizer, for synthetic speech.
    ("set a timmer for ten minutes", "timer.set", {"length": "ten minutes"}),
    ("such a timmer for one hour and thirty minutes", "timer.set", {"length": "one hour and thirty minutes"}),
    ("set a timer for for tea minutes", "timer.set", {"length": "forty minutes"}),
    ("cancel the timor", "timer.cancel", {}),
    ("how much time has left", "timer.left", {}),
    ("what is twelve time seven", "arithmetic", {"a": "twelve", "op": "times", "b": "seven"}),
    ("how much is ten plust twenty six", "arithmetic", {"a": "ten", "op": "plus", "b": "twenty six"}),
    ("divid ninety six by eight", "arithmetic", {"op": "divide", "a": "ninety six", "b": "eight"}),
    ("what is won hundred minus forty", "arithmetic", {"a": "one hundred", "op": "minus", "b": "forty"}),
    ("how many days until christmass", "date.until", {"when": "christmas"}),
    ("what day of the week is the fourth of julie", "date.day", {"when": "the fourth of july"}),
    ("turned all the lights on", "light.switch", {"where": "all the lights", "to": "on"}),
    ("turn of the kitchen like", "light.switch", {"where": "the kitchen light", "to": "off"}),
    ("make the desk lampt blew", "light.colour", {"where": "the desk lamp", "colour": "blue"}),
    ("set the desk lampt to read", "light.colour", {"where": "the desk lamp", "colour": "red"}),
    ("dimm the lights to thirty per cent", "light.dim", {"where": "the lights", "level": "thirty"}),
    ("stopp", "stop", {}),
    # Typed.
    ("set a timer for 10 minutes", "timer.set", {"length": "ten minutes"}),
    ("what's 15 percent of 80", "arithmetic", {"a": "fifteen", "op": "percent of", "b": "eighty"}),
]  # fmt: skip

NO_COMMANDS = [
    "unless to be rather cold hearted and rather selfish is to be",
    "mark is going to see elephant",
    "do you like to play",
    "he is on the way home",
    "seven three four two",
    "what is the square root of love",
    "what is banana plus seven",
    "seven plus banana",
    "set a timer for banana minutes",
    "subtract to identik stee",  # by the recognizer: nine from sixty
    "turn on the radio",
    "i would like a cup of tea and two slices of toast please",
    "a",
    "",
    "qxzzt",
]


@pytest.mark.parametrize(("heard", "intent", "slots"), HEARD)
def test_what_is_misheard(
    understanding: Understanding, heard: str, intent: str, slots: dict[str, str]
) -> None:
    command = understanding.understand([heard]).command
    assert command is not None
    assert (command.intent, {name: command.phrase(name) for name in command.slots}) == (intent, slots)


@pytest.mark.parametrize("heard", NO_COMMANDS)
def test_what_is_no_command(understanding: Understanding, heard: str) -> None:
    assert understanding.understand([heard]).command is None


def test_the_second_reading_may_be_the_right_one(understanding: Understanding) -> None:
    readings = ["what is fourteen plush bananas", "what is fourteen plus two"]
    found = understanding.understand(readings).command
    assert found is not None
    assert found.text == "what is fourteen plus two"
    assert understanding.understand(readings[:1]).command is None


def test_of_two_good_readings_the_recognizers_first_wins(understanding: Understanding) -> None:
    found = understanding.understand(
        ["set a timer for fifteen minutes", "set a timer for fifty minutes"]
    ).command
    assert found is not None
    assert found.phrase("length") == "fifteen minutes"


@pytest.mark.parametrize("heard", ["set a timer for", "set a timer for twenty", "turn on the"])
def test_a_beginning_is_known_as_one(understanding: Understanding, heard: str) -> None:
    found = understanding.understand([heard])
    assert found.command is None
    assert found.unfinished
    assert not understanding.is_whole(heard)


@pytest.mark.parametrize("heard", ["bananas are yellow and sweet", "so it goes", ""])
def test_other_speech_is_no_beginning(understanding: Understanding, heard: str) -> None:
    assert not understanding.understand([heard]).unfinished


def test_whole_commands_are_known_before_their_final(understanding: Understanding) -> None:
    assert understanding.is_whole("set a timmer for ten minutes")
    assert not understanding.is_whole("set a timmer for ten mi")


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32), intent=st.sampled_from(sorted(ANY.intents)))
def test_every_sentence_of_the_grammar_is_understood(
    understanding: Understanding, seed: int, intent: str
) -> None:
    words = sentence(ANY.intents[intent], ANY, random.Random(seed))
    found = understanding.understand([" ".join(words)])
    assert found.command is not None
    assert found.cost == pytest.approx(0.0, abs=1e-5)
    if found.command.text == " ".join(words):  # else one that sounds the same: for, four
        assert found.command.intent == intent


@settings(max_examples=12)
@given(st.lists(st.text("abcdefghijklmnopqrstuvwxyz'", min_size=1, max_size=12), max_size=12))
def test_anything_may_be_heard(understanding: Understanding, words: list[str]) -> None:
    found = understanding.understand([" ".join(words)])
    assert found.cost >= 0


def sentence(expression: Expression, grammar: Grammar, choose: random.Random) -> list[str]:
    """One that the expression stands for."""
    match expression:
        case Word(text):
            return [text]
        case Sequence(parts):
            return [word for part in parts for word in sentence(part, grammar, choose)]
        case Choice(options):
            return sentence(choose.choice(options), grammar, choose)
        case Reference(rule):
            return sentence(grammar.rules[rule], grammar, choose)
