"""From bytes to features: every encoding, any cuts, against whole-file processing by others."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from amira_core.errors import MalformedAudioError
from amira_frontend.formats.ogg import load_page_checksum
from amira_frontend.pipeline import FeatureStream
from amira_frontend.resample.stream import Resampler
from tests.conftest import Utterance
from tests.frontend import audio
from tests.frontend.fbank.reference import TOLERANCE, kaldi_features

SOUND = audio.voice_like(16_000, 2)


def encoded(encoding: int) -> tuple[audio.frontend_pb2.AudioFormat, bytes]:
    """SOUND's right channel (G.711: its left one at 8 kHz) in `encoding`."""
    if encoding in (audio.MULAW, audio.ALAW):
        data = audio.g711(SOUND[:8000], "pcm_mulaw" if encoding == audio.MULAW else "pcm_alaw")
        return audio.audio_format(encoding, 8000), data
    data = {
        audio.LINEAR16: lambda: audio.pcm16(SOUND),
        audio.FLOAT32: lambda: SOUND.astype("<f4").tobytes(),
        audio.FLAC: lambda: audio.encode(SOUND, 16_000, "FLAC", "PCM_16"),
        audio.WAV: lambda: audio.encode(SOUND, 16_000, "WAV", "PCM_16"),
        audio.OGG_OPUS: lambda: audio.encode(SOUND, 16_000, "OGG", "OPUS"),
    }[encoding]()
    with_header = encoding in (audio.FLAC, audio.WAV, audio.OGG_OPUS)
    return audio.audio_format(encoding, 0 if with_header else 16_000, 2, 1), data


def features(audio_format: audio.frontend_pb2.AudioFormat, pieces: list[bytes]) -> audio.Float32s:
    stream = FeatureStream(audio_format)
    return np.concatenate([*(stream.accept(piece) for piece in pieces), stream.finish()])


@pytest.mark.parametrize("encoding", [audio.LINEAR16, audio.FLOAT32, audio.FLAC, audio.WAV])
def test_lossless_encodings_give_kaldis_features(encoding: int) -> None:
    audio_format, data = encoded(encoding)
    ours = features(audio_format, [data])
    np.testing.assert_allclose(ours, kaldi_features(SOUND[:, 1]), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("encoding", audio.ALL_ENCODINGS)
@settings(deadline=None, max_examples=10)
@given(data=st.data())
def test_cuts_do_not_matter(encoding: int, data: st.DataObject) -> None:
    audio_format, whole = encoded(encoding)
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=30))
    np.testing.assert_array_equal(
        features(audio_format, audio.split(whole, cuts)), features(audio_format, [whole])
    )


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 48_000])
def test_other_rates_give_the_features_of_the_resampled_recording(rate: int) -> None:
    sound = audio.voice_like(rate, rate=rate)
    data = audio.pcm16(sound)
    ours = features(audio.audio_format(audio.LINEAR16, rate), audio.split(data, range(0, len(data), 1999)))
    resampler = Resampler(rate)
    resampled = np.concatenate([resampler.accept(sound[:, 0]), resampler.finish()])
    np.testing.assert_allclose(ours, kaldi_features(resampled), rtol=0, atol=TOLERANCE)


def test_counts() -> None:
    stream = FeatureStream(audio.audio_format(audio.LINEAR16, 48_000))
    assert (stream.frames, stream.received_samples) == (0, 0)
    frames = stream.accept(bytes(2 * 48_000))
    assert stream.received_samples == 16_000
    assert stream.samples < 16_000  # the resampler holds some back
    assert stream.frames == len(frames)
    last = stream.finish()
    assert stream.samples == 16_000
    assert stream.frames == len(frames) + len(last) == 100


@pytest.mark.parametrize("encoding", audio.ALL_ENCODINGS)
def test_no_audio(encoding: int) -> None:
    audio_format, _ = encoded(encoding)
    assert features(audio_format, []).shape == (0, 80)
    assert features(audio_format, [b"", b""]).shape == (0, 80)


def test_much_audio_in_few_bytes_comes_in_steps() -> None:
    """A hostile message: 40 kB that are ten minutes of audio."""
    silence = audio.encode(np.zeros((9_600_000, 1), np.float32), 16_000, "FLAC", "PCM_16")
    assert len(silence) < 50_000
    stream = FeatureStream(audio.audio_format(audio.FLAC))
    sizes = [len(frames) for frames in stream.steps(silence)]
    assert sum(sizes) > 59_000
    assert max(sizes) < 100


def _tiny_pages() -> bytes:
    """Checksummed Ogg pages without content, of a stream that is not ours."""
    page = bytearray(b"OggS\0\2" + bytes(21))
    page[22:26] = int(load_page_checksum()(np.frombuffer(page, np.uint8))).to_bytes(4, "little")
    return bytes(page)


def test_hostile_bytes_without_audio_come_in_steps_too() -> None:
    """A megabyte of almost-headers must not be looked through in one go."""
    flac = audio.encode(SOUND, 16_000, "FLAC", "PCM_16")
    hostile = flac[:9000] + b"\xff\xf8" * 20_000 + bytes(500_000)
    steps = FeatureStream(audio.audio_format(audio.FLAC)).steps(hostile)
    for _ in range(100):
        next(steps)
    with pytest.raises(MalformedAudioError):
        list(steps)
    pages = FeatureStream(audio.audio_format(audio.OGG_OPUS)).steps(_tiny_pages() * 5000)
    assert sum(1 for _ in pages) >= 5000


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        (audio.WAV, b"RIFF\0\0\0\0WAVE" + b"JUNK\0\0\0\0" * 2000),
        (audio.FLAC, audio.encode(SOUND, 16_000, "FLAC", "PCM_16")[:42] + b"\1\0\0\0" * 2000),
    ],
)
def test_headers_without_end_are_refused(encoding: int, data: bytes) -> None:
    with pytest.raises(MalformedAudioError, match="does not end"):
        FeatureStream(audio.audio_format(encoding)).accept(data)


def test_real_speech(speech: list[Utterance]) -> None:
    for utterance in speech[:60:20]:
        sound, rate = soundfile.read(utterance.path, dtype="float32")
        assert rate == 16_000
        ours = features(audio.audio_format(audio.FLAC), [utterance.path.read_bytes()])
        np.testing.assert_allclose(ours, kaldi_features(sound), rtol=0, atol=TOLERANCE)
