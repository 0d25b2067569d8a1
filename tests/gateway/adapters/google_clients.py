"""What tests send with Google's client package, and what they look at in its answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

from google.cloud import speech_v1, speech_v2

from tests.gateway.adapters.foreign import RATE_HZ

RECOGNIZER = "projects/any/locations/global/recognizers/_"


def config_v1(module: ModuleType = speech_v1, **fields: Any) -> Any:
    settings = {"encoding": "LINEAR16", "sample_rate_hertz": RATE_HZ, "language_code": "en-US"}
    return module.RecognitionConfig(settings | fields)


def config_v2(features: dict[str, Any] | None = None, **fields: Any) -> speech_v2.RecognitionConfig:
    settings: dict[str, Any] = {"language_codes": ["en-US"], "model": "long", "features": features or {}}
    if "auto_decoding_config" not in fields:
        settings["explicit_decoding_config"] = {"encoding": "LINEAR16", "sample_rate_hertz": RATE_HZ}
    return speech_v2.RecognitionConfig(settings | fields)


def pieces(sound: bytes, size: int = 3_201) -> Iterator[bytes]:
    return (sound[at : at + size] for at in range(0, len(sound), size))


def stream_v1(
    client: Any, config: Any, sound: Iterable[bytes], module: ModuleType = speech_v1, **fields: Any
) -> list[Any]:
    streaming = module.StreamingRecognitionConfig(config=config, **fields)
    requests = (module.StreamingRecognizeRequest(audio_content=piece) for piece in sound)
    return list(client.streaming_recognize(streaming, requests))


def stream_v2(
    client: speech_v2.SpeechClient,
    config: speech_v2.RecognitionConfig,
    sound: Iterable[bytes],
    recognizer: str = RECOGNIZER,
    **features: Any,
) -> list[Any]:
    streaming = speech_v2.StreamingRecognitionConfig(config=config, streaming_features=features)

    def requests() -> Iterator[speech_v2.StreamingRecognizeRequest]:
        yield speech_v2.StreamingRecognizeRequest(recognizer=recognizer, streaming_config=streaming)
        for piece in sound:
            yield speech_v2.StreamingRecognizeRequest(audio=piece)

    return list(client.streaming_recognize(requests()))


def finals(responses: Iterable[Any]) -> list[Any]:
    return [result for response in responses for result in response.results if result.is_final]


def events(responses: Iterable[Any]) -> list[str]:
    return [response.speech_event_type.name for response in responses if response.speech_event_type]


def joined(results: Iterable[Any]) -> str:
    """As Google's samples do: as they are."""
    return "".join(result.alternatives[0].transcript for result in results)
