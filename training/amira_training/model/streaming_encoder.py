"""The encoder that is trained: chunked attention whose look-ahead costs no second computation.

Every layer attends to its own chunk, ``left_steps`` positions before it and one position (40 ms)
after it. Instead of computing positions twice (once as somebody's look-ahead, once for good, as
Emformer does), each layer works one position behind the layer below: when chunk k of C positions
arrives, layer l computes the positions ``[k C - l, (k + 1) C - l)``, and what it needs from the
layer below is there already. The price is a fixed output delay of six positions (240 ms), which an
encoder with 240 ms of look-ahead has anyway. In training the same is one window per layer.

The first outputs of a stream stand for time before it; they are a learned vector on which the
transducer says blank.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from amira_training.model import geometry as g
from amira_training.model.attention import Window
from amira_training.model.layers import Layer, Stem


class StreamingEncoder(nn.Module):
    """fbank -> one vector of 256 per 40 ms.

    ``angles`` are the rotary angles per position of 40 ms, ``[16]``.
    """

    angles: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.stem = Stem()
        self.layers = nn.ModuleList(Layer() for _ in range(g.LAYERS))
        self.norm = nn.LayerNorm(g.MODEL_DIM)
        self.widen = nn.Linear(g.MODEL_DIM, g.BOTTLENECK_DIM)
        self.project = nn.Linear(g.BOTTLENECK_DIM, g.JOINER_DIM)
        self.output_norm = nn.LayerNorm(g.JOINER_DIM)
        self.before_start = nn.Parameter(torch.zeros(g.JOINER_DIM))
        self.register_buffer("angles", rotary_angles(), persistent=False)

    def trunk(self, fbank: Tensor, chunking: g.Chunking | None) -> tuple[Tensor, Tensor]:
        """All positions of whole utterances, as streaming would compute them.

        Args:
            fbank: ``[N, F, 80]``, natural log.
            chunking: how streaming cuts; None lets every position see every other.

        Returns:
            The normalized output and the output of the middle layer, both ``[N, T, D]`` with
            T = F // 4. The last positions look ahead into zeros.
        """
        steps = fbank.shape[1] // g.FRAMES_PER_STEP
        frames = self.stem.normalize(fbank[:, : steps * g.FRAMES_PER_STEP])
        x = self.stem(functional.pad(frames, (0, 0, g.STEM_HISTORY_FRAMES, g.STEM_LOOKAHEAD_FRAMES)))
        cos, sin = self.rotary(torch.arange(steps, device=fbank.device))
        middle = x
        for number, layer in enumerate(self.layers, 1):
            x = layer(x, cos, sin, window_of(number, chunking))
            if number == g.LAYERS // 2:
                middle = x
        return self.norm(x), middle

    def rotary(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Cosine and sine ``[T, 16]`` for positions ``[T]``."""
        angles = positions[:, None] * self.angles[None]
        return angles.cos(), angles.sin()

    def head(self, x: Tensor) -> Tensor:
        """``[N, T, D]`` -> ``[N, T, 256]`` in float32."""
        hidden = self.project(functional.gelu(self.widen(x)))
        normed: Tensor = self.output_norm(hidden.float())
        return normed

    def delayed(self, outputs: Tensor) -> Tensor:
        """Puts the outputs before the start of a stream in front: ``[N, T, 256]`` -> ``[N, 6 + T, 256]``."""
        start = self.before_start.expand(outputs.shape[0], g.OUTPUT_DELAY_STEPS, -1)
        return torch.cat((start, outputs), 1)

    def forward(self, fbank: Tensor, chunking: g.Chunking | None) -> Tensor:
        """fbank ``[N, F, 80]`` -> ``[N, F // 4, 256]``, without the delay."""
        return self.head(self.trunk(fbank, chunking)[0])


def rotary_angles() -> Tensor:
    """Angles per position, ``[16]``: Moonshine's, whose positions are 24 ms apart."""
    pairs = g.ROTARY_DIM // 2
    per_teacher_position = g.ROTARY_BASE ** -(torch.arange(pairs) / pairs)
    return per_teacher_position * (g.STEP_MS / g.TEACHER_STEP_MS)


def window_of(layer: int, chunking: g.Chunking | None) -> Window | None:
    """What layer ``layer`` (from 1) sees."""
    if chunking is None:
        return None
    ahead = g.LAYER_LOOKAHEAD_STEPS
    return Window(chunking.chunk_steps, chunking.left_steps, ahead, delay=layer * ahead)
