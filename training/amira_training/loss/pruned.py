"""The pruned transducer loss: the real joiner, over a band of the lattice."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from amira_training.loss.lattice import Integers, occupy_pruned
from amira_training.model.geometry import BLANK


def pruned_log_likelihood(
    logits: Tensor, tokens: Tensor, starts: Integers, token_counts: Integers, frame_counts: Integers
) -> Tensor:
    """Log-likelihoods ``[N]``, :data:`~amira_training.loss.lattice.IMPOSSIBLE` where no path fits.

    Args:
        logits: ``[N, T, R, V]`` of the joiner at rows ``starts[t]`` to ``starts[t] + R - 1``; any
            floating type.
        tokens: ``[N, U]`` int64.
        starts: ``[N, T]``.
        token_counts: ``[N]``.
        frame_counts: ``[N]``.
    """
    rows = band_rows(starts, logits.shape[2]).to(tokens.device)
    padded = functional.pad(tokens, (0, 1))  # after the last token comes nothing
    expected = padded.gather(1, rows.clamp(max=tokens.shape[1]).flatten(1)).view_as(rows)
    likelihood: Tensor = _Pruned.apply(logits, expected, starts, token_counts, frame_counts)
    return likelihood


def band_rows(starts: Integers, width: int) -> Tensor:
    """The rows of the band: ``[N, T, R]``."""
    return torch.from_numpy(starts)[:, :, None] + torch.arange(width)


def gather_band(predictor: Tensor, starts: Integers, width: int) -> Tensor:
    """The predictor's output at each row of the band: ``[N, U + 1, D]`` -> ``[N, T, R, D]``."""
    batch, rows, dim = predictor.shape
    index = band_rows(starts, width).clamp(max=rows - 1) + (torch.arange(batch) * rows)[:, None, None]
    # As an embedding: its gradient adds up in place, where gather's would expand the index to D.
    gathered: Tensor = functional.embedding(index.to(predictor.device), predictor.reshape(-1, dim))
    return gathered


class _Pruned(torch.autograd.Function):
    """From logits at once, so that no log-softmax of ``[N, T, R, V]`` is kept for the way back."""

    @staticmethod
    def forward(
        context: Any,
        logits: Tensor,
        expected: Tensor,
        starts: Integers,
        token_counts: Integers,
        frame_counts: Integers,
    ) -> Tensor:
        normalizer = torch.logsumexp(logits.float(), -1)
        token = logits.gather(-1, expected[..., None])[..., 0].float() - normalizer
        blank = logits[..., BLANK].float() - normalizer
        likelihood, by_token, by_blank = map(
            torch.from_numpy,
            occupy_pruned(token.cpu().numpy(), blank.cpu().numpy(), starts, token_counts, frame_counts),
        )
        device = logits.device
        context.save_for_backward(logits, expected, normalizer, by_token.to(device), by_blank.to(device))
        return likelihood.to(device)

    @staticmethod
    def backward(context: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None]:
        logits, expected, normalizer, by_token, by_blank = context.saved_tensors
        by_token, by_blank = by_token * grad[:, None, None], by_blank * grad[:, None, None]
        out = (logits.float() - normalizer[..., None]).exp_()
        out.mul_(-(by_token + by_blank)[..., None])
        out.scatter_add_(-1, expected[..., None], by_token[..., None])
        out[..., BLANK] += by_blank
        return out.to(logits.dtype), None, None, None, None
