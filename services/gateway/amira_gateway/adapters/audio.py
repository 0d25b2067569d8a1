"""Audio as foreign clients send it: files with their headers under any name, samples cut anywhere."""

from __future__ import annotations

from amira.asr.v1 import config_pb2
from amira_core import errors
from amira_core.limits import MAX_CHANNELS, MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ
from amira_gateway.session.audio import AudioShape

SIGNATURE_BYTES = 12
"""As much of the audio says which container it is in."""

_FLAC = (b"fLaC\x00\x00\x00\x22", b"fLaC\x80\x00\x00\x22")
"""Its mark, and the head of the block that comes first, or first and last."""
_OGG = b"OggS\x00\x02"
"""The first page of a stream."""

_PCM = (
    config_pb2.AUDIO_ENCODING_LINEAR16,
    config_pb2.AUDIO_ENCODING_MULAW,
    config_pb2.AUDIO_ENCODING_ALAW,
)


def depends_on_audio(encoding: config_pb2.AudioEncoding) -> bool:
    """Whether :func:`settle` must see the beginning of the audio: what is called PCM may be a file."""
    return encoding == config_pb2.AUDIO_ENCODING_UNSPECIFIED or encoding in _PCM


def container_of(beginning: bytes) -> config_pb2.AudioEncoding:
    """WAV, FLAC or OGG_OPUS by the first SIGNATURE_BYTES; UNSPECIFIED for what is none of them."""
    if beginning[:4] == b"RIFF" and beginning[8:12] == b"WAVE":
        return config_pb2.AUDIO_ENCODING_WAV
    if beginning[:8] in _FLAC:
        return config_pb2.AUDIO_ENCODING_FLAC
    if beginning[:6] == _OGG:
        return config_pb2.AUDIO_ENCODING_OGG_OPUS
    return config_pb2.AUDIO_ENCODING_UNSPECIFIED


def settle(
    config: config_pb2.RecognitionConfig, beginning: bytes, otherwise: config_pb2.AudioEncoding
) -> None:
    """Decides `config.encoding`, which may be unspecified, and checks rate and channels.

    Args:
        config: changed in place.
        beginning: of the audio, if it has any.
        otherwise: what audio without an encoding and without a header is; UNSPECIFIED: refused.

    Raises:
        UnknownEncodingError, SampleRateError, ChannelError: in words that clients of Riva and Google know.
    """
    if not config.encoding and not beginning:
        config.encoding = config_pb2.AUDIO_ENCODING_WAV  # without audio it does not matter
    if depends_on_audio(config.encoding):
        config.encoding = container_of(beginning) or config.encoding or otherwise
    if not config.encoding:
        raise errors.UnknownEncodingError(
            "The audio has no header of WAV, FLAC or Ogg-Opus: name its encoding, or send one of these."
        )
    if config.encoding == config_pb2.AUDIO_ENCODING_OGG_OPUS:
        config.sample_rate_hz = 0  # clients say that of the recording before it was Opus, which has one rate
    _check_rate(config)
    if not 0 <= config.channels <= MAX_CHANNELS:
        raise errors.ChannelError(
            f"audio_channel_count is {config.channels}: it must be 1 to {MAX_CHANNELS}."
        )


def _check_rate(config: config_pb2.RecognitionConfig) -> None:
    rate = config.sample_rate_hz
    if rate == 0 and config.encoding not in _PCM:
        return
    if rate == 0:
        raise errors.SampleRateError(
            "sample_rate_hertz is missing, and the audio has no header that says it: set it, as to 16000."
        )
    if not MIN_SAMPLE_RATE_HZ <= rate <= MAX_SAMPLE_RATE_HZ:
        raise errors.SampleRateError(
            f"sample_rate_hertz is {rate}: it must be {MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ}."
        )


class WholeSamples:
    """Puts samples together that messages have cut in two; other formats pass as they are."""

    def __init__(self, config: config_pb2.RecognitionConfig) -> None:
        """`config`: valid."""
        self._unit_bytes = AudioShape.of(config).unit_bytes
        self._rest = b""

    def take(self, content: bytes) -> bytes:
        """All whole samples so far that have not been given out; what is half waits."""
        content = self._rest + content if self._rest else content
        half = len(content) % self._unit_bytes
        self._rest = content[len(content) - half :] if half else b""
        return content[: len(content) - half] if half else content
