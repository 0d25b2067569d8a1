"""What must happen before the first stream, so that it is as fast as all others."""

from __future__ import annotations

from typing import Final

from amira.asr.v1 import config_pb2
from amira.frontend.v1 import frontend_pb2
from amira_frontend.formats.ogg import load_page_checksum
from amira_frontend.pipeline import FeatureStream
from amira_frontend.resample.filters import design

_COMMON_RATES_HZ: Final = (8000, 11_025, 22_050, 24_000, 32_000, 44_100, 48_000)


def warm_up() -> None:
    """Compiles the kernels or loads them from their cache, and sends silence through once. Seconds."""
    load_page_checksum()
    for rate_hz in _COMMON_RATES_HZ:
        design(rate_hz)
    audio_format = frontend_pb2.AudioFormat(encoding=config_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hz=8000)
    stream = FeatureStream(audio_format)
    stream.accept(bytes(16_000))
    stream.finish()
