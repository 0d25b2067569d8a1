"""The encoder as it is exported: one chunk per call, everything remembered in two tensors.

The states have the names and the layout that sherpa-onnx uses for LSTM models: two tensors
``[1, N, size]`` that start as zeros and are opaque to it.

- ``h``: the stem's last 7 frames (normalized), then per layer its keys and values (not rotated, so
  that nothing depends on how long the stream has lasted) and the position whose look-ahead
  is yet to come.
- ``c``: positions of 40 ms seen, to tell what is before the start; it stops counting at 4096.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from amira_training.model import geometry as g
from amira_training.model.layers import Layer, merge_heads, rotate, split_heads
from amira_training.model.streaming_encoder import StreamingEncoder

_SEEN_LIMIT = 4096.0  # beyond every history; float32 counts exactly up to here
_HIDDEN = -1e4  # added to the score of a key that is not there


class StreamingStep(nn.Module):
    """``x [N, T, 80], h [1, N, S], c [1, N, 1] -> encoder_out [N, C, 256], new_h, new_c``."""

    def __init__(self, encoder: StreamingEncoder, chunking: g.Chunking) -> None:
        super().__init__()
        if chunking.left_steps + g.OUTPUT_DELAY_STEPS + chunking.chunk_steps >= _SEEN_LIMIT:
            raise ValueError(f"left_steps={chunking.left_steps} is more than the counter of positions holds")
        self.encoder = encoder
        self.chunking = chunking
        history = chunking.key_history_steps
        self.keys_cos, self.keys_sin = encoder.rotary(torch.arange(history + chunking.chunk_steps))
        queries = torch.arange(chunking.left_steps, chunking.left_steps + chunking.chunk_steps)
        self.queries_cos, self.queries_sin = encoder.rotary(queries)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One chunk of N streams; ``T = 4 C + 2`` frames, of which the last 2 come again."""
        state, seen = h[0], c[0]  # [N, S], [N, 1]
        stem_size = g.STEM_HISTORY_FRAMES * g.FBANK_BINS
        y, frames = self._stem(x, state[:, :stem_size])
        kept = [frames]
        for index, layer in enumerate(self.encoder.layers):
            start = stem_size + index * self.chunking.layer_state_size
            assert isinstance(layer, Layer)
            y, new = self._layer(
                layer, index, y, state[:, start : start + self.chunking.layer_state_size], seen
            )
            kept.append(new)
        out = self._after_start(self.encoder.head(self.encoder.norm(y)), seen)
        counted = torch.clamp(seen + self.chunking.chunk_steps, max=_SEEN_LIMIT)
        return out, torch.cat(kept, 1)[None], counted[None]

    def _stem(self, x: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        new = self.encoder.stem.normalize(x)
        frames = torch.cat((before.reshape(-1, g.STEM_HISTORY_FRAMES, g.FBANK_BINS), new), 1)
        last = self.chunking.chunk_frames
        newest = frames[:, last : last + g.STEM_HISTORY_FRAMES]
        return self.encoder.stem(frames), newest.reshape(-1, g.STEM_HISTORY_FRAMES * g.FBANK_BINS)

    def _layer(
        self, layer: Layer, index: int, new: Tensor, state: Tensor, seen: Tensor
    ) -> tuple[Tensor, Tensor]:
        history, chunk = self.chunking.key_history_steps, self.chunking.chunk_steps
        keys, values, waiting = state.reshape(-1, 2 * history + g.LAYER_LOOKAHEAD_STEPS, g.MODEL_DIM).split(
            [history, history, g.LAYER_LOOKAHEAD_STEPS], 1
        )
        current = torch.cat((waiting, new), 1)
        q, k, v = layer.project(current)
        keys = torch.cat((keys, k[:, g.LAYER_LOOKAHEAD_STEPS :]), 1)
        values = torch.cat((values, v[:, g.LAYER_LOOKAHEAD_STEPS :]), 1)
        window = history + chunk
        queries = rotate(split_heads(q[:, :chunk], chunk), self.queries_cos, self.queries_sin)
        rotated = rotate(split_heads(keys, window), self.keys_cos, self.keys_sin)
        scores = queries @ rotated.transpose(-1, -2) * g.HEAD_DIM**-0.5 + self._before_start(index, seen)
        attended = merge_heads(scores.softmax(-1) @ split_heads(values, window), chunk)
        left = torch.cat((keys[:, chunk:], values[:, chunk:], current[:, chunk:]), 1)
        return layer.finish(current[:, :chunk], attended), left.reshape(-1, self.chunking.layer_state_size)

    def _before_start(self, index: int, seen: Tensor) -> Tensor:
        """What to add to the scores ``[N, 1, 1, keys]``: keys before the start are hidden."""
        history = self.chunking.key_history_steps
        first = seen - (index * g.LAYER_LOOKAHEAD_STEPS + history)  # position of the first key, [N, 1]
        position = first + torch.arange(history + self.chunking.chunk_steps)
        return ((position < 0).float() * _HIDDEN)[:, None, None]

    def _after_start(self, out: Tensor, seen: Tensor) -> Tensor:
        position = seen - g.OUTPUT_DELAY_STEPS + torch.arange(out.shape[1])
        return torch.where((position >= 0)[..., None], out, self.encoder.before_start)
