"""How far an interim can be trusted: which of its words will not change any more.

A word is called stable when it and all before it have stood unchanged in `min_agreeing` successive
interims (this one included) and the search has looked `min_age_ms` beyond its end. Searches change their mind
about the last word or two only, so both conditions are about recency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from amira_decoder.results.words import Word

STAYS_BY_AGREEING = (0.5, 0.8, 0.9, 0.95, 0.98)
"""Chance that a word stays to the final, by how many interims it has stood in (index 0: this one is its first)."""


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

    min_agreeing: int = 2
    min_age_ms: int = 640
    _texts: list[str] = field(default_factory=list)
    _agreeing: list[int] = field(default_factory=list)

    def update(self, words: Sequence[Word], decoded_ms: int) -> Stability:
        """Takes the segment's next interim, which covers `decoded_ms` of audio from the segment's start."""
        texts = [word.text for word in words]
        same = 0
        while same < min(len(texts), len(self._texts)) and texts[same] == self._texts[same]:
            same += 1
        self._agreeing = [count + 1 for count in self._agreeing[:same]] + [1] * (len(texts) - same)
        self._texts = texts
        stable = 0
        chance = 1.0
        for word, agreeing in zip(words, self._agreeing, strict=True):
            if (
                stable is not None
                and agreeing >= self.min_agreeing
                and decoded_ms - word.end_ms >= self.min_age_ms
            ):
                stable += 1
            chance *= STAYS_BY_AGREEING[min(agreeing, len(STAYS_BY_AGREEING)) - 1]
        return Stability(stable, chance)
