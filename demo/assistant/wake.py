"""The wake phrase, found by its sound: "pay emmira" and "hey a mirror" are what a small recognizer hears."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from demo.assistant.language.distance import distance
from demo.assistant.language.sounds import sounds_of, sounds_of_words

PHRASE = "hey amira"
_MOST_COST = 0.26
"""Per sound of the phrase. Measured: docs/ASSISTANT.md."""
_MOST_WORDS = 4
"""That the recognizer may have made of it."""


class WakePhrase:
    """Looks for one phrase."""

    def __init__(self, phrase: str = PHRASE) -> None:
        """Raises ValueError for a phrase so short that it would be heard everywhere."""
        self.phrase = phrase
        self._sounds = sounds_of_words(phrase.split())
        if len(self._sounds) < 5:
            raise ValueError(f"the wake phrase {phrase!r} is too short: take one of at least two syllables")

    def end_in(self, words: Sequence[str]) -> int | None:
        """How many words there are up to the phrase's end; None where it was not said."""
        best: tuple[float, int] | None = None
        for start in range(len(words)):
            for end in range(start + 1, min(start + _MOST_WORDS, len(words)) + 1):
                cost = self.cost(words[start:end])
                if cost <= _MOST_COST and (best is None or cost < best[0]):
                    best = (cost, end)
        return None if best is None else best[1]

    def cost(self, words: Sequence[str]) -> float:
        """Per sound: how far the words are from the phrase."""
        heard = np.concatenate([sounds_of(word) for word in words])
        if not 0.5 < (len(heard) + 0.1) / len(self._sounds) < 1.6:
            return 1.0
        return distance(heard, self._sounds) / len(self._sounds)
