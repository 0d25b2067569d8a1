"""The recognizer as the assistant uses it: one stream of the Python client each time the microphone is on."""

from __future__ import annotations

from amira_client import (
    Alternative,
    AmiraClient,
    AudioEncoding,
    DecodingMethod,
    EndpointConfig,
    EndpointPreset,
    Hotword,
    HotwordSet,
    RecognitionConfig,
    StreamingResult,
)
from demo.assistant.turn import HeardWord

WAKE_BOOST = 3.0
"""Nats per token: names are rare in text, and a wake phrase is a name."""
READINGS = 4
"""How many readings of a segment are looked at."""


async def config_for(client: AmiraClient, rate_hz: int, wake_phrase: str) -> RecognitionConfig:
    """Short commands, several readings of each, and the wake phrase favoured. Raises ServerError."""
    offered = await client.capabilities()
    beam = DecodingMethod.DECODING_METHOD_BEAM  # it alone uses the model's language model
    limit = offered.limits.max_alternatives or READINGS
    return RecognitionConfig(
        encoding=AudioEncoding.AUDIO_ENCODING_LINEAR16,
        sample_rate_hz=rate_hz,
        interim_results=True,
        word_times=True,
        max_alternatives=min(READINGS, limit),
        endpoint=EndpointConfig(preset=EndpointPreset.ENDPOINT_PRESET_VERY_SHORT),
        decoding_method=beam
        if beam in offered.decoding_methods
        else DecodingMethod.DECODING_METHOD_UNSPECIFIED,
        hotwords=HotwordSet(phrases=[Hotword(phrase=wake_phrase, boost=WAKE_BOOST)]),
    )


def readings_of(result: StreamingResult) -> list[list[HeardWord]]:
    """The readings of an interim or final, best first; at least one."""
    return [_words(alternative) for alternative in result.alternatives] or [[]]


def _words(alternative: Alternative) -> list[HeardWord]:
    return [
        HeardWord(word.text, word.start.ToMilliseconds() / 1000, word.end.ToMilliseconds() / 1000)
        for word in alternative.words
    ]
