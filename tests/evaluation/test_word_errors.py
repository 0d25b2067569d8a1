"""Normalisation, alignment, and the interval."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.normalise import words_of
from evaluation.word_errors import Errors, count_errors, interval
from tests.evaluation.conftest import heard

few_words = st.lists(st.sampled_from("abc"), max_size=7)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's the Boys\u2019 house.", ["it's", "the", "boys'", "house"]),
        ("twenty-one\tcafés — naïve!", ["twenty", "one", "cafes", "naive"]),
        ("'tis ' ''' \n", ["'tis"]),
        ("snake_case 42%", ["snake", "case", "42"]),
        ("ﬁnal STRASSE Straße", ["final", "strasse", "straße"]),
        ("", []),
    ],
)
def test_normalisation(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(st.text(max_size=40))
def test_normalised_text_stays_as_it_is(text: str) -> None:
    words = words_of(text)
    assert words_of(" ".join(words)) == words


@cache
def fewest_edits(wanted: tuple[str, ...], got: tuple[str, ...]) -> int:
    if not wanted or not got:
        return len(wanted) + len(got)
    change = fewest_edits(wanted[1:], got[1:]) + (wanted[0] != got[0])
    return min(change, fewest_edits(wanted[1:], got) + 1, fewest_edits(wanted, got[1:]) + 1)


@given(few_words, few_words)
def test_errors_are_the_fewest(wanted: list[str], got: list[str]) -> None:
    errors = count_errors(" ".join(wanted), " ".join(got))
    assert errors.words == len(wanted)
    assert errors.total == fewest_edits(tuple(wanted), tuple(got))
    assert len(wanted) - errors.deletions + errors.insertions == len(got)


def test_errors_by_kind_and_rate() -> None:
    errors = count_errors("The cat sat on the mat", "so the cat spat on mat")
    assert errors == Errors(words=6, substitutions=1, deletions=1, insertions=1)
    assert errors.rate == pytest.approx(50.0)
    assert (errors + Errors(words=6)).rate == pytest.approx(25.0)
    assert Errors().rate == 0


def test_the_interval_holds_the_rate_and_narrows_with_more_utterances() -> None:
    each = [Errors(words=10, substitutions=number % 3) for number in range(30)]
    low, high = interval(each)
    assert 5 < low < 10 < high < 15
    wide = interval(each[:6])
    assert wide[1] - wide[0] > high - low
    assert interval(each) == (low, high), "the same every time"


def test_the_interval_without_spread_or_words() -> None:
    assert interval([Errors(words=4, deletions=1)] * 9) == (25.0, 25.0)
    assert interval([]) == interval([Errors()]) == (0.0, 0.0)


def test_sources_are_kept_apart_and_the_hard_one_is_not_pooled() -> None:
    from evaluation.parts.speech import POOLED, rows_by_source

    everything = [
        heard("one two", "one two"),
        heard("one two", "", "speechocean762-test"),
        heard("one two three four", "one two three", "news"),
        heard("one two", "two", "books"),
    ]
    rows = {row.source: row for row in rows_by_source(everything, "k2")}
    assert list(rows) == ["books", "speechocean762-test", "news", POOLED]
    assert rows["books"].errors == Errors(4, 0, 1, 0)
    assert rows["books"].utterances == 2
    assert rows[POOLED].errors == Errors(8, 0, 2, 0)
