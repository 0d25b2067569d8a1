"""The hotword automaton against a plain reading of what it promises."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amira.asr.v1 import config_pb2
from amira_core.errors import HotwordError
from amira_decoder.model import TokenTable, TransducerFolder
from amira_decoder.search import Hotword, HotwordAutomaton, HotwordLimits, hotwords_from_config

LETTERS = TokenTable(("<blk>", "a", "b", "c"), 0)
BOOSTS = st.floats(-5, 5).filter(lambda boost: abs(boost) > 0.01)


def follow(automaton: HotwordAutomaton, tokens: list[int]) -> float:
    """Everything earned by a token sequence that ends here."""
    state, total = 0, 0.0
    for token in tokens:
        total += float(automaton.earned[state, token])
        state = int(automaton.next_state[state, token])
    return total + float(automaton.at_end[state])


def promised(phrases: dict[str, float], text: str) -> float:
    """Each occurrence of a phrase pays its tokens' boosts, less what a phrase that begins it has paid."""
    total = 0.0
    for phrase, boost in phrases.items():
        beginnings = [p for p in phrases if p != phrase and phrase.startswith(p)]
        paid = max(beginnings, key=len, default="")
        pays = len(phrase) * boost - (len(paid) * phrases[paid] if paid else 0)
        total += pays * sum(text.startswith(phrase, at) for at in range(len(text)))
    return total


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=4), BOOSTS, min_size=1, max_size=6),
    st.text("abc", max_size=12),
)
def test_pays_for_whole_phrases_only(phrases: dict[str, float], text: str) -> None:
    automaton = HotwordAutomaton.build([Hotword(p, b) for p, b in phrases.items()], LETTERS)
    assert automaton is not None
    tokens = LETTERS.encode(text) if text else []
    assert follow(automaton, tokens) == pytest.approx(promised(phrases, text), abs=1e-3)


def test_boost_comes_token_by_token_and_goes_back_on_failure() -> None:
    automaton = HotwordAutomaton.build([Hotword("abc", 2.0)], LETTERS)
    assert automaton is not None
    a, b, c = 1, 2, 3
    assert automaton.earned[0, a] == 2.0
    after_a = automaton.next_state[0, a]
    after_ab = automaton.next_state[after_a, b]
    assert automaton.earned[after_a, b] == 2.0
    assert automaton.earned[after_ab, b] == -4.0  # "abb": both loans go back
    assert automaton.earned[after_ab, a] == -2.0  # "aba": both go back, a new "a" begins
    assert automaton.at_end[after_ab] == -4.0
    assert automaton.earned[after_ab, c] == 2.0
    done = automaton.next_state[after_ab, c]
    assert automaton.at_end[done] == 0
    assert automaton.earned[done, b] == 0


def test_no_phrases_need_no_automaton() -> None:
    assert HotwordAutomaton.build([], LETTERS) is None


def test_unwritable_phrase_is_named_by_its_number() -> None:
    with pytest.raises(HotwordError, match=r"Hotword 1 .*'ß'"):
        HotwordAutomaton.build([Hotword("a", 1), Hotword("ß", 1)], LETTERS)


@pytest.mark.parametrize("phrase", ["", "   ", "\t\n"])
def test_empty_phrase(phrase: str) -> None:
    with pytest.raises(HotwordError, match=r"Hotword 0 .*empty"):
        HotwordAutomaton.build([Hotword(phrase, 1)], LETTERS)


@pytest.mark.parametrize("boost", [float("nan"), float("inf"), 20.5, -21])
def test_boost_out_of_range(boost: float) -> None:
    with pytest.raises(HotwordError, match="boost must be from -20 to 20"):
        HotwordAutomaton.build([Hotword("a", boost)], LETTERS)


def test_limits_are_told() -> None:
    with pytest.raises(HotwordError, match="at most 200"):
        HotwordAutomaton.build([Hotword("a", 1)] * 201, LETTERS)
    with pytest.raises(HotwordError, match="at most 3 are allowed"):
        HotwordAutomaton.build([Hotword("abc", 1)], LETTERS, HotwordLimits(max_states=3))
    with pytest.raises(HotwordError, match="at most 100"):
        HotwordAutomaton.build([Hotword("a" * 101, 1)], LETTERS)


def test_longest_allowed_list(starter: TransducerFolder) -> None:
    phrases = [
        Hotword(f"{'abcdefghij'[n % 10]}{'klmnopqrst'[n // 10 % 10]}{'uv'[n // 100]}", 1) for n in range(200)
    ]
    automaton = HotwordAutomaton.build(phrases, starter.tokens)
    assert automaton is not None
    assert automaton.next_state.max() < len(automaton.at_end) <= 1000


def test_last_of_equal_phrases_counts() -> None:
    automaton = HotwordAutomaton.build([Hotword("ab", 1), Hotword("a b", 3)], LETTERS)
    assert automaton is not None
    assert follow(automaton, [1, 2]) == 6


def test_defaults_of_a_request() -> None:
    config = config_pb2.HotwordSet(phrases=[{"phrase": "x"}, {"phrase": "y", "boost": -2}])
    assert hotwords_from_config(config) == [Hotword("x", 1.5), Hotword("y", -2)]
    config.default_boost = 4
    assert hotwords_from_config(config)[0].boost == 4
    config.default_boost = -1
    with pytest.raises(HotwordError, match="default_boost"):
        hotwords_from_config(config)


def test_letter_case_follows_the_vocabulary(starter: TransducerFolder) -> None:
    assert starter.tokens.encode("NASA Launch") == starter.tokens.encode("nasa launch")
