"""Days in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
MONTHS = [
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
    "november", "december",
]  # fmt: skip
ORDINALS = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth",
    "nineteenth", "twentieth",
]  # fmt: skip
_LATE = {"thirtieth": 30, "thirty first": 31} | {
    f"twenty {word}": 20 + value for value, word in enumerate(ORDINALS[:9], 1)
}
DAY_OF_MONTH = {word: value for value, word in enumerate(ORDINALS, 1)} | _LATE
_FROM_TODAY = {"yesterday": -1, "today": 0, "tomorrow": 1, "the day after tomorrow": 2}
_HOLIDAYS = {
    "christmas": (12, 25), "christmas day": (12, 25), "christmas eve": (12, 24), "new year": (1, 1),
    "new year's day": (1, 1), "new year's eve": (12, 31), "halloween": (10, 31), "valentine's day": (2, 14),
}  # fmt: skip
_SEARCHED_YEARS = 9
"""A leap day may be eight years away."""


def date_of(words: Sequence[str], today: date) -> date:
    """The day that is meant, the next one where there are many. Raises ValueError where there is none."""
    text = " ".join(word for word in words if word not in ("on", "next", "of"))
    text = text.removeprefix("the ") if text not in _FROM_TODAY else text
    if text in _FROM_TODAY:
        return today + timedelta(_FROM_TODAY[text])
    if text in WEEKDAYS:
        return today + timedelta((WEEKDAYS.index(text) - today.weekday() - 1) % 7 + 1)
    if text in _HOLIDAYS:
        return _next(*_HOLIDAYS[text], today)
    months = [word for word in words if word in MONTHS]
    ordinal = text.replace("the ", "").replace(months[0], "").strip() if months else text
    if not months or ordinal not in DAY_OF_MONTH:
        raise ValueError(f"{text!r} is not a day")
    return _next(MONTHS.index(months[0]) + 1, DAY_OF_MONTH[ordinal], today)


def _next(month: int, day: int, today: date) -> date:
    for year in range(today.year, today.year + _SEARCHED_YEARS):
        try:
            found = date(year, month, day)
        except ValueError:
            continue  # 29 February
        if found >= today:
            return found
    raise ValueError(f"{MONTHS[month - 1]} has no day {day}")


def said(day: date) -> str:
    """``Friday, December 25th``."""
    return f"{day:%A}, {day:%B} {day.day}{_ending(day.day)}"


def _ending(day: int) -> str:
    if 11 <= day <= 13:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
