"""Checks what a client asks for before anything is opened for it. Ranges: amira/asr/v1/config.proto."""

from __future__ import annotations

from google.protobuf import duration_pb2

from amira.asr.v1 import config_pb2, speech_pb2
from amira_core import errors
from amira_core.limits import (
    MAX_BOOST,
    MAX_CHANNELS,
    MAX_PHRASE_CHARACTERS,
    MAX_SAMPLE_RATE_HZ,
    MAX_SEGMENT_MS,
    MIN_SAMPLE_RATE_HZ,
    MIN_SEGMENT_MS,
)
from amira_gateway.session.audio import ENCODINGS

MAX_ALTERNATIVES = 10
MAX_MARK_BYTES = 128
MAX_PHRASES = 1_000
"""More than any decoder takes: what is beyond it is not worth looking at one by one."""


def check_config(config: config_pb2.RecognitionConfig) -> None:
    """Raises the InvalidRequestError that says what is wrong. Models are the decoder's to check."""
    if config.encoding not in ENCODINGS:
        raise errors.UnknownEncodingError(
            f"config.encoding is {_encoding_name(config.encoding)}: "
            "set it to the encoding of the audio, such as LINEAR16."
        )
    _check_rate_and_channels(config)
    if not 0 <= config.max_alternatives <= MAX_ALTERNATIVES:
        raise errors.InvalidSettingError(
            f"config.max_alternatives is {config.max_alternatives}: it must be 0 to {MAX_ALTERNATIVES}."
        )
    if config.decoding_method not in config_pb2.DecodingMethod.values():
        raise errors.InvalidSettingError(f"config.decoding_method {config.decoding_method} does not exist.")
    check_hotwords(config.hotwords, config.decoding_method)
    check_endpoint(config.endpoint)


def check_update(update: speech_pb2.UpdateConfig, method: config_pb2.DecodingMethod) -> None:
    """As check_config, for what an UPDATE_CONFIG holds; `method` is the stream's."""
    check_hotwords(update.hotwords, method)
    check_endpoint(update.endpoint)


def check_mark(mark: speech_pb2.Mark) -> None:
    """Raises InvalidSettingError for an id that is too long."""
    size = len(mark.id.encode())
    if size > MAX_MARK_BYTES:
        raise errors.InvalidSettingError(f"mark.id has {size} bytes: at most {MAX_MARK_BYTES} are allowed.")


def check_hotwords(hotwords: config_pb2.HotwordSet, method: config_pb2.DecodingMethod) -> None:
    """Raises HotwordError or InvalidSettingError. How many fewer than MAX_PHRASES is the decoder's to say."""
    if len(hotwords.phrases) > MAX_PHRASES:
        raise errors.HotwordError(
            f"{len(hotwords.phrases)} hotwords came: at most Limits.max_hotwords are allowed."
        )
    if not 0 <= hotwords.default_boost <= MAX_BOOST:
        raise errors.HotwordError(f"hotwords.default_boost must be 0 to {MAX_BOOST:g} nats per token.")
    for index, hotword in enumerate(hotwords.phrases):
        if not hotword.phrase.strip():
            raise errors.HotwordError(f"hotwords.phrases[{index}] is empty.")
        if len(hotword.phrase) > MAX_PHRASE_CHARACTERS:
            raise errors.HotwordError(
                f"hotwords.phrases[{index}] has {len(hotword.phrase)} characters: "
                f"at most {MAX_PHRASE_CHARACTERS} are allowed."
            )
        if not -MAX_BOOST <= hotword.boost <= MAX_BOOST:
            raise errors.HotwordError(
                f"hotwords.phrases[{index}].boost must be -{MAX_BOOST:g} to {MAX_BOOST:g} nats per token."
            )
    if hotwords.phrases and method == config_pb2.DECODING_METHOD_GREEDY:
        raise errors.InvalidSettingError(
            "decoding_method GREEDY cannot favour hotwords: use BEAM or K2, or send no hotwords."
        )


def check_endpoint(endpoint: config_pb2.EndpointConfig) -> None:
    """Raises InvalidSettingError for an unknown preset or a rule out of its range."""
    if endpoint.preset not in config_pb2.EndpointPreset.values():
        raise errors.InvalidSettingError(f"endpoint.preset {endpoint.preset} does not exist.")
    most_s = MAX_SEGMENT_MS / 1000
    for name, least_s in (
        ("silence_without_speech", 0.0),
        ("silence_after_speech", 0.0),
        ("max_segment", MIN_SEGMENT_MS / 1000),
    ):
        if not endpoint.HasField(name):
            continue
        rule: duration_pb2.Duration = getattr(endpoint, name)
        seconds = rule.seconds + rule.nanos / 1e9
        if not least_s <= seconds <= most_s or seconds == 0:
            bounds = f"{least_s:g} to {most_s:g} s" if least_s else f"more than 0 and at most {most_s:g} s"
            raise errors.InvalidSettingError(f"endpoint.{name} is {seconds:g} s: it must be {bounds}.")


def _check_rate_and_channels(config: config_pb2.RecognitionConfig) -> None:
    header_decides = config.encoding in (
        config_pb2.AUDIO_ENCODING_FLAC,
        config_pb2.AUDIO_ENCODING_WAV,
        config_pb2.AUDIO_ENCODING_OGG_OPUS,
    )
    rate = config.sample_rate_hz
    if not (MIN_SAMPLE_RATE_HZ <= rate <= MAX_SAMPLE_RATE_HZ or (header_decides and rate == 0)):
        problem = "missing" if rate == 0 else f"{rate}"
        raise errors.SampleRateError(
            f"config.sample_rate_hz is {problem}: it must be {MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ}."
        )
    if not 0 <= config.channels <= MAX_CHANNELS:
        raise errors.ChannelError(f"config.channels is {config.channels}: it must be 1 to {MAX_CHANNELS}.")
    # Where the header tells how many channels there are, only the frontend can check the choice.
    known_channels = config.channels or (MAX_CHANNELS if header_decides else 1)
    if not 0 <= config.channel < known_channels:
        raise errors.ChannelError(
            f"config.channel is {config.channel}: it must be 0 to {known_channels - 1}, one less than the "
            "number of channels."
        )


def _encoding_name(value: int) -> str:
    known = value in config_pb2.AudioEncoding.values()
    return config_pb2.AudioEncoding.Name(config_pb2.AudioEncoding.ValueType(value)) if known else str(value)
