"""Words as sounds: what is misheard is written differently, but sounds alike.

The pronunciations are those of hibari-tts: a lexicon, and a small network for words that are in none, such as
those that a recognizer makes up of syllables.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations

import numpy as np
from hibari.g2p import G2P
from numpy.typing import NDArray

_ALIKE: tuple[tuple[str, float], ...] = (
    ("iɪᵻj", 0.2), ("ɪᵻəɐʌɛ", 0.3), ("ɛæ", 0.25), ("ɛAæ", 0.35), ("ɑɔʌɒ", 0.25), ("uʊw", 0.25),
    ("Oɔ", 0.3), ("əɜɚɹ", 0.4), ("əɐʌæ", 0.3), ("IYA", 0.45), ("WOɑ", 0.45), ("ᵊəɐ", 0.1), ("pb", 0.3),
    ("tdTɾ", 0.2), ("kɡ", 0.3), ("fv", 0.2), ("sz", 0.15), ("ʃʒ", 0.2), ("ʧʤ", 0.25), ("θð", 0.2),
    ("mn", 0.4), ("nŋ", 0.3), ("ʃʧ", 0.45), ("θf", 0.45), ("ðv", 0.5), ("ptk", 0.6), ("bdɡ", 0.6),
    ("sθ", 0.5), ("szʃ", 0.55), ("tʧ", 0.5), ("dʤ", 0.5), ("ðd", 0.5), ("hp", 0.7), ("lɹw", 0.6),
    ("bv", 0.6), ("hkt", 0.8),
)  # fmt: skip
"""Sounds that are taken for each other, and what it costs to take one for another; else it costs 1."""

VOWELS = "iɪᵻɛæɑɔʌɒuʊəɜɚɐᵊAIOWYQae"
_VOWEL_FOR_VOWEL = 0.5
_FAINT = {"ə": 0.3, "ᵊ": 0.2, "ɐ": 0.35, "h": 0.4, "ᵻ": 0.35, "ɪ": 0.4}
"""What it costs to miss or add a sound, where it costs less than others."""
_MISSED_VOWEL, _MISSED_CONSONANT = 0.55, 0.7

ALPHABET = VOWELS + "bdfhjklmnpstvwzðŋɡɹɾʃʒʤʧθT" + "?"
"""Every sound; the last stands for all others."""
_NUMBER = {sound: number for number, sound in enumerate(ALPHABET)}

Sounds = NDArray[np.int8]
"""Numbers of sounds in ALPHABET, [sounds]."""


_one_at_a_time = threading.Lock()


@lru_cache(maxsize=1)
def _pronouncing() -> G2P:
    return G2P()


@lru_cache(maxsize=8192)
def sounds_of(word: str) -> Sounds:
    """The sounds of a word, or of several; of nothing that can be said: none."""
    with _one_at_a_time:
        spoken = _pronouncing()(word.lower()) if word.strip() else ""
    kept = [_NUMBER.get(sound, len(ALPHABET) - 1) for sound in spoken if sound not in "ˈˌː ,.;:!?'\"…—-“”()"]
    return np.array(kept, dtype=np.int8)


def sounds_of_words(words: Sequence[str]) -> Sounds:
    """The sounds of each word by itself, one after the other."""
    return np.concatenate([np.zeros(0, np.int8), *(sounds_of(word) for word in words)])


def _substitution_costs() -> NDArray[np.float32]:
    size = len(ALPHABET)
    costs = np.ones((size, size), np.float32)
    for first, second in combinations(VOWELS, 2):
        _set(costs, first, second, _VOWEL_FOR_VOWEL)
    for group, cost in _ALIKE:
        for first, second in combinations(group, 2):
            _set(costs, first, second, min(cost, costs[_NUMBER[first], _NUMBER[second]]))
    np.fill_diagonal(costs, 0.0)
    return costs


def _set(costs: NDArray[np.float32], first: str, second: str, cost: float) -> None:
    costs[_NUMBER[first], _NUMBER[second]] = costs[_NUMBER[second], _NUMBER[first]] = cost


SUBSTITUTION = _substitution_costs()
"""float32 [alphabet, alphabet]: what it costs to hear one sound for another."""

MISSING = np.array(
    [_FAINT.get(s, _MISSED_VOWEL if s in VOWELS else _MISSED_CONSONANT) for s in ALPHABET], np.float32
)
"""float32 [alphabet]: what it costs that a sound is missing, or that one is heard that nobody said."""
