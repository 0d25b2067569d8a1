"""Riva's configs as ours."""

from __future__ import annotations

from collections.abc import Sequence

from amira.asr.v1 import config_pb2
from amira.riva.v1 import riva_pb2
from amira_core import errors
from amira_core.limits import MAX_SEGMENT_MS
from amira_gateway.adapters.hotwords import add_phrase
from amira_gateway.adapters.models import Choice, choose
from amira_gateway.session.validation import MAX_ALTERNATIVES

_ENCODINGS = {
    riva_pb2.AUDIO_ENCODING_UNSPECIFIED: config_pb2.AUDIO_ENCODING_UNSPECIFIED,
    riva_pb2.AUDIO_ENCODING_LINEAR_PCM: config_pb2.AUDIO_ENCODING_LINEAR16,
    riva_pb2.AUDIO_ENCODING_FLAC: config_pb2.AUDIO_ENCODING_FLAC,
    riva_pb2.AUDIO_ENCODING_MULAW: config_pb2.AUDIO_ENCODING_MULAW,
    riva_pb2.AUDIO_ENCODING_OGGOPUS: config_pb2.AUDIO_ENCODING_OGG_OPUS,
    riva_pb2.AUDIO_ENCODING_ALAW: config_pb2.AUDIO_ENCODING_ALAW,
}


def translate(
    config: riva_pb2.RecognitionConfig, models: Sequence[config_pb2.ModelInfo]
) -> tuple[config_pb2.RecognitionConfig, Choice]:
    """Ours, whose encoding the audio may yet decide, and the model. Raises AmiraError."""
    if config.encoding not in _ENCODINGS:
        raise errors.UnknownEncodingError(
            f"encoding {config.encoding} is not supported: use LINEAR_PCM, FLAC, MULAW, ALAW or OGGOPUS."
        )
    if config.enable_separate_recognition_per_channel and config.audio_channel_count > 1:
        raise errors.InvalidSettingError(
            "enable_separate_recognition_per_channel is not supported here: open a stream for each channel."
        )
    model = choose(models, config.model, config.language_code, strict=True)
    ours = config_pb2.RecognitionConfig(
        encoding=_ENCODINGS[config.encoding],
        sample_rate_hz=config.sample_rate_hertz,
        channels=config.audio_channel_count,
        model=model.name,
        max_alternatives=_alternatives(config.max_alternatives),
        word_times=config.enable_word_time_offsets,
        hotwords=_hotwords(config),
    )
    if config.endpointing_config.HasField("stop_history"):
        ours.endpoint.silence_after_speech.FromMilliseconds(_silence_ms(config.endpointing_config))
    return ours, model


def _alternatives(wanted: int) -> int:
    if wanted < 0:
        raise errors.InvalidSettingError(f"max_alternatives is {wanted}: it must not be negative.")
    return min(wanted, MAX_ALTERNATIVES)


def _hotwords(config: riva_pb2.RecognitionConfig) -> config_pb2.HotwordSet:
    hotwords = config_pb2.HotwordSet()
    for number, context in enumerate(config.speech_contexts):
        for position, phrase in enumerate(context.phrases):
            add_phrase(hotwords, phrase, context.boost, f"speech_contexts[{number}].phrases[{position}]")
    return hotwords


def _silence_ms(endpointing: riva_pb2.EndpointingConfig) -> int:
    stop_ms = endpointing.stop_history
    if not 0 < stop_ms <= MAX_SEGMENT_MS:
        raise errors.InvalidSettingError(
            f"endpointing_config.stop_history is {stop_ms}: it must be 1 to {MAX_SEGMENT_MS} ms."
        )
    return stop_ms
