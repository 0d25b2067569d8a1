"""AdamW, with Muon for the matrices inside the network.

Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon) replaces the averaged gradient of
a matrix by the nearest orthogonal one, found by a few Newton-Schulz steps, so that all its directions learn
equally fast. Scaled as by Liu et al. 2025 (https://arxiv.org/abs/2502.16982), an update is as large as
one of AdamW's, and the learning rates of both can be compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

_BETAS = (0.9, 0.98)
_MOMENTUM = 0.95
_UPDATE_RMS = 0.2
_NEWTON_SCHULZ = (3.4445, -4.775, 2.0315)
_NEWTON_SCHULZ_STEPS = 5


class Group(NamedTuple):
    """Parameters that learn at one peak rate.

    Attributes:
        parameters: what learns.
        rate: peak learning rate.
        orthogonal: whether Muon trains them: matrices only. One with three times as many rows as columns
            holds three (query, key and value).
    """

    parameters: Iterable[nn.Parameter]
    rate: float
    orthogonal: bool = False


class Optimizer(torch.optim.AdamW):
    """AdamW for all groups but the orthogonal ones."""

    def __init__(self, groups: Iterable[Group], weight_decay: float) -> None:
        """Learning rates start at 0."""
        parameters = [
            {"params": list(group.parameters), "lr": 0.0, "orthogonal": group.orthogonal} for group in groups
        ]
        super().__init__(parameters, betas=_BETAS, weight_decay=weight_decay)

    @torch.no_grad()  # type: ignore[untyped-decorator]  # torch 1.13 has no types for it
    def step(self, closure: None = None) -> None:
        """One step with the gradients that are there."""
        orthogonal = [group for group in self.param_groups if group["orthogonal"]]
        gradients = [(parameter, parameter.grad) for group in orthogonal for parameter in group["params"]]
        for parameter, _ in gradients:
            parameter.grad = None  # AdamW passes over these
        super().step()
        for parameter, gradient in gradients:
            parameter.grad = gradient
        for group in orthogonal:
            self._step_orthogonal(group)

    def _step_orthogonal(self, group: dict[str, Any]) -> None:
        by_shape: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = defaultdict(list)
        for parameter in group["params"]:
            if parameter.grad is None:
                continue
            parameter.mul_(1 - group["lr"] * group["weight_decay"])
            update = self._averaged(parameter)
            for matrix, change in zip(_matrices(parameter), _matrices(update), strict=True):
                if matrix.shape[0] > matrix.shape[1]:
                    matrix, change = matrix.t(), change.t()
                by_shape[(matrix.shape[0], matrix.shape[1])].append((matrix, change))
        for shape, pairs in by_shape.items():
            changes = orthogonalized(torch.stack([change for _, change in pairs]))
            scale = group["lr"] * _UPDATE_RMS * max(shape) ** 0.5
            for (matrix, _), change in zip(pairs, changes, strict=True):
                matrix.sub_(change, alpha=scale)

    def _averaged(self, parameter: Tensor) -> Tensor:
        """The gradient with Nesterov momentum."""
        state = self.state[parameter]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum: Tensor = state["momentum"]
        momentum.lerp_(parameter.grad, 1 - _MOMENTUM)
        return torch.lerp(parameter.grad, momentum, _MOMENTUM)


def orthogonalized(matrices: Tensor) -> Tensor:
    """[n, rows, columns] with rows <= columns to about U V^T of each one's singular value decomposition.

    In bf16, as Muon does it: singular values come out between about 0.7 and 1.2.
    """
    a, b, c = _NEWTON_SCHULZ
    x = (matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)).bfloat16()
    for _ in range(_NEWTON_SCHULZ_STEPS):
        gram = x @ x.transpose(1, 2)
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.float()


def _matrices(weight: Tensor) -> tuple[Tensor, ...]:
    rows, columns = weight.shape
    return weight.split(columns) if rows == 3 * columns else (weight,)
