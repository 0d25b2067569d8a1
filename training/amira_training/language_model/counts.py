"""Counting token n-grams: each is one integer, and a level is a sorted array of them.

With ``bits`` bits per token, oldest token first, an n-gram's prefix is a shift and its suffix a mask,
and numerical order is the order of the token sequences: all continuations of a context lie together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amira_training.errors import SettingsError

Keys = NDArray[np.uint64]
Index = NDArray[np.int64]

START = 0
"""Token before the first one of a sentence: blank, which no text holds."""


@dataclass(frozen=True)
class Level:
    """All n-grams of one length.

    Attributes:
        keys: ``[m]``, rising.
        counts: ``[m]`` how often each was seen.
        prefix: ``[m]`` index in the level below of the n-gram without its last token.
        suffix: ``[m]`` index in the level below of the n-gram without its first token.
    """

    keys: Keys
    counts: NDArray[np.int64]
    prefix: Index
    suffix: Index

    def __len__(self) -> int:
        return len(self.keys)

    def last_tokens(self, bits: int) -> NDArray[np.int64]:
        """``[m]`` last token of each."""
        return (self.keys & np.uint64((1 << bits) - 1)).astype(np.int64)


@dataclass(frozen=True)
class Counts:
    """N-grams of length 1 to ``order``; level 1 holds every token of the vocabulary, seen or not."""

    levels: list[Level]
    vocabulary: int
    bits: int

    @property
    def order(self) -> int:
        """Length of the longest n-grams."""
        return len(self.levels)


def count_ngrams(sentences: Sequence[Sequence[int]], vocabulary: int, order: int) -> Counts:
    """Counts every n-gram within a sentence, its start included, that ends in a token of the text.

    Args:
        sentences: tokens of each; none is :data:`START`.
        vocabulary: tokens in all.
        order: longest n-grams, at least 2.

    Raises:
        SettingsError: n-grams of this order do not fit into 64 bits.
    """
    bits = max(1, (vocabulary - 1).bit_length())
    if order < 2 or order * bits > 64:
        raise SettingsError(f"the order must be from 2 to {64 // bits} with {vocabulary} tokens, not {order}")
    tokens, places = _joined(sentences)
    levels = [_unigrams(tokens, vocabulary)]
    keys = tokens.copy()
    for length in range(2, order + 1):
        keys = (keys[:-1] << np.uint64(bits)) | tokens[length - 1 :]
        levels.append(_level(keys[places[length - 1 :] >= length - 1], length, bits, levels[-1]))
    return Counts(levels, vocabulary, bits)


def _joined(sentences: Sequence[Sequence[int]]) -> tuple[Keys, Index]:
    """All sentences in one array, each behind its start, and each token's place in its sentence."""
    lengths = np.fromiter((len(sentence) + 1 for sentence in sentences), np.int64, len(sentences))
    tokens = np.fromiter(
        (token for sentence in sentences for token in (START, *sentence)), np.uint64, int(lengths.sum())
    )
    begins = np.repeat(np.cumsum(lengths) - lengths, lengths)
    return tokens, np.arange(len(tokens)) - begins


def _unigrams(tokens: Keys, vocabulary: int) -> Level:
    counts = np.bincount(tokens.astype(np.int64), minlength=vocabulary)
    counts[START] = 0  # it is a context only: nothing ever predicts it
    nothing = np.zeros(vocabulary, np.int64)
    return Level(np.arange(vocabulary, dtype=np.uint64), counts, nothing, nothing)


def _level(keys: Keys, length: int, bits: int, below: Level) -> Level:
    distinct, counts = np.unique(keys, return_counts=True)
    inner = np.uint64((1 << (bits * (length - 1))) - 1)
    prefix = np.searchsorted(below.keys, distinct >> np.uint64(bits))
    return Level(distinct, counts, prefix, np.searchsorted(below.keys, distinct & inner))
