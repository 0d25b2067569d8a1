"""Back-off language models the slow way: dictionaries of token sequences, and the file made of one."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from amira_training.language_model.build import lay_out
from amira_training.language_model.counts import START, count_ngrams
from amira_training.language_model.ngram_file import write_ngrams
from amira_training.language_model.pruning import Pruned, prune
from amira_training.language_model.smoothing import smooth

Ngram = tuple[int, ...]

PLENTY = 10**9
"""Bytes that no model of a test needs."""


@dataclass(frozen=True)
class BackOff:
    """Natural logarithms of probabilities and of back-off weights, as an ARPA file has them."""

    order: int
    log_probs: dict[Ngram, float]
    back_off: dict[Ngram, float]

    def log_prob(self, token: int, before: Sequence[int]) -> float:
        """Of a token after the tokens of a sentence so far, its start not counted."""
        context = (START, *before)[-(self.order - 1) :]
        total = 0.0
        while (*context, token) not in self.log_probs:
            total += self.back_off.get(context, 0.0)
            context = context[1:]
        return total + self.log_probs[*context, token]


def back_off_of(pruned: Pruned) -> BackOff:
    """A model of the recipe as dictionaries."""
    counts = pruned.model.counts
    log_probs, back_off = {}, {}
    for at, level in enumerate(counts.levels):
        for place, key in enumerate(level.keys.tolist()):
            ngram = tuple(key >> (counts.bits * (at - i)) & ((1 << counts.bits) - 1) for i in range(at + 1))
            if pruned.kept[at][place]:
                log_probs[ngram] = math.log(max(pruned.model.probabilities[at][place], 1e-12))
                if at + 1 < counts.order:
                    back_off[ngram] = float(pruned.back_off[at][place])
    return BackOff(counts.order, log_probs, back_off)


def write_model(
    path: Path,
    sentences: Sequence[Sequence[int]],
    pieces: Sequence[str],
    *,
    order: int = 3,
    most_bytes: int = PLENTY,
) -> BackOff:
    """Learns from sentences, writes the file, and gives what it should hold."""
    pruned = prune(smooth(count_ngrams(sentences, len(pieces), order)), most_bytes)
    write_ngrams(path, lay_out(pruned), pieces)
    return back_off_of(pruned)


def count_slowly(sentences: Sequence[Sequence[int]], order: int) -> Counter[Ngram]:
    """All n-grams of all lengths but the bare start."""
    counts: Counter[Ngram] = Counter()
    for sentence in sentences:
        tokens = (START, *sentence)
        for begin, end in itertools.combinations(range(len(tokens) + 1), 2):
            if end - begin <= order and end > 1:
                counts[tokens[begin:end]] += 1
    return counts


def random_sentences(vocabulary: int, sentences: int, seed: int) -> list[list[int]]:
    """Sentences in which some tokens follow others more often."""
    rng = np.random.default_rng(seed)
    likely = rng.dirichlet(np.full(vocabulary - 1, 0.3), vocabulary)
    made = []
    for _ in range(sentences):
        sentence: list[int] = []
        for _ in range(rng.integers(1, 12)):
            sentence.append(1 + int(rng.choice(vocabulary - 1, p=likely[sentence[-1] if sentence else 0])))
        made.append(sentence)
    return made
