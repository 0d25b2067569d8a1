"""The first streaming Zipformer, as ``pruned_transducer_stateless7_streaming/export-onnx.py`` exports it."""

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
    weigh,
)

_LAYERS, _DIMS, _ATTENTION, _KERNEL, _LEFT, _CHUNK = (2, 1), (8, 8), (6, 4), 5, 8, 16
_KINDS = ("len", "avg", "key", "val", "val2", "conv1", "conv2")


class _Layer(nn.Module):
    def __init__(self, dim: int, attention_dim: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(dim, attention_dim), nn.Linear(dim, attention_dim)
        self.values = nn.ModuleList(nn.Linear(dim, attention_dim // 2) for _ in range(2))
        self.outs = nn.ModuleList(nn.Linear(attention_dim // 2, dim) for _ in range(2))
        self.convs = nn.ModuleList(CachedConv(dim, _KERNEL - 1) for _ in range(2))
        self.pooled = nn.Linear(dim, dim)

    def forward(self, x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """x [T, N, D]; one state of each kind, without the axis of layers."""
        length, average, cached_key, *cached_values, cached_conv1, cached_conv2 = states
        seen = length.to(torch.float32).unsqueeze(1)
        average = (average * seen + x.sum(0)) / (seen + _CHUNK)
        x = x + self.pooled(average)
        key = torch.cat([cached_key, self.key(x)])
        weights = attention(self.query(x), key)
        values, convs = [], []
        for value, out, conv, cached_value, cached_conv in zip(
            self.values, self.outs, self.convs, cached_values, (cached_conv1, cached_conv2), strict=True
        ):
            extended = torch.cat([cached_value, value(x)])
            x = x + out(weigh(weights, extended))
            moved, next_conv = conv(x.permute(1, 2, 0), cached_conv)
            x = x + moved.permute(2, 0, 1)
            values.append(extended[-_LEFT:])
            convs.append(next_conv)
        return x, [length + _CHUNK, average, key[-_LEFT:], *values, *convs]


_METADATA = {
    "model_type": "zipformer",
    "version": "1",
    "model_author": "k2-fsa",
    "decode_chunk_len": str(2 * _CHUNK),
    "T": str(2 * _CHUNK + 7),
    "num_encoder_layers": ",".join(map(str, _LAYERS)),
    "encoder_dims": ",".join(map(str, _DIMS)),
    "attention_dims": ",".join(map(str, _ATTENTION)),
    "cnn_module_kernels": ",".join(str(_KERNEL) for _ in _DIMS),
    "left_context_len": ",".join(str(_LEFT) for _ in _DIMS),
}


class Zipformer(Export):
    """Seven states a stack, layers stacked in front of them: the batch is axis 1 or 2."""

    window_frames, chunk_frames, output_frames = 2 * _CHUNK + 7, 2 * _CHUNK, _CHUNK // 2
    metadata = _METADATA

    def __init__(self) -> None:
        super().__init__()
        self.subsampling = Subsampling(9, 2, _DIMS[0])
        self.stacks = nn.ModuleList(
            nn.ModuleList(_Layer(dim, width) for _ in range(layers))
            for dim, width, layers in zip(_DIMS, _ATTENTION, _LAYERS, strict=True)
        )
        self.proj = nn.Linear(_DIMS[-1], OUTPUT_DIM)

    @property
    def states(self) -> list[State]:
        """As ``get_init_state`` gives them: all stacks of one kind, then the next kind."""
        of_kind: dict[str, list[State]] = {kind: [] for kind in _KINDS}
        for stack, (layers, dim, width) in enumerate(zip(_LAYERS, _DIMS, _ATTENTION, strict=True)):
            shapes = {
                "len": ((layers, 1), 1),
                "avg": ((layers, 1, dim), 1),
                "key": ((layers, _LEFT, 1, width), 2),
                "val": ((layers, _LEFT, 1, width // 2), 2),
                "val2": ((layers, _LEFT, 1, width // 2), 2),
                "conv1": ((layers, 1, dim, _KERNEL - 1), 1),
                "conv2": ((layers, 1, dim, _KERNEL - 1), 1),
            }
            for kind, (shape, axis) in shapes.items():
                dtype = torch.int64 if kind == "len" else torch.float32
                of_kind[kind].append(State(f"cached_{kind}_{stack}", shape, axis, dtype))
        return [state for kind in _KINDS for state in of_kind[kind]]

    def forward(self, x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        hidden = self.subsampling(x).permute(1, 0, 2)
        stacks = len(_LAYERS)
        results: list[list[Tensor]] = [[] for _ in _KINDS]
        for number, layers in enumerate(self.stacks):
            given = [states[kind * stacks + number] for kind in range(len(_KINDS))]
            new: list[list[Tensor]] = [[] for _ in _KINDS]
            for index, layer in enumerate(layers):
                hidden, after = layer(hidden, [state[index] for state in given])
                for kind, state in enumerate(after):
                    new[kind].append(state)
            for kind, per_layer in enumerate(new):
                results[kind].append(torch.stack(per_layer))
        out = self.proj(mean_of_groups(hidden, 2).permute(1, 0, 2))
        return out, *(state for kind in results for state in kind)
