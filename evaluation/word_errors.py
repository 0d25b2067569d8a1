"""Word error rates with an interval that says how much a small set can tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jiwer
import numpy as np

from evaluation.normalise import words_of

RESAMPLES = 2000
_SEED = 20


@dataclass(frozen=True, slots=True)
class Errors:
    """What is wrong with one or more transcripts."""

    words: int = 0
    """Words of the references."""
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    @property
    def total(self) -> int:
        """All errors."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Word error rate in per cent; 0 without reference words."""
        return 100 * self.total / self.words if self.words else 0.0

    def __add__(self, other: Errors) -> Errors:
        return Errors(
            self.words + other.words,
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
        )


def count_errors(reference: str, heard: str) -> Errors:
    """Errors of one transcript, from the alignment with the fewest."""
    wanted, got = words_of(reference), words_of(heard)
    if not wanted:  # jiwer refuses references without words
        return Errors(insertions=len(got))
    found = jiwer.process_words(" ".join(wanted), " ".join(got))
    return Errors(len(wanted), found.substitutions, found.deletions, found.insertions)


def interval(per_utterance: Sequence[Errors]) -> tuple[float, float]:
    """Bootstrap 95 % interval of the word error rate in per cent, resampled by utterance.

    Utterances of one speaker are not independent, so for sets with few speakers the truth is wider.
    """
    words = np.array([errors.words for errors in per_utterance])
    if not words.sum():
        return 0.0, 0.0
    totals = np.array([errors.total for errors in per_utterance])
    draws = np.random.default_rng(_SEED).integers(len(words), size=(RESAMPLES, len(words)))
    drawn_words = words[draws].sum(axis=1)
    rates = 100 * totals[draws].sum(axis=1)[drawn_words > 0] / drawn_words[drawn_words > 0]
    low, high = np.percentile(rates, [2.5, 97.5])
    return float(low), float(high)
