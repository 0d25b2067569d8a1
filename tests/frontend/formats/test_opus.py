"""Ogg Opus against FFmpeg's own reader, whole, cut and broken."""

from __future__ import annotations

import io
import struct

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amira_core.errors import ChannelError, MalformedAudioError, SampleRateError
from amira_frontend.formats.ogg import load_page_checksum
from amira_frontend.formats.opus import OggOpusDecoder
from tests.frontend import audio

SOUND = audio.voice_like(77_777, 2, rate=48_000)
FILE = audio.encode(SOUND, 48_000, "OGG", "OPUS")


def decode(data: bytes, cuts: list[int] | None = None, channel: int = 0) -> audio.Float32s:
    return audio.decode(OggOpusDecoder(0, 0, channel), audio.split(data, cuts or []))


def by_ffmpeg(data: bytes) -> audio.Float32s:
    """float32 [samples, channels] as FFmpeg's demuxer and libopus read it."""
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.audio[0]
        codec = av.CodecContext.create("libopus", "r")
        codec.extradata = stream.codec_context.extradata
        codec.options = {"request_sample_fmt": "flt"}
        channels = stream.codec_context.layout.nb_channels
        blocks = [
            frame.to_ndarray().reshape(-1, channels)
            for packet in container.demux(stream)
            if packet.size
            for frame in codec.decode(packet)
        ]
    return np.concatenate(blocks)


def pages(data: bytes) -> list[bytes]:
    found = []
    while data:
        size = 27 + data[26] + sum(data[27 : 27 + data[26]])
        found.append(data[:size])
        data = data[size:]
    return found


def signed(page: bytes) -> bytes:
    """The page with its checksum put right."""
    blank = bytearray(page[:22] + bytes(4) + page[26:])
    checksum = int(load_page_checksum()(np.frombuffer(blank, np.uint8)))
    return page[:22] + struct.pack("<I", checksum) + page[26:]


def test_same_samples_as_ffmpeg() -> None:
    theirs = by_ffmpeg(FILE)
    for channel in (0, 1):
        ours = decode(FILE, channel=channel)
        assert len(ours) == len(SOUND)  # neither the encoder's delay nor its padding
        np.testing.assert_allclose(ours, theirs[: len(ours), channel], atol=1e-6)


def test_sounds_like_the_original() -> None:
    error = decode(FILE) - SOUND[:, 0]
    assert np.mean(SOUND[:, 0] ** 2) > 10 * np.mean(error**2)


@settings(deadline=None, max_examples=20)
@given(cuts=st.lists(st.integers(0, len(FILE)), max_size=30))
def test_cuts_do_not_matter(cuts: list[int]) -> None:
    np.testing.assert_array_equal(decode(FILE, cuts), decode(FILE))


@pytest.mark.parametrize("rate", [8000, 12_000, 16_000, 24_000, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_rates_and_channels(rate: int, channels: int) -> None:
    sound = audio.voice_like(rate, channels, rate=rate)
    decoder = OggOpusDecoder(rate, channels, 0)
    decoded = audio.decode(decoder, [audio.encode(sound, rate, "OGG", "OPUS")])
    assert decoder.sample_rate_hz == 48_000
    assert len(decoded) == 48_000


@pytest.mark.parametrize("samples", [1, 100, 960, 961, 5000])
def test_short_recordings(samples: int) -> None:
    file = audio.encode(audio.voice_like(samples, rate=48_000), 48_000, "OGG", "OPUS")
    assert len(decode(file)) == samples


def test_a_stream_without_its_last_page_is_taken_as_far_as_it_goes() -> None:
    whole = decode(FILE)
    part = decode(b"".join(pages(FILE)[:-1]))
    assert 0 < len(part) < len(whole)
    np.testing.assert_array_equal(part, whole[: len(part)])


def test_other_streams_in_the_file_are_skipped() -> None:
    head, *rest = pages(FILE)
    other = signed(head[:14] + b"\1\2\3\4" + head[18:28] + b"Skeleton-data-here!" + head[47:])
    more = signed(other[:5] + b"\0" + other[6:])
    np.testing.assert_array_equal(decode(other + head + more + b"".join(rest)), decode(FILE))


def test_no_bytes_are_no_audio() -> None:
    assert len(decode(b"")) == 0
    assert len(decode(b"".join(pages(FILE)[:2]))) == 0


def _broken() -> dict[str, bytes]:
    head, tags, *rest = pages(FILE)
    body = b"".join(rest)
    return {
        "not Ogg": b"RIFF" + bytes(50),
        "one byte": b"O",
        "cut in a page": FILE[:-10],
        "wrong byte": FILE[:-100] + bytes([FILE[-100] ^ 1]) + FILE[-99:],
        "no header": tags + body,
        "no tags": head + body,
        "twice": FILE + FILE,
        "goes on after the last page": FILE + rest[-1],
        "garbage between pages": head + b"?" + tags + body,
        "Vorbis": audio.encode(SOUND, 48_000, "OGG", "VORBIS"),
        "version 16": signed(head[:36] + b"\x10" + head[37:]) + tags + body,
        "mapping 255": signed(head[:46] + b"\xff" + head[47:]) + tags + body,
        "header cut off": signed(head[:26] + b"\1\x0a" + head[28:38]) + tags + body,
        "header twice": head + head + tags + body,
        "continued without a beginning": head + tags + signed(rest[0][:5] + b"\1" + rest[0][6:]),
        "empty packet": head + tags + signed(rest[0][:26] + b"\1\0"),
        "packet of noise": head + tags + signed(rest[0][:26] + b"\1\x03" + b"\xff\xff\xff"),
    }


@pytest.mark.parametrize("name", _broken())
def test_broken_files_are_refused(name: str) -> None:
    with pytest.raises(MalformedAudioError):
        decode(_broken()[name])


def test_contradictions() -> None:
    with pytest.raises(SampleRateError):
        audio.decode(OggOpusDecoder(16_000, 0, 0), [FILE])
    with pytest.raises(ChannelError):
        audio.decode(OggOpusDecoder(0, 1, 0), [FILE])
    with pytest.raises(ChannelError):
        audio.decode(OggOpusDecoder(0, 0, 2), [FILE])
