"""Conv-Emformer, as ``conv_emformer_transducer_stateless2/export-onnx.py`` exports it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.support.exports.export import (
    OUTPUT_DIM,
    CachedConv,
    Export,
    State,
    Subsampling,
    attention,
    weigh,
)

_LAYERS, _DIM, _KERNEL, _LEFT, _MEMORY, _CHUNK, _RIGHT = 2, 8, 5, 8, 4, 8, 2


class _Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(_DIM, _DIM) for _ in range(3))
        self.out = nn.Linear(_DIM, _DIM)
        self.conv = CachedConv(_DIM, _KERNEL - 1)

    def forward(self, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, list[Tensor]]:
        """x [chunk and right context, N, D]."""
        memory, left_key, left_value, cached_conv = states
        key, value = self.key(x), self.value(x)
        keys = torch.cat([self.key(memory), left_key, key])
        values = torch.cat([self.value(memory), left_value, value])
        x = x + self.out(weigh(attention(self.query(x), keys), values))
        moved, next_conv = self.conv(x[:_CHUNK].permute(1, 2, 0), cached_conv)
        x = torch.cat([x[:_CHUNK] + moved.permute(2, 0, 1), x[_CHUNK:]])
        summary = x[:_CHUNK].mean(0, keepdim=True)
        return x, [
            torch.cat([memory, summary])[-_MEMORY:],
            torch.cat([left_key, key[:_CHUNK]])[-_LEFT:],
            torch.cat([left_value, value[:_CHUNK]])[-_LEFT:],
            next_conv,
        ]


_METADATA = {
    "model_type": "conv-emformer",
    "version": "1",
    "model_author": "k2-fsa",
    "decode_chunk_len": str(4 * _CHUNK),
    "T": str(4 * (_CHUNK + _RIGHT) + 11),
    "num_encoder_layers": str(_LAYERS),
    "memory_size": str(_MEMORY),
    "cnn_module_kernel": str(_KERNEL),
    "right_context_length": str(4 * _RIGHT),
    "left_context_length": str(_LEFT),
    "encoder_dim": str(_DIM),
}


class Emformer(Export):
    """Four states a layer with the batch at axis 1 or 0; the script declares no output's batch axis."""

    window_frames = 4 * (_CHUNK + _RIGHT) + 11
    chunk_frames, output_frames = 4 * _CHUNK, _CHUNK
    metadata = _METADATA
    outputs_are_declared_dynamic = False

    def __init__(self) -> None:
        super().__init__()
        self.subsampling = Subsampling(7, 4, _DIM)
        self.layers = nn.ModuleList(_Layer() for _ in range(_LAYERS))
        self.proj = nn.Linear(_DIM, OUTPUT_DIM)

    @property
    def states(self) -> list[State]:
        """Memory, left keys, left values and the convolution's cache of each layer."""
        states = []
        for layer in range(_LAYERS):
            states += [
                State(f"layer{layer}_0", (_MEMORY, 1, _DIM), 1),
                State(f"layer{layer}_1", (_LEFT, 1, _DIM), 1),
                State(f"layer{layer}_2", (_LEFT, 1, _DIM), 1),
                State(f"layer{layer}_3", (1, _DIM, _KERNEL - 1), 0),
            ]
        return states

    def forward(self, x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        hidden = self.subsampling(x)[:, 1:-1].permute(1, 0, 2)
        results: list[Tensor] = []
        for number, layer in enumerate(self.layers):
            hidden, new = layer(hidden, states[4 * number : 4 * number + 4])
            results += new
        return self.proj(hidden[:_CHUNK]).permute(1, 0, 2), *results
