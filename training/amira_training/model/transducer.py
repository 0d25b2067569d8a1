"""What sits on the encoder: a stateless predictor and a joiner (Ghodsi et al. 2020, as in icefall)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from amira_training.model import geometry as g

_GROUP_SIZE = 4  # channels per group of the predictor's convolution


class Transducer(nn.Module):
    """Predictor and joiner, and three heads that exist for the losses alone.

    Args:
        vocabulary_size: tokens including blank (0).
    """

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        groups = g.PREDICTOR_DIM // _GROUP_SIZE
        self.embedding = nn.Embedding(vocabulary_size, g.PREDICTOR_DIM)
        self.context = nn.Conv1d(g.PREDICTOR_DIM, g.PREDICTOR_DIM, g.CONTEXT_SIZE, groups=groups, bias=False)
        self.project = nn.Linear(g.PREDICTOR_DIM, g.JOINER_DIM)
        self.output = nn.Linear(g.JOINER_DIM, vocabulary_size)
        self.simple_encoder = nn.Linear(g.JOINER_DIM, vocabulary_size)
        self.simple_predictor = nn.Linear(g.JOINER_DIM, vocabulary_size)
        self.ctc = nn.Linear(g.JOINER_DIM, vocabulary_size)

    def predict(self, tokens: Tensor) -> Tensor:
        """Tokens ``[N, U]`` int64 (the first ``CONTEXT_SIZE - 1`` as context) -> ``[N, U - 1, 256]``."""
        embedded = self.embedding(tokens).transpose(1, 2)
        projected: Tensor = self.project(functional.relu(self.context(embedded).transpose(1, 2)))
        return projected

    def predict_all(self, tokens: Tensor) -> Tensor:
        """Contexts before each of the tokens ``[N, U]`` and after the last: ``[N, U + 1, 256]``."""
        start = torch.full(
            (tokens.shape[0], g.CONTEXT_SIZE), g.BLANK, device=tokens.device, dtype=tokens.dtype
        )
        return self.predict(torch.cat((start, tokens), 1))

    def join(self, encoder: Tensor, predictor: Tensor) -> Tensor:
        """Broadcastable ``[..., 256]`` both -> logits ``[..., V]``."""
        logits: Tensor = self.output(torch.tanh(encoder + predictor))
        return logits
