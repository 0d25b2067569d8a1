"""Answers as speech, by hibari-tts: offline, in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import cache

import numpy as np
from hibari import SAMPLE_RATE, Hibari
from numpy.typing import NDArray

RATE_HZ = SAMPLE_RATE
"""Of the speech: 24 kHz."""
_PIECE_SAMPLES = RATE_HZ // 4
_SEED = 0


@cache
def _model() -> Hibari:
    return Hibari(threads=1)


class Voice:
    """Speaks one sentence at a time, for however many pages."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="voice")

    async def load(self) -> None:
        """Loads the model, and speaks once, which takes longer than the next times."""
        async with aclosing(self.speak("Ready.")) as pieces:
            async for _ in pieces:
                pass

    async def speak(self, text: str) -> AsyncGenerator[bytes, None]:
        """PCM of 16 bits at RATE_HZ in pieces of 250 ms, each sentence as soon as it is spoken."""
        loop = asyncio.get_running_loop()
        for sentence in Hibari.split_sentences(text):
            speech = await loop.run_in_executor(self._thread, self._sentence, sentence)
            for start in range(0, len(speech), _PIECE_SAMPLES):
                yield speech[start : start + _PIECE_SAMPLES].tobytes()

    def close(self) -> None:
        """Ends the thread after what it speaks now."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _sentence(self, sentence: str) -> NDArray[np.int16]:
        samples = _model()(sentence, seed=_SEED)
        speech: NDArray[np.int16] = np.round(32767 * np.clip(samples, -1, 1)).astype("<i2")
        return speech
