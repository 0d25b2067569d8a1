"""From the recognizer's readings to a command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.assistant.language.command import Command
from demo.assistant.language.matching import Match, Matcher
from demo.assistant.language.network import network_of
from demo.assistant.language.notation import read

GRAMMAR = Path(__file__).resolve().parent.parent / "commands.grammar"

_MOST_COST = 0.15
"""Per sound: sentences that are further from what was heard are not what was said."""
_MOST_WORD_COST = 0.3
"""The same for each word of a slot: the rest of a sentence must not vouch for a number that nobody said."""
_MOST_BEGINNING_COST = 0.12
"""What is a sentence's beginning and nothing more; the rest may follow."""
_SURE = 0.1
"""Likewise, where nothing may be wrong."""
_RANK_COST = 0.01
"""The recognizer prefers its first reading, and is mostly right."""
_EXACT = 0.02
"""So close that the other readings need no look."""


@dataclass(frozen=True)
class Understood:
    """What the best reading came to."""

    command: Command | None
    """None: not understood."""
    cost: float
    """Per sound, from 0; that of the nearest sentence where nothing was understood."""
    unfinished: bool
    """Not understood so far, but sentences begin like this."""


class Understanding:
    """One grammar. Takes tens of milliseconds per reading: not for an event loop."""

    def __init__(self, grammar: str) -> None:
        """Raises GrammarError (a ValueError)."""
        self._matcher = Matcher(network_of(read(grammar)))

    @classmethod
    def of_file(cls, path: Path = GRAMMAR) -> Understanding:
        """Raises OSError and GrammarError."""
        return cls(path.read_text(encoding="utf-8"))

    def understand(self, readings: Sequence[str]) -> Understood:
        """`readings`: what the recognizer heard, best first."""
        best: tuple[float, Match] | None = None
        nearest = 1.0
        for rank, reading in enumerate(readings):
            match = self._matcher.best(reading.split())
            if match is None:
                continue
            nearest = min(nearest, match.cost_per_sound)
            cost = match.cost_per_sound + rank * _RANK_COST
            if _is_good(match) and (best is None or cost < best[0]):
                best = (cost, match)
            if best is not None and best[0] <= _EXACT:
                break
        if best is not None:
            return Understood(_command(best[1]), best[1].cost_per_sound, False)
        return Understood(None, nearest, self._is_beginning(readings))

    def is_whole(self, reading: str) -> bool:
        """Whether this is surely a command from its beginning to its end."""
        match = self._matcher.best(reading.split())
        return match is not None and _is_good(match) and match.cost_per_sound <= _SURE

    def _is_beginning(self, readings: Sequence[str]) -> bool:
        costs = (self._matcher.beginning_cost_per_sound(reading.split()) for reading in readings[:1])
        return any(cost <= _MOST_BEGINNING_COST for cost in costs)


def _is_good(match: Match) -> bool:
    in_slots = (word for word in match.words if word.use.slot is not None and word.sounds > 1)
    return match.cost_per_sound <= _MOST_COST and all(
        word.cost_per_sound <= _MOST_WORD_COST for word in in_slots
    )


def _command(match: Match) -> Command:
    slots = {name: tuple(word.use.text for word in words) for name, words in match.slots()}
    return Command(match.intent, slots, match.text)
