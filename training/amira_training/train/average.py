"""An exponential moving average of all weights: smoother than the last step, and better for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

_YOUNG_STEPS = 3  # early on, about this part of all steps so far is averaged


class MovingAverage:
    """Follows the floating-point weights and buffers of a network.

    Args:
        network: what to follow, in place.
        decay: of the average, per step, once it is old enough.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._network = network
        self._decay = decay
        self._values = {name: value.detach().clone() for name, value in _floats(network)}

    def update(self, step: int) -> None:
        """After step ``step`` (from 1)."""
        decay = min(self._decay, 1 - 1 / (step / _YOUNG_STEPS + 1))
        with torch.no_grad():
            for name, value in _floats(self._network):
                self._values[name].lerp_(value, 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within the block the network has the averaged weights."""
        own = {name: value.detach().clone() for name, value in _floats(self._network)}
        self._copy(self._values)
        try:
            yield
        finally:
            self._copy(own)

    def state_dict(self) -> dict[str, Tensor]:
        """The averaged weights by name."""
        return self._values

    def load_state_dict(self, values: dict[str, Tensor]) -> None:
        """Goes on from saved values."""
        for name, value in self._values.items():
            value.copy_(values[name])

    def _copy(self, values: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, value in _floats(self._network):
                value.copy_(values[name])


def _floats(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for name, value in network.state_dict(keep_vars=True).items():
        if value.is_floating_point():
            yield name, value
