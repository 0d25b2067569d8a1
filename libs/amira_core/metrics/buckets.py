"""Upper bounds of histograms."""

from __future__ import annotations

from typing import Final

ENCODER_FRAME_S: Final = 0.04
"""One encoder frame: the unit in which chunks are cut."""

FRAME_BUDGET_S: Final = 8 * ENCODER_FRAME_S
"""The bundled model's chunk: work on it that takes longer than this does not keep up with speech."""


def _frame_bounds() -> tuple[float, ...]:
    """From a sixteenth of an encoder frame to sixteen budgets, each 1.5 or 1.33 times the one before.

    The budget, and every halving and doubling of it, is a bound: how many chunks kept it is exact.
    """
    powers = [ENCODER_FRAME_S * 2.0**power for power in range(-4, 8)]
    return tuple(round(bound, 6) for power in powers for bound in (power, 1.5 * power))[:-1]


CHUNK_S: Final = _frame_bounds()
"""For whatever happens once per chunk or result."""

STEP_S: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""For what should take no time at all, such as a turn of the event loop."""

RECOVERY_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""For pauses that a stream survives."""

STREAM_S: Final = (1.0, 3.0, 10.0, 30.0, 60.0, 180.0, 600.0, 1800.0, 3600.0, 14400.0)
"""For lengths of streams."""

BATCH: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)
"""For streams in a batch."""
