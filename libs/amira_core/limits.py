"""Bounds of the public protocol (amira/asr/v1/config.proto) that more than one service holds requests to."""

from __future__ import annotations

from typing import Final

MIN_SAMPLE_RATE_HZ: Final = 8_000
MAX_SAMPLE_RATE_HZ: Final = 48_000
MAX_CHANNELS: Final = 8

MAX_PHRASE_CHARACTERS: Final = 100
"""Of one hotword."""

MAX_BOOST: Final = 20.0
"""Of a hotword, up or down, in nats per token."""

MIN_SEGMENT_MS: Final = 1_000
"""Least that `max_segment` may be."""

MAX_SEGMENT_MS: Final = 60_000
"""No segment, and no silence in it, is longer: the searches' cost grows with its length."""
