"""Only traces that can be looked up become exemplars."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from amira_core.metrics.exemplar import current_exemplar
from amira_core.tracing.ids import TraceIds, look_up_with


@pytest.fixture(autouse=True)
def _no_tracing_afterwards() -> Iterator[None]:
    yield
    look_up_with(None)


def test_none_without_tracing() -> None:
    assert current_exemplar() is None


@pytest.mark.parametrize("sampled", [True, False])
def test_the_trace_if_it_is_exported(sampled: bool) -> None:
    look_up_with(lambda: TraceIds("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", sampled))
    expected = {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"} if sampled else None
    assert current_exemplar() == expected
