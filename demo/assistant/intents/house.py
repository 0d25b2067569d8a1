"""Everything that commands can do, and the state that it changes. One for all pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from demo.assistant.intents import arithmetic, calendar
from demo.assistant.intents.lights import Lights
from demo.assistant.intents.timers import Timer, Timers
from demo.assistant.language.command import Command

NOT_UNDERSTOOD = "Sorry, I did not understand that."
_HELP = (
    "I can set timers, for example for ten minutes. I can calculate, such as twelve times seven. "
    "I know the time and the date, and how many days there are until Christmas. And I can switch the lights "
    "in this house on and off, dim them, and change their colours. Just interrupt me whenever you like."
)
_GREETING = "Hello! What can I do?"
_NOTHING_SAID = "I have not said anything yet."

Do = Callable[[Command], str]


class House:
    """Lights and timers; `execute` does what a command wants and gives the answer."""

    def __init__(self, now: Callable[[], datetime] = datetime.now) -> None:
        self._now = now
        self._watching: dict[object, tuple[Callable[[], None], Callable[[str], None]]] = {}
        self._timers = Timers(self._rang, self._changed)
        self._lights = Lights(self._changed)
        self._intents = self._all_intents()

    def watch(self, key: object, changed: Callable[[], None], announce: Callable[[str], None]) -> None:
        """Calls `changed` after each change, and `announce` with what is to be said without a question."""
        self._watching[key] = (changed, announce)

    def unwatch(self, key: object) -> None:
        """Ends that."""
        self._watching.pop(key, None)

    def state(self) -> dict[str, object]:
        """Lights and timers as JSON; times left in seconds."""
        loop = asyncio.get_running_loop()
        timers = [
            {"number": timer.number, "name": timer.name, "left": max(0.0, timer.ends_at - loop.time())}
            for timer in self._timers.running()
        ]
        return {"lights": self._lights.state(), "timers": timers}

    def execute(self, command: Command, last_answer: str = "") -> str:
        """Does it and gives the answer, which may be empty. Raises KeyError for an intent without code."""
        if command.intent == "repeat":
            return last_answer or _NOTHING_SAID
        try:
            return self._intents[command.intent](command)
        except ValueError:
            return NOT_UNDERSTOOD  # the 31st of April

    def knows(self, intent: str) -> bool:
        """Whether there is code for an intent of the grammar."""
        return intent == "repeat" or intent in self._intents

    def toggle(self, light: str) -> None:
        """Raises KeyError for a light that does not exist."""
        self._lights.toggle(light)

    def cancel_timer(self, number: int) -> None:
        """Ends one timer, if it runs."""
        self._timers.remove(number)

    def _all_intents(self) -> dict[str, Do]:
        def at_this_time(tell: Callable[[Command, datetime], str]) -> Do:
            return lambda command: tell(command, self._now())

        return {
            "timer.set": self._timers.set,
            "timer.add": self._timers.add,
            "timer.cancel": self._timers.cancel,
            "timer.left": self._timers.left,
            "arithmetic": arithmetic.calculate,
            "time.now": at_this_time(calendar.time_now),
            "time.in": at_this_time(calendar.time_in),
            "date.today": at_this_time(calendar.today),
            "date.day": at_this_time(calendar.day),
            "date.until": at_this_time(calendar.days_until),
            "light.switch": self._lights.switch,
            "light.dim": self._lights.dim,
            "light.change": self._lights.change,
            "light.colour": self._lights.colour,
            "light.night": self._lights.all_off,
            "help": lambda command: _HELP,
            "hello": lambda command: _GREETING,
            "stop": lambda command: "",
        }

    def _rang(self, timer: Timer) -> None:
        for _, announce in list(self._watching.values()):
            announce(f"Your {timer.name} is done.")

    def _changed(self) -> None:
        for changed, _ in list(self._watching.values()):
            changed()
