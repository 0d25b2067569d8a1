"""What files and bytes become: containers as they are, the rest decoded, garbage refused."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from amira_client import AudioEncoding, RecognitionConfig, UnreadableAudioError, open_audio
from amira_client.sniff import sniff

RATE = 16000
TONE = (np.sin(np.arange(RATE) * 0.05) * 12000).astype(np.int16)


def written(subtype: str, container: str, samples: np.ndarray = TONE, rate: int = RATE) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, subtype=subtype, format=container)
    return buffer.getvalue()


def decoded(content: bytes) -> np.ndarray:
    audio = open_audio(content)
    assert audio.encoding == AudioEncoding.AUDIO_ENCODING_LINEAR16
    return np.frombuffer(b"".join(audio.pieces()), "<i2")


@pytest.mark.parametrize(
    ("subtype", "container", "encoding"),
    [
        ("PCM_16", "WAV", AudioEncoding.AUDIO_ENCODING_WAV),
        ("PCM_16", "WAVEX", AudioEncoding.AUDIO_ENCODING_WAV),
        ("FLOAT", "WAV", AudioEncoding.AUDIO_ENCODING_WAV),
        ("ULAW", "WAV", AudioEncoding.AUDIO_ENCODING_WAV),
        ("ALAW", "WAV", AudioEncoding.AUDIO_ENCODING_WAV),
        ("PCM_16", "FLAC", AudioEncoding.AUDIO_ENCODING_FLAC),
        ("OPUS", "OGG", AudioEncoding.AUDIO_ENCODING_OGG_OPUS),
    ],
)
def test_what_the_server_reads_goes_out_as_it_is(
    subtype: str, container: str, encoding: AudioEncoding
) -> None:
    content = written(subtype, container)
    audio = open_audio(content)
    assert audio.encoding == encoding
    assert b"".join(audio.pieces(70)) == content
    assert audio.describe().sample_rate_hz == 0
    if container.startswith("WAV"):
        assert audio.duration_s == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("subtype", "container"), [("PCM_24", "WAV"), ("PCM_U8", "WAV"), ("DOUBLE", "WAV"), ("PCM_16", "AIFF")]
)
def test_the_rest_is_decoded(subtype: str, container: str) -> None:
    samples = decoded(written(subtype, container, TONE / 32768))
    assert len(samples) == RATE
    assert np.abs(samples.astype(int) - TONE).max() <= (256 if subtype == "PCM_U8" else 1)


def test_lossy_formats_are_decoded() -> None:
    samples = decoded(written("VORBIS", "OGG"))
    assert abs(len(samples) - RATE) < 100
    assert samples.std() == pytest.approx(TONE.std(), rel=0.1)


def test_loud_floats_are_clipped_not_wrapped() -> None:
    samples = decoded(written("DOUBLE", "WAV", np.array([2.0, -2.0, 0.5])))
    assert samples.tolist() == [32767, -32768, 16384]


def test_sixteen_bits_survive_decoding_exactly() -> None:
    audio = open_audio(written("PCM_16", "FLAC"), paced=True)
    assert (audio.sample_rate_hz, audio.channels, audio.duration_s) == (RATE, 1, 1.0)
    pieces = list(audio.pieces(100))
    assert [len(piece) for piece in pieces] == [3200] * 10
    assert np.array_equal(np.frombuffer(b"".join(pieces), "<i2"), TONE)


def test_an_encoding_that_the_server_does_not_take_is_decoded() -> None:
    audio = open_audio(written("PCM_16", "FLAC"), accepted={AudioEncoding.AUDIO_ENCODING_LINEAR16})
    assert audio.encoding == AudioEncoding.AUDIO_ENCODING_LINEAR16


def test_channels_and_rate_of_decoded_audio_are_told() -> None:
    stereo = np.stack([TONE, -TONE], axis=1)
    config = RecognitionConfig(channel=1, interim_results=True)
    described = open_audio(written("PCM_24", "WAV", stereo, 44100)).describe(config)
    assert (described.sample_rate_hz, described.channels, described.channel) == (44100, 2, 1)
    assert described.interim_results


def test_headerless_pcm_needs_the_config() -> None:
    config = RecognitionConfig(encoding=AudioEncoding.AUDIO_ENCODING_MULAW, sample_rate_hz=8000)
    audio = open_audio(b"\x7f" * 4000, config)
    assert audio.duration_s == 0.5
    assert [len(piece) for piece in audio.pieces(100)] == [800] * 5
    with pytest.raises(UnreadableAudioError, match="sample_rate_hz"):
        open_audio(b"\0" * 100, RecognitionConfig(encoding=AudioEncoding.AUDIO_ENCODING_LINEAR16))
    config = RecognitionConfig(encoding=AudioEncoding.AUDIO_ENCODING_LINEAR16, sample_rate_hz=8000)
    with pytest.raises(UnreadableAudioError, match="whole number"):
        open_audio(b"\0" * 101, config)


@pytest.mark.parametrize("content", [b"", b"\0" * 50, b"hello, this is text", b"RIFF\0\0\0\0WAVE", b"OggS"])
def test_what_is_not_audio_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableAudioError):
        open_audio(content)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableAudioError, match=r"gone\.wav"):
        open_audio(tmp_path / "gone.wav")
    with pytest.raises(UnreadableAudioError, match=tmp_path.name):
        open_audio(tmp_path)


def test_without_soundfile_the_message_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    content = written("PCM_24", "WAV")
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(UnreadableAudioError, match="pip install soundfile"):
        open_audio(content)
    assert open_audio(written_wave_by_hand()).duration_s == pytest.approx(0.1)


def written_wave_by_hand(data_bytes: int = 0xFFFFFFFF) -> bytes:
    """A WAV as a pipe leaves it: its lengths were never filled in."""
    header = b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    return header + b"data" + struct.pack("<I", data_bytes) + b"\0" * 3200


def test_a_wave_of_unknown_length_lasts_as_long_as_its_bytes() -> None:
    audio = open_audio(written_wave_by_hand())
    assert audio.encoding == AudioEncoding.AUDIO_ENCODING_WAV
    assert audio.duration_s == pytest.approx(0.1)


@given(st.binary(max_size=200))
def test_sniffing_never_fails(head: bytes) -> None:
    sniff(head, len(head))
    sniff(b"RIFF\0\0\0\0WAVE" + head, len(head) + 12)
    sniff(b"RIFF\0\0\0\0WAVEfmt " + head, len(head) + 16)
