"""How far an interim can be trusted: which of its words will not change any more.

A search changes its mind about what was said last, so what counts is how far it has looked beyond a
word's end (the word's age). A word is called stable when it and all before it are old enough and
stood the same in the interim before. Measured on 37 minutes of LibriSpeech with the starter model:
0.6 % of the words called stable changed later with chunks of 640 ms, 1.0 % with 320 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from amira_decoder.results.words import Word

_AGE_STEP_MS = 160
_STAYS_BY_AGE = (0.58, 0.92, 0.98, 0.983, 0.991, 0.994, 0.997, 0.997, 0.9997)
"""Chance that a word stays to the final when those before it do, by its age in steps; measured as above."""


@dataclass(frozen=True, slots=True)
class Stability:
    """What one interim is worth."""

    stable_words: int
    """Words at its beginning that are not expected to change."""
    stability: float
    """Estimated chance in [0, 1] that all of its words stay; 1 for an empty interim."""


@dataclass(slots=True)
class StabilityTracker:
    """Follows the interims of one segment; use a new one for each segment."""

    min_age_ms: int = 480
    """How far the search must have looked beyond a stable word."""
    _previous: list[str] = field(default_factory=list)

    def update(self, words: Sequence[Word], decoded_ms: int) -> Stability:
        """Takes the segment's next interim, which covers `decoded_ms` of audio from the segment's start."""
        stable, chance, settled = 0, 1.0, True
        for position, word in enumerate(words):
            age_ms = max(0, decoded_ms - word.end_ms)
            chance *= _STAYS_BY_AGE[min(age_ms // _AGE_STEP_MS, len(_STAYS_BY_AGE) - 1)]
            same = self._previous[position : position + 1] == [word.text]
            settled = settled and same and age_ms >= self.min_age_ms
            stable += settled
        self._previous = [word.text for word in words]
        return Stability(stable, chance)
