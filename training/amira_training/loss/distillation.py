"""How far the student is from what the teacher, who hears everything at once, makes of the clean signal."""

from __future__ import annotations

from torch import Tensor

_FLOOR = 0.05  # of a dimension's mean square: the smallest are not worth a fight


def relative_error(student: Tensor, teacher: Tensor, valid: Tensor) -> Tensor:
    """Mean squared error over the teacher's mean square: 0 is equal, 1 as bad as silence.

    Args:
        student: ``[N, T, D]``.
        teacher: ``[N, T, D]``.
        valid: ``[N, T]``, 1 where the teacher has something to say, else 0.
    """
    error, power = _weighted((student.float() - teacher) ** 2, valid), _weighted(teacher**2, valid)
    return error.mean() / power.mean().clamp(min=1e-6)


def relative_error_per_dimension(student: Tensor, teacher: Tensor, valid: Tensor) -> Tensor:
    """The same for each dimension by itself, then averaged: few huge dimensions do not hide the others."""
    error, power = _weighted((student.float() - teacher) ** 2, valid), _weighted(teacher**2, valid)
    return (error / (power + _FLOOR)).mean()


def _weighted(x: Tensor, valid: Tensor) -> Tensor:
    """Mean over the valid positions: ``[N, T, D]`` -> ``[D]``."""
    return (x * valid[..., None]).sum((0, 1)) / valid.sum().clamp(min=1)
