"""The affine joiner over many rows: right, and the same to the last bit as over one."""

from __future__ import annotations

import numpy as np
import pytest

from amira_decoder.model import affine_kernels as kernels


@pytest.mark.parametrize(("dim", "vocab"), [(1, 1), (7, 3), (5, 300), (256, 500), (258, 513)])
def test_rows_do_not_depend_on_each_other(dim: int, vocab: int) -> None:
    random = np.random.default_rng(dim)
    weights = random.normal(size=(dim, vocab)).astype(np.float32)
    bias = random.normal(size=vocab).astype(np.float32)
    hidden = np.tanh(random.normal(size=(12, dim))).astype(np.float32)
    alone = np.empty((9, vocab), np.float32)
    for row in range(9):
        kernels.affine_rows(hidden[row:], 1, weights, bias, kernels.affine_scratch(), alone[row : row + 1])
    np.testing.assert_allclose(alone, hidden[:9] @ weights + bias, atol=1e-4)
    for count in range(10):
        logits = np.full((kernels.whole_blocks(count), vocab), np.nan, np.float32)
        kernels.affine_rows(hidden, count, weights, bias, kernels.affine_scratch(), logits)
        np.testing.assert_array_equal(logits[:count], alone[:count])
