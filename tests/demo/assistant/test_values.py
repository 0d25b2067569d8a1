"""Numbers, lengths of time and days, in words and back."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.assistant.values import dates, durations, numbers

TODAY = date(2026, 3, 10)  # a Tuesday


@given(st.integers(0, numbers.END - 1))
def test_numbers_come_back_from_their_words(value: int) -> None:
    assert numbers.value_of(numbers.words_of(value)) == value


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("zero", 0), ("twenty one", 21), ("a hundred", 100), ("one hundred five", 105),
        ("two thousand", 2000),
        ("a thousand and one", 1001),
        ("nine hundred and ninety nine thousand nine hundred ninety nine", 999_999),
    ],
)  # fmt: skip
def test_numbers(words: str, value: int) -> None:
    assert numbers.value_of(words.split()) == value


@pytest.mark.parametrize("words", ["", "banana", "two bananas"])
def test_what_is_no_number_is_refused(words: str) -> None:
    with pytest.raises(ValueError, match="number"):
        numbers.value_of(words.split())


@pytest.mark.parametrize("value", [-1, numbers.END])
def test_numbers_without_words_are_refused(value: int) -> None:
    with pytest.raises(ValueError, match=str(value)):
        numbers.words_of(value)


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_lengths_come_back_from_their_words(hours: int, minutes: int, seconds: int) -> None:
    counts = {"hours": hours, "minutes": minutes, "seconds": seconds}
    parts = [[*numbers.words_of(count), unit] for unit, count in counts.items() if count]
    if not parts:
        return
    words = [word for part in parts for word in ["and", *part]][1:]
    total = 3600 * hours + 60 * minutes + seconds
    assert durations.seconds_of(words) == total
    told = durations.said(total).replace(",", "").split()
    spelled = [
        word for token in told for word in (numbers.words_of(int(token)) if token.isdigit() else [token])
    ]
    assert durations.seconds_of(spelled) == total


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("ten minutes", 600), ("an hour", 3600), ("a minute", 60), ("half an hour", 1800),
        ("half a minute", 30),
        ("a quarter of an hour", 900), ("two hours and a half", 9000), ("a minute and a half", 90),
        ("three and a half minutes", 210), ("one hour thirty minutes", 5400), ("ninety seconds", 90),
    ],
)  # fmt: skip
def test_lengths(words: str, seconds: int) -> None:
    assert durations.seconds_of(words.split()) == seconds


@pytest.mark.parametrize("words", ["", "ten", "minutes and", "ten bananas", "hours of ten"])
def test_what_is_no_length_is_refused(words: str) -> None:
    with pytest.raises(ValueError, match=r"not a length|number"):
        durations.seconds_of(words.split())


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"), (1, "1 second"), (59.6, "1 minute"), (5400, "1 hour and 30 minutes"),
        (3661, "1 hour, 1 minute and 1 second"),
    ],
)  # fmt: skip
def test_lengths_are_said(seconds: float, text: str) -> None:
    assert durations.said(seconds) == text


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("today", TODAY), ("tomorrow", date(2026, 3, 11)), ("yesterday", date(2026, 3, 9)),
        ("the day after tomorrow", date(2026, 3, 12)), ("wednesday", date(2026, 3, 11)),
        ("tuesday", date(2026, 3, 17)), ("next monday", date(2026, 3, 16)), ("on friday", date(2026, 3, 13)),
        ("christmas", date(2026, 12, 25)), ("new year", date(2027, 1, 1)),
        ("valentine's day", date(2027, 2, 14)),
        ("the fourth of july", date(2026, 7, 4)), ("july the fourth", date(2026, 7, 4)),
        ("march tenth", TODAY), ("march ninth", date(2027, 3, 9)),
        ("the twenty first of march", date(2026, 3, 21)),
        ("february twenty ninth", date(2028, 2, 29)), ("the thirty first of december", date(2026, 12, 31)),
    ],
)  # fmt: skip
def test_days(words: str, day: date) -> None:
    assert dates.date_of(words.split(), TODAY) == day


@pytest.mark.parametrize("words", ["", "someday", "the thirty first of april", "the of july"])
def test_what_is_no_day_is_refused(words: str) -> None:
    with pytest.raises(ValueError, match="day"):
        dates.date_of(words.split(), TODAY)


@given(st.dates(date(2026, 1, 1), date(2035, 1, 1)), st.integers(0, 400))
def test_a_day_named_by_its_month_is_the_next_one(today: date, ahead: int) -> None:
    day = today + timedelta(ahead)
    ordinal = next(words for words, value in dates.DAY_OF_MONTH.items() if value == day.day)
    words = ["the", *ordinal.split(), "of", dates.MONTHS[day.month - 1]]
    found = dates.date_of(words, today)
    assert (found.month, found.day) == (day.month, day.day)
    assert today <= found <= day


@pytest.mark.parametrize(
    ("day", "ending"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (13, "13th")]
)  # fmt: skip
def test_days_are_said(day: int, ending: str) -> None:
    assert dates.said(date(2026, 12, day)).endswith(f", December {ending}")
