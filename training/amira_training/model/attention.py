"""Attention of a whole utterance under the windows of streaming, at a cost that grows with its length.

One mask over all pairs of positions would cost the square of the length (and did: 40 % of a training
step). Here queries are taken in blocks of whole chunks, each with the one stretch of keys it can see.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_BLOCK_STEPS = 16  # queries per block at least; 16 was the fastest of 16, 32, 64, 128 on CPU
_HIDDEN = -1e4


@dataclass(frozen=True)
class Window:
    """What a layer's queries see.

    Attributes:
        chunk: positions per chunk.
        left: positions before its chunk that a query sees.
        right: positions after it.
        delay: how many positions the layer's chunks start before the chunks of the audio.
    """

    chunk: int
    left: int
    right: int
    delay: int


def attend_to_all(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention without a mask; all ``[N, H, T, d]``."""
    return _softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5) @ v


def attend_in_blocks(q: Tensor, k: Tensor, v: Tensor, window: Window) -> Tensor:
    """Windowed attention; all ``[N, H, T, d]``."""
    steps = q.shape[2]
    block = window.chunk * math.ceil(_BLOCK_STEPS / window.chunk)
    blocks = math.ceil((steps + window.delay) / block)
    behind = blocks * block - window.delay - steps
    size = window.left + block + window.right

    queries = functional.pad(q, (0, 0, window.delay, behind)).unflatten(2, (blocks, block))
    keys, values = (_stretches(part, window, blocks, block, behind) for part in (k, v))
    scores = queries.transpose(1, 2) @ keys.transpose(-1, -2) * q.shape[-1] ** -0.5
    scores = scores + _hidden(window, blocks, block, size, steps, q)
    attended = (_softmax(scores) @ values).transpose(1, 2).flatten(2, 3)
    return attended[:, :, window.delay : window.delay + steps]


def _softmax(scores: Tensor) -> Tensor:
    return scores.softmax(-1, dtype=torch.float32).to(scores.dtype)


def _stretches(x: Tensor, window: Window, blocks: int, block: int, behind: int) -> Tensor:
    """``[N, H, T, d]`` -> the keys that each block sees: ``[N, blocks, H, left + block + right, d]``."""
    around = window.left + window.right
    pieces = math.ceil(around / block) + 1
    spare = pieces * block - around - block
    padded = functional.pad(
        x.transpose(1, 2), (0, 0, 0, 0, window.left + window.delay, behind + window.right + spare)
    )
    cut = padded.unflatten(1, (blocks + pieces - 1, block))
    joined = torch.cat([cut[:, piece : piece + blocks] for piece in range(pieces)], 2)
    return joined[:, :, : around + block].transpose(2, 3)


def _hidden(window: Window, blocks: int, block: int, size: int, steps: int, like: Tensor) -> Tensor:
    """What to add to the scores, ``[blocks, 1, block, size]``: 0 where a query sees a key."""
    key = torch.arange(size, device=like.device)
    position = torch.arange(blocks, device=like.device)[:, None] * block - window.delay - window.left + key
    exists = (position >= 0) & (position < steps)
    chunk_start = torch.arange(block, device=like.device) // window.chunk * window.chunk
    reach = window.left + window.chunk + window.right
    inside = (key >= chunk_start[:, None]) & (key < chunk_start[:, None] + reach)
    seen = exists[:, None, :] & inside
    return torch.where(seen, 0.0, _HIDDEN).to(like.dtype)[:, None]
