"""The parts by themselves, against numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from amira_encoder.native import attention
from amira_encoder.native.elementwise import (
    exp_of_negative,
    from_bfloat16,
    gelu,
    normalize_row,
    to_bfloat16,
)
from amira_encoder.native.products import (
    ADD,
    GELU,
    STORE,
    Rows,
    blank_results,
    blank_rows,
    group_depth,
    multiply,
    pack,
    round_row,
)

Floats = NDArray[np.float32]


def exact_gelu(x: Floats) -> Floats:
    return np.array([value * 0.5 * (1 + math.erf(value / math.sqrt(2))) for value in x.flat]).reshape(x.shape)


def rounded(x: Floats) -> Rows:
    rows = blank_rows(len(x), x.shape[1])
    for row, values in enumerate(x):
        round_row(values, rows, row)
    return rows


def meaning(rows: Rows, count: int) -> NDArray[np.float64]:
    """What the bytes stand for."""
    grouped = rows.bytes[:count].reshape(count, rows.scales.shape[1], -1).astype(np.float64) - 128
    values: NDArray[np.float64] = (grouped * rows.scales[:count, :, None]).reshape(count, -1)
    return values


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 11),
    depth=st.sampled_from([16, 80, 240, 288, 512, 1152]),
    panels=st.integers(1, 3),
    layer=st.integers(0, 1),
    size=st.floats(-12, 12),
    seed=st.integers(0, 9),
)
def test_products_are_those_of_the_rounded_numbers(
    count: int, depth: int, panels: int, layer: int, size: float, seed: int
) -> None:
    noise = np.random.default_rng(seed)
    x = (noise.standard_normal((count, depth)) * 10**size).astype(np.float32)
    weights = noise.standard_normal((2, 32 * panels, depth)).astype(np.float32)
    bias = noise.standard_normal((2, 32 * panels)).astype(np.float32)
    packed, rows, out = pack(weights, bias), rounded(x), blank_results(count, 32 * panels)
    multiply(rows, count, packed, layer, out, STORE)

    units = packed.packed[layer].transpose(0, 2, 1, 3).reshape(32 * panels, depth).astype(np.float64)
    expected = meaning(rows, count) @ (units * packed.scale[layer][:, None]).T + bias[layer]
    np.testing.assert_allclose(out[:count], expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
    exact = x.astype(np.float64) @ weights[layer].T + bias[layer]
    assert np.sqrt(np.square(out[:count] - exact).mean()) < 0.03 * np.sqrt(depth) * 10**size + 1e-6


def test_products_are_added_or_bent() -> None:
    noise = np.random.default_rng(0)
    x, weights = (noise.standard_normal(shape).astype(np.float32) for shape in ((3, 96), (1, 32, 96)))
    packed, rows = pack(weights), rounded(x)
    plain, bent = blank_results(3, 32), blank_results(3, 32)
    added = np.full_like(plain, 2)
    for out, finish in ((plain, STORE), (bent, GELU), (added, ADD)):
        multiply(rows, 3, packed, 0, out, finish)
    np.testing.assert_allclose(bent[:3], exact_gelu(plain[:3]), atol=1e-5)
    np.testing.assert_allclose(added[:3], plain[:3] + 2, rtol=1e-6)


@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.floats(-(2.0**99), 2.0**99, width=32), min_size=96, max_size=96))
def test_rounding_is_half_a_unit_at_most(values: list[float]) -> None:
    x = np.array([values], np.float32)
    rows = rounded(x)
    unit = np.abs(x).max() / 127
    assert np.abs(meaning(rows, 1) - x).max() <= unit * 0.51


def test_groups_divide_every_depth_of_the_network() -> None:
    assert {depth: group_depth(depth) for depth in (240, 1440, 2304, 288, 1152, 512)} == {
        240: 80, 1440: 96, 2304: 96, 288: 96, 1152: 96, 512: 64,
    }  # fmt: skip


def test_gelu_and_exp() -> None:
    x = np.linspace(-12, 12, 4001).astype(np.float32)
    np.testing.assert_allclose([gelu(v) for v in x], exact_gelu(x), atol=2e-6)
    low = -np.abs(x)
    np.testing.assert_allclose([exp_of_negative(v) for v in low], np.exp(low.astype(np.float64)), rtol=3e-7)
    assert exp_of_negative(np.float32(-1e6)) < 1e-37


def test_layer_norm() -> None:
    noise = np.random.default_rng(1)
    x, weight, bias = (noise.standard_normal(288).astype(np.float32) * 5 for _ in range(3))
    out = np.empty(288, np.float32)
    normalize_row(x, weight, bias, out)
    expected = (x - x.mean()) / np.sqrt(x.astype(np.float64).var() + 1e-5) * weight + bias
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-5)


@given(st.floats(-(2.0**99), 2.0**99, width=32))
def test_bfloat16_is_the_nearest(value: float) -> None:
    bits = to_bfloat16(np.float32(value))
    back = from_bfloat16(np.uint16(bits))
    neighbours = [from_bfloat16(np.uint16((int(bits) + step) % 65536)) for step in (-1, 1)]
    assert all(not abs(other - np.float32(value)) < abs(back - np.float32(value)) for other in neighbours)
    assert to_bfloat16(np.float32(back)) == bits


def windowed_attention(
    queries: Floats, keys: Floats, values: Floats, hidden: int, chunk: int
) -> NDArray[np.float64]:
    """With complex numbers, in float64: queries [C, 288] over keys and values [H + C, 288]."""
    turns = 40 / 24 / 10000 ** (np.arange(16) / 16)

    def heads(x: Floats, first: int) -> NDArray[np.complex128 | np.float64]:
        split = x.reshape(len(x), 8, 36).astype(np.float64)
        turned = (split[..., :16] + 1j * split[..., 16:32]) * np.exp(
            1j * (first + np.arange(len(x)))[:, None, None] * turns
        )
        return np.concatenate([turned.real, turned.imag, split[..., 32:]], -1)

    q, k = heads(queries, len(keys) - chunk - 1), heads(keys, 0)
    scores = np.einsum("ihd,jhd->hij", q, k) / 6
    scores[:, :, :hidden] -= 1e4
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    attended = np.einsum("hij,jhd->ihd", weights, values.reshape(len(values), 8, 36))
    return np.asarray(attended, np.float64).reshape(len(queries), 288)


@pytest.mark.parametrize(("history", "chunk"), [(64, 8), (64, 4), (64, 16), (5, 3), (96, 8)])
def test_attention_over_a_cache_that_moves(history: int, chunk: int) -> None:
    noise = np.random.default_rng(2)
    rotation, work = attention.rotation(history, chunk), attention.scratch(history, chunk)
    keys, values = np.zeros((288, history), np.uint16), np.zeros((history, 288), np.uint16)
    seen_keys, seen_values = (np.zeros((history, 288), np.float32) for _ in range(2))
    for step in range(-(-history // chunk) + 2):
        queries, new = (noise.standard_normal((chunk, n)).astype(np.float32) for n in (288, 576))
        new = np.vectorize(lambda x: from_bfloat16(to_bfloat16(np.float32(x))))(new).astype(np.float32)
        seen_keys, seen_values = np.vstack([seen_keys, new[:, :288]]), np.vstack([seen_values, new[:, 288:]])
        hidden = max(history - step * chunk, 0)
        out = np.zeros((chunk + attention.QUERY_ROWS, attention.ATTENDED_COLUMNS), np.float32)
        attention.attend(queries, new, keys, values, hidden, rotation, work, out)
        window = history + chunk
        expected = windowed_attention(queries, seen_keys[-window:], seen_values[-window:], hidden, chunk)
        np.testing.assert_allclose(out[:chunk, :288], expected, atol=2e-5)
