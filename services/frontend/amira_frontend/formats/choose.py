"""Which decoder reads a format, and where in its stream the audio begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from amira.asr.v1 import config_pb2
from amira.frontend.v1 import frontend_pb2
from amira_core.errors import ChannelError, InvalidSettingError, SampleRateError, UnknownEncodingError
from amira_core.limits import MAX_CHANNELS
from amira_frontend.formats import raw
from amira_frontend.formats.base import AudioDecoder, check_channels, check_sample_rate
from amira_frontend.formats.flac import FlacDecoder
from amira_frontend.formats.opus import OggOpusDecoder
from amira_frontend.formats.wav import WavDecoder

_RAW: Final[dict[int, raw.SampleType]] = {
    config_pb2.AUDIO_ENCODING_LINEAR16: raw.LINEAR16,
    config_pb2.AUDIO_ENCODING_FLOAT32: raw.FLOAT32,
    config_pb2.AUDIO_ENCODING_MULAW: raw.MULAW,
    config_pb2.AUDIO_ENCODING_ALAW: raw.ALAW,
}
_WITH_HEADER: Final[dict[int, Callable[[int, int, int], AudioDecoder]]] = {
    config_pb2.AUDIO_ENCODING_FLAC: FlacDecoder,
    config_pb2.AUDIO_ENCODING_WAV: WavDecoder,
    config_pb2.AUDIO_ENCODING_OGG_OPUS: OggOpusDecoder,
}

_LONGEST_STREAM_S: Final = 366 * 24 * 3600
"""A year: no stream begins later, and no count of samples leaves 64 bits."""


def choose_decoder(audio_format: frontend_pb2.AudioFormat) -> AudioDecoder:
    """A decoder for one stream in `audio_format`.

    Where the encoding has a header, a rate or a channel count of 0 leaves them to it; without a
    header, 0 channels mean one.

    Raises:
        UnknownEncodingError, SampleRateError, ChannelError: the format cannot be.
    """
    encoding, rate, channels, channel = (
        audio_format.encoding,
        audio_format.sample_rate_hz,
        audio_format.channels,
        audio_format.channel,
    )
    with_header = _WITH_HEADER.get(encoding)
    if with_header is not None:
        if rate:
            check_sample_rate(rate)
        if not 0 <= channels <= MAX_CHANNELS:
            raise ChannelError(f"{channels} channels are not supported: send 1 to {MAX_CHANNELS}.")
        check_channels(channels or MAX_CHANNELS, channel)
        return with_header(rate, channels, channel)
    kind = _RAW.get(encoding)
    if kind is None:
        names = [name for name, number in config_pb2.AudioEncoding.items() if number]
        raise UnknownEncodingError(f"Encoding {encoding} is not known. Choose one of {', '.join(names)}.")
    if not rate:
        raise SampleRateError(f"{kind.name} has no header that tells the rate: set sample_rate_hz.")
    check_sample_rate(rate)
    check_channels(channels or 1, channel)
    return raw.RawDecoder(kind, rate, channels or 1, channel)


def first_second(audio_format: frontend_pb2.AudioFormat) -> int:
    """The second of its stream at which the audio begins; for a format that :func:`choose_decoder` takes.

    Whole seconds alone, since only there does a sample at any rate fall on one at 16 kHz and on the
    beginning of a frame.

    Raises:
        InvalidSettingError: the first sample is not on a whole second, or the encoding has a header.
    """
    first = audio_format.first_sample
    if not first:
        return 0
    if audio_format.encoding in _WITH_HEADER:
        raise InvalidSettingError(
            "first_sample is for LINEAR16, FLOAT32, MULAW and ALAW: audio with a header begins with it. "
            "Send it from its first byte."
        )
    second, rest = divmod(first, audio_format.sample_rate_hz)
    if rest or not 0 < second <= _LONGEST_STREAM_S:
        raise InvalidSettingError(
            f"first_sample is {first}: it must be a whole number of seconds, a multiple of sample_rate_hz "
            f"({audio_format.sample_rate_hz}), from 0 to a year."
        )
    return second
