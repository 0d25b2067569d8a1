"""The simple transducer loss: a joiner that only adds, so that no tensor of T x U x V is needed.

It trains by itself, and its occupancies say where the pruned loss has to look.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from amira_training.loss.lattice import Floats, Integers, occupy_full
from amira_training.model.geometry import BLANK

_TINY = 1e-20


def simple_log_likelihood(
    encoder: Tensor, predictor: Tensor, tokens: Tensor, token_counts: Integers, frame_counts: Integers
) -> tuple[Tensor, Floats, Floats]:
    """Log-likelihoods with the joiner ``log_softmax(encoder[t] + predictor[u])``.

    Args:
        encoder: ``[N, T, V]``.
        predictor: ``[N, U + 1, V]``.
        tokens: ``[N, U]`` int64, padded with anything.
        token_counts: ``[N]``.
        frame_counts: ``[N]``.

    Returns:
        ``[N]`` (differentiable), and the occupancies of token ``[N, U, T]`` and blank ``[N, U + 1, T]``.
    """
    encoder, predictor = encoder.float(), predictor.float()
    normalizer = _log_of_product(predictor, encoder.transpose(1, 2))
    rows = tokens.shape[1]
    index = tokens[:, :, None]
    token = (
        encoder.transpose(1, 2).gather(1, index.expand(-1, -1, encoder.shape[1]))
        + predictor[:, :rows].gather(2, index)
        - normalizer[:, :rows]
    )
    blank = encoder[:, None, :, BLANK] + predictor[:, :, None, BLANK] - normalizer
    likelihood, by_token, by_blank = _Full.apply(token, blank, token_counts, frame_counts)
    return likelihood, by_token.numpy(), by_blank.numpy()


def _log_of_product(a: Tensor, b: Tensor) -> Tensor:
    """log(exp(a) @ exp(b)): ``[N, U, V]``, ``[N, V, T]`` -> ``[N, U, T]``."""
    most_a, most_b = a.amax(2, keepdim=True).detach(), b.amax(1, keepdim=True).detach()
    with torch.autocast(a.device.type, enabled=False):
        product = (a - most_a).exp() @ (b - most_b).exp()
    return (product + _TINY).log() + most_a + most_b


class _Full(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, token: Tensor, blank: Tensor, token_counts: Integers, frame_counts: Integers
    ) -> tuple[Tensor, Tensor, Tensor]:
        likelihood, by_token, by_blank = map(
            torch.from_numpy,
            occupy_full(_to_numpy(token), _to_numpy(blank), token_counts, frame_counts),
        )
        context.mark_non_differentiable(by_token, by_blank)
        context.save_for_backward(by_token.to(token.device), by_blank.to(token.device))
        return likelihood.to(token.device), by_token, by_blank

    @staticmethod
    def backward(context: Any, grad: Tensor, *_: Any) -> tuple[Tensor, Tensor, None, None]:
        by_token, by_blank = context.saved_tensors
        return grad[:, None, None] * by_token, grad[:, None, None] * by_blank, None, None


def _to_numpy(x: Tensor) -> Floats:
    values: Floats = x.detach().cpu().contiguous().numpy()
    return values
