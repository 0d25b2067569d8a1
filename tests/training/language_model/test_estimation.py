"""Counts, smoothing and pruning against the slow way."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amira_training.errors import SettingsError
from amira_training.language_model.build import lay_out
from amira_training.language_model.counts import START, count_ngrams
from amira_training.language_model.ngram_file import size_on_disk
from amira_training.language_model.pruning import prune
from amira_training.language_model.smoothing import smooth
from tests.support.ngrams import (
    PLENTY,
    BackOff,
    Ngram,
    back_off_of,
    count_slowly,
    random_sentences,
)

VOCABULARY = 5
SENTENCES = st.lists(st.lists(st.integers(1, VOCABULARY - 1), max_size=9), min_size=1, max_size=30)
ORDERS = st.integers(2, 5)


def interpolated(counts: Counter[Ngram], order: int) -> dict[Ngram, float]:
    """Every n-gram's probability, from the definition; discounts per length as estimated from its counts."""
    probabilities: dict[Ngram, float] = {}
    for length in range(1, order + 1):
        seen = {ngram: count for ngram, count in counts.items() if len(ngram) == length}
        if length == 1:
            seen = {(token,): counts[token,] for token in range(VOCABULARY)}
        if length < order:
            before = Counter(ngram[1:] for ngram in counts if len(ngram) == length + 1)
            seen = {g: counts[g] if length > 1 and g[0] == START else before[g] for g in seen}
        times = Counter(seen.values())
        discount = {0: 0.0, 1: 0.5, 2: 0.5, 3: 0.5}
        if all(times[n] for n in (1, 2, 3, 4)):
            share = times[1] / (times[1] + 2 * times[2])
            for n, most in ((1, 0.95), (2, 1.9), (3, 2.9)):
                discount[n] = min(max(n - (n + 1) * share * times[n + 1] / times[n], 0.1), most)
        for ngram, count in seen.items():
            siblings = [c for other, c in seen.items() if other[:-1] == ngram[:-1]]
            total = max(sum(siblings), 1)
            rest = sum(min(discount[min(c, 3)], c) for c in siblings) / total
            uniform = 0.0 if ngram == (START,) else 1 / (VOCABULARY - 1)
            lower = probabilities[ngram[1:]] if length > 1 else uniform
            probabilities[ngram] = (count - min(discount[min(count, 3)], count)) / total + rest * lower
    return probabilities


@given(SENTENCES, ORDERS)
@settings(deadline=None, max_examples=60)
def test_counts(sentences: list[list[int]], order: int) -> None:
    counts = count_ngrams(sentences, VOCABULARY, order)
    expected = count_slowly(sentences, order)
    for length, level in enumerate(counts.levels, start=1):
        mask = (1 << counts.bits) - 1
        ngrams = [
            tuple(int(key) >> (counts.bits * (length - 1 - i)) & mask for i in range(length))
            for key in level.keys
        ]
        if length == 1:
            assert ngrams == [(token,) for token in range(VOCABULARY)]
            assert level.counts.tolist() == [expected[token,] for token in range(VOCABULARY)]
            below = ngrams
            continue
        found = dict(zip(ngrams, level.counts.tolist(), strict=True))
        assert found == {ngram: count for ngram, count in expected.items() if len(ngram) == length}
        assert [below[at] for at in level.prefix] == [ngram[:-1] for ngram in ngrams]
        assert [below[at] for at in level.suffix] == [ngram[1:] for ngram in ngrams]
        below = ngrams


@given(SENTENCES.filter(any), ORDERS)
@settings(deadline=None, max_examples=60)
def test_probabilities(sentences: list[list[int]], order: int) -> None:
    model = smooth(count_ngrams(sentences, VOCABULARY, order))
    expected = interpolated(count_slowly(sentences, order), order)
    found = back_off_of(prune(model, PLENTY)).log_probs
    assert set(found) == set(expected)
    for ngram, log_prob in found.items():
        assert math.exp(log_prob) == pytest.approx(expected[ngram], abs=1e-9)


def sums(model: BackOff) -> list[float]:
    """Of all tokens' probabilities, after every context up to the model's length."""
    contexts = [
        context
        for length in range(model.order)
        for context in itertools.product(range(1, VOCABULARY), repeat=length)
    ]
    return [
        sum(math.exp(model.log_prob(token, context)) for token in range(1, VOCABULARY))
        for context in contexts
    ]


@pytest.mark.parametrize("share", [1.0, 0.8, 0.5, 0.0])
def test_probabilities_sum_to_one_however_much_is_pruned(share: float) -> None:
    model = smooth(count_ngrams(random_sentences(VOCABULARY, 200, 1), VOCABULARY, 4))
    whole = lay_out(prune(model, PLENTY))
    largest = size_on_disk(len(whole.suffix), len(whole.leaf_token))
    smallest = size_on_disk(1, VOCABULARY)
    most = int(smallest + share * (largest - smallest))
    pruned = prune(model, most)
    arrays = lay_out(pruned)
    assert size_on_disk(len(arrays.suffix), len(arrays.leaf_token)) <= most
    kept = sum(int(level.sum()) for level in pruned.kept)
    assert (kept == sum(map(len, model.counts.levels))) == (share == 1.0)
    assert sums(back_off_of(pruned)) == pytest.approx(np.ones(1 + 4 + 16 + 64), abs=1e-6)


def test_pruning_takes_what_tells_least() -> None:
    """Half of the n-grams predict fresh sentences nearly as well as all of them."""
    vocabulary = 40
    sentences = random_sentences(vocabulary, 1500, 2)
    learnt, fresh = sentences[:1200], sentences[1200:]
    model = smooth(count_ngrams(learnt, vocabulary, 4))

    def cross_entropy(share: float) -> float:
        whole = lay_out(prune(model, PLENTY))
        pruned = prune(model, int(share * size_on_disk(len(whole.suffix), len(whole.leaf_token))))
        back_off = back_off_of(pruned)
        scores = [back_off.log_prob(s[i], s[:i]) for s in fresh for i in range(len(s))]
        return -sum(scores) / len(scores)

    everything, half, nothing = cross_entropy(1.0), cross_entropy(0.5), cross_entropy(0.0)
    assert half < everything + 0.1 * (nothing - everything)


@pytest.mark.parametrize(("vocabulary", "order"), [(500, 8), (500, 1), (60_000, 5)])
def test_orders_that_do_not_fit(vocabulary: int, order: int) -> None:
    with pytest.raises(SettingsError, match="the order must be from 2 to"):
        count_ngrams([[1, 2]], vocabulary, order)
