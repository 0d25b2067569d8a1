"""Real audio in every encoding, made on the spot by libsndfile and FFmpeg, and a few bombs made by hand."""

from __future__ import annotations

import functools
import io
import itertools
from dataclasses import dataclass

import av
import numpy as np
import soundfile
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from amira.asr.v1 import config_pb2
from fuzz import checksums

_RAW = {
    config_pb2.AUDIO_ENCODING_LINEAR16: "<i2",
    config_pb2.AUDIO_ENCODING_FLOAT32: "<f4",
    config_pb2.AUDIO_ENCODING_MULAW: "u1",
    config_pb2.AUDIO_ENCODING_ALAW: "u1",
}


@dataclass(frozen=True)
class Container:
    """A piece of audio that is as it should be."""

    name: str
    encoding: config_pb2.AudioEncoding
    sample_rate_hz: int
    """0 where the header tells, as for `channels`."""
    channels: int
    data: bytes
    frames: tuple[tuple[int, int], ...] = ()
    """FLAC: where each frame begins and ends in `data`."""


def sound(samples: int, channels: int) -> NDArray[np.float32]:
    """Noise that swells, so that encoders choose from all they have; float32 [samples, channels]."""
    noise = np.random.default_rng(samples * channels).standard_normal((samples, channels))
    swell = np.sin(np.arange(samples) / 700)[:, None] ** 8
    return np.asarray(0.2 * noise * swell, np.float32)


@functools.cache
def containers() -> tuple[Container, ...]:
    """All of them; 1 to 20 kB each."""
    return (*_raw(), *_wav(), *_flac(), *_opus(), flac_bomb(60), opus_bomb(2))


def _raw() -> list[Container]:
    made = []
    for encoding, stored in _RAW.items():
        for rate, channels in ((8000, 1), (16_000, 1), (44_100, 2)):
            samples = sound(1000, channels)
            if stored != "<f4":
                samples = samples * (32_767 if stored == "<i2" else 127) + (128 if stored == "u1" else 0)
            data = samples.astype(stored).tobytes()
            name = config_pb2.AudioEncoding.Name(encoding).removeprefix("AUDIO_ENCODING_")
            made.append(Container(f"{name} {rate} Hz", encoding, rate, channels, data))
    return made


def _wav() -> list[Container]:
    kinds = itertools.product(("WAV", "WAVEX"), ("PCM_16", "FLOAT", "ULAW", "ALAW"))
    return [
        Container(
            f"{kind} {subtype}",
            config_pb2.AUDIO_ENCODING_WAV,
            0,
            0,
            _written(sound(800, 1 + number % 2), 16_000, kind, subtype),
        )
        for number, (kind, subtype) in enumerate(kinds)
    ]


def _flac() -> list[Container]:
    kinds = [
        (16_000, 1, "PCM_16"),
        (8000, 2, "PCM_16"),
        (44_100, 1, "PCM_24"),
        (48_000, 8, "PCM_S8"),
    ]
    files = [
        (
            f"FLAC {rate} Hz, {channels} channels, {subtype}",
            _written(sound(9000, channels) / 16, rate, "FLAC", subtype),
        )
        for rate, channels, subtype in kinds
    ]
    silence = np.zeros((20_000, 1), np.float32)
    files.append(("FLAC silence", _written(silence, 16_000, "FLAC", "PCM_16")))
    files.append(("FLAC of FFmpeg", _by_ffmpeg(sound(9000, 2), 16_000, "flac", "flac")))
    return [
        Container(name, config_pb2.AUDIO_ENCODING_FLAC, 0, 0, data, checksums.flac_frames(data))
        for name, data in files
    ]


def _opus() -> list[Container]:
    files = [
        (f"Opus {rate} Hz, {channels} channels", _written(sound(rate // 2, channels), rate, "OGG", "OPUS"))
        for rate, channels in ((48_000, 1), (16_000, 2), (8000, 1))
    ]
    files += [
        (
            f"Opus of FFmpeg, {duration} ms",
            _by_ffmpeg(sound(48_000, 1), 48_000, "ogg", "libopus", frame_duration=str(duration)),
        )
        for duration in (2.5, 60, 120)
    ]
    return [Container(name, config_pb2.AUDIO_ENCODING_OGG_OPUS, 0, 0, data) for name, data in files]


def flac_bomb(frames: int) -> Container:
    """8 s of silence in each frame of 14 bytes: the most that FLAC can."""
    info = (65_535).to_bytes(2, "big") * 2 + bytes(6)
    info += (8000 << 44 | 0 << 41 | 15 << 36).to_bytes(8, "big") + bytes(16)
    data = b"fLaC\x80\0\0\x22" + info
    for number in range(frames):
        header = b"\xff\xf8\x74\x08" + checksums.flac_number(number) + (65_534).to_bytes(2, "big")
        frame = header + bytes([checksums.crc8(header)]) + bytes(3)
        data += frame + checksums.crc16(frame).to_bytes(2, "big")
    found = checksums.flac_frames(data)
    return Container("FLAC bomb", config_pb2.AUDIO_ENCODING_FLAC, 0, 0, data, found)


def opus_bomb(pages: int) -> Container:
    """30 s of silence in each page of 900 bytes: packets of 120 ms without content."""
    head = b"OpusHead\1\1" + bytes(2) + (48_000).to_bytes(4, "little") + bytes(3)
    data = checksums.ogg_page([head], 0, first=True) + checksums.ogg_page([b"OpusTags" + bytes(8)], 1)
    silence = bytes([31 << 3 | 3, 6])  # CELT, 20 ms, six frames of no bytes
    for number in range(pages):
        data += checksums.ogg_page([silence] * 255, 2 + number, granule=(number + 1) * 255 * 5760)
    return Container("Opus bomb", config_pb2.AUDIO_ENCODING_OGG_OPUS, 0, 0, data)


def _written(samples: NDArray[np.float32], rate: int, kind: str, subtype: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


def _by_ffmpeg(samples: NDArray[np.float32], rate: int, kind: str, codec: str, **options: str) -> bytes:
    file = io.BytesIO()
    layout = "mono" if samples.shape[1] == 1 else "stereo"
    with av.open(file, "w", kind) as output:
        stream = output.add_stream(codec, rate=rate, layout=layout, options=options)
        assert isinstance(stream, AudioStream)
        integers = np.round(samples * 32_767).astype(np.int16).reshape(1, -1)
        frame = AudioFrame.from_ndarray(integers, format="s16", layout=layout)
        frame.sample_rate = rate
        output.mux([*stream.encode(frame), *stream.encode(None)])
    return file.getvalue()
