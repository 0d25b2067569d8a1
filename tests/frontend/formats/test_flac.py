"""FLAC files of libsndfile and FFmpeg, whole, cut and broken."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amira_core.errors import ChannelError, MalformedAudioError, SampleRateError
from amira_frontend.formats.flac import FlacDecoder
from tests.frontend import audio

SOUND = audio.voice_like(30_000, 2)
FILE = audio.encode(SOUND, 16_000, "FLAC", "PCM_16")


def decode(data: bytes, cuts: list[int] | None = None, channel: int = 0) -> audio.Float32s:
    return audio.decode(FlacDecoder(0, 0, channel), audio.split(data, cuts or []))


@settings(deadline=None, max_examples=30)
@given(cuts=st.lists(st.integers(0, len(FILE)), max_size=30), channel=st.integers(0, 1))
def test_cuts_do_not_matter(cuts: list[int], channel: int) -> None:
    np.testing.assert_array_equal(decode(FILE, cuts, channel), SOUND[:, channel])


def test_byte_by_byte() -> None:
    np.testing.assert_array_equal(decode(FILE, list(range(len(FILE)))), SOUND[:, 0])


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8])
@pytest.mark.parametrize("rate", [8000, 11_025, 44_100, 48_000])
def test_channels_and_rates(channels: int, rate: int) -> None:
    sound = audio.voice_like(9000, channels)
    decoder = FlacDecoder(rate, channels, channels - 1)
    decoded = audio.decode(decoder, [audio.encode(sound, rate, "FLAC", "PCM_16")])
    assert decoder.sample_rate_hz == rate
    np.testing.assert_array_equal(decoded, sound[:, -1])


@pytest.mark.parametrize(("subtype", "step"), [("PCM_S8", 2**-7), ("PCM_24", 2**-23)])
def test_other_depths(subtype: str, step: float) -> None:
    np.testing.assert_allclose(
        decode(audio.encode(SOUND, 16_000, "FLAC", subtype)), SOUND[:, 0], atol=1.01 * step
    )


def test_silence_makes_frames_of_a_few_bytes() -> None:
    file = audio.encode(np.zeros((50_000, 1), np.float32), 16_000, "FLAC", "PCM_16")
    decoded = decode(file, list(range(0, len(file), 3)))
    assert len(decoded) == 50_000
    assert not decoded.any()


def test_ffmpegs_files_with_a_picture_before_the_audio() -> None:
    file = io.BytesIO()
    with av.open(file, "w", "flac") as container:
        stream = container.add_stream("flac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            np.round(SOUND[:, 0] * 32768).astype(np.int16)[None], format="s16", layout="mono"
        )
        frame.sample_rate = 16_000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    data = file.getvalue()
    misleading = b"\xff\xf8" * 5000
    picture = b"\x06" + len(misleading).to_bytes(3, "big") + misleading
    data = data[:42] + picture + data[42:]
    np.testing.assert_array_equal(decode(data, list(range(0, len(data), 777))), SOUND[:, 0])


def test_a_frame_comes_as_soon_as_the_next_begins() -> None:
    decoder = FlacDecoder(0, 0, 0)
    half = sum(len(block) for block in decoder.decode(FILE[: len(FILE) // 2]))
    assert half > len(SOUND) // 2 - 2 * 4096


@pytest.mark.parametrize(
    "file",
    [
        b"f",
        b"fLaC",
        b"OggS" + bytes(100),
        FILE[:30],
        FILE[:60],
        b"fLaC\x80\0\0\x22" + bytes(10) + FILE[18:42] + FILE[-500:],
        FILE[:42] + b"\xff\0\0\0" + FILE[42:],
        FILE[: len(FILE) // 2],
        FILE[: len(FILE) // 2] + b"?" + FILE[len(FILE) // 2 + 1 :],
        FILE[: len(FILE) // 2] + FILE[len(FILE) // 2 + 100 :],
        FILE[:8500] + bytes(2**20),
    ],
)
def test_broken_files_are_refused(file: bytes) -> None:
    with pytest.raises(MalformedAudioError):
        decode(file)


def test_an_empty_header_is_refused() -> None:
    with pytest.raises(SampleRateError):
        decode(b"fLaC\x80\0\0\x22" + bytes(34))


def test_no_bytes_are_no_audio() -> None:
    assert len(decode(b"")) == 0


def test_contradictions() -> None:
    with pytest.raises(SampleRateError):
        audio.decode(FlacDecoder(8000, 0, 0), [FILE])
    with pytest.raises(ChannelError):
        audio.decode(FlacDecoder(0, 1, 0), [FILE])
    with pytest.raises(ChannelError):
        audio.decode(FlacDecoder(0, 0, 2), [FILE])
    with pytest.raises(SampleRateError):
        decode(audio.encode(SOUND, 96_000, "FLAC", "PCM_16"))
