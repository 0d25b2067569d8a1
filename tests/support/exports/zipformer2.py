"""Streaming Zipformer2, as ``zipformer/export-onnx-streaming.py`` exports it."""

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
    mean_of_groups,
    repeat_each,
    weigh,
)

_LAYERS, _DIMS, _DOWNSAMPLING = (1, 2), (8, 12), (1, 2)
_KEY, _VALUE, _KERNEL, _LEFT, _CHUNK = 6, 4, 5, 16, 16
_CHANNELS, _EMBED_PAD, _FREQUENCIES = 128, 3, 19
"""As in every export: sherpa-onnx does not read them from the metadata."""
_DISTINCT_CHANNELS = 2


class _Layer(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(dim, _KEY), nn.Linear(dim, _KEY)
        self.gated, self.ungated = nn.Linear(dim, 3 * dim // 4), nn.Linear(3 * dim // 4, dim)
        self.values = nn.ModuleList(nn.Linear(dim, _VALUE) for _ in range(2))
        self.outs = nn.ModuleList(nn.Linear(_VALUE, dim) for _ in range(2))
        self.convs = nn.ModuleList(CachedConv(dim, _KERNEL // 2) for _ in range(2))

    def forward(self, x: Tensor, ignored: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        cached_key, cached_nonlin, *cached_values, cached_conv1, cached_conv2 = states
        left = cached_key.size(0)
        key = torch.cat([cached_key, self.key(x)])
        weights = attention(self.query(x), key, ignored)
        gated = torch.cat([cached_nonlin.squeeze(0), torch.tanh(self.gated(x)).permute(1, 0, 2)], dim=1)
        x = x + self.ungated(torch.matmul(weights, gated).permute(1, 0, 2))
        results = [key[-left:], gated[:, -left:].unsqueeze(0)]
        convs = []
        for value, out, conv, cached_value, cached_conv in zip(
            self.values, self.outs, self.convs, cached_values, (cached_conv1, cached_conv2), strict=True
        ):
            extended = torch.cat([cached_value, value(x)])
            x = x + out(weigh(weights, extended))
            moved, next_conv = conv(x.permute(1, 2, 0), cached_conv)
            x = x + moved.permute(2, 0, 1)
            results.append(extended[-left:])
            convs.append(next_conv)
        return x, [*results, *convs]


_METADATA = {
    "model_type": "zipformer2",
    "version": "1",
    "model_author": "k2-fsa",
    "comment": "streaming zipformer2",
    "decode_chunk_len": str(2 * _CHUNK),
    "T": str(2 * _CHUNK + 13),
    "num_encoder_layers": ",".join(map(str, _LAYERS)),
    "encoder_dims": ",".join(map(str, _DIMS)),
    "cnn_module_kernels": ",".join(str(_KERNEL) for _ in _DIMS),
    "left_context_len": ",".join(str(_LEFT // factor) for factor in _DOWNSAMPLING),
    "query_head_dims": ",".join(str(_KEY) for _ in _DIMS),
    "value_head_dims": ",".join(str(_VALUE) for _ in _DIMS),
    "num_heads": ",".join("1" for _ in _DIMS),
}


class Zipformer2(Export):
    """Six states a layer with the batch at axis 1 or 0, one for the embedding, one count of frames."""

    window_frames, chunk_frames, output_frames = 2 * _CHUNK + 13, 2 * _CHUNK, _CHUNK // 2
    metadata = _METADATA

    def __init__(self) -> None:
        super().__init__()
        self.subsampling = Subsampling(9, 2, _DISTINCT_CHANNELS * _FREQUENCIES)
        self.depthwise = nn.Conv2d(_CHANNELS, _CHANNELS, (2 * _EMBED_PAD + 1, 1), groups=_CHANNELS)
        self.ins = nn.ModuleList(
            nn.Linear(before, dim)
            for before, dim in zip((_CHANNELS * _FREQUENCIES, *_DIMS), _DIMS, strict=False)
        )
        self.stacks = nn.ModuleList(
            nn.ModuleList(_Layer(dim) for _ in range(layers))
            for dim, layers in zip(_DIMS, _LAYERS, strict=True)
        )
        self.proj = nn.Linear(_DIMS[-1], OUTPUT_DIM)

    @property
    def states(self) -> list[State]:
        """As ``get_init_states`` gives them."""
        states: list[State] = []
        layers = [
            (dim, _LEFT // factor)
            for dim, factor, count in zip(_DIMS, _DOWNSAMPLING, _LAYERS, strict=True)
            for _ in range(count)
        ]
        for index, (dim, left) in enumerate(layers):
            states += [
                State(f"cached_key_{index}", (left, 1, _KEY), 1),
                State(f"cached_nonlin_attn_{index}", (1, 1, left, 3 * dim // 4), 1),
                State(f"cached_val1_{index}", (left, 1, _VALUE), 1),
                State(f"cached_val2_{index}", (left, 1, _VALUE), 1),
                State(f"cached_conv1_{index}", (1, dim, _KERNEL // 2), 0),
                State(f"cached_conv2_{index}", (1, dim, _KERNEL // 2), 0),
            ]
        states.append(State("embed_states", (1, _CHANNELS, _EMBED_PAD, _FREQUENCIES), 0))
        states.append(State("processed_lens", (1,), 0, torch.int64))
        return states

    def forward(self, x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        *layer_states, embed_states, processed_lens = states
        distinct = self.subsampling(x).reshape(x.size(0), -1, _DISTINCT_CHANNELS, _FREQUENCIES)
        embedded = distinct.permute(0, 2, 1, 3).repeat(1, _CHANNELS // _DISTINCT_CHANNELS, 1, 1)
        mixed = self.depthwise(torch.cat([embed_states, embedded], dim=2))
        hidden = torch.tanh(mixed).permute(2, 0, 1, 3).flatten(2)

        positions = torch.arange(_LEFT).expand(x.size(0), _LEFT)
        unseen = (processed_lens.unsqueeze(1) <= positions).flip(1)
        ignored = torch.cat([unseen, torch.zeros_like(unseen[:, :_CHUNK])], dim=1)

        results: list[Tensor] = []
        for into, layers, factor in zip(self.ins, self.stacks, _DOWNSAMPLING, strict=True):
            hidden = into(hidden)
            reduced = mean_of_groups(hidden, factor)
            for layer in layers:
                given, layer_states = layer_states[:6], layer_states[6:]
                reduced, new = layer(reduced, ignored[:, ::factor], list(given))
                results += new
            hidden = hidden + repeat_each(reduced, factor)
        out = self.proj(mean_of_groups(hidden, 2).permute(1, 0, 2))
        return out, *results, embedded[:, :, _CHUNK - _EMBED_PAD : _CHUNK], processed_lens + _CHUNK
