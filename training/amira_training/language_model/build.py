"""A pruned model laid out as the file wants it: contexts numbered by length, leaves by context."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amira_training.language_model.ngram_file import NgramArrays
from amira_training.language_model.pruning import Pruned, contexts_of

LEAST_LOG_PROB = -16.0
"""Of tokens that no text holds."""

Numbers = NDArray[np.int64]


def lay_out(pruned: Pruned) -> NgramArrays:
    """Numbers contexts and leaves."""
    counts, kept = pruned.model.counts, pruned.kept
    is_context = [*contexts_of(pruned.model, kept), np.zeros(len(kept[-1]), np.bool_)]
    numbers = _numbers(is_context)
    log_probs = [np.log(np.maximum(p, np.exp(LEAST_LOG_PROB))) for p in pruned.model.probabilities]
    lasts = [level.last_tokens(counts.bits) for level in counts.levels]
    parents = [np.zeros(len(kept[0]), np.int64)]
    parents += [below[level.prefix] for below, level in zip(numbers, counts.levels[1:], strict=False)]
    leaves = [stays & ~more for stays, more in zip(kept, is_context, strict=True)]
    contexts = 1 + sum(int(more.sum()) for more in is_context)
    context_parents = _picked(parents, is_context)
    leaf_parents = _picked(parents, leaves)
    return NgramArrays(
        order=counts.order,
        vocabulary=counts.vocabulary,
        first_context=1 + np.searchsorted(context_parents, np.arange(contexts + 1)),
        first_leaf=np.searchsorted(leaf_parents, np.arange(contexts + 1)),
        suffix=np.concatenate([[0], _picked(_suffixes(pruned, is_context, numbers), is_context)]),
        context_token=np.concatenate([[0], _picked(lasts, is_context)]),
        context_prob=np.concatenate([[0.0], _picked(log_probs, is_context)]),
        context_back=np.concatenate([[0.0], _picked([*pruned.back_off, log_probs[-1]], is_context)]),
        leaf_token=_picked(lasts, leaves),
        leaf_prob=_picked(log_probs, leaves),
    )


def _numbers(is_context: list[NDArray[np.bool_]]) -> list[Numbers]:
    """Per length, each context's number; -1 for other n-grams. The empty context is 0."""
    numbers, used = [], 1
    for level in is_context:
        numbers.append(np.where(level, used + np.cumsum(level) - 1, -1))
        used += int(level.sum())
    return numbers


def _suffixes(pruned: Pruned, is_context: list[NDArray[np.bool_]], numbers: list[Numbers]) -> list[Numbers]:
    """Per length, the number of the longest context that each n-gram ends with, other than itself."""
    suffixes = [np.zeros(len(is_context[0]), np.int64)]
    for at, level in enumerate(pruned.model.counts.levels[1:], start=1):
        below = np.where(is_context[at - 1], numbers[at - 1], suffixes[at - 1])
        suffixes.append(below[level.suffix])
    return suffixes


def _picked(columns: list[NDArray], chosen: list[NDArray[np.bool_]]) -> NDArray:  # type: ignore[type-arg]  # of any kind
    return np.concatenate([column[which] for column, which in zip(columns, chosen, strict=True)])
