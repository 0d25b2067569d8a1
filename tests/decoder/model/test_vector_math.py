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
