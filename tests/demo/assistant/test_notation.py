"""The notation of grammars."""

from __future__ import annotations

import pytest

from demo.assistant.language.network import network_of
from demo.assistant.language.notation import Choice, GrammarError, Reference, Sequence, Word, read


def test_words_choices_rules_and_comments() -> None:
    grammar = read("""
        # what can be said
        light: turn (on|off) [the] <which:lamp>   # one line
        light: lights out
        <lamp> = desk lamp | light
    """)
    first, second = grammar.intents["light"].options  # type: ignore[union-attr]  # two lines are a Choice
    assert first == Sequence(
        (
            Word("turn"), Choice((Word("on"), Word("off"))), Choice((Word("the"), Sequence(()))),
            Reference("lamp", "which"),
        )
    )  # fmt: skip
    assert second == Sequence((Word("lights"), Word("out")))
    assert grammar.rules["lamp"] == Choice((Choice((Sequence((Word("desk"), Word("lamp"))), Word("light"))),))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("turn on", "Line 1: write"),
        ("a: (on|off", "Line 1: '\\(' is not closed"),
        ("a: [on", "'\\[' is not closed"),
        ("a: on)", "Line 1: '\\)' closes nothing"),
        ("a: on]", "closes nothing"),
        ("a: on ||off", "nothing between"),
        ("a: ()", "nothing between"),
        ("\na: Turn", "Line 2: 'T' means nothing"),
        ("a: ten 10", "'1' means nothing"),
        ("a: <b>", "a uses <b>, which is defined nowhere"),
        ("a: <b>\n<b> = x <c>\n<c> = y [<b>]", "<b> contains itself"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(GrammarError, match=problem):
        read(text)


def test_an_intent_that_matches_silence_is_refused() -> None:
    with pytest.raises(ValueError, match="silence"):
        network_of(read("a: [please] [now]"))
