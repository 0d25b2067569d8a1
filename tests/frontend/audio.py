"""Audio in every encoding, made by other people's encoders."""

from __future__ import annotations

import io
import itertools
import struct
from collections.abc import Iterable

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from amira.asr.v1 import config_pb2
from amira.frontend.v1 import frontend_pb2
from amira_frontend.formats.base import AudioDecoder

Float32s = NDArray[np.float32]

LINEAR16 = config_pb2.AUDIO_ENCODING_LINEAR16
FLOAT32 = config_pb2.AUDIO_ENCODING_FLOAT32
MULAW = config_pb2.AUDIO_ENCODING_MULAW
ALAW = config_pb2.AUDIO_ENCODING_ALAW
FLAC = config_pb2.AUDIO_ENCODING_FLAC
WAV = config_pb2.AUDIO_ENCODING_WAV
OGG_OPUS = config_pb2.AUDIO_ENCODING_OGG_OPUS
ALL_ENCODINGS = [LINEAR16, FLOAT32, MULAW, ALAW, FLAC, WAV, OGG_OPUS]


def audio_format(
    encoding: int, sample_rate_hz: int = 0, channels: int = 0, channel: int = 0
) -> frontend_pb2.AudioFormat:
    return frontend_pb2.AudioFormat(
        encoding=encoding,  # type: ignore[arg-type]  # tests also send numbers that are no encoding
        sample_rate_hz=sample_rate_hz,
        channels=channels,
        channel=channel,
    )


def voice_like(samples: int, channels: int = 1, rate: int = 16_000) -> Float32s:
    """A different hum per channel with noise, on the 16-bit grid; float32 [samples, channels]."""
    time = np.arange(samples)[:, None] / rate
    pitch = 110 * (1 + np.arange(channels))
    hum = sum(np.sin(2 * np.pi * pitch * harmonic * time) / harmonic for harmonic in range(1, 9))
    noise = np.random.default_rng(samples).standard_normal((samples, channels))
    swell = np.sin(2 * np.pi * 2 * time) ** 2
    return (np.round(3000 * swell * (hum + 0.1 * noise)) / 32768).astype(np.float32)


def pcm16(samples: Float32s) -> bytes:
    return np.round(samples * 32768).astype("<i2").tobytes()


def encode(samples: Float32s, rate: int, container: str, subtype: str) -> bytes:
    """As libsndfile writes it."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=container, subtype=subtype)
    return file.getvalue()


def g711(samples: Float32s, codec: str) -> bytes:
    """G.711 by FFmpeg; `codec` is pcm_mulaw or pcm_alaw."""
    encoder = av.CodecContext.create(codec, "w")
    encoder.sample_rate, encoder.layout, encoder.format = 8000, "mono", "s16"
    frame = av.AudioFrame.from_ndarray(
        np.round(samples[:, 0] * 32768).astype(np.int16)[None], format="s16", layout="mono"
    )
    frame.sample_rate = 8000
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def wav(
    data: bytes,
    *,
    tag: int = 1,
    bits: int = 16,
    rate: int = 16_000,
    channels: int = 1,
    size: int | None = None,
    before: bytes = b"",
    after: bytes = b"",
    extensible: bool = False,
) -> bytes:
    """A WAV file by hand; `size` is what the data chunk claims."""
    align = channels * bits // 8
    written_tag = 0xFFFE if extensible else tag
    fmt = struct.pack("<HHIIHH", written_tag, channels, rate, rate * align, align, bits)
    if extensible:
        fmt += struct.pack("<HHIH", 22, bits, 0, tag) + bytes.fromhex("000000001000800000aa00389b71")
    chunks = b"WAVE" + before + b"fmt " + struct.pack("<I", len(fmt)) + fmt
    chunks += b"data" + struct.pack("<I", len(data) if size is None else size) + data + after
    return b"RIFF" + struct.pack("<I", len(chunks) & 0xFFFFFFFF) + chunks


def split(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted(cuts), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(edges)]


def decode(decoder: AudioDecoder, pieces: Iterable[bytes]) -> Float32s:
    """All samples of a stream, float32 [n]."""
    blocks = [block.copy() for piece in pieces for block in decoder.decode(piece)]
    blocks += [block.copy() for block in decoder.finish()]
    return np.concatenate([np.empty(0, np.float32), *blocks])
