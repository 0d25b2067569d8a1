"""Where computation happens, and in which arithmetic."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from amira_training.errors import SettingsError


@dataclass(frozen=True)
class Precision:
    """A device and its arithmetic for matrix products.

    Attributes:
        device: such as ``cpu`` or ``cuda:0``.
        arithmetic: ``bf16`` (weights and gradients stay float32) or ``fp32``.
    """

    device: torch.device
    arithmetic: Literal["bf16", "fp32"]

    @classmethod
    def on(cls, device: str, arithmetic: Literal["bf16", "fp32"]) -> Precision:
        """The named device; ``auto`` takes a GPU where there is one.

        torch before 2.0 cannot normalize bf16 activations with float32 weights: it gets fp32.

        Raises:
            SettingsError: the device is not there.
        """
        if arithmetic == "bf16" and torch.__version__.startswith("1."):
            arithmetic = "fp32"
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            chosen = torch.device(device)
            torch.zeros(1, device=chosen)
        except (RuntimeError, AssertionError) as error:  # torch asserts that it was built with CUDA
            raise SettingsError(f"the device '{device}' cannot be used: {error}") from error
        return cls(chosen, arithmetic)

    def autocast(self) -> AbstractContextManager[Any]:
        """Matrix products within run in this arithmetic."""
        context: AbstractContextManager[Any] = torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.arithmetic == "bf16"
        )
        return context

    def cast(self, x: Tensor) -> Tensor:
        """To the type that matrix products take and give."""
        return x.to(torch.bfloat16 if self.arithmetic == "bf16" else torch.float32)
