"""CTC, simple and pruned transducer loss of one batch, each in nats per token."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from amira_training.loss.lattice import IMPOSSIBLE, Integers
from amira_training.loss.pruned import gather_band, pruned_log_likelihood
from amira_training.loss.pruning import pruning_starts
from amira_training.loss.simple import simple_log_likelihood
from amira_training.model.geometry import BLANK
from amira_training.model.transducer import Transducer
from amira_training.precision import Precision


class TokenLosses(NamedTuple):
    """Each a scalar: the batch's negative log-likelihood over its number of tokens."""

    ctc: Tensor
    simple: Tensor
    pruned: Tensor


def token_losses(
    transducer: Transducer,
    encoded: Tensor,
    tokens: Tensor,
    token_counts: Integers,
    frame_counts: Integers,
    *,
    pruning_range: int,
    precision: Precision,
) -> TokenLosses:
    """The three losses.

    Utterances that a loss cannot explain (more tokens than frames) count as zero in that loss.

    Args:
        transducer: predictor, joiner and heads.
        encoded: ``[N, T, 256]`` float32.
        tokens: ``[N, U]`` int64.
        token_counts: ``[N]``, at most U.
        frame_counts: ``[N]``, 1 to T.
        pruning_range: rows of the pruned lattice.
        precision: of the matrix products.
    """
    total = max(1, int(token_counts.sum()))
    predicted = transducer.predict_all(tokens)
    with precision.autocast():
        for_ctc = transducer.ctc(encoded)
        simple_encoder = transducer.simple_encoder(encoded)
        simple_predictor = transducer.simple_predictor(predicted)
    simple, by_token, by_blank = simple_log_likelihood(
        simple_encoder, simple_predictor, tokens, token_counts, frame_counts
    )
    starts = pruning_starts(by_token, by_blank, token_counts, frame_counts, pruning_range)
    band = gather_band(precision.cast(predicted), starts, pruning_range)
    with precision.autocast():
        logits = transducer.join(precision.cast(encoded)[:, :, None], band)
    pruned = pruned_log_likelihood(logits, tokens, starts, token_counts, frame_counts)
    return TokenLosses(
        ctc=_ctc(for_ctc, tokens, token_counts, frame_counts) / total,
        simple=-_possible(simple).sum() / total,
        pruned=-_possible(pruned).sum() / total,
    )


def _ctc(logits: Tensor, tokens: Tensor, token_counts: Integers, frame_counts: Integers) -> Tensor:
    return functional.ctc_loss(
        logits.float().log_softmax(-1).transpose(0, 1),
        tokens,
        torch.from_numpy(frame_counts.astype(np.int64)),
        torch.from_numpy(token_counts.astype(np.int64)),
        blank=BLANK,
        zero_infinity=True,
        reduction="sum",
    )


def _possible(likelihoods: Tensor) -> Tensor:
    return torch.where(likelihoods > IMPOSSIBLE / 2, likelihoods, torch.zeros_like(likelihoods))
