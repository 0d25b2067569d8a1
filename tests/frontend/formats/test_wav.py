"""WAV as programs write it, and as they should not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amira_core.errors import ChannelError, MalformedAudioError, SampleRateError
from amira_frontend.formats.wav import WavDecoder
from tests.frontend import audio

SOUND = audio.voice_like(500, 2)
PCM = audio.pcm16(SOUND)


def decode(data: bytes, cuts: list[int] | None = None, channel: int = 0) -> audio.Float32s:
    return audio.decode(WavDecoder(0, 0, channel), audio.split(data, cuts or []))


@pytest.mark.parametrize("container", ["WAV", "WAVEX"])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT", "ULAW", "ALAW"])
def test_files_by_libsndfile(container: str, subtype: str) -> None:
    data = audio.encode(SOUND, 16_000, container, subtype)
    decoder = WavDecoder(0, 0, 1)
    decoded = audio.decode(decoder, [data])
    assert decoder.sample_rate_hz == 16_000
    tolerance = 1e-7 if subtype in ("PCM_16", "FLOAT") else 0.02
    np.testing.assert_allclose(decoded, SOUND[:, 1], atol=tolerance)


@given(data=st.data(), extensible=st.booleans(), odd=st.integers(0, 40))
def test_cuts_do_not_matter(data: st.DataObject, extensible: bool, odd: int) -> None:
    junk = b"JUNK" + odd.to_bytes(4, "little") + bytes(odd + odd % 2)
    file = audio.wav(PCM, channels=2, before=junk, after=b"LIST\4\0\0\0abcd", extensible=extensible)
    cuts = data.draw(st.lists(st.integers(0, len(file)), max_size=20))
    np.testing.assert_array_equal(decode(file, cuts), SOUND[:, 0])


def test_byte_by_byte() -> None:
    file = audio.wav(PCM, channels=2)
    np.testing.assert_array_equal(decode(file, list(range(len(file))), 1), SOUND[:, 1])


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, len(PCM) + 1000])
def test_sizes_of_streaming_writers(size: int) -> None:
    np.testing.assert_array_equal(decode(audio.wav(PCM, channels=2, size=size)), SOUND[:, 0])


@pytest.mark.parametrize(
    "file",
    [
        b"R",
        b"RIFX" + bytes(40),
        b"OggS" + bytes(40),
        audio.wav(PCM)[:30],
        audio.wav(PCM)[:12],
        audio.wav(PCM, tag=1, bits=24),
        audio.wav(PCM, tag=2, bits=4),
        audio.wav(PCM, tag=3, bits=64),
        audio.wav(PCM, extensible=True)[:44] + b"wrong" + audio.wav(PCM, extensible=True)[49:],
        audio.wav(PCM[:3]),
        b"RIFF\0\0\0\0WAVEdata\4\0\0\0abcd",
        b"RIFF\0\0\0\0WAVEfmt \1\0\0\0abcd",
        b"RIFF\0\0\0\0WAVEfmt \xff\xff\xff\xffabcd",
        audio.wav(PCM, before=audio.wav(PCM)[12:36]),
        audio.wav(PCM)[:32] + b"\7" + audio.wav(PCM)[33:],
    ],
)
def test_files_that_are_refused(file: bytes) -> None:
    with pytest.raises(MalformedAudioError):
        decode(file)


def test_no_bytes_are_no_audio() -> None:
    assert len(decode(b"")) == 0


def test_contradictions() -> None:
    file = audio.wav(PCM, channels=2)
    with pytest.raises(SampleRateError, match="16000 Hz, the config 8000 Hz"):
        audio.decode(WavDecoder(8000, 0, 0), [file])
    with pytest.raises(ChannelError, match="2 channels, the config 1"):
        audio.decode(WavDecoder(0, 1, 0), [file])
    with pytest.raises(ChannelError, match="no channel 2"):
        audio.decode(WavDecoder(0, 0, 2), [file])
    with pytest.raises(SampleRateError):
        decode(audio.wav(PCM, rate=96_000))
    with pytest.raises(ChannelError):
        decode(audio.wav(PCM, channels=9))
    np.testing.assert_array_equal(audio.decode(WavDecoder(16_000, 2, 0), [file]), SOUND[:, 0])
