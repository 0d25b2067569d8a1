"""exp and tanh against numpy in double precision."""

from __future__ import annotations

import numpy as np

from amira_decoder.model import vector_math


def test_exp() -> None:
    values = np.linspace(-87, 88, 100_001).astype(np.float32)
    ours = np.array([vector_math.exp_of(value) for value in values[::50]], np.float64)
    np.testing.assert_allclose(ours, np.exp(values[::50].astype(np.float64)), rtol=3e-7)
    assert vector_math.exp_of(np.float32(-np.inf)) < 1e-37
    assert np.isfinite(vector_math.exp_of(np.float32(np.inf)))


def test_tanh() -> None:
    values = np.concatenate([np.linspace(-20, 20, 10_001), [0, 1e-30, -1e-30, 3e38, -3e38, np.inf, -np.inf]])
    values = values.astype(np.float32)
    ours = np.empty_like(values)
    vector_math.tanh_of_sum(values, np.zeros_like(values), ours)
    np.testing.assert_allclose(ours, np.tanh(values.astype(np.float64)), atol=3e-7)


def test_sum_of_exp() -> None:
    random = np.random.default_rng(0)
    for length in (1, 7, 8, 9, 256, 501):
        values = random.normal(0, 5, length).astype(np.float32)
        expected = np.exp(values.astype(np.float64) - values.max()).sum()
        np.testing.assert_allclose(vector_math.sum_of_exp(values, values.max()), expected, rtol=1e-6)
    impossible = np.array([0, -np.inf], np.float32)
    np.testing.assert_allclose(vector_math.sum_of_exp(impossible, np.float32(0)), 1)


def test_top() -> None:
    random = np.random.default_rng(1)
    for length in (1, 2, 15, 16, 17, 500):
        values = random.normal(0, 5, length).astype(np.float32)
        for shift in (0, -100, 100):
            assert vector_math.top_of(values + np.float32(shift)) == (values + np.float32(shift)).max()
    infinity = np.float32(np.inf)
    for odd, top in (
        ([-infinity, -1e30], -1e30),
        ([-infinity] * 3, -infinity),
        ([1, infinity, -infinity], infinity),
        ([-0.0, 0.0], 0),
        ([-1e-45, -1], -1e-45),
    ):
        assert vector_math.top_of(np.array(odd, np.float32)) == np.float32(top)
    for nan in (np.nan, -np.nan):
        assert np.isnan(vector_math.top_of(np.array([1, nan, infinity], np.float32)))


def test_all_finite() -> None:
    values = np.array([0, -0.0, 3.4e38, -3.4e38, 1e-45], np.float32)
    assert vector_math.all_finite(values)
    for odd in (np.nan, -np.nan, np.inf, -np.inf):
        for place in range(len(values)):
            broken = values.copy()
            broken[place] = odd
            assert not vector_math.all_finite(broken)
