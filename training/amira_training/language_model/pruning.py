"""Leaving out the n-grams that matter least, and the back-off weights of what stays.

An n-gram goes where the model hardly changes without it, measured as relative entropy weighted by how
often its context occurs (Stolcke 1998, "Entropy-based Pruning of Backoff Language Models").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amira_training.language_model.ngram_file import size_on_disk
from amira_training.language_model.smoothing import Floats, Smoothed

Kept = NDArray[np.bool_]

_TINY = 1e-12
_BISECTIONS = 24


@dataclass(frozen=True)
class Pruned:
    """A back-off model.

    Attributes:
        model: the probabilities; those of the n-grams that are kept hold.
        kept: per length ``[m]``, which n-grams are kept. All of length 1 are.
        back_off: per length but the longest ``[m]``, natural logarithm of the factor for continuations that
            are not kept; 0 where no continuation is.
    """

    model: Smoothed
    kept: list[Kept]
    back_off: list[Floats]


def prune(model: Smoothed, most_bytes: int) -> Pruned:
    """Keeps the most telling n-grams whose file has at most ``most_bytes`` (or the least a file can have)."""
    losses = _losses(model)
    everything = [np.ones(len(level), np.bool_) for level in model.counts.levels]
    if _size(model, everything) <= most_bytes:
        return _with_weights(model, everything)
    low, high = -60.0, 10.0
    kept = _above(model, losses, np.exp(high))
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        trial = _above(model, losses, np.exp(middle))
        if _size(model, trial) <= most_bytes:
            high, kept = middle, trial
        else:
            low = middle
    return _with_weights(model, kept)


def _losses(model: Smoothed) -> list[Floats]:
    """Per length from 2 on ``[m]``: relative entropy (nats per token) that dropping just it costs."""
    losses = []
    total = max(1, int(model.counts.levels[0].counts.sum()))
    for length in range(2, model.counts.order + 1):
        level, contexts = model.counts.levels[length - 1], len(model.counts.levels[length - 2])
        own = model.probabilities[length - 1]
        lower = model.probabilities[length - 2][level.suffix]
        # What the context's continuations leave over, in this length and in the one below.
        own_rest = np.maximum(1 - np.bincount(level.prefix, own, contexts), _TINY)[level.prefix]
        lower_rest = np.maximum(1 - np.bincount(level.prefix, lower, contexts), _TINY)[level.prefix]
        before = np.log(own_rest) - np.log(lower_rest)
        after = np.log(own_rest + own) - np.log(lower_rest + lower)
        change = own * (np.log(np.maximum(lower, _TINY)) + after - np.log(np.maximum(own, _TINY)))
        seen = np.bincount(level.prefix, level.counts, contexts)[level.prefix]
        losses.append(-seen / total * (change + own_rest * (after - before)))
    return losses


def _above(model: Smoothed, losses: list[Floats], threshold: float) -> list[Kept]:
    """N-grams that lose more than the threshold, and whatever longer ones that are kept begin with."""
    levels = model.counts.levels
    kept: list[Kept] = [loss > threshold for loss in losses]
    for length in range(len(levels), 2, -1):
        kept[length - 3][levels[length - 1].prefix[kept[length - 2]]] = True
    return [np.ones(len(levels[0]), np.bool_), *kept]


def contexts_of(model: Smoothed, kept: list[Kept]) -> list[Kept]:
    """Per length but the longest ``[m]``: which n-grams have a continuation that is kept."""
    found = []
    for level, above, stays in zip(model.counts.levels, model.counts.levels[1:], kept[1:], strict=False):
        has_more = np.zeros(len(level), np.bool_)
        has_more[above.prefix[stays]] = True
        found.append(has_more)
    return found


def _size(model: Smoothed, kept: list[Kept]) -> int:
    contexts = sum(int(level.sum()) for level in contexts_of(model, kept))
    ngrams = sum(int(level.sum()) for level in kept)
    return size_on_disk(contexts + 1, ngrams - contexts)


def _with_weights(model: Smoothed, kept: list[Kept]) -> Pruned:
    """Weights for which every context's probabilities sum to one, of shorter contexts first."""
    back_off: list[Floats] = []
    whole = model.probabilities[0]  # of each n-gram in the pruned model, kept or not
    for length in range(2, model.counts.order + 1):
        level, contexts = model.counts.levels[length - 1], len(model.counts.levels[length - 2])
        own, stays = model.probabilities[length - 1], kept[length - 1]
        lower = whole[level.suffix]
        own_rest = 1 - np.bincount(level.prefix[stays], own[stays], contexts)
        lower_rest = 1 - np.bincount(level.prefix[stays], lower[stays], contexts)
        weights = np.log(np.maximum(own_rest, _TINY)) - np.log(np.maximum(lower_rest, _TINY))
        back_off.append(weights)
        whole = np.where(stays, own, np.exp(weights[level.prefix]) * lower)
    return Pruned(model, kept, back_off)
