"""Kernels also compile where nothing can be kept on disk."""

from __future__ import annotations

from typing import Any

from amira_decoder.model.jit import fused_kernel, kernel, summing_kernel


def test_without_a_place_for_the_cache() -> None:
    scope: dict[str, Any] = {}
    source = "def add(a, b):\n    return a + b"
    exec(compile(source, "<no file>", "exec"), scope)  # noqa: S102 - a function without a file has no cache
    for decorator in (kernel, fused_kernel, summing_kernel):
        add = decorator(scope["add"])
        assert add(2, 3) == 5
        assert hasattr(add, "nopython_signatures")
