"""Transcripts of packed recordings, by whole utterances under the windows of streaming.

The result is that of streaming the same samples in chunks: the windows see to that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from amira_training.data.audio import RATE_HZ
from amira_training.data.packed_set import PackedSet
from amira_training.evaluate.greedy import greedy
from amira_training.features import Fbank
from amira_training.model.geometry import Chunking
from amira_training.model.streaming_encoder import StreamingEncoder
from amira_training.model.transducer import Transducer
from amira_training.precision import Precision
from amira_training.tokens import Tokens
from amira_training.train.corpus import STEP_SAMPLES

_TAIL_SAMPLES = RATE_HZ // 2  # what comes late still comes
_BATCH_SAMPLES = 100 * RATE_HZ


@dataclass(frozen=True)
class Recognizer:
    """A network that can be asked for words. It must be on the precision's device."""

    encoder: StreamingEncoder
    transducer: Transducer
    tokens: Tokens
    precision: Precision

    def transcribe(self, packed: PackedSet, indices: Sequence[int], chunking: Chunking) -> list[str]:
        """Texts of some recordings, in their order."""
        texts = dict.fromkeys(indices, "")
        by_length = sorted(texts, key=lambda index: packed.recordings[index].samples)
        while by_length:
            batch = self._take(by_length, packed)
            texts |= zip(batch, self._batch(packed, batch, chunking), strict=True)
        return [texts[index] for index in indices]

    def _take(self, waiting: list[int], packed: PackedSet) -> list[int]:
        """Removes the longest ones from the end, as many as fit a batch."""
        longest = packed.recordings[waiting[-1]].samples + _TAIL_SAMPLES
        count = max(1, _BATCH_SAMPLES // longest)
        batch = waiting[-count:]
        del waiting[-count:]
        return batch

    def _batch(self, packed: PackedSet, batch: Sequence[int], chunking: Chunking) -> list[str]:
        recordings = [packed.audio(index) for index in batch]
        samples = np.zeros((len(batch), max(map(len, recordings)) + _TAIL_SAMPLES), np.float32)
        for row, recording in enumerate(recordings):
            samples[row, : len(recording)] = recording
        device = self.precision.device
        with torch.no_grad(), self.precision.autocast():
            fbank = Fbank().to(device)(torch.from_numpy(samples).to(device))
            encoded = self.encoder(fbank, chunking)
        steps = [min(encoded.shape[1], (len(r) + _TAIL_SAMPLES) // STEP_SAMPLES) for r in recordings]
        return [self.tokens.decode(tokens) for tokens in greedy(self.transducer, encoded.float(), steps)]
