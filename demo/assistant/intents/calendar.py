"""Dates and times."""

from __future__ import annotations

from datetime import datetime, timedelta

from demo.assistant.language.command import Command
from demo.assistant.values.dates import date_of, said
from demo.assistant.values.durations import seconds_of


def time_now(command: Command, now: datetime) -> str:
    """The time."""
    return f"It is {_clock(now)}."


def time_in(command: Command, now: datetime) -> str:
    """The time a while from now."""
    return f"It will be {_clock(now + timedelta(seconds=seconds_of(command.words('length'))))}."


def today(command: Command, now: datetime) -> str:
    """Today's date."""
    return f"Today is {said(now.date())}."


def day(command: Command, now: datetime) -> str:
    """Which day it is, or will be. Raises ValueError for words that are no day."""
    asked = command.words("when") or ("today",)
    found = date_of(asked, now.date())
    if found == now.date():
        return today(command, now)
    return f"It is {said(found)}." if found > now.date() else f"It was {said(found)}."


def days_until(command: Command, now: datetime) -> str:
    """How many days to go. Raises ValueError for words that are no day."""
    asked = date_of(command.words("when"), now.date())
    days = (asked - now.date()).days
    if days == 0:
        return "That is today."
    if days < 0:
        return "That was yesterday."
    return f"{days} {'day' if days == 1 else 'days'} until {said(asked)}."


def _clock(time: datetime) -> str:
    return f"{time.hour % 12 or 12}:{time:%M} {'am' if time.hour < 12 else 'pm'}"
