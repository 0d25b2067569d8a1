"""Samples without a header."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amira_core.errors import (
    ChannelError,
    MalformedAudioError,
    SampleRateError,
    UnknownEncodingError,
)
from amira_frontend.formats.choose import choose_decoder
from tests.frontend import audio


@given(channels=st.integers(1, 8), data=st.data(), samples=st.integers(0, 3000))
def test_linear16_channel_by_channel(channels: int, data: st.DataObject, samples: int) -> None:
    sound = audio.voice_like(samples, channels)
    stored = audio.pcm16(sound)
    cuts = data.draw(st.lists(st.integers(0, len(stored)), max_size=8))
    channel = data.draw(st.integers(0, channels - 1))
    decoder = choose_decoder(audio.audio_format(audio.LINEAR16, 16_000, channels, channel))
    np.testing.assert_array_equal(audio.decode(decoder, audio.split(stored, cuts)), sound[:, channel])


def test_linear16_full_scale() -> None:
    decoder = choose_decoder(audio.audio_format(audio.LINEAR16, 16_000))
    samples = audio.decode(decoder, [np.array([-32768, 0, 1, 32767], "<i2").tobytes()])
    np.testing.assert_array_equal(samples * 32768, [-32768, 0, 1, 32767])


def test_float32() -> None:
    sound = audio.voice_like(20_000, 2)
    decoder = choose_decoder(audio.audio_format(audio.FLOAT32, 16_000, 2, 1))
    data = sound.astype("<f4").tobytes()
    np.testing.assert_array_equal(audio.decode(decoder, audio.split(data, [1, 70_003])), sound[:, 1])


@pytest.mark.parametrize(("encoding", "codec"), [(audio.MULAW, "pcm_mulaw"), (audio.ALAW, "pcm_alaw")])
def test_g711_codes_mean_what_ffmpeg_says(encoding: int, codec: str) -> None:
    import av

    codes = bytes(range(256))
    theirs = av.CodecContext.create(codec, "r")
    theirs.sample_rate, theirs.layout = 8000, "mono"
    (frame,) = theirs.decode(av.Packet(codes))
    decoder = choose_decoder(audio.audio_format(encoding, 8000))
    ours = audio.decode(decoder, [codes])
    np.testing.assert_array_equal(ours * 32768, frame.to_ndarray().reshape(-1))


@pytest.mark.parametrize(("encoding", "codec"), [(audio.MULAW, "pcm_mulaw"), (audio.ALAW, "pcm_alaw")])
def test_g711_of_speech_like_sound(encoding: int, codec: str) -> None:
    sound = audio.voice_like(8000, rate=8000)
    decoder = choose_decoder(audio.audio_format(encoding, 8000))
    decoded = audio.decode(decoder, [audio.g711(sound, codec)])
    error = decoded - sound[:, 0]
    assert np.mean(sound**2) > 1000 * np.mean(error**2)  # G.711 is good for more than 30 dB


def test_a_sample_cut_off_at_the_end_is_an_error() -> None:
    decoder = choose_decoder(audio.audio_format(audio.LINEAR16, 16_000, 2))
    list(decoder.decode(bytes(7)))
    with pytest.raises(MalformedAudioError, match="3 bytes are left over"):
        decoder.finish()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 32767.0, -9.0])
def test_floats_that_are_no_audio_are_refused(bad: float) -> None:
    samples = np.zeros(100, np.float32)
    samples[50] = bad
    decoder = choose_decoder(audio.audio_format(audio.FLOAT32, 16_000))
    with pytest.raises(MalformedAudioError):
        list(decoder.decode(samples.tobytes()))


def test_floats_somewhat_beyond_full_scale_are_kept() -> None:
    decoder = choose_decoder(audio.audio_format(audio.FLOAT32, 16_000))
    np.testing.assert_array_equal(
        audio.decode(decoder, [np.array([1.5, -1.5], "<f4").tobytes()]), [1.5, -1.5]
    )


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (audio.audio_format(0, 16_000), UnknownEncodingError),
        (audio.audio_format(99, 16_000), UnknownEncodingError),
        (audio.audio_format(audio.LINEAR16), SampleRateError),
        (audio.audio_format(audio.LINEAR16, 7999), SampleRateError),
        (audio.audio_format(audio.LINEAR16, 48_001), SampleRateError),
        (audio.audio_format(audio.LINEAR16, -1), SampleRateError),
        (audio.audio_format(audio.FLAC, 96_000), SampleRateError),
        (audio.audio_format(audio.LINEAR16, 16_000, 9), ChannelError),
        (audio.audio_format(audio.LINEAR16, 16_000, -1), ChannelError),
        (audio.audio_format(audio.LINEAR16, 16_000, 2, 2), ChannelError),
        (audio.audio_format(audio.LINEAR16, 16_000, 0, 1), ChannelError),
        (audio.audio_format(audio.LINEAR16, 16_000, 1, -1), ChannelError),
        (audio.audio_format(audio.WAV, 0, 9), ChannelError),
        (audio.audio_format(audio.WAV, 0, 0, 8), ChannelError),
    ],
)
def test_formats_that_cannot_be(wrong: audio.frontend_pb2.AudioFormat, error: type[Exception]) -> None:
    with pytest.raises(error):
        choose_decoder(wrong)


def test_decoding_reuses_its_memory() -> None:
    decoder = choose_decoder(audio.audio_format(audio.LINEAR16, 16_000, 2))
    data = audio.pcm16(audio.voice_like(1600, 2))

    def run() -> None:
        for _ in decoder.decode(data):
            pass

    run()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(100):
            run()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 2048
    assert peak - before < 4096
