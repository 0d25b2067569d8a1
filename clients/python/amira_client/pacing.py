"""Sends recordings at the speed of speech."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from amira_client.audio import Audio

PIECE_MS = 100


async def paced(
    audio: Audio, real_time_factor: float | None, piece_ms: int = PIECE_MS
) -> AsyncIterator[bytes]:
    """Yields the audio's pieces, each when its last sample would have been spoken.

    Args:
        audio: with a known byte rate, unless `real_time_factor` is None.
        real_time_factor: audio seconds per second; None yields at once.
        piece_ms: audio per piece.

    Raises:
        ValueError: a factor that is not positive, or compressed audio with a factor.
    """
    if real_time_factor is None:
        for piece in audio.pieces(piece_ms):
            yield piece
        return
    if not real_time_factor > 0:
        raise ValueError(f"real_time_factor must be above 0, not {real_time_factor}")
    if audio.bytes_per_s is None:
        raise ValueError("compressed audio cannot be paced: open it with paced=True")
    loop = asyncio.get_running_loop()
    bytes_per_wall_s = audio.bytes_per_s * real_time_factor
    start, spoken_bytes = loop.time(), 0
    for piece in audio.pieces(piece_ms):
        spoken_bytes += len(piece)
        # Against the start, so that delays do not add up.
        await asyncio.sleep(start + spoken_bytes / bytes_per_wall_s - loop.time())
        yield piece
