"""Walking a back-off language model in numba: scores of all tokens after a context, and the next context."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from amira_decoder.model.jit import kernel
from amira_decoder.model.ngram import NgramArrays


class Fusion(NamedTuple):
    """How a language model takes part in a search."""

    ngrams: NgramArrays
    scale: float
    """Factor of its log-probabilities; 0: it takes no part, and neither does the bonus."""
    bonus: float
    """Nats added per token."""
    internal_scale: float
    """Factor of the log-probabilities that the acoustic model's own predictor gives, which are taken away."""


@kernel
def fill_scores(fusion: Fusion, context: int, scores: NDArray[np.float32]) -> None:
    """Writes scale * log-probability + bonus of every token after a context to `scores` [V]."""
    lm, scale, bonus = fusion.ngrams, fusion.scale, fusion.bonus
    length = 0
    at = context
    left_over = 0.0
    while at != 0:
        length += 1
        left_over += lm.back_offs[lm.context_back[at]]
        at = int(lm.suffix[at])
    shift = np.float32(scale * left_over + bonus)
    factor = np.float32(scale)
    for token in range(len(scores)):
        scores[token] = factor * lm.unigrams[token] + shift
    # From the shortest context to the longest, each over what the one before has written.
    for skip in range(length - 1, -1, -1):
        at = context
        left_over = 0.0
        for _ in range(skip):
            left_over += lm.back_offs[lm.context_back[at]]
            at = int(lm.suffix[at])
        shift = np.float32(scale * left_over + bonus)
        for child in range(lm.first_context[at], lm.first_context[at + 1]):
            scores[lm.context_token[child]] = factor * lm.log_probs[lm.context_prob[child]] + shift
        for child in range(lm.first_leaf[at], lm.first_leaf[at + 1]):
            scores[lm.leaf_token[child]] = factor * lm.log_probs[lm.leaf_prob[child]] + shift


@kernel
def next_context(lm: NgramArrays, context: int, token: int) -> int:
    """The longest context that the tokens of `context` and one more end with."""
    at = context
    while True:
        low, high = int(lm.first_context[at]), int(lm.first_context[at + 1])
        while low < high:
            middle = (low + high) // 2
            if lm.context_token[middle] < token:
                low = middle + 1
            else:
                high = middle
        if low < lm.first_context[at + 1] and lm.context_token[low] == token:
            return low
        if at == 0:
            return 0
        at = int(lm.suffix[at])
