"""The kernels need a CPU that multiplies bytes in vectors."""

from __future__ import annotations

import pytest

from amira_encoder.cpu import has_int8_products


@pytest.fixture(autouse=True)
def _cpu() -> None:
    if not has_int8_products():
        pytest.skip("Amira's kernels need a CPU with AVX512-VNNI")
