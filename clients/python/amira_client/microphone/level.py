"""How loud a piece is."""

from __future__ import annotations

import math
import sys
from array import array

SILENCE_DBFS = -96.0
"""The least that 16 bits can tell from nothing."""


def level_dbfs(piece: bytes) -> float:
    """The level (root mean square) of LINEAR16 in dB below full scale: from -96 to 0."""
    samples = array("h", piece)
    if sys.byteorder == "big":
        samples.byteswap()
    energy = sum(sample * sample for sample in samples) / max(len(samples), 1)
    if energy == 0:
        return SILENCE_DBFS
    return min(max(10 * math.log10(energy / 32768**2), SILENCE_DBFS), 0.0)
