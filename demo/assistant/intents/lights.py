"""The lights of the drawn house."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

from demo.assistant.language.command import Command
from demo.assistant.values.numbers import value_of

_STEP = 30
_LEAST = 10
_UP = ("brighter", "brighten", "up")


@dataclass
class Light:
    """One light; level in per cent."""

    name: str
    on: bool = False
    level: int = 100
    colour: str = "warm white"


class Lights:
    """All lights. `changed` is called whenever one is another than before."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._lights = {
            name: Light(name) for name in ("kitchen light", "living room light", "bedroom light", "desk lamp")
        }

    def state(self) -> list[dict[str, object]]:
        """Every light as JSON."""
        return [asdict(light) for light in self._lights.values()]

    def switch(self, command: Command) -> str:
        """On or off."""
        return self._switch(self._meant(command), command.phrase("to") == "on")

    def all_off(self, command: Command) -> str:
        """The last word of the day."""
        self._switch(list(self._lights.values()), False)
        return "Good night. All lights are off."

    def dim(self, command: Command) -> str:
        """To a level. Raises ValueError for words that are no number."""
        lights, level = self._meant(command), value_of(command.words("level"))
        if level == 0:
            return self._switch(lights, False)
        for light in lights:
            light.on, light.level = True, level
        return self._say(lights, f"at {level} percent")

    def change(self, command: Command) -> str:
        """Brighter or darker by a step; a light that is off is switched on by more light alone."""
        lights, brighter = self._meant(command), command.phrase("by") in _UP
        for light in lights:
            level = light.level + (_STEP if brighter else -_STEP) if light.on else _STEP
            light.level = min(100, max(_LEAST, level))
            light.on = light.on or brighter
        return self._say(lights, "brighter" if brighter else "darker")

    def colour(self, command: Command) -> str:
        """Another colour, switched on with it."""
        lights = self._meant(command)
        for light in lights:
            light.on, light.colour = True, command.phrase("colour")
        return self._say(lights, command.phrase("colour"))

    def toggle(self, name: str) -> None:
        """What the switch on the wall does. Raises KeyError for a light that does not exist."""
        self._lights[name].on = not self._lights[name].on
        self._changed()

    def _switch(self, lights: list[Light], on: bool) -> str:
        for light in lights:
            light.on = on
        return self._say(lights, "on" if on else "off")

    def _meant(self, command: Command) -> list[Light]:
        words = set(command.words("where"))
        for word, name in (
            ("kitchen", "kitchen light"),
            ("living", "living room light"),
            ("bedroom", "bedroom light"),
        ):
            if word in words:
                return [self._lights[name]]
        return [self._lights["desk lamp"]] if words & {"desk", "reading"} else list(self._lights.values())

    def _say(self, lights: list[Light], what: str) -> str:
        self._changed()
        if len(lights) > 1:
            return f"All lights are {what}."
        return f"The {lights[0].name} is {what}."
