"""What a number of bytes means in each encoding: samples, seconds, where it may be cut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from amira.asr.v1 import config_pb2

PIECE_S = 0.2
"""PCM per message to the frontend, at most: one client's huge message must not hold up the others."""

_COMPRESSED_PIECE_BYTES = 16 * 1024
"""The same where bytes have no known length: 0.04 s of 48 kHz stereo float WAV, 4 s of Opus."""

_SAMPLE_BYTES = {
    config_pb2.AUDIO_ENCODING_LINEAR16: 2,
    config_pb2.AUDIO_ENCODING_FLOAT32: 4,
    config_pb2.AUDIO_ENCODING_MULAW: 1,
    config_pb2.AUDIO_ENCODING_ALAW: 1,
}

_TYPICAL_BYTES_PER_S = {
    config_pb2.AUDIO_ENCODING_FLAC: 20_000.0,  # 16 kHz mono speech at about 60 % of its PCM
    config_pb2.AUDIO_ENCODING_WAV: 32_000.0,  # 16 kHz mono, 16 bits
    config_pb2.AUDIO_ENCODING_OGG_OPUS: 4_000.0,  # 32 kbit/s
}

ENCODINGS = (*_SAMPLE_BYTES, *_TYPICAL_BYTES_PER_S)
"""Every encoding that is accepted."""


@dataclass(frozen=True, slots=True)
class AudioShape:
    """How the bytes of one stream are to be counted.

    Attributes:
        unit_bytes: PCM: bytes per sample of all channels together. Others: 1.
        bytes_per_s: exact for PCM. Where only the header knows, a typical rate: good enough to
            bound a buffer, and never used to report a time.
        is_pcm: whether bytes can be turned into samples here.
    """

    unit_bytes: int
    bytes_per_s: float
    is_pcm: bool

    @classmethod
    def of(cls, config: config_pb2.RecognitionConfig) -> AudioShape:
        """The shape of a valid config's audio."""
        sample_bytes = _SAMPLE_BYTES.get(config.encoding)
        if sample_bytes is None:
            return cls(1, _TYPICAL_BYTES_PER_S[config.encoding], False)
        unit_bytes = sample_bytes * (config.channels or 1)
        return cls(unit_bytes, float(unit_bytes * config.sample_rate_hz), True)

    @property
    def piece_bytes(self) -> int:
        """Most bytes per message to the frontend: PIECE_S of PCM in whole samples."""
        if not self.is_pcm:
            return _COMPRESSED_PIECE_BYTES
        return max(1, int(self.bytes_per_s * PIECE_S) // self.unit_bytes) * self.unit_bytes

    def seconds(self, count: int) -> float:
        """How long `count` bytes of audio are (see bytes_per_s)."""
        return count / self.bytes_per_s

    def cut(self, content: bytes) -> Iterator[bytes]:
        """Pieces of at most piece_bytes, in order."""
        size = self.piece_bytes
        if len(content) <= size:
            yield content
            return
        for start in range(0, len(content), size):
            yield content[start : start + size]
