"""Our results as Riva's. Each transcript ends with a space: Riva's clients join them as they are."""

from __future__ import annotations

from collections.abc import Iterable

from amira.asr.v1 import config_pb2, result_pb2, speech_pb2
from amira.riva.v1 import riva_pb2
from amira_gateway.adapters.parts import interim_parts

_CHANNEL_TAG = 1
_SAMPLE_RATE_HZ = 16_000


def streaming_response(
    result: result_pb2.StreamingResult, language_code: str
) -> riva_pb2.StreamingRecognizeResponse | None:
    """A final, or the parts of an interim result; None for one without words."""
    response = riva_pb2.StreamingRecognizeResponse()
    processed_s = result.audio_processed.ToNanoseconds() / 1e9
    if result.is_final:
        response.results.add(
            alternatives=_alternatives(result, language_code),
            is_final=True,
            stability=1.0,
            channel_tag=_CHANNEL_TAG,
            audio_processed=processed_s,
        )
        return response
    for text, stability in interim_parts(result):
        response.results.add(
            alternatives=[_alternative(text, language_code)],
            stability=stability,
            channel_tag=_CHANNEL_TAG,
            audio_processed=processed_s,
        )
    return response if response.results else None


def recognize_response(
    answer: speech_pb2.RecognizeResponse, language_code: str
) -> riva_pb2.RecognizeResponse:
    """All that was said in a recording."""
    response = riva_pb2.RecognizeResponse()
    for result in answer.results:
        if result.alternatives and result.alternatives[0].text:
            response.results.add(
                alternatives=_alternatives(result, language_code),
                channel_tag=_CHANNEL_TAG,
                audio_processed=result.audio_processed.ToNanoseconds() / 1e9,
            )
    return response


def model_configs(
    models: Iterable[config_pb2.ModelInfo], max_alternatives: int
) -> list[riva_pb2.RivaSpeechRecognitionConfigResponse.Config]:
    """Each model as clients look for it: by the parameter `type`, which is `online` or `offline`."""
    return [
        riva_pb2.RivaSpeechRecognitionConfigResponse.Config(
            model_name=model.name,
            parameters={
                "type": kind,
                "streaming": str(kind == "online"),
                "language_code": model.language_code,
                "version": model.version,
                "sample_rate": str(_SAMPLE_RATE_HZ),
                "chunk_size": f"{model.chunk_duration.ToNanoseconds() / 1e9:g}",
                "max_alternatives": str(max_alternatives),
            },
        )
        for model in models
        for kind in ("online", "offline")
    ]


def _alternatives(
    result: result_pb2.StreamingResult, language_code: str
) -> list[riva_pb2.SpeechRecognitionAlternative]:
    readings = [
        _alternative(reading.text, language_code, reading.confidence) for reading in result.alternatives
    ]
    if readings:
        readings[0].words.extend(map(_word, result.alternatives[0].words))
    return readings


def _alternative(
    text: str, language_code: str, confidence: float = 0.0
) -> riva_pb2.SpeechRecognitionAlternative:
    return riva_pb2.SpeechRecognitionAlternative(
        transcript=f"{text} " if text else "",
        confidence=confidence,
        language_code=[language_code] if language_code else [],
    )


def _word(word: result_pb2.Word) -> riva_pb2.WordInfo:
    return riva_pb2.WordInfo(
        word=word.text,
        start_time=word.start.ToMilliseconds(),
        end_time=word.end.ToMilliseconds(),
        confidence=word.confidence,
    )
