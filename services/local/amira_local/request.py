"""Command-line words into a RecognitionConfig."""

from __future__ import annotations

from enum import StrEnum

from amira.asr.v1.config_pb2 import (
    DecodingMethod,
    EndpointConfig,
    EndpointPreset,
    Hotword,
    HotwordSet,
    RecognitionConfig,
)


class Endpoint(StrEnum):
    """EndpointPreset in command-line words."""

    STANDARD = "standard"
    SHORT = "short"
    VERY_SHORT = "very-short"
    OFF = "off"


class Method(StrEnum):
    """DecodingMethod in command-line words."""

    GREEDY = "greedy"
    BEAM = "beam"
    K2 = "k2"


_PRESETS = {
    Endpoint.STANDARD: EndpointPreset.ENDPOINT_PRESET_STANDARD,
    Endpoint.SHORT: EndpointPreset.ENDPOINT_PRESET_SHORT,
    Endpoint.VERY_SHORT: EndpointPreset.ENDPOINT_PRESET_VERY_SHORT,
    Endpoint.OFF: EndpointPreset.ENDPOINT_PRESET_OFF,
}
_METHODS = {
    Method.GREEDY: DecodingMethod.DECODING_METHOD_GREEDY,
    Method.BEAM: DecodingMethod.DECODING_METHOD_BEAM,
    Method.K2: DecodingMethod.DECODING_METHOD_K2,
}


def recognition_config(
    *,
    endpoint: Endpoint | None = None,
    hotwords: list[str] | None = None,
    method: Method | None = None,
    model: str = "",
    n_best: int = 1,
    word_times: bool = False,
) -> RecognitionConfig:
    """The config for a file; its encoding is filled in by the client.

    Raises:
        ValueError: a hotword whose boost is not a number.
    """
    config = RecognitionConfig(
        interim_results=True, max_alternatives=n_best, model=model, word_times=word_times
    )
    if endpoint is not None:
        config.endpoint.CopyFrom(EndpointConfig(preset=_PRESETS[endpoint]))
    if method is not None:
        config.decoding_method = _METHODS[method]
    if hotwords:
        config.hotwords.CopyFrom(HotwordSet(phrases=[parse_hotword(text) for text in hotwords]))
    return config


def parse_hotword(text: str) -> Hotword:
    """``phrase`` or ``phrase:boost``.

    Raises:
        ValueError: no phrase, or a boost that is not a number.
    """
    phrase, colon, boost = text.rpartition(":")
    if not colon:
        phrase, boost = text, "0"
    if not phrase.strip():
        raise ValueError(f"{text!r} names no phrase: write PHRASE or PHRASE:BOOST")
    try:
        return Hotword(phrase=phrase.strip(), boost=float(boost))
    except ValueError as error:
        raise ValueError(f"{boost!r} in {text!r} is not a number: write PHRASE:BOOST") from error
