"""What the streaming encoder is built of: the convolutional stem and pre-norm transformer layers.

Dimensions are named N (batch), T (positions of 40 ms), F (fbank frames of 10 ms), D (model), H (heads).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from amira_training.model import geometry as g
from amira_training.model.attention import Window, attend_in_blocks, attend_to_all


class Stem(nn.Module):
    """Three convolutions from fbank to positions of 40 ms, seven frames back and two ahead.

    The features are brought to about zero mean and unit variance by statistics of the training
    set, so that silence before the stream is zero.
    """

    mean: Tensor
    inverse_deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(g.FBANK_BINS, g.MODEL_DIM, 3)
        self.conv2 = nn.Conv1d(g.MODEL_DIM, g.STEM_CHANNELS, 5, stride=2)
        self.conv3 = nn.Conv1d(g.STEM_CHANNELS, g.MODEL_DIM, 4, stride=2)
        self.register_buffer("mean", torch.zeros(g.FBANK_BINS))
        self.register_buffer("inverse_deviation", torch.ones(g.FBANK_BINS))

    def normalize(self, fbank: Tensor) -> Tensor:
        """fbank ``[N, F, 80]`` in natural log -> the same shape, normalized."""
        return (fbank - self.mean) * self.inverse_deviation

    def forward(self, frames: Tensor) -> Tensor:
        """Normalized frames ``[N, 7 + 4 T + 2, 80]`` -> ``[N, T, D]``."""
        x = functional.gelu(self.conv1(frames.transpose(1, 2)))
        x = functional.gelu(self.conv2(x))
        return functional.gelu(self.conv3(x)).transpose(1, 2)


class Layer(nn.Module):
    """Self-attention and feed-forward, each after a layer norm (Moonshine's encoder layer).

    ``dropout`` is the part of what each half adds that is dropped in training.
    """

    def __init__(self) -> None:
        super().__init__()
        self.dropout = 0.0
        self.attention_norm = nn.LayerNorm(g.MODEL_DIM)
        self.query_key_value = nn.Linear(g.MODEL_DIM, 3 * g.MODEL_DIM, bias=False)
        self.attention_out = nn.Linear(g.MODEL_DIM, g.MODEL_DIM, bias=False)
        self.feed_forward_norm = nn.LayerNorm(g.MODEL_DIM)
        self.expand = nn.Linear(g.MODEL_DIM, 4 * g.MODEL_DIM)
        self.contract = nn.Linear(4 * g.MODEL_DIM, g.MODEL_DIM)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, window: Window | None) -> Tensor:
        """A whole utterance at once.

        Args:
            x: ``[N, T, D]``.
            cos: ``[T, 16]`` of the rotary angles; likewise ``sin``.
            window: what each query sees; None: everything.
        """
        steps = x.shape[1]
        q, k, v = (split_heads(part, steps) for part in self.project(x))
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        attended = attend_to_all(q, k, v) if window is None else attend_in_blocks(q, k, v, window)
        return self.finish(x, merge_heads(attended, steps))

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``[N, T, D]`` -> queries, keys, values, each ``[N, T, D]``, not yet rotated."""
        q, k, v = self.query_key_value(self.attention_norm(x)).split(g.MODEL_DIM, -1)
        return q, k, v

    def finish(self, residual: Tensor, attended: Tensor) -> Tensor:
        """Output projection, residual and feed-forward: both ``[N, T, D]``."""
        x = residual + self._some(self.attention_out(attended))
        return x + self._some(self.contract(functional.gelu(self.expand(self.feed_forward_norm(x)))))

    def _some(self, added: Tensor) -> Tensor:
        return functional.dropout(added, self.dropout, self.training)


def split_heads(x: Tensor, steps: int) -> Tensor:
    """``[N, T, D]`` with T = ``steps`` -> ``[N, H, T, D / H]``."""
    return x.reshape(-1, steps, g.HEADS, g.HEAD_DIM).transpose(1, 2)


def merge_heads(x: Tensor, steps: int) -> Tensor:
    """``[N, H, T, D / H]`` with T = ``steps`` -> ``[N, T, D]``."""
    return x.transpose(1, 2).reshape(-1, steps, g.MODEL_DIM)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding of the first 32 dimensions of each head (Su et al. 2021).

    Args:
        x: ``[N, H, T, D / H]``; a head's first 16 dimensions are the first parts of 16 pairs, the
            next 16 their second parts, the last 4 stay.
        cos: ``[T, 16]``; likewise ``sin``.
    """
    half = g.ROTARY_DIM // 2
    first, second, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    return torch.cat((first * cos - second * sin, second * cos + first * sin, rest), -1)
