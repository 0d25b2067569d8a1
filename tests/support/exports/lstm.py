"""The LSTM with projections, as ``lstm_transducer_stateless2/export-onnx.py`` exports it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.support.exports.export import OUTPUT_DIM, Export, State, Subsampling

_LAYERS, _D_MODEL, _HIDDEN = 3, 8, 12


_METADATA = {
    "model_type": "lstm",
    "version": "1",
    "model_author": "k2-fsa",
    "decode_chunk_len": "4",
    "T": "9",
    "num_encoder_layers": str(_LAYERS),
    "d_model": str(_D_MODEL),
    "rnn_hidden_size": str(_HIDDEN),
}


class Lstm(Export):
    """Two states [layers, N, size], and chunks of one encoder frame."""

    window_frames, chunk_frames, output_frames = 9, 4, 1
    metadata = _METADATA

    def __init__(self) -> None:
        super().__init__()
        self.subsampling = Subsampling(9, 4, _D_MODEL)
        self.gates = nn.ModuleList(nn.Linear(2 * _D_MODEL, 4 * _HIDDEN) for _ in range(_LAYERS))
        self.down = nn.ModuleList(nn.Linear(_HIDDEN, _D_MODEL, bias=False) for _ in range(_LAYERS))
        self.proj = nn.Linear(_D_MODEL, OUTPUT_DIM)

    @property
    def states(self) -> list[State]:
        """The projected outputs and the cells of all layers."""
        return [
            State("state0", (_LAYERS, 1, _D_MODEL), 1),
            State("state1", (_LAYERS, 1, _HIDDEN), 1),
        ]

    def forward(self, x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        outputs, cells = states
        hidden = self.subsampling(x)[:, 0]
        new_outputs, new_cells = [], []
        for layer, (gates, down) in enumerate(zip(self.gates, self.down, strict=True)):
            entry, forget, content, out = gates(torch.cat([hidden, outputs[layer]], dim=1)).chunk(4, dim=1)
            cell = torch.sigmoid(forget) * cells[layer] + torch.sigmoid(entry) * torch.tanh(content)
            result = down(torch.sigmoid(out) * torch.tanh(cell))
            hidden = hidden + result
            new_outputs.append(result)
            new_cells.append(cell)
        return self.proj(hidden).unsqueeze(1), torch.stack(new_outputs), torch.stack(new_cells)
