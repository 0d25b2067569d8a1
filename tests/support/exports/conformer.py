"""Streaming Conformer, as ``pruned_transducer_stateless5/export-onnx-streaming.py`` exports it."""

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

_LAYERS, _DIM, _KERNEL, _LEFT, _CHUNK = 2, 8, 5, 12, 4
_PAD = 11


_METADATA = {
    "model_type": "conformer",
    "version": "1",
    "model_author": "k2-fsa",
    "comment": "stateless5",
    "pad_length": str(_PAD),
    "decode_chunk_len": str(4 * _CHUNK),
    "encoder_dim": str(_DIM),
    "num_encoder_layers": str(_LAYERS),
    "cnn_module_kernel": str(_KERNEL),
    "left_context": str(_LEFT),
    "right_context": "0",
    "chunk_size": str(_CHUNK),
    "T": str(4 * _CHUNK + _PAD),
}


class Conformer(Export):
    """Two caches with the batch at axis 2, and a count of frames that does not come back."""

    window_frames, chunk_frames, output_frames = 4 * _CHUNK + _PAD, 4 * _CHUNK, _CHUNK
    metadata = _METADATA
    unreturned = ("processed_lens",)

    def __init__(self) -> None:
        super().__init__()
        self.subsampling = Subsampling(7, 4, _DIM)
        self.queries, self.keys, self.outs = (
            nn.ModuleList(nn.Linear(_DIM, _DIM) for _ in range(_LAYERS)) for _ in range(3)
        )
        self.convs = nn.ModuleList(CachedConv(_DIM, _KERNEL - 1) for _ in range(_LAYERS))
        self.proj = nn.Linear(_DIM, OUTPUT_DIM)

    @property
    def states(self) -> list[State]:
        """As the script's example inputs."""
        return [
            State("cached_attn", (_LAYERS, _LEFT, 1, _DIM), 2),
            State("cached_conv", (_LAYERS, _KERNEL - 1, 1, _DIM), 2),
            State("processed_lens", (1,), 0, torch.int64),
        ]

    def forward(self, x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        cached_attn, cached_conv, processed_lens = states
        hidden = self.subsampling(x)[:, 1:-1].permute(1, 0, 2)  # the edges have seen padding
        positions = torch.arange(_LEFT).expand(x.size(0), _LEFT)
        unseen = (processed_lens.unsqueeze(1) <= positions).flip(1)
        ignored = torch.cat([unseen, torch.zeros_like(unseen[:, :_CHUNK])], dim=1)
        attn, conv = [], []
        for layer in range(_LAYERS):
            memory = torch.cat([cached_attn[layer], hidden])
            weights = attention(self.queries[layer](hidden), self.keys[layer](memory), ignored)
            hidden = hidden + self.outs[layer](weigh(weights, memory))
            moved, next_conv = self.convs[layer](hidden.permute(1, 2, 0), cached_conv[layer].permute(1, 2, 0))
            hidden = hidden + moved.permute(2, 0, 1)
            attn.append(memory[-_LEFT:])
            conv.append(next_conv.permute(2, 0, 1))
        return self.proj(hidden).permute(1, 0, 2), torch.stack(attn), torch.stack(conv)
