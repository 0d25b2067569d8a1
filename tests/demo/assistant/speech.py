"""Commands as speech, and answers as words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from hibari import Hibari
from numpy.typing import NDArray

RATE_HZ = 24_000


@cache
def _voice() -> Hibari:
    return Hibari(threads=1)


@cache
def spoken(text: str, silence_s: float = 1.2) -> NDArray[np.int16]:
    """`text` by a synthetic voice, with silence after it."""
    samples = np.clip(_voice()(text, seed=0), -1, 1)
    silence = np.zeros(int(silence_s * RATE_HZ), np.int16)
    return np.concatenate([np.round(32767 * samples).astype(np.int16), silence])


def in_pieces(samples: NDArray[np.int16]) -> Sequence[bytes]:
    """100 ms each, as pages send them."""
    step = RATE_HZ // 10
    return [samples[start : start + step].tobytes() for start in range(0, len(samples), step)]
